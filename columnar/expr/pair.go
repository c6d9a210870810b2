package expr

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// vectorLeaf compares two vectors, of types that may differ.
func vectorLeaf(op kernel.Comparison, x, y vector) (*leaf, error) {
	a, b := x.typ(), y.typ()
	switch {
	case a.Kind == b.Kind && a.Kind != columnar.Decimal:
		return sameKindLeaf(op, x, y)
	case a.Kind == columnar.Decimal && b.Kind == columnar.Decimal && a.Scale == b.Scale:
		return pairLeaf(x, y, func(cols []columnar.Column, sel, out []int32) []int32 {
			return kernel.CompareVectors128(op, decimalsOf(cols[0]), decimalsOf(cols[1]), sel, out)
		}), nil
	case a.IsVariable() && b.IsVariable():
		return textsLeaf(op, x, y), nil
	case isNumeric(a) && isNumeric(b):
		return numbersLeaf(op, x, y)
	case a.Kind == columnar.Date && b.Kind == columnar.Timestamp:
		return pairLeaf(x, y, rows(func(cols []columnar.Column) func(i int) bool {
			days, micros := columnar.Values[int32](cols[0]), columnar.Values[int64](cols[1])
			return func(i int) bool { return op.Holds(compareDay(days[i], micros[i])) }
		})), nil
	case a.Kind == columnar.Timestamp && b.Kind == columnar.Date:
		return vectorLeaf(op.Flipped(), y, x)
	}
	return nil, fmt.Errorf("cannot compare %s with %s", a, b)
}

func isNumeric(t columnar.Type) bool {
	return t.IsInteger() || t.IsFloat() || t.Kind == columnar.Decimal
}

// compareDay returns the sign of a date's midnight minus a timestamp.
func compareDay(day int32, micros int64) int {
	whole, rest := floorDiv(micros, dayMicros)
	if int64(day) != whole {
		return cmp.Compare(int64(day), whole)
	}
	return cmp.Compare(0, rest)
}

func pairLeaf(x, y vector, run func(cols []columnar.Column, sel, out []int32) []int32) *leaf {
	return &leaf{args: []vector{x, y}, test: func(cols []columnar.Column, _ int, sel, out []int32) []int32 { return run(cols, sel, out) }}
}

// rows runs a comparison row by row; prepare looks at the columns once.
func rows(prepare func(cols []columnar.Column) func(i int) bool) func(cols []columnar.Column, sel, out []int32) []int32 {
	return func(cols []columnar.Column, sel, out []int32) []int32 {
		pass := prepare(cols)
		return rowTest(func(_ []columnar.Column, i int) bool { return pass(i) })(cols, cols[0].Len, sel, out)
	}
}

func sameKindLeaf(op kernel.Comparison, x, y vector) (*leaf, error) {
	switch t := x.typ(); t.Kind {
	case columnar.Bool:
		return pairLeaf(x, y, rows(func(cols []columnar.Column) func(i int) bool {
			return func(i int) bool { return op.Holds(int(toInt(cols[0].Bits.Get(i)) - toInt(cols[1].Bits.Get(i)))) }
		})), nil
	case columnar.Int8:
		return numbers[int8](op, x, y), nil
	case columnar.Int16:
		return numbers[int16](op, x, y), nil
	case columnar.Int32, columnar.Date:
		return numbers[int32](op, x, y), nil
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		return numbers[int64](op, x, y), nil
	case columnar.Uint8:
		return numbers[uint8](op, x, y), nil
	case columnar.Uint16:
		return numbers[uint16](op, x, y), nil
	case columnar.Uint32:
		return numbers[uint32](op, x, y), nil
	case columnar.Uint64:
		return numbers[uint64](op, x, y), nil
	case columnar.Float32:
		return numbers[float32](op, x, y), nil
	case columnar.Float64:
		return numbers[float64](op, x, y), nil
	case columnar.String, columnar.Binary:
		return textsLeaf(op, x, y), nil
	case columnar.FixedBinary:
		return pairLeaf(x, y, rows(func(cols []columnar.Column) func(i int) bool {
			return func(i int) bool { return op.Holds(bytes.Compare(cols[0].FixedBytes(i), cols[1].FixedBytes(i))) }
		})), nil
	default:
		return nil, fmt.Errorf("%s columns cannot be compared", x.typ())
	}
}

func numbers[T interface {
	kernel.Number
	columnar.Fixed
}](op kernel.Comparison, x, y vector) *leaf {
	return pairLeaf(x, y, func(cols []columnar.Column, sel, out []int32) []int32 {
		return kernel.CompareVectors(op, columnar.Values[T](cols[0]), columnar.Values[T](cols[1]), sel, out)
	})
}

func textsLeaf(op kernel.Comparison, x, y vector) *leaf {
	return pairLeaf(x, y, func(cols []columnar.Column, sel, out []int32) []int32 {
		return kernel.CompareTexts(op, textsOf(cols[0]), textsOf(cols[1]), sel, out)
	})
}

// numbersLeaf compares numbers of two kinds by value: in int64 or uint64 where these hold both, as float64 where a decimal meets a float, and row by row
// otherwise.
func numbersLeaf(op kernel.Comparison, x, y vector) (*leaf, error) {
	a, b := x.typ(), y.typ()
	switch {
	case a.Kind == columnar.Decimal && b.IsFloat() || a.IsFloat() && b.IsFloat() || a.IsFloat() && b.Kind == columnar.Decimal:
		return castLeaf(op, x, y, columnar.Float64Type)
	case a.IsInteger() && b.IsInteger() && a.Kind != columnar.Uint64 && b.Kind != columnar.Uint64:
		return castLeaf(op, x, y, columnar.Int64Type)
	case a.IsInteger() && b.IsInteger() && isUnsigned(a) && isUnsigned(b):
		return castLeaf(op, x, y, columnar.Type{Kind: columnar.Uint64})
	case a.IsFloat() && b.IsInteger():
		return numbersLeaf(op.Flipped(), y, x)
	case a.IsInteger() && b.IsFloat():
		return integerFloatLeaf(op, x, y)
	}
	wide, err := wideDecimals(x, y)
	if err != nil {
		return nil, err
	}
	left, right := int(wide[0].typ().Scale), int(wide[1].typ().Scale)
	return pairLeaf(wide[0], wide[1], rows(func(cols []columnar.Column) func(i int) bool {
		v, w := decimalsOf(cols[0]), decimalsOf(cols[1])
		return func(i int) bool { return op.Holds(compareScaled(v[i], left, w[i], right)) }
	})), nil
}

func isUnsigned(t columnar.Type) bool {
	return t.Kind >= columnar.Uint8 && t.Kind <= columnar.Uint64
}

// wideDecimals casts integers among v to decimals without fraction, which hold them all.
func wideDecimals(v ...vector) ([]vector, error) {
	for i, x := range v {
		if x.typ().Kind == columnar.Decimal {
			continue
		}
		var err error
		if v[i], err = newCast(x, columnar.DecimalOf(columnar.MaxPrecision, 0)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// compareScaled returns the sign of a - b for decimals of different scales. Where the one of smaller scale has too many digits to be brought to the
// other's, it is the one further from zero.
func compareScaled(a kernel.Int128, left int, b kernel.Int128, right int) int {
	if left > right {
		return -compareScaled(b, right, a, left)
	}
	if r, ok := a.Rescale(right - left); ok {
		return r.Cmp(b)
	}
	return a.Cmp(kernel.Int128{})
}

func castLeaf(op kernel.Comparison, x, y vector, t columnar.Type) (*leaf, error) {
	l, err := newCast(x, t)
	if err != nil {
		return nil, err
	}
	r, err := newCast(y, t)
	if err != nil {
		return nil, err
	}
	return sameKindLeaf(op, l, r)
}

// integerFloatLeaf compares an integer with a float exactly.
func integerFloatLeaf(op kernel.Comparison, x, y vector) (*leaf, error) {
	f, err := newCast(y, columnar.Float64Type)
	if err != nil {
		return nil, err
	}
	if x.typ().Kind == columnar.Uint64 {
		return pairLeaf(x, f, rows(func(cols []columnar.Column) func(i int) bool {
			v, w := columnar.Values[uint64](cols[0]), columnar.Values[float64](cols[1])
			return func(i int) bool { return op.Holds(compareUintFloat(v[i], w[i])) }
		})), nil
	}
	n, err := newCast(x, columnar.Int64Type)
	if err != nil {
		return nil, err
	}
	return pairLeaf(n, f, rows(func(cols []columnar.Column) func(i int) bool {
		v, w := columnar.Values[int64](cols[0]), columnar.Values[float64](cols[1])
		return func(i int) bool { return op.Holds(compareIntFloat(v[i], w[i])) }
	})), nil
}

// compareIntFloat returns the sign of x - f, NaN being the greatest.
func compareIntFloat(x int64, f float64) int {
	switch {
	case !(f < 1<<63):
		return -1
	case f < -1<<63:
		return 1
	}
	whole := int64(f)
	if x != whole {
		return cmp.Compare(x, whole)
	}
	return cmp.Compare(0, f-float64(whole))
}

// compareUintFloat returns the sign of x - f.
func compareUintFloat(x uint64, f float64) int {
	switch {
	case !(f < 1<<64):
		return -1
	case f < 0:
		return 1
	}
	whole := uint64(f)
	if x != whole {
		return cmp.Compare(x, whole)
	}
	return cmp.Compare(0, f-float64(whole))
}
