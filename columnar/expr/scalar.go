package expr

import (
	"bytes"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// scalarLeaf compares a vector with a literal that is not null.
func scalarLeaf(op kernel.Comparison, v vector, value any) (*leaf, error) {
	if value == nil {
		return &leaf{isNull: true}, nil
	}
	if c, ok := v.(*constant); ok {
		order, ok := compareValues(c.value, value)
		if c.value == nil {
			return &leaf{isNull: true}, nil
		}
		if !ok {
			return nil, errIncomparable(value, c.t)
		}
		return &leaf{test: always(op.Holds(order))}, nil
	}
	at, err := place(value, v.typ())
	if err != nil {
		return nil, err
	}
	return &leaf{args: []vector{v}, test: scalarTest(op, v.typ(), at)}, nil
}

// always passes all rows or none.
func always(pass bool) test {
	return func(_ []columnar.Column, n int, sel, out []int32) []int32 {
		switch {
		case !pass:
			return out[:0]
		case sel == nil:
			return kernel.All(n, out)
		default:
			return out[:copy(out, sel)]
		}
	}
}

// scalarTest compares column 0 with a placed literal. A literal between two values is replaced by the one it lies beside.
func scalarTest(op kernel.Comparison, t columnar.Type, at placed) test {
	if at.side != 0 {
		switch op {
		case kernel.Eq:
			return always(false)
		case kernel.Ne:
			return always(true)
		case kernel.Lt, kernel.Le:
			op = kernel.Le
			if at.side < 0 {
				op = kernel.Lt
			}
		default:
			op = kernel.Gt
			if at.side < 0 {
				op = kernel.Ge
			}
		}
	}
	switch c := at.value.(type) {
	case bool:
		return boolTest(op, c)
	case int8:
		return numberTest(op, c)
	case int16:
		return numberTest(op, c)
	case int32:
		return numberTest(op, c)
	case int64:
		return numberTest(op, c)
	case uint8:
		return numberTest(op, c)
	case uint16:
		return numberTest(op, c)
	case uint32:
		return numberTest(op, c)
	case uint64:
		return numberTest(op, c)
	case float32:
		return floatTest(op, c)
	case float64:
		return floatTest(op, c)
	case columnar.Decimal128:
		return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
			return kernel.CompareScalar128(op, decimalsOf(cols[0]), kernel.Int128(c), sel, out)
		}
	case []byte:
		return bytesTest(op, t, c)
	}
	panic(fmt.Sprintf("expr: a literal placed as %T", at.value))
}

func numberTest[T interface {
	kernel.Number
	columnar.Fixed
}](op kernel.Comparison, c T) test {
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.CompareScalar(op, columnar.Values[T](cols[0]), c, sel, out)
	}
}

// floatTest treats NaN as what it is, the greatest number.
func floatTest[T interface {
	kernel.Float
	columnar.Fixed
}](op kernel.Comparison, c T) test {
	if c == c {
		return numberTest(op, c)
	}
	if op == kernel.Le || op == kernel.Gt {
		return always(op == kernel.Le)
	}
	want := op == kernel.Eq || op == kernel.Ge
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.NaNs(columnar.Values[T](cols[0]), want, sel, out)
	}
}

func boolTest(op kernel.Comparison, c bool) test {
	passTrue, passFalse := op.Holds(int(1-toInt(c))), op.Holds(int(-toInt(c)))
	if passTrue == passFalse {
		return always(passTrue)
	}
	return isTest(passTrue)
}

// isTest passes the rows of a bool column that are want.
func isTest(want bool) test {
	return func(cols []columnar.Column, n int, sel, out []int32) []int32 {
		return kernel.SelectBits(bitsOf(cols[0].Bits), want, n, sel, out)
	}
}

func bytesTest(op kernel.Comparison, t columnar.Type, c []byte) test {
	if t.Kind == columnar.FixedBinary {
		return rowTest(func(cols []columnar.Column, i int) bool {
			return op.Holds(bytes.Compare(cols[0].FixedBytes(i), c))
		})
	}
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.CompareText(op, textsOf(cols[0]), c, sel, out)
	}
}
