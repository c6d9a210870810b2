package kernel

import "math"

// All writes the row numbers from 0 to n-1 to out.
func All(n int, out []int32) []int32 {
	out = out[:n]
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// Without writes to out the rows of sel, of n rows when it is nil, that are not in drop, a part of them.
func Without(n int, sel, drop, out []int32) []int32 {
	d, k := 0, 0
	next := func() int32 {
		if d < len(drop) {
			return drop[d]
		}
		return math.MaxInt32
	}
	if sel == nil {
		out = out[:n]
		for i, stop := int32(0), next(); i < int32(n); i++ {
			if i == stop {
				d++
				stop = next()
				continue
			}
			out[k] = i
			k++
		}
		return out[:k]
	}
	out = out[:len(sel)]
	stop := next()
	for _, i := range sel {
		if i == stop {
			d++
			stop = next()
			continue
		}
		out[k] = i
		k++
	}
	return out[:k]
}

// Merge writes to out the rows of a and of b, which share none, in order. out must be neither of them.
func Merge(a, b, out []int32) []int32 {
	out = out[:len(a)+len(b)]
	k := 0
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out[k], a = a[0], a[1:]
		} else {
			out[k], b = b[0], b[1:]
		}
		k++
	}
	copy(out[k:], a)
	copy(out[k+len(a):], b)
	return out
}
