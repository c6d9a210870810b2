package expr

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// in compiles x IN (…). A null in the list makes null of what would be false.
func (b binder) in(e Expr, want bool) (truth, error) {
	x, err := b.vector(e.Args[0])
	if err != nil {
		return nil, err
	}
	if x.typ().Kind == 0 {
		return &leaf{isNull: true}, nil
	}
	var values []any
	hasNull := false
	for _, a := range e.Args[1:] {
		if a.Value == nil {
			hasNull = true
		} else {
			values = append(values, a.Value)
		}
	}
	l, err := inLeaf(x, values, want)
	if err != nil || !hasNull {
		return l, err
	}
	return &orNull{in: l, want: want}, nil
}

// inLeaf looks for x among values that are not null.
func inLeaf(x vector, values []any, want bool) (*leaf, error) {
	if c, ok := x.(*constant); ok {
		return constantIn(c, values, want)
	}
	var exact []any
	for _, v := range values {
		at, err := place(v, x.typ())
		if err != nil {
			return nil, err
		}
		if at.side == 0 {
			exact = append(exact, at.value)
		}
	}
	return &leaf{args: []vector{x}, test: inTest(x.typ(), exact, want)}, nil
}

func constantIn(c *constant, values []any, want bool) (*leaf, error) {
	if c.value == nil {
		return &leaf{isNull: true}, nil
	}
	found := false
	for _, v := range values {
		order, ok := compareValues(c.value, v)
		if !ok {
			return nil, errIncomparable(v, c.t)
		}
		found = found || order == 0
	}
	return &leaf{test: always(found == want)}, nil
}

func inTest(t columnar.Type, values []any, want bool) test {
	if t.IsInteger() {
		return integerKinds[t.Kind].in(values, want)
	}
	switch t.Kind {
	case columnar.Date:
		return setTest[int32](values, want)
	case columnar.Timestamp, columnar.Duration:
		return setTest[int64](values, want)
	case columnar.Decimal:
		return setTest[columnar.Decimal128](values, want)
	case columnar.String, columnar.Binary:
		set := textSet(values)
		return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
			return kernel.InTextSet(set, want, textsOf(cols[0]), sel, out)
		}
	default:
		return rareInTest(t, values, want)
	}
}

// rareInTest is IN for bools, floats with their NaN, and fixed binaries: one value after the other.
func rareInTest(t columnar.Type, values []any, want bool) test {
	tests := make([]test, len(values))
	for i, v := range values {
		tests[i] = scalarTest(kernel.Eq, t, placed{value: v})
	}
	var one, found [1]int32
	return rowTest(func(cols []columnar.Column, i int) bool {
		one[0] = int32(i)
		for _, has := range tests {
			if len(has(cols, 1, one[:], found[:])) > 0 {
				return want
			}
		}
		return !want
	})
}

func setTest[T columnar.Fixed](values []any, want bool) test {
	typed := make([]T, len(values))
	for i, v := range values {
		typed[i] = v.(T)
	}
	set := kernel.NewSet(typed)
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.InSet(set, want, columnar.Values[T](cols[0]), sel, out)
	}
}

func textSet(values []any) *kernel.TextSet {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v.([]byte))
	}
	return kernel.NewTextSet(texts)
}

// orNull is an IN whose list has a null: true where found, else null.
type orNull struct {
	in   *leaf
	want bool // which rows filter gives: those where it is true, or the none where it is false
}

func (o *orNull) typ() columnar.Type { return columnar.BoolType }

func (o *orNull) filter(f *frame, sel, out []int32) ([]int32, error) {
	rows, err := o.in.filter(f, sel, out)
	if !o.want {
		rows = rows[:0]
	}
	return rows, err
}

func (o *orNull) eval(f *frame, sel []int32) (columnar.Column, error) {
	c, err := o.in.eval(f, sel)
	if err != nil {
		return c, err
	}
	c.Valid = c.Bits
	if in := o.in; len(in.cols) > 0 && in.cols[0].HasNulls() {
		in.valid = bitmapOf(in.valid, f.n)
		kernel.AndBits(bitsOf(c.Bits), bitsOf(in.cols[0].Valid), f.n, in.valid)
		c.Valid = columnar.Bitmap{Bits: in.valid}
	}
	return c, nil
}
