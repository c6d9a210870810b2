package agg

import (
	"math/big"

	"github.com/millrace/millrace/columnar"
)

// avgDigits is how many digits after the point the average of decimals has more than they.
const avgDigits = 4

// AvgOf averages a column of numbers: as float64, of decimals as a decimal of 38 digits, 4 more of them after the point, rounded half
// away from zero.
func AvgOf(t columnar.Type) (Function, error) {
	switch {
	case t.IsFloat():
		return avgFunction(t, columnar.Float64Type, arithmetic[float64]{addFloats, nil}, false), nil
	case t.IsInteger():
		return avgFunction(t, columnar.Float64Type, arithmetic[columnar.Decimal128]{addDecimals, subDecimals}, true), nil
	case t.Kind == columnar.Decimal:
		result := columnar.DecimalOf(38, min(38, t.Scale+avgDigits))
		return avgFunction(t, result, arithmetic[columnar.Decimal128]{addDecimals, subDecimals}, true), nil
	default:
		return Function{}, inputError("avg", t, "numbers")
	}
}

func avgFunction[A number](t, result columnar.Type, ops arithmetic[A], retracts bool) Function {
	wide := wideType[A](t)
	return Function{
		Name: "avg", Input: []columnar.Field{value("value", t)},
		State:  []columnar.Field{always("sum", wide), always("count", columnar.Int64Type)},
		Result: value("avg", result), CanRetract: retracts,
		New: func() Accumulator {
			a := averager[A]{summer: summer[A]{name: "avg", wide: wide, result: result, ops: ops}}
			if retracts {
				return &retractingAverager[A]{a}
			}
			return &a
		},
	}
}

// averager is a summer whose integers are summed in 128 bits, and whose results are divided.
type averager[A number] struct {
	summer[A]
	signed []int64
}

type retractingAverager[A number] struct{ averager[A] }

func (a *averager[A]) Add(groups []int32, in []columnar.Column, sel []int32) error {
	groups, values := a.load(groups, &in[0], sel)
	return a.check(a.ops.add(a.all, groups, values, nil))
}

func (a *retractingAverager[A]) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	groups, values := a.load(groups, &in[0], sel)
	return a.check(a.ops.sub(a.all, groups, values, nil))
}

// load is the loader's, but for integers, which become 128 bits wide.
func (a *averager[A]) load(groups []int32, col *columnar.Column, sel []int32) ([]int32, []A) {
	if !col.Type.IsInteger() {
		return a.loader.load(groups, col, sel)
	}
	l := &a.loader
	if col.HasNulls() {
		l.rows, l.groups = notNull(l.rows[:0], l.groups[:0], groups, col, sel)
		groups, sel = l.groups, l.rows
	}
	l.values = grown(l.values, len(groups))
	out := any(l.values[:len(groups)]).([]columnar.Decimal128)
	if col.Type.Kind == columnar.Uint64 {
		values := columnar.Values[uint64](*col)
		for k := range out {
			out[k] = columnar.Decimal128{Lo: values[rowAt(sel, k)]}
		}
	} else {
		a.signed = grown(a.signed, len(out))
		for k, v := range widenSigned(col, sel, a.signed[:len(out)]) {
			out[k] = columnar.Decimal128{Lo: uint64(v), Hi: v >> 63}
		}
	}
	return groups, any(out).([]A)
}

func (a *averager[A]) Result(from, to int) (columnar.Column, error) {
	sums, counts := a.sums(from, to)
	valid := taken(counts)
	decimals, exact := any(sums).([]columnar.Decimal128)
	switch {
	case exact && a.result.Kind == columnar.Decimal:
		more := a.result.Scale - a.wide.Scale
		for k, n := range counts {
			if n != 0 {
				decimals[k] = divide(decimals[k], more, n)
			}
		}
		column, fits := narrow(a.result, decimals, valid)
		return column, a.check(!fits)
	case exact:
		out := make([]float64, len(sums))
		for k, n := range counts {
			if n != 0 {
				out[k] = quotient(decimals[k], n)
			}
		}
		return columnar.Of(a.result, out, valid), nil
	}
	out := any(sums).([]float64)
	for k, n := range counts {
		if n != 0 {
			out[k] /= float64(n)
		}
	}
	return columnar.Of(a.result, out, valid), nil
}

// bigOf returns d as an integer.
func bigOf(d columnar.Decimal128) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
	return v.Add(v, new(big.Int).SetUint64(d.Lo))
}

// quotient returns d/n, rounded to the nearest float64.
func quotient(d columnar.Decimal128, n int64) float64 {
	if v, ok := d.Int64(); ok && v > -1<<53 && v < 1<<53 && n < 1<<53 {
		return float64(v) / float64(n) // both are exact: the division rounds once
	}
	f, _ := new(big.Rat).SetFrac(bigOf(d), big.NewInt(n)).Float64()
	return f
}

// divide returns d * 10^digits / n, rounded half away from zero; a value that does not fit 128 bits becomes one that fits no decimal.
func divide(d columnar.Decimal128, digits uint8, n int64) columnar.Decimal128 {
	v := bigOf(d)
	v.Mul(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	half := big.NewInt(n / 2)
	if v.Sign() < 0 {
		half.Neg(half)
	}
	v.Quo(v.Add(v, half), big.NewInt(n))
	if v.BitLen() > 127 {
		return columnar.Decimal128{Hi: 1<<63 - 1}
	}
	low := new(big.Int).And(v, new(big.Int).SetUint64(1<<64-1))
	return columnar.Decimal128{Lo: low.Uint64(), Hi: new(big.Int).Rsh(v, 64).Int64()}
}
