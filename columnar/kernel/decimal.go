package kernel

import "math/bits"

// CompareScalar128 is CompareScalar for decimals of one scale.
func CompareScalar128(op Comparison, v []Int128, c Int128, sel, out []int32) []int32 {
	if op == Eq || op == Ne {
		flip := b2i(op == Ne)
		return filter128(v, sel, out, func(x Int128) int { return b2i(x == c) ^ flip })
	}
	n, flip := 0, b2i(op == Ge || op == Le)
	greater := op == Gt || op == Le
	if sel == nil {
		out = out[:len(v)]
		for i := range v {
			less := v[i].less(c)
			if greater {
				less = c.less(v[i])
			}
			out[n] = int32(i)
			n += less ^ flip
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		less := v[i].less(c)
		if greater {
			less = c.less(v[i])
		}
		out[n] = i
		n += less ^ flip
	}
	return out[:n]
}

// filter128 writes the rows of sel where pass is 1.
func filter128(v []Int128, sel, out []int32, pass func(Int128) int) []int32 {
	n := 0
	if sel == nil {
		out = out[:len(v)]
		for i, x := range v {
			out[n] = int32(i)
			n += pass(x)
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += pass(v[i])
	}
	return out[:n]
}

// CompareVectors128 is CompareVectors for decimals of one scale.
func CompareVectors128(op Comparison, a, b []Int128, sel, out []int32) []int32 {
	n := 0
	if sel == nil {
		out = out[:len(a)]
		for i := range a {
			out[n] = int32(i)
			n += b2i(op.Holds(a[i].Cmp(b[i])))
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += b2i(op.Holds(a[i].Cmp(b[i])))
	}
	return out[:n]
}

// Arith128 computes a op b for decimals: sums and differences of operands of one scale, products as they are, quotients truncated. It
// returns the first selected row whose result has more than 38 digits or whose divisor is zero, having stopped there, or -1. Mod is the
// remainder of operands of one scale.
func Arith128(op Operation, a, b Operand[Int128], sel []int32, out []Int128) int32 {
	switch op {
	case Add:
		return add128(a, b, sel, out)
	case Sub:
		return sub128(a, b, sel, out)
	case Mul:
		return mul128(a, b, sel, out)
	case Div:
		return each(a, b, sel, out, func(x, y Int128) (Int128, bool) {
			if y == (Int128{}) {
				return y, false
			}
			q, _ := x.QuoRem(y)
			return q, true
		})
	default:
		return each(a, b, sel, out, func(x, y Int128) (Int128, bool) {
			if y == (Int128{}) {
				return y, false
			}
			_, r := x.QuoRem(y)
			return r, true
		})
	}
}

// narrow says whether a is one of the numbers that 64 bits hold. Sums and products of two of them never pass 38 digits, so that the loops
// below look for that only in other rows.
func (a Int128) narrow() bool { return a.Hi == int64(a.Lo)>>63 }

// rows returns the number of rows that sel, or a nil sel over out, stands for.
func rows[T any](sel []int32, out []T) int {
	if sel == nil {
		return len(out)
	}
	return len(sel)
}

func add128(a, b Operand[Int128], sel []int32, out []Int128) int32 {
	for k := range rows(sel, out) {
		i := int32(k)
		if sel != nil {
			i = sel[k]
		}
		x, y := a.at(i), b.at(i)
		if x.narrow() && y.narrow() {
			out[i] = x.add(y)
			continue
		}
		r, ok := x.Add(y)
		if !ok {
			return i
		}
		out[i] = r
	}
	return -1
}

func sub128(a, b Operand[Int128], sel []int32, out []Int128) int32 {
	for k := range rows(sel, out) {
		i := int32(k)
		if sel != nil {
			i = sel[k]
		}
		x, y := a.at(i), b.at(i)
		if x.narrow() && y.narrow() {
			out[i] = x.sub(y)
			continue
		}
		r, ok := x.Sub(y)
		if !ok {
			return i
		}
		out[i] = r
	}
	return -1
}

func mul128(a, b Operand[Int128], sel []int32, out []Int128) int32 {
	if sel == nil && a.Values != nil && b.Values != nil && mulNarrow(a.Values, b.Values, out) {
		return -1
	}
	for k := range rows(sel, out) {
		i := int32(k)
		if sel != nil {
			i = sel[k]
		}
		x, y := a.at(i), b.at(i)
		if x.narrow() && y.narrow() {
			out[i] = x.mulNarrow(y)
			continue
		}
		r, ok := x.Mul(y)
		if !ok {
			return i
		}
		out[i] = r
	}
	return -1
}

// mulNarrow multiplies two numbers of 64 bits.
func (a Int128) mulNarrow(b Int128) Int128 {
	hi, lo := bits.Mul64(a.Lo, b.Lo)
	return Int128{Lo: lo, Hi: int64(hi) - a.Hi&int64(b.Lo) - b.Hi&int64(a.Lo)}
}

// mulNarrow multiplies all rows and says whether every factor had 64 bits, without which the products are wrong.
func mulNarrow(a, b, out []Int128) bool {
	a, b = a[:len(out)], b[:len(out)]
	var wide int64
	for i := range out {
		x, y := a[i], b[i]
		wide |= x.Hi ^ int64(x.Lo)>>63 | y.Hi ^ int64(y.Lo)>>63
		out[i] = x.mulNarrow(y)
	}
	return wide == 0
}
