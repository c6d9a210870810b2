package expr

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// choice takes each row from one of several vectors: CASE and COALESCE.
type choice struct {
	cond predicate // CASE: the rows of the first of two arms; nil: COALESCE
	arms []vector
	t    columnar.Type
	pick []uint8 // the arm of each row
	out  chooser
}

// maxArms bounds the arguments of COALESCE.
const maxArms = 255

func (b binder) choice(e Expr) (vector, error) {
	c := &choice{}
	args := e.Args
	if e.Op == OpIf {
		if _, err := b.boolean(args[0]); err != nil {
			return nil, err
		}
		var err error
		if c.cond, err = b.predicate(args[0], true); err != nil {
			return nil, err
		}
		args = args[1:]
	}
	if len(args) > maxArms {
		return nil, fmt.Errorf("coalesce of %d values; the most is %d", len(args), maxArms)
	}
	arms, err := b.vectors(args)
	if err != nil {
		return nil, err
	}
	if c.t, err = commonType(arms); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Op, err)
	}
	if c.t.Kind == 0 {
		return &constant{}, nil
	}
	for i, a := range arms {
		if arms[i], err = adapt(a, c.t); err != nil {
			return nil, err
		}
	}
	c.arms = arms
	return c, nil
}

// commonType returns the type that holds the values of all arms: their own when it is the same, that of the columns when literals fit it,
// else the one in which arithmetic on them is done. Kind 0 when all are NULL.
func commonType(arms []vector) (columnar.Type, error) {
	var t columnar.Type
	var err error
	for _, literals := range [...]bool{false, true} {
		for _, a := range arms {
			if isLiteral(a) != literals || a.typ().Kind == 0 {
				continue
			}
			if t, err = unify(t, a); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

// isLiteral says whether v is a constant whose type bends to its surroundings.
func isLiteral(v vector) bool {
	c, ok := v.(*constant)
	return ok && !c.fixed
}

// unify returns the type that holds the values of t, if it is one yet, and of v.
func unify(t columnar.Type, v vector) (columnar.Type, error) {
	u := v.typ()
	if t.Kind == 0 || t.Equal(u) {
		return u, nil
	}
	if isLiteral(v) {
		if _, err := adapt(v, t); err == nil {
			return t, nil
		}
	}
	switch {
	case t.Kind == columnar.Decimal && (u.Kind == columnar.Decimal || u.IsInteger()), u.Kind == columnar.Decimal && t.IsInteger():
		return columnar.DecimalOf(columnar.MaxPrecision, max(t.Scale, u.Scale)), nil
	case isNumeric(t) && isNumeric(u):
		return arithType(OpAdd, &column{t: t}, &column{t: u})
	case t.Kind == columnar.Date && u.Kind == columnar.Timestamp:
		return u, nil
	case t.Kind == columnar.Timestamp && u.Kind == columnar.Date:
		return t, nil
	}
	return t, fmt.Errorf("%s and %s have no type in common", t, u)
}

func (c *choice) typ() columnar.Type { return c.t }

func (c *choice) eval(f *frame, sel []int32) (columnar.Column, error) {
	c.pick = resize(c.pick, f.n)
	clear(c.pick)
	if c.cond != nil {
		return c.evalIf(f, sel)
	}
	rest, nulls := f.rows(), f.rows()
	defer func() {
		f.giveBack(rest)
		f.giveBack(nulls)
	}()
	cols := make([]columnar.Column, 0, len(c.arms))
	for k, arm := range c.arms {
		col, err := arm.eval(f, sel)
		if err != nil {
			return col, err
		}
		cols = append(cols, col)
		mark(c.pick, f.n, sel, uint8(k))
		if !col.HasNulls() || k+1 == len(c.arms) {
			break
		}
		sel = kernel.SelectBits(bitsOf(col.Valid), false, f.n, sel, rest)
		if len(sel) == 0 {
			break
		}
	}
	if len(cols) == 1 {
		return cols[0], nil
	}
	return c.out.choose(f.n, c.t, c.pick, cols), nil
}

func (c *choice) evalIf(f *frame, sel []int32) (columnar.Column, error) {
	then, rest := f.rows(), f.rows()
	defer func() {
		f.giveBack(then)
		f.giveBack(rest)
	}()
	yes, err := c.cond.filter(f, sel, then)
	if err != nil {
		return columnar.Column{}, err
	}
	no := kernel.Without(f.n, sel, yes, rest)
	switch {
	case len(no) == 0:
		return c.arms[0].eval(f, sel)
	case len(yes) == 0:
		return c.arms[1].eval(f, sel)
	}
	a, err := c.arms[0].eval(f, yes)
	if err != nil {
		return a, err
	}
	b, err := c.arms[1].eval(f, no)
	if err != nil {
		return b, err
	}
	mark(c.pick, f.n, no, 1)
	return c.out.choose(f.n, c.t, c.pick, []columnar.Column{a, b}), nil
}

// mark sets pick to k in the rows of sel.
func mark(pick []uint8, n int, sel []int32, k uint8) {
	each(n, sel, func(i int) { pick[i] = k })
}

// chooser puts a column together from rows of others; the column's buffers are the chooser's.
type chooser struct {
	words   []uint64
	bits    []byte
	valid   []byte
	offsets []int32
}

// choose returns the column whose row i is row i of cols[pick[i]]. Rows that no caller asked for may come from anywhere.
func (ch *chooser) choose(n int, t columnar.Type, pick []uint8, cols []columnar.Column) columnar.Column {
	out := columnar.Column{Type: t, Len: n, Valid: ch.chooseValid(n, pick, cols)}
	w := t.ByteWidth()
	switch {
	case t.Kind == columnar.Bool:
		ch.bits = bitmapOf(ch.bits, n)
		out.Bits = columnar.Bitmap{Bits: ch.bits}
		for i, k := range pick {
			out.Bits.SetTo(i, cols[k].Bits.Get(i))
		}
	case t.IsVariable():
		ch.chooseTexts(&out, pick, cols)
	case t.IsNested():
		b := columnar.NewBuilder(t, n)
		for i, k := range pick {
			b.AppendRange(cols[k], i, 1)
		}
		return b.Finish()
	default:
		ch.words = resize(ch.words, (n*w+7)/8)
		out.Data = bytesOf(ch.words)[:n*w]
		chooseFixed(out, pick, cols)
	}
	return out
}

func (ch *chooser) chooseValid(n int, pick []uint8, cols []columnar.Column) columnar.Bitmap {
	nulls := false
	for i := range cols {
		nulls = nulls || cols[i].HasNulls()
	}
	if !nulls {
		return columnar.Bitmap{}
	}
	ch.valid = bitmapOf(ch.valid, n)
	out := columnar.Bitmap{Bits: ch.valid}
	for i, k := range pick {
		out.SetTo(i, !cols[k].IsNull(i))
	}
	return out
}

// chooseTexts copies strings into fresh bytes.
func (ch *chooser) chooseTexts(out *columnar.Column, pick []uint8, cols []columnar.Column) {
	size := 0
	for i, k := range pick {
		size += int(cols[k].Offsets[i+1] - cols[k].Offsets[i])
	}
	data := make([]byte, 0, size)
	ch.offsets = append(ch.offsets[:0], 0)
	for i, k := range pick {
		data = append(data, cols[k].Bytes(i)...)
		ch.offsets = append(ch.offsets, int32(len(data)))
	}
	out.Data, out.Offsets = data, ch.offsets
}

func chooseFixed(out columnar.Column, pick []uint8, cols []columnar.Column) {
	switch w := out.Type.ByteWidth(); w {
	case 1:
		chooseOf[uint8](out, pick, cols)
	case 2:
		chooseOf[uint16](out, pick, cols)
	case 4:
		chooseOf[uint32](out, pick, cols)
	case 8:
		chooseOf[uint64](out, pick, cols)
	case 16:
		chooseOf[columnar.Decimal128](out, pick, cols)
	default:
		for i, k := range pick {
			copy(out.Data[i*w:(i+1)*w], cols[k].Data[i*w:])
		}
	}
}

func chooseOf[T columnar.Fixed](out columnar.Column, pick []uint8, cols []columnar.Column) {
	to := columnar.Values[T](out)
	from := make([][]T, len(cols))
	for k := range cols {
		from[k] = columnar.Values[T](cols[k])
	}
	for i, k := range pick {
		to[i] = from[k][i]
	}
}
