package parquet

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// same copies values that are stored as columns have them: little endian, as every machine that Go runs our code on.
func same[T columnar.Fixed](dst []T, src []byte) {
	if len(dst) == 0 {
		return
	}
	size := len(dst) * int(unsafe.Sizeof(dst[0]))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), size), src[:size])
}

// narrowed reads small integers, which are stored in 32 bits.
func narrowed[T int8 | int16 | uint8 | uint16](dst []T, src []byte) {
	for i := range dst {
		dst[i] = T(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// halves reads IEEE 754 numbers of 16 bits.
func halves(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 31:
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	case 0: // subnormal, or zero: frac times 2^-24, which is exact
		return math.Float32frombits(sign | math.Float32bits(float32(frac)/(1<<24)))
	default:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
}

// timesOf returns what makes microseconds of stored times.
func timesOf(p physical, unit int16) func(dst []int64, src []byte) {
	switch {
	case p == physInt96:
		return times96
	case p == physInt32:
		return func(dst []int64, src []byte) {
			for i := range dst {
				dst[i] = scaled(int64(int32(binary.LittleEndian.Uint32(src[4*i:]))), unit)
			}
		}
	case unit == unitMillis || unit == unitNanos:
		return func(dst []int64, src []byte) {
			for i := range dst {
				dst[i] = scaled(int64(binary.LittleEndian.Uint64(src[8*i:])), unit)
			}
		}
	default:
		return same[int64]
	}
}

// scaled makes microseconds of v; nanoseconds are rounded down.
func scaled(v int64, unit int16) int64 {
	switch unit {
	case unitMillis:
		return v * 1000
	case unitNanos:
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		return q
	default:
		return v
	}
}

// julianEpoch is the Julian day of 1970-01-01.
const julianEpoch = 2440588

// times96 reads Impala's timestamps: nanoseconds of the day in 8 bytes and the Julian day in 4.
func times96(dst []int64, src []byte) {
	for i := range dst {
		v := src[12*i:]
		days := int64(binary.LittleEndian.Uint32(v[8:])) - julianEpoch
		dst[i] = days*86_400_000_000 + int64(binary.LittleEndian.Uint64(v))/1000
	}
}

func decimals32(dst []columnar.Decimal128, src []byte) {
	for i := range dst {
		v := int64(int32(binary.LittleEndian.Uint32(src[4*i:])))
		dst[i] = columnar.Decimal128{Lo: uint64(v), Hi: v >> 63}
	}
}

func decimals64(dst []columnar.Decimal128, src []byte) {
	for i := range dst {
		v := int64(binary.LittleEndian.Uint64(src[8*i:]))
		dst[i] = columnar.Decimal128{Lo: uint64(v), Hi: v >> 63}
	}
}

// decimalsFixed reads two's-complement integers of width bytes, big endian.
func decimalsFixed(width int) func(dst []columnar.Decimal128, src []byte) {
	return func(dst []columnar.Decimal128, src []byte) {
		for i := range dst {
			dst[i] = decimalOf(src[i*width : (i+1)*width])
		}
	}
}

// decimalOf reads a two's-complement integer of at most 16 bytes, big endian; of none it is 0.
func decimalOf(b []byte) columnar.Decimal128 {
	var d columnar.Decimal128
	if len(b) > 0 && b[0] >= 0x80 {
		d = columnar.Decimal128{Lo: math.MaxUint64, Hi: -1}
	}
	for _, c := range b {
		d.Hi = d.Hi<<8 | int64(d.Lo>>56)
		d.Lo = d.Lo<<8 | uint64(c)
	}
	return d
}
