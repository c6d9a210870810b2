package kernel

import (
	"math"
	"math/bits"
)

// Int128 is an integer of 128 bits in two's complement, low half first: the memory layout of Arrow's decimals.
type Int128 struct {
	Lo uint64
	Hi int64
}

// MaxDigits is the number of decimal digits that an Int128 holds whatever they are.
const MaxDigits = 38

// powers has the powers of ten that an Int128 holds.
var powers = func() (p [MaxDigits + 1]Int128) {
	p[0] = Int128{Lo: 1}
	for i := range MaxDigits {
		p[i+1], _ = p[i].mul(Int128{Lo: 10})
	}
	return p
}()

// PowerOfTen returns 10^n for n up to 38.
func PowerOfTen(n int) Int128 { return powers[n] }

// Of64 returns v as 128 bits.
func Of64(v int64) Int128 { return Int128{Lo: uint64(v), Hi: v >> 63} }

// OfUint64 returns v as 128 bits.
func OfUint64(v uint64) Int128 { return Int128{Lo: v} }

// Int64 returns a as 64 bits and whether it fits.
func (a Int128) Int64() (int64, bool) { return int64(a.Lo), a.Hi == int64(a.Lo)>>63 }

// less is 1 where a < b.
func (a Int128) less(b Int128) int {
	_, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	_, borrow = bits.Sub64(uint64(a.Hi)^1<<63, uint64(b.Hi)^1<<63, borrow)
	return int(borrow)
}

// Cmp returns the sign of a - b.
func (a Int128) Cmp(b Int128) int { return b.less(a) - a.less(b) }

// Neg returns -a.
func (a Int128) Neg() Int128 {
	lo, borrow := bits.Sub64(0, a.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(a.Hi), borrow)
	return Int128{Lo: lo, Hi: int64(hi)}
}

// Fits says whether a has at most that many digits.
func (a Int128) Fits(digits int) bool {
	p := powers[digits]
	return a.less(p)&p.Neg().less(a) != 0
}

// Add returns a + b and whether it has at most 38 digits.
func (a Int128) Add(b Int128) (Int128, bool) {
	r := a.add(b)
	return r, (a.Hi^r.Hi)&(b.Hi^r.Hi) >= 0 && r.Fits(MaxDigits)
}

func (a Int128) add(b Int128) Int128 {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(uint64(a.Hi), uint64(b.Hi), carry)
	return Int128{Lo: lo, Hi: int64(hi)}
}

// Sub returns a - b and whether it has at most 38 digits.
func (a Int128) Sub(b Int128) (Int128, bool) {
	r := a.sub(b)
	return r, (a.Hi^b.Hi)&(a.Hi^r.Hi) >= 0 && r.Fits(MaxDigits)
}

func (a Int128) sub(b Int128) Int128 {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, _ := bits.Sub64(uint64(a.Hi), uint64(b.Hi), borrow)
	return Int128{Lo: lo, Hi: int64(hi)}
}

// Mul returns a * b and whether it has at most 38 digits.
func (a Int128) Mul(b Int128) (Int128, bool) {
	r, ok := a.mul(b)
	return r, ok && r.Fits(MaxDigits)
}

// mul returns a * b and whether it has at most 127 bits.
func (a Int128) mul(b Int128) (Int128, bool) {
	x, xok := a.Int64()
	y, yok := b.Int64()
	if xok && yok {
		hi, lo := bits.Mul64(uint64(x), uint64(y))
		return Int128{Lo: lo, Hi: int64(hi) - x>>63&y - y>>63&x}, true
	}
	p, q := a.magnitude(), b.magnitude()
	ph, qh := uint64(p.Hi), uint64(q.Hi)
	if ph != 0 && qh != 0 {
		return Int128{}, false
	}
	hi, lo := bits.Mul64(p.Lo, q.Lo)
	over1, cross1 := bits.Mul64(ph, q.Lo)
	over2, cross2 := bits.Mul64(p.Lo, qh)
	hi, carry1 := bits.Add64(hi, cross1, 0)
	hi, carry2 := bits.Add64(hi, cross2, 0)
	r := Int128{Lo: lo, Hi: int64(hi)}
	ok := over1|over2|carry1|carry2 == 0 && r.Hi >= 0
	if a.Hi^b.Hi < 0 {
		r = r.Neg()
	}
	return r, ok
}

// magnitude returns |a| as an unsigned number.
func (a Int128) magnitude() Int128 {
	if a.Hi < 0 {
		return a.Neg()
	}
	return a
}

// QuoRem returns a / b truncated towards zero and the remainder, which has a's sign. b must not be zero.
func (a Int128) QuoRem(b Int128) (quo, rem Int128) {
	quo, rem = divide(a.magnitude(), b.magnitude())
	if a.Hi^b.Hi < 0 {
		quo = quo.Neg()
	}
	if a.Hi < 0 {
		rem = rem.Neg()
	}
	return quo, rem
}

// divide divides unsigned numbers. Where the divisor has more than 64 bits the quotient has fewer, and one estimate from the leading bits
// is at most one too large (Hacker's Delight, section 9-5).
func divide(a, b Int128) (quo, rem Int128) {
	ah, bh := uint64(a.Hi), uint64(b.Hi)
	if bh == 0 {
		qh, r := bits.Div64(0, ah, b.Lo)
		ql, r := bits.Div64(r, a.Lo, b.Lo)
		return Int128{Lo: ql, Hi: int64(qh)}, Int128{Lo: r}
	}
	shift := uint(bits.LeadingZeros64(bh))
	top := bh<<shift | b.Lo>>(64-shift)
	q, _ := bits.Div64(ah>>1, ah<<63|a.Lo>>1, top)
	q >>= 63 - shift
	if q > 0 {
		q--
	}
	rem = a.add(b.timesUnsigned(q).Neg())
	if !rem.lessUnsigned(b) {
		q++
		rem = rem.add(b.Neg())
	}
	return Int128{Lo: q}, rem
}

// timesUnsigned returns the low 128 bits of a * q.
func (a Int128) timesUnsigned(q uint64) Int128 {
	hi, lo := bits.Mul64(a.Lo, q)
	return Int128{Lo: lo, Hi: int64(hi + uint64(a.Hi)*q)}
}

func (a Int128) lessUnsigned(b Int128) bool {
	_, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	_, borrow = bits.Sub64(uint64(a.Hi), uint64(b.Hi), borrow)
	return borrow != 0
}

// Rescale returns a with digits more decimal places, or -digits fewer, rounding half away from zero; ok is false past 38 digits.
func (a Int128) Rescale(digits int) (r Int128, ok bool) {
	switch {
	case digits == 0:
		return a, true
	case digits > MaxDigits:
		return a, a == Int128{}
	case digits > 0:
		return a.Mul(powers[digits])
	case digits < -MaxDigits:
		return Int128{}, true
	}
	p := powers[-digits]
	quo, rem := a.QuoRem(p)
	if m := rem.magnitude(); !m.add(m).lessUnsigned(p) {
		if a.Hi < 0 {
			quo = quo.add(Of64(-1))
		} else {
			quo = quo.add(Of64(1))
		}
	}
	return quo, true
}

// Float64 returns a / 10^scale, correctly rounded when the digits of a fit 53 bits and scale is at most 22, else to within two units in the last place.
func (a Int128) Float64(scale int) float64 {
	m := a.magnitude()
	f := math.Ldexp(float64(uint64(m.Hi)), 64) + float64(m.Lo)
	if a.Hi < 0 {
		f = -f
	}
	if scale <= 22 {
		return f / tens[scale]
	}
	return f / tens[22] / tens[scale-22]
}

// tens has the powers of ten that float64 holds exactly.
var tens = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}
