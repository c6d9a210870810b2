package keys

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// The first four secrets of wyhash.
const (
	s0 = 0xa0761d6478bd642f
	s1 = 0xe7037ed1a0b428db
	s2 = 0x8ebc6af09c88c6e3
	s3 = 0x589965cc75374cc3
)

// inlineBytes is the longest byte string that two words hold together with its length.
const inlineBytes = 15

// lengthShift is where the length byte is in the second word of a short byte string: n+1, so that it is never zero.
const lengthShift = 56

// nullHash is the hash of null: that of the empty string.
var nullHash = pair(0, 1<<lengthShift)

// fold multiplies to 128 bits and returns the exclusive or of the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// pair hashes two words.
func pair(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^s0, b^s1)
	return fold(hi^s2, lo^s3)
}

// word hashes one word: pair(v, 0).
func word(v uint64) uint64 {
	hi, lo := bits.Mul64(v^s0, s1)
	return fold(hi^s2, lo^s3)
}

// combine adds the hash of a further column.
func combine(h, next uint64) uint64 { return fold(h^s2, next^s3) }

// HashBytes returns the hash of one string or binary: what [Hash] gives for a column of it.
func HashBytes(p []byte) uint64 {
	if len(p) <= inlineBytes {
		return pair(shortWords(p))
	}
	return longHash(p)
}

// HashWord returns the hash of one integer: what [Hash] gives for a column of it, of any width.
func HashWord(v int64) uint64 { return word(uint64(v)) }

// shortWords packs at most 15 bytes into two words, the length in the last byte.
func shortWords(p []byte) (a, b uint64) {
	n := len(p)
	switch {
	case n >= 8:
		a = binary.LittleEndian.Uint64(p)
		if n > 8 {
			b = binary.LittleEndian.Uint64(p[n-8:]) >> (8 * (16 - n))
		}
	case n >= 4:
		a = uint64(binary.LittleEndian.Uint32(p)) | uint64(binary.LittleEndian.Uint32(p[n-4:]))<<(8*(n-4))
	case n > 0:
		a = uint64(p[0]) | uint64(p[n>>1])<<(8*(n>>1)) | uint64(p[n-1])<<(8*(n-1))
	}
	return a, b | uint64(n+1)<<lengthShift
}

// longHash hashes 16 bytes or more.
func longHash(p []byte) uint64 {
	h, last := uint64(len(p))^s2, p[len(p)-16:]
	for ; len(p) > 16; p = p[16:] {
		h = fold(binary.LittleEndian.Uint64(p)^s0, binary.LittleEndian.Uint64(p[8:])^h)
	}
	return pair(binary.LittleEndian.Uint64(last)^h, binary.LittleEndian.Uint64(last[8:]))
}

// Hash writes the hashes of n rows into out[:n]: of the rows sel[0] to sel[n-1] of cols, or of the first n when sel is nil. Keys that
// are equal hash equal, whatever the width of their integers or floats. The package comment defines the function; it is the same in
// every process and version. Without columns all hashes are 0.
func Hash(cols []columnar.Column, sel []int32, n int, out []uint64) {
	if len(cols) == 0 {
		clear(out[:n])
		return
	}
	if sel != nil {
		sel = sel[:n]
	}
	hashColumn(&cols[0], sel, out[:n])
	if len(cols) == 1 {
		return
	}
	var next [chunk]uint64
	for i := range cols[1:] {
		col := &cols[1+i]
		for from := 0; from < n; from += chunk {
			part := out[from:min(from+chunk, n)]
			rows, c := window(col, sel, from, len(part))
			hashColumn(&c, rows, next[:len(part)])
			for k := range part {
				part[k] = combine(part[k], next[k])
			}
		}
	}
}

// window returns the column and selection whose first n rows are the rows from, from+1, ... of col under sel.
func window(col *columnar.Column, sel []int32, from, n int) ([]int32, columnar.Column) {
	if sel != nil {
		return sel[from : from+n], *col
	}
	return nil, col.Slice(from, n)
}

// hashColumn writes the hash of each row of one column.
func hashColumn(col *columnar.Column, sel []int32, out []uint64) {
	switch {
	case isWord(col.Type):
		loadWords(col, sel, out)
		for k, v := range out {
			out[k] = word(v)
		}
	case col.Type.IsVariable():
		hashStrings(col, sel, out)
	case col.Type.Kind == columnar.Decimal:
		values := columnar.Values[columnar.Decimal128](*col)
		for k := range out {
			v := values[rowAt(sel, k)]
			out[k] = pair(v.Lo, uint64(v.Hi))
		}
	case col.Type.Kind == columnar.FixedBinary:
		for k := range out {
			out[k] = HashBytes(col.FixedBytes(rowAt(sel, k)))
		}
	case col.Type.Kind == columnar.Struct:
		Hash(col.Children, sel, len(out), out)
	default:
		var row []byte
		for k := range out {
			row = appendNested(row[:0], col, rowAt(sel, k))
			out[k] = HashBytes(row)
		}
	}
	if col.HasNulls() {
		for k := range out {
			if col.IsNull(rowAt(sel, k)) {
				out[k] = nullHash
			}
		}
	}
}

// rowAt returns the row that position k stands for.
func rowAt(sel []int32, k int) int {
	if sel != nil {
		return int(sel[k])
	}
	return k
}

// hashStrings writes the hashes of strings or binaries, without regard to nulls.
func hashStrings(col *columnar.Column, sel []int32, out []uint64) {
	var a, b [chunk]uint64
	for from := 0; from < len(out); from += chunk {
		part := out[from:min(from+chunk, len(out))]
		rows, offsets := sel, col.Offsets
		if sel != nil {
			rows = sel[from : from+len(part)]
		} else {
			offsets = offsets[from:]
		}
		stringWords(offsets, col.Data, rows, a[:len(part)], b[:len(part)])
		for k := range part {
			if part[k] = pair(a[k], b[k]); b[k]>>lengthShift == longMark {
				part[k] = a[k]
			}
		}
	}
}

// canonical returns the bits of v after -0.0 became 0.0 and any NaN the one.
func canonical(v float64) uint64 {
	if v == 0 {
		return 0
	}
	if v != v {
		return canonicalNaN
	}
	return math.Float64bits(v)
}

const canonicalNaN = 0x7ff8000000000000
