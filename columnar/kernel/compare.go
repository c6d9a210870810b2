package kernel

// Comparison is one of the six ways to compare.
type Comparison uint8

// The comparisons.
const (
	Eq Comparison = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// Negated returns the comparison that holds where c does not; the order is total, NaN included.
func (c Comparison) Negated() Comparison { return [...]Comparison{Ne, Eq, Ge, Gt, Le, Lt}[c] }

// Flipped returns the comparison d for which y d x is x c y.
func (c Comparison) Flipped() Comparison { return [...]Comparison{Eq, Ne, Gt, Ge, Lt, Le}[c] }

// Holds says whether the comparison holds of x and y when order is the sign of x - y.
func (c Comparison) Holds(order int) bool {
	switch c {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	default:
		return order >= 0
	}
}

// CompareScalar writes to out the rows of sel whose value compares so with c, which must not be NaN; for that see [NaNs]. > and >= are
// written as the negations of <= and <, so that NaN passes them.
func CompareScalar[T Number](op Comparison, v []T, c T, sel, out []int32) []int32 {
	if sel != nil {
		return refineScalar(op, v, c, sel, out)
	}
	out = out[:len(v)]
	n := 0
	switch op {
	case Eq:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(x == c)
		}
	case Ne:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(x != c)
		}
	case Lt:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(x < c)
		}
	case Le:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(x <= c)
		}
	case Gt:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(!(x <= c))
		}
	case Ge:
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(!(x < c))
		}
	}
	return out[:n]
}

func refineScalar[T Number](op Comparison, v []T, c T, sel, out []int32) []int32 {
	out = out[:len(sel)]
	n := 0
	switch op {
	case Eq:
		for _, i := range sel {
			out[n] = i
			n += b2i(v[i] == c)
		}
	case Ne:
		for _, i := range sel {
			out[n] = i
			n += b2i(v[i] != c)
		}
	case Lt:
		for _, i := range sel {
			out[n] = i
			n += b2i(v[i] < c)
		}
	case Le:
		for _, i := range sel {
			out[n] = i
			n += b2i(v[i] <= c)
		}
	case Gt:
		for _, i := range sel {
			out[n] = i
			n += b2i(!(v[i] <= c))
		}
	case Ge:
		for _, i := range sel {
			out[n] = i
			n += b2i(!(v[i] < c))
		}
	}
	return out[:n]
}

// NaNs writes to out the rows of sel whose value is NaN, or with want false those whose value is not.
func NaNs[T Float](v []T, want bool, sel, out []int32) []int32 {
	n := 0
	if sel == nil {
		out = out[:len(v)]
		for i, x := range v {
			out[n] = int32(i)
			n += b2i((x != x) == want)
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += b2i((v[i] != v[i]) == want)
	}
	return out[:n]
}

// CompareVectors writes to out the rows of sel where a compares so with b. NaN is ordered; for integers the compiler drops those terms.
func CompareVectors[T Number](op Comparison, a, b []T, sel, out []int32) []int32 {
	if op == Gt || op == Ge {
		op, a, b = op.Flipped(), b, a
	}
	if sel != nil {
		return refineVectors(op, a, b, sel, out)
	}
	out, b = out[:len(a)], b[:len(a)]
	n := 0
	switch op {
	case Eq:
		for i, x := range a {
			out[n] = int32(i)
			n += b2i(x == b[i]) | b2i(x != x)&b2i(b[i] != b[i])
		}
	case Ne:
		for i, x := range a {
			out[n] = int32(i)
			n += b2i(x != b[i]) & (b2i(x == x) | b2i(b[i] == b[i]))
		}
	case Lt:
		for i, x := range a {
			out[n] = int32(i)
			n += b2i(x < b[i]) | b2i(x == x)&b2i(b[i] != b[i])
		}
	default: // Le
		for i, x := range a {
			out[n] = int32(i)
			n += b2i(x <= b[i]) | b2i(b[i] != b[i])
		}
	}
	return out[:n]
}

func refineVectors[T Number](op Comparison, a, b []T, sel, out []int32) []int32 {
	out = out[:len(sel)]
	n := 0
	switch op {
	case Eq:
		for _, i := range sel {
			x, y := a[i], b[i]
			out[n] = i
			n += b2i(x == y) | b2i(x != x)&b2i(y != y)
		}
	case Ne:
		for _, i := range sel {
			x, y := a[i], b[i]
			out[n] = i
			n += b2i(x != y) & (b2i(x == x) | b2i(y == y))
		}
	case Lt:
		for _, i := range sel {
			x, y := a[i], b[i]
			out[n] = i
			n += b2i(x < y) | b2i(x == x)&b2i(y != y)
		}
	default: // Le
		for _, i := range sel {
			x, y := a[i], b[i]
			out[n] = i
			n += b2i(x <= y) | b2i(y != y)
		}
	}
	return out[:n]
}
