package columnar

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// MaxPrecision is the most digits that a decimal column holds.
const MaxPrecision = 38

// pow10 has the powers of ten that fit 64 bits.
var pow10 = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// DecimalOfInt64 returns the integer v with scale 0.
func DecimalOfInt64(v int64) DecimalValue {
	return DecimalValue{Unscaled: Decimal128{Lo: uint64(v), Hi: v >> 63}}
}

// Int64 returns the integer, and whether it fits.
func (d Decimal128) Int64() (v int64, ok bool) { return int64(d.Lo), d.Hi == int64(d.Lo)>>63 }

// Cmp returns -1, 0 or +1 as d is less than, equal to or greater than e, which must have the same scale.
func (d Decimal128) Cmp(e Decimal128) int {
	if c := cmp.Compare(d.Hi, e.Hi); c != 0 {
		return c
	}
	return cmp.Compare(d.Lo, e.Lo)
}

// Fits says whether d has at most that many decimal digits.
func (d Decimal128) Fits(precision uint8) bool {
	m, _ := d.magnitude()
	return m.fits(precision)
}

// Rescale returns d, which has the scale from, at the scale to. Digits that do not fit behind the point are rounded, halves away from zero, as
// SQL casts do. It is false when the result does not have at most MaxPrecision digits.
func (d Decimal128) Rescale(from, to uint8) (Decimal128, bool) {
	m, negative := d.magnitude()
	if to < from {
		return m.rounded(int(from - to)).signed(negative), true
	}
	m, ok := m.times10(int(to - from))
	return m.signed(negative), ok && m.fits(MaxPrecision)
}

// magnitude returns the absolute value and the sign.
func (d Decimal128) magnitude() (m uint128, negative bool) {
	m = uint128{hi: uint64(d.Hi), lo: d.Lo}
	if d.Hi < 0 {
		return m.negated(), true
	}
	return m, false
}

// uint128 is an unsigned integer of 128 bits.
type uint128 struct{ hi, lo uint64 }

func (u uint128) negated() uint128 {
	lo, borrow := bits.Sub64(0, u.lo, 0)
	hi, _ := bits.Sub64(0, u.hi, borrow)
	return uint128{hi, lo}
}

func (u uint128) signed(negative bool) Decimal128 {
	if negative {
		u = u.negated()
	}
	return Decimal128{Lo: u.lo, Hi: int64(u.hi)}
}

func (u uint128) less(v uint128) bool { return u.hi < v.hi || u.hi == v.hi && u.lo < v.lo }

// fits says whether u has at most that many decimal digits.
func (u uint128) fits(precision uint8) bool {
	limit, ok := uint128{lo: 1}.times10(int(precision))
	return !ok || u.less(limit)
}

// plus returns u+v, modulo 2^128.
func (u uint128) plus(v uint64) uint128 {
	lo, carry := bits.Add64(u.lo, v, 0)
	return uint128{u.hi + carry, lo}
}

// times returns u*v, and whether it fits.
func (u uint128) times(v uint64) (uint128, bool) {
	over, hi := bits.Mul64(u.hi, v)
	carry, lo := bits.Mul64(u.lo, v)
	hi, more := bits.Add64(hi, carry, 0)
	return uint128{hi, lo}, over == 0 && more == 0
}

// times10 returns u*10^n, and whether it fits.
func (u uint128) times10(n int) (uint128, bool) {
	ok := true
	for n > 0 && ok {
		step := min(n, len(pow10)-1)
		u, ok = u.times(pow10[step])
		n -= step
	}
	return u, ok
}

// divided returns u/v and the remainder.
func (u uint128) divided(v uint64) (quotient uint128, rest uint64) {
	hi, rest := bits.Div64(0, u.hi, v)
	lo, rest := bits.Div64(rest, u.lo, v)
	return uint128{hi, lo}, rest
}

// rounded returns u/10^n, rounded to the nearest, halves up.
func (u uint128) rounded(n int) uint128 {
	for n > 1 { // The last digit cut off decides about rounding; those behind it do not matter.
		step := min(n-1, len(pow10)-1)
		u, _ = u.divided(pow10[step])
		n -= step
	}
	if n == 0 {
		return u
	}
	u, rest := u.divided(10)
	if rest >= 5 {
		return u.plus(1)
	}
	return u
}

// digits returns u in decimal.
func (u uint128) digits() string {
	if u.hi == 0 {
		return strconv.FormatUint(u.lo, 10)
	}
	u, low := u.divided(pow10[19])
	return u.digits() + fmt.Sprintf("%019d", low)
}

// String returns the decimal with all digits of its scale: -12.50.
func (d DecimalValue) String() string {
	m, negative := d.Unscaled.magnitude()
	s, scale := m.digits(), int(d.Scale)
	if len(s) <= scale {
		s = strings.Repeat("0", scale+1-len(s)) + s
	}
	if scale > 0 {
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if negative {
		return "-" + s
	}
	return s
}

// ParseDecimal reads what String writes: a sign, digits, and a point with the digits that make the scale.
func ParseDecimal(s string) (DecimalValue, error) {
	digits := strings.TrimPrefix(s, "-")
	negative := len(digits) < len(s)
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	var m uint128
	ok := len(whole)+len(fraction) > 0 && len(fraction) <= MaxPrecision
	for _, part := range []string{whole, fraction} {
		for i := 0; i < len(part) && ok; i++ {
			if part[i] < '0' || part[i] > '9' {
				return DecimalValue{}, fmt.Errorf("%q is not a decimal number", s)
			}
			m, ok = m.times(10)
			ok = ok && m.hi <= math.MaxInt64
			m = m.plus(uint64(part[i] - '0'))
		}
	}
	d := DecimalValue{Unscaled: m.signed(negative), Scale: uint8(len(fraction))}
	if !ok || !d.Unscaled.Fits(MaxPrecision) {
		return DecimalValue{}, fmt.Errorf("%q is not a decimal number of at most %d digits", s, MaxPrecision)
	}
	return d, nil
}

// Float64 returns the nearest float64.
func (d DecimalValue) Float64() float64 {
	// Both operands exact, so that the one division rounds: Clinger 1990.
	if v, ok := d.Unscaled.Int64(); ok && v > -1<<53 && v < 1<<53 && int(d.Scale) < len(pow10) {
		return float64(v) / float64(pow10[d.Scale])
	}
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		panic(fmt.Sprintf("columnar: a decimal prints as %s: %v", d, err))
	}
	return f
}

// Cmp returns -1, 0 or +1 as the number d is less than, equal to or greater than e; scales may differ: 1.50 equals 1.5.
func (d DecimalValue) Cmp(e DecimalValue) int {
	if d.Scale == e.Scale {
		return d.Unscaled.Cmp(e.Unscaled)
	}
	if d.Scale > e.Scale {
		return -e.Cmp(d)
	}
	m, negative := d.Unscaled.magnitude()
	m, ok := m.times10(int(e.Scale - d.Scale))
	if ok && m.hi <= math.MaxInt64 {
		return m.signed(negative).Cmp(e.Unscaled)
	}
	if negative {
		return -1
	}
	return 1
}

// Fit returns the unscaled value of d in a column of the decimal type t, rounded as Rescale does. The error says that there are more digits
// than t has.
func (d DecimalValue) Fit(t Type) (Decimal128, error) {
	u, ok := d.Unscaled.Rescale(d.Scale, t.Scale)
	if !ok || !u.Fits(t.Precision) {
		return Decimal128{}, fmt.Errorf("%s has more digits than %s", d, t)
	}
	return u, nil
}

// FitFloat returns the unscaled value of f in a column of the decimal type t: f times 10^Scale, rounded to the nearest. The error says that f
// is not finite or has more digits than t.
func FitFloat(f float64, t Type) (Decimal128, error) {
	if int(t.Scale) < len(pow10) {
		if scaled := math.Round(f * float64(pow10[t.Scale])); math.Abs(scaled) < 1<<53 {
			d := DecimalOfInt64(int64(scaled))
			d.Scale = t.Scale
			return d.Fit(t)
		}
	}
	d, err := ParseDecimal(strconv.FormatFloat(f, 'f', int(t.Scale), 64))
	if err != nil {
		return Decimal128{}, fmt.Errorf("%v does not fit %s", f, t)
	}
	return d.Fit(t)
}
