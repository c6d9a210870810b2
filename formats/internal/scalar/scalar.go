// Package scalar turns text into the values of columns and back, for the formats of text: numbers, bools, dates, times, decimals.
//
// Parsing takes the whole of a text or fails; it neither allocates nor trims. What is written is read back as the same value.
//
// Stability: engine-private. The package starts no goroutines.
package scalar

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"time"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// Int reads a decimal integer with an optional sign.
func Int(b []byte) (v int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	u, ok := Uint(b)
	if negative {
		return -int64(u), ok && u <= 1<<63
	}
	return int64(u), ok && u <= math.MaxInt64
}

// Uint reads a decimal integer without sign.
func Uint(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return longUint(b)
	}
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		if !eightDigits(w) {
			return 0, false
		}
		v = v*1e8 + eight(w)
		b = b[8:]
	}
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	return v, true
}

// longUint reads integers that may not fit.
func longUint(b []byte) (uint64, bool) {
	if len(b) == 0 || b[0] == '+' {
		return 0, false
	}
	v, err := strconv.ParseUint(text(b), 10, 64)
	return v, err == nil
}

// Digits reads the n digits, 1 to 8, that end at data[end], which is at least 8: what is before them is masked out, so that numbers of any length
// cost the same and nothing is mispredicted.
func Digits(data []byte, end, n int) (v uint64, ok bool) {
	const zeros = 0x3030303030303030
	w := binary.LittleEndian.Uint64(data[end-8 : end])
	before := uint64(1)<<(64-8*n) - 1
	w = w&^before | zeros&before
	return eight(w), eightDigits(w)
}

// eightDigits says whether all bytes of w are digits. Lemire, "Quickly parsing eight digits", 2022.
func eightDigits(w uint64) bool {
	return w&0xf0f0f0f0f0f0f0f0|(w+0x0606060606060606)&0xf0f0f0f0f0f0f0f0>>4 == 0x3333333333333333
}

// eight returns the value of eight digits, the first in the lowest byte; from the same source.
func eight(w uint64) uint64 {
	w -= 0x3030303030303030
	w = w*10 + w>>8
	return ((w&0x000000ff000000ff)*0x000f424000000064 + (w>>16&0x000000ff000000ff)*0x0000271000000001) >> 32
}

// exactPowers are the powers of ten that a float64 holds exactly.
var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Float reads a number with an optional point and exponent, or NaN, Inf, Infinity in any case. Numbers of at most 15 digits take Clinger's fast
// path (1990): digits and a power of ten that are both exact need one rounding. Those of up to 19 are divided as integers.
func Float(b []byte) (v float64, ok bool) {
	rest := b
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		rest = b[1:]
	}
	var digits uint64
	whole := 0
	for whole < len(rest) && rest[whole]-'0' <= 9 {
		digits = digits*10 + uint64(rest[whole]-'0')
		whole++
	}
	fraction := 0
	if whole < len(rest) {
		if rest[whole] != '.' {
			return slowFloat(b)
		}
		if digits, ok = fractionDigits(digits, rest[whole+1:]); !ok {
			return slowFloat(b)
		}
		fraction = len(rest) - whole - 1
	}
	switch count := whole + fraction; {
	case count == 0 || count > 19:
		return slowFloat(b)
	case count <= 15:
		v = float64(digits) / exactPowers[fraction]
	default:
		v = divide(digits, fraction)
	}
	if negative {
		v = -v
	}
	return v, true
}

// fractionDigits appends the digits of b to those of v, false if b has other bytes. What does not fit 19 digits is lost.
func fractionDigits(v uint64, b []byte) (uint64, bool) {
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		if !eightDigits(w) {
			return 0, false
		}
		v = v*1e8 + eight(w)
		b = b[8:]
	}
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	return v, true
}

// powers are the powers of ten of 64 bits.
var powers = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// divide returns m/10^k, rounded to the nearest, halves to even; k is at most 19. The quotient of both, shifted to 64 bits, has 63 or 64 bits, ten more
// than a float64 at least, and the remainder says whether there is anything below.
func divide(m uint64, k int) float64 {
	if m == 0 {
		return 0
	}
	d := powers[k]
	shiftM, shiftD := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m, d = m<<shiftM, d<<shiftD
	q, rest := bits.Div64(m>>1, m<<63, d) // m/d * 2^63
	extra := 11 - bits.LeadingZeros64(q)
	mantissa, below, half := q>>extra, q&(1<<extra-1), uint64(1)<<(extra-1)
	if below > half || below == half && (rest > 0 || mantissa&1 == 1) {
		mantissa++
	}
	exponent := shiftD - shiftM - 63 + extra
	return float64(mantissa) * math.Float64frombits(uint64(exponent+1023)<<52)
}

func slowFloat(b []byte) (float64, bool) {
	for _, c := range b {
		if c == '_' || c|0x20 == 'x' { // which only Go's own numbers have
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(text(b), 64)
	if err != nil && math.IsInf(v, 0) { // too large a number is no infinity
		return 0, false
	}
	return v, err == nil
}

// Bool reads true, false, t, f, yes, no, y, n in any case, 1 and 0.
func Bool(b []byte) (v, ok bool) {
	if len(b) == 0 || len(b) > 5 {
		return false, false
	}
	var lower [5]byte
	for i, c := range b {
		lower[i] = c | 0x20
	}
	switch string(lower[:len(b)]) {
	case "true", "t", "yes", "y":
		return true, true
	case "false", "f", "no", "n":
		return false, true
	}
	return b[0] == '1', len(b) == 1 && (b[0] == '0' || b[0] == '1')
}

// Decimal reads a decimal of the type t; an error when it has more digits than t.
func Decimal(b []byte, t columnar.Type) (columnar.Decimal128, bool) {
	v, err := columnar.ParseDecimal(text(b))
	if err != nil {
		return columnar.Decimal128{}, false
	}
	d, err := v.Fit(t)
	return d, err == nil
}

// Duration reads what time.Duration prints, in microseconds; what is finer is cut off.
func Duration(b []byte) (micros int64, ok bool) {
	d, err := time.ParseDuration(text(b))
	return d.Microseconds(), err == nil
}

// AppendFloat writes the shortest number that Float reads back as v, of a float32 if bits is 32.
func AppendFloat(b []byte, v float64, bitSize int) []byte {
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(b, v, 'e', -1, bitSize)
	}
	if i := int64(v); float64(i) == v && (v != 0 || !math.Signbit(v)) && i < 1<<53 && i > -1<<53 && bitSize == 64 {
		return strconv.AppendInt(b, i, 10)
	}
	return strconv.AppendFloat(b, v, 'f', -1, bitSize)
}

// text views bytes as a string for the length of a call.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
