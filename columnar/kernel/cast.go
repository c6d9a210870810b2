package kernel

import (
	"math"
	"strconv"
)

// Widen converts selected values by Go's rules, which lose nothing where To holds every value of From; for integers to floats it rounds
// to nearest.
func Widen[From, To Number](v []From, sel []int32, out []To) {
	if sel == nil {
		out = out[:len(v)]
		for i, x := range v {
			out[i] = To(x)
		}
		return
	}
	for _, i := range sel {
		out[i] = To(v[i])
	}
}

// Narrow converts selected integers and returns the first row whose value To does not hold, having stopped there, or -1.
func Narrow[From, To Integer](v []From, sel []int32, out []To) int32 {
	return convert(v, sel, out, func(x From) (To, bool) {
		y := To(x)
		return y, From(y) == x && (x < 0) == (y < 0)
	})
}

// Truncate converts selected floats to integers towards zero and returns the first row whose value is NaN or out of To's range, or -1.
func Truncate[From Float, To Integer](v []From, sel []int32, out []To) int32 {
	lo, hi := bounds[To]()
	return convert(v, sel, out, func(x From) (To, bool) {
		t := math.Trunc(float64(x))
		if !(lo <= t && t < hi) {
			return 0, false
		}
		return To(t), true
	})
}

// bounds returns the least value of an integer type and the first above its greatest, as floats, which both are exactly.
func bounds[T Integer]() (least, beyond float64) {
	var zero T
	size := 0
	for x := T(1); x != 0; x <<= 1 {
		size++
	}
	if zero-1 > 0 {
		return 0, math.Ldexp(1, size)
	}
	return -math.Ldexp(1, size-1), math.Ldexp(1, size-1)
}

// Int128s converts selected integers to decimals of that many digits after the point and returns the first row with more than 38 digits,
// or -1.
func Int128s[From Integer](v []From, scale int, sel []int32, out []Int128) int32 {
	return convert(v, sel, out, func(x From) (Int128, bool) {
		if x < 0 {
			return Of64(int64(x)).Rescale(scale)
		}
		return OfUint64(uint64(x)).Rescale(scale)
	})
}

// Rescale128 shifts selected decimals by digits places and returns the first row that has more than precision digits then, or -1.
func Rescale128(v []Int128, digits, precision int, sel []int32, out []Int128) int32 {
	return convert(v, sel, out, func(x Int128) (Int128, bool) {
		r, ok := x.Rescale(digits)
		return r, ok && r.Fits(precision)
	})
}

// Float64s converts selected decimals with scale digits after the point.
func Float64s(v []Int128, scale int, sel []int32, out []float64) {
	convert(v, sel, out, func(x Int128) (float64, bool) { return x.Float64(scale), true })
}

// Integers converts selected decimals with scale digits after the point to integers, truncating, and returns the first row that To does
// not hold, or -1.
func Integers[To Integer](v []Int128, scale int, sel []int32, out []To) int32 {
	return convert(v, sel, out, func(x Int128) (To, bool) {
		q, _ := x.QuoRem(powers[scale])
		y := To(q.Lo)
		if y < 0 {
			return y, q == Of64(int64(y))
		}
		return y, q == OfUint64(uint64(y))
	})
}

// Decimals converts selected floats to decimals as OfFloat does and returns the first row that is no number or has more
// than precision digits, or -1.
func Decimals[From Float](v []From, scale, precision int, sel []int32, out []Int128) int32 {
	return convert(v, sel, out, func(x From) (Int128, bool) {
		r, ok := OfFloat(float64(x), scale)
		return r, ok && r.Fits(precision)
	})
}

// OfFloat returns x * 10^scale rounded to the nearest; ok is false for NaN and beyond 38 digits. Products below 2^53 are formed in float64, so that
// 2.675 with two digits is 2.68 as it looks, larger ones from the exact value of x.
func OfFloat(x float64, scale int) (r Int128, ok bool) {
	if scale < 20 {
		if scaled := math.Round(x * tens[scale]); math.Abs(scaled) < 1<<53 {
			return Of64(int64(scaled)), true
		}
	}
	if !(math.Abs(x) < 1e38) {
		return r, false
	}
	var buf [96]byte
	for _, c := range strconv.AppendFloat(buf[:0], math.Abs(x), 'f', scale, 64) {
		if c == '.' {
			continue
		}
		if r, ok = r.Mul(Int128{Lo: 10}); !ok {
			return r, false
		}
		r = r.add(Int128{Lo: uint64(c - '0')})
	}
	if x < 0 {
		r = r.Neg()
	}
	return r, true
}

// convert computes f for the selected rows until it refuses one, and returns that row, or -1.
func convert[From, To any](v []From, sel []int32, out []To, f func(From) (To, bool)) int32 {
	var ok bool
	if sel == nil {
		for i, x := range v {
			if out[i], ok = f(x); !ok {
				return int32(i)
			}
		}
		return -1
	}
	for _, i := range sel {
		if out[i], ok = f(v[i]); !ok {
			return i
		}
	}
	return -1
}
