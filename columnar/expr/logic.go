package expr

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// predicate compiles e for the rows where it is true, or where it is false when want is. NOT disappears on the way: it swaps what is
// wanted, and turns AND into OR (De Morgan), which holds for three values too.
func (b binder) predicate(e Expr, want bool) (predicate, error) {
	switch e.Op {
	case OpNot:
		return b.predicate(e.Args[0], !want)
	case OpAnd, OpOr:
		parts := make([]predicate, len(e.Args))
		for i, a := range e.Args {
			var err error
			if parts[i], err = b.predicate(a, want); err != nil {
				return nil, err
			}
		}
		if want == (e.Op == OpAnd) {
			return all(parts), nil
		}
		return &anyOf{parts: parts}, nil
	case OpIsNull:
		arg, err := b.vector(e.Args[0])
		return &isNull{arg: arg, want: want}, err
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpIn, OpLike, OpStartsWith, OpEndsWith, OpContains:
		return b.leaf(e, want)
	default:
		return b.boolRows(e, want)
	}
}

// boolRows compiles a bool that is made of values, such as a column.
func (b binder) boolRows(e Expr, want bool) (predicate, error) {
	v, err := b.boolean(e)
	if err != nil {
		return nil, err
	}
	if c, ok := v.(*constant); ok {
		return &leaf{test: always(c.value == want)}, nil
	}
	return &leaf{args: []vector{v}, test: isTest(want)}, nil
}

// all selects the rows that every predicate selects, each looking only at what the ones before it left.
type all []predicate

func (a all) filter(f *frame, sel, out []int32) ([]int32, error) {
	for _, p := range a {
		var err error
		if sel, err = p.filter(f, sel, out); err != nil || len(sel) == 0 {
			return sel, err
		}
	}
	return sel, nil
}

// anyOf selects the rows that some predicate selects, each looking only at those that the ones before it did not select.
type anyOf struct {
	parts []predicate
	found []byte // a bit for each row selected so far
}

func (a *anyOf) filter(f *frame, sel, out []int32) ([]int32, error) {
	a.found = bitmapOf(a.found, f.n)
	kernel.FillBits(a.found, false)
	rest, hits := f.rows(), f.rows()
	defer func() {
		f.giveBack(rest)
		f.giveBack(hits)
	}()
	found := kernel.Bits{Bytes: a.found}
	left := sel
	for i, p := range a.parts {
		hit, err := p.filter(f, left, hits)
		if err != nil {
			return nil, err
		}
		kernel.SetBits(hit, a.found)
		if i+1 < len(a.parts) {
			left = kernel.SelectBits(found, false, f.n, left, rest)
		}
	}
	return kernel.SelectBits(found, true, f.n, sel, out), nil
}

// isNull selects the rows where arg is null, or is not when want is false.
type isNull struct {
	arg  vector
	want bool
	bits []byte
}

func (p *isNull) typ() columnar.Type { return columnar.BoolType }

func (p *isNull) filter(f *frame, sel, out []int32) ([]int32, error) {
	if c, ok := p.arg.(*constant); ok {
		return always((c.value == nil) == p.want)(nil, f.n, sel, out), nil
	}
	c, err := p.arg.eval(f, sel)
	if err != nil {
		return nil, err
	}
	if !c.HasNulls() {
		return always(!p.want)(nil, f.n, sel, out), nil
	}
	return kernel.SelectBits(bitsOf(c.Valid), !p.want, f.n, sel, out), nil
}

func (p *isNull) eval(f *frame, sel []int32) (columnar.Column, error) {
	p.bits = bitmapOf(p.bits, f.n)
	out := columnar.OfBools(columnar.Bitmap{Bits: p.bits}, f.n, columnar.Bitmap{})
	if c, ok := p.arg.(*constant); ok {
		kernel.FillBits(p.bits, c.value == nil)
		return out, nil
	}
	c, err := p.arg.eval(f, sel)
	if err != nil {
		return c, err
	}
	if !c.HasNulls() {
		kernel.FillBits(p.bits, false)
	} else {
		kernel.NotBits(bitsOf(c.Valid), f.n, p.bits)
	}
	return out, nil
}

// not is NOT as values.
type not struct {
	arg  vector
	bits []byte
}

func (p *not) typ() columnar.Type { return columnar.BoolType }

func (p *not) eval(f *frame, sel []int32) (columnar.Column, error) {
	c, err := p.arg.eval(f, sel)
	if err != nil {
		return c, err
	}
	p.bits = bitmapOf(p.bits, f.n)
	kernel.NotBits(bitsOf(c.Bits), f.n, p.bits)
	return columnar.OfBools(columnar.Bitmap{Bits: p.bits}, f.n, c.Valid), nil
}

// logic is AND or OR as values. Each argument is evaluated only where those before it leave the result open.
type logic struct {
	and   bool
	args  []vector
	bits  [2][]byte // taken in turns: what there is so far, and with the next argument
	valid [2][]byte
}

func (b binder) logic(e Expr) (vector, error) {
	l := &logic{and: e.Op == OpAnd}
	for _, a := range e.Args {
		v, err := b.boolean(a)
		if err != nil {
			return nil, fmt.Errorf("in %s: %w", infix[e.Op].text[1:len(infix[e.Op].text)-1], err)
		}
		l.args = append(l.args, v)
	}
	return l, nil
}

func (l *logic) typ() columnar.Type { return columnar.BoolType }

func (l *logic) eval(f *frame, sel []int32) (columnar.Column, error) {
	acc, err := l.args[0].eval(f, sel)
	if err != nil {
		return acc, err
	}
	open, decided := f.rows(), f.rows()
	defer func() {
		f.giveBack(open)
		f.giveBack(decided)
	}()
	for i, arg := range l.args[1:] {
		done := validRows(acc, f.n, kernel.SelectBits(bitsOf(acc.Bits), !l.and, f.n, sel, decided), decided)
		sel = kernel.Without(f.n, sel, done, open)
		if len(sel) == 0 {
			return acc, nil
		}
		next, err := arg.eval(f, sel)
		if err != nil {
			return acc, err
		}
		acc = l.combine(f.n, acc, next, i&1)
	}
	return acc, nil
}

func (l *logic) combine(n int, a, b columnar.Column, turn int) columnar.Column {
	l.bits[turn], l.valid[turn] = bitmapOf(l.bits[turn], n), bitmapOf(l.valid[turn], n)
	run := kernel.Or3
	if l.and {
		run = kernel.And3
	}
	run(bitsOf(a.Bits), bitsOf(a.Valid), bitsOf(b.Bits), bitsOf(b.Valid), n, l.bits[turn], l.valid[turn])
	return columnar.OfBools(columnar.Bitmap{Bits: l.bits[turn]}, n, columnar.Bitmap{Bits: l.valid[turn]})
}
