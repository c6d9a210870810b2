package kernel

import (
	"math"
	"math/bits"
)

// Operation is one of the five of arithmetic.
type Operation uint8

// The operations.
const (
	Add Operation = iota
	Sub
	Mul
	Div
	Mod
)

// Operand is one side of an operation: a value a row, or one for all rows.
type Operand[T any] struct {
	Values []T // a value a row; nil: Scalar counts
	Scalar T
}

// at returns the operand's value of row i.
func (o *Operand[T]) at(i int32) T {
	if o.Values == nil {
		return o.Scalar
	}
	return o.Values[i]
}

// each computes f for the selected rows until it refuses one, and returns that row, or -1.
func each[T any](a, b Operand[T], sel []int32, out []T, f func(x, y T) (T, bool)) int32 {
	var ok bool
	if sel == nil {
		for i := range out {
			if out[i], ok = f(a.at(int32(i)), b.at(int32(i))); !ok {
				return int32(i)
			}
		}
		return -1
	}
	for _, i := range sel {
		if out[i], ok = f(a.at(i), b.at(i)); !ok {
			return i
		}
	}
	return -1
}

// Arith computes a op b without looking for overflow, which wraps around; for + - * of all numbers and / of floats. With a nil sel it
// computes all len(out) rows.
func Arith[T Number](op Operation, a, b Operand[T], sel []int32, out []T) {
	if sel != nil {
		arithRows(op, a, b, sel, out)
		return
	}
	if a.Values == nil && (op == Add || op == Mul) {
		a, b = b, a
	}
	switch {
	case a.Values != nil && b.Values != nil:
		arithVectors(op, a.Values, b.Values, out)
	case a.Values != nil:
		arithScalar(op, a.Values, b.Scalar, out)
	case b.Values != nil:
		scalarArith(op, a.Scalar, b.Values, out)
	default:
		for i := range out {
			out[i] = one(op, a.Scalar, b.Scalar)
		}
	}
}

// one computes one row.
func one[T Number](op Operation, x, y T) T {
	switch op {
	case Add:
		return x + y
	case Sub:
		return x - y
	case Mul:
		return x * y
	default:
		return x / y
	}
}

func arithRows[T Number](op Operation, a, b Operand[T], sel []int32, out []T) {
	switch op {
	case Add:
		for _, i := range sel {
			out[i] = a.at(i) + b.at(i)
		}
	case Sub:
		for _, i := range sel {
			out[i] = a.at(i) - b.at(i)
		}
	case Mul:
		for _, i := range sel {
			out[i] = a.at(i) * b.at(i)
		}
	default:
		for _, i := range sel {
			out[i] = a.at(i) / b.at(i)
		}
	}
}

func arithVectors[T Number](op Operation, a, b, out []T) {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case Add:
		for i := range out {
			out[i] = a[i] + b[i]
		}
	case Sub:
		for i := range out {
			out[i] = a[i] - b[i]
		}
	case Mul:
		for i := range out {
			out[i] = a[i] * b[i]
		}
	default:
		for i := range out {
			out[i] = a[i] / b[i]
		}
	}
}

func arithScalar[T Number](op Operation, a []T, c T, out []T) {
	a = a[:len(out)]
	switch op {
	case Add:
		for i := range out {
			out[i] = a[i] + c
		}
	case Sub:
		for i := range out {
			out[i] = a[i] - c
		}
	case Mul:
		for i := range out {
			out[i] = a[i] * c
		}
	default:
		for i := range out {
			out[i] = a[i] / c
		}
	}
}

// scalarArith is - and /; + and * have their operands swapped.
func scalarArith[T Number](op Operation, c T, b, out []T) {
	b = b[:len(out)]
	if op == Sub {
		for i := range out {
			out[i] = c - b[i]
		}
		return
	}
	for i := range out {
		out[i] = c / b[i]
	}
}

// ArithInt64 computes a op b and returns the first selected row that overflows or divides by zero, having stopped there, or -1. With a
// nil sel and + or - or * of vectors it computes every row first and looks for overflow once, by the signs (Hacker's Delight, section 2-13).
func ArithInt64(op Operation, a, b Operand[int64], sel []int32, out []int64) int32 {
	if sel == nil && op <= Mul && (a.Values != nil || b.Values != nil) && fastInt64(op, a, b, out) {
		return -1
	}
	switch op {
	case Add:
		return each(a, b, sel, out, func(x, y int64) (int64, bool) { r := x + y; return r, (x^r)&(y^r) >= 0 })
	case Sub:
		return each(a, b, sel, out, func(x, y int64) (int64, bool) { r := x - y; return r, (x^y)&(x^r) >= 0 })
	case Mul:
		return each(a, b, sel, out, func(x, y int64) (int64, bool) { r, over := mulInt64(x, y); return r, over == 0 })
	case Div:
		return each(a, b, sel, out, func(x, y int64) (int64, bool) {
			if y == 0 || y == -1 && x == math.MinInt64 {
				return 0, false
			}
			return x / y, true
		})
	default:
		return each(a, b, sel, out, func(x, y int64) (int64, bool) {
			if y == 0 {
				return 0, false
			}
			return x % y, true
		})
	}
}

// mulInt64 returns the low half of x * y, and 0 when the high half says nothing more.
func mulInt64(x, y int64) (r, over int64) {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	h := int64(hi) - x>>63&y - y>>63&x
	return int64(lo), h ^ int64(lo)>>63
}

// fastInt64 computes all rows and says whether none overflowed.
func fastInt64(op Operation, a, b Operand[int64], out []int64) bool {
	if a.Values == nil && op != Sub {
		a, b = b, a
	}
	var over int64
	switch {
	case a.Values == nil:
		over = subFromInt64(a.Scalar, b.Values, out)
	case b.Values == nil:
		over = scalarInt64(op, a.Values, b.Scalar, out)
	default:
		over = vectorsInt64(op, a.Values, b.Values, out)
	}
	return over == 0
}

func subFromInt64(c int64, b, out []int64) int64 {
	var over int64
	b = b[:len(out)]
	for i := range out {
		r := c - b[i]
		over |= (c ^ b[i]) & (c ^ r)
		out[i] = r
	}
	return over >> 63
}

func scalarInt64(op Operation, a []int64, c int64, out []int64) int64 {
	var over int64
	a = a[:len(out)]
	switch op {
	case Add:
		for i := range out {
			r := a[i] + c
			over |= (a[i] ^ r) & (c ^ r)
			out[i] = r
		}
		return over >> 63
	case Sub:
		for i := range out {
			r := a[i] - c
			over |= (a[i] ^ c) & (a[i] ^ r)
			out[i] = r
		}
		return over >> 63
	default:
		for i := range out {
			r, o := mulInt64(a[i], c)
			over |= o
			out[i] = r
		}
		return over
	}
}

func vectorsInt64(op Operation, a, b, out []int64) int64 {
	var over int64
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case Add:
		for i := range out {
			r := a[i] + b[i]
			over |= (a[i] ^ r) & (b[i] ^ r)
			out[i] = r
		}
		return over >> 63
	case Sub:
		for i := range out {
			r := a[i] - b[i]
			over |= (a[i] ^ b[i]) & (a[i] ^ r)
			out[i] = r
		}
		return over >> 63
	default:
		for i := range out {
			r, o := mulInt64(a[i], b[i])
			over |= o
			out[i] = r
		}
		return over
	}
}

// ArithUint64 is ArithInt64 for unsigned integers.
func ArithUint64(op Operation, a, b Operand[uint64], sel []int32, out []uint64) int32 {
	switch op {
	case Add:
		return each(a, b, sel, out, func(x, y uint64) (uint64, bool) { return x + y, x+y >= x })
	case Sub:
		return each(a, b, sel, out, func(x, y uint64) (uint64, bool) { return x - y, y <= x })
	case Mul:
		return each(a, b, sel, out, func(x, y uint64) (uint64, bool) { hi, lo := bits.Mul64(x, y); return lo, hi == 0 })
	case Div:
		return each(a, b, sel, out, func(x, y uint64) (uint64, bool) {
			if y == 0 {
				return 0, false
			}
			return x / y, true
		})
	default:
		return each(a, b, sel, out, func(x, y uint64) (uint64, bool) {
			if y == 0 {
				return 0, false
			}
			return x % y, true
		})
	}
}
