package kernel

import (
	"encoding/binary"
	"math/bits"
)

// Bits is a bitmap that begins Off bits into Bytes.
type Bits struct {
	Bytes []byte
	Off   int
}

// word returns 64 bits from bit i on; bits past the end of Bytes are zero.
func (b Bits) word(i int) uint64 {
	i += b.Off
	at, shift := i>>3, i&7
	if at+9 <= len(b.Bytes) {
		w := binary.LittleEndian.Uint64(b.Bytes[at:]) >> shift
		return w | uint64(b.Bytes[at+8])<<(63-shift)<<1
	}
	var w uint64
	for k := at; k < len(b.Bytes) && k < at+9; k++ {
		if s := (k-at)*8 - shift; s >= 0 {
			w |= uint64(b.Bytes[k]) << s
		} else {
			w |= uint64(b.Bytes[k]) >> -s
		}
	}
	return w
}

// get returns bit i as 0 or 1.
func (b Bits) get(i int32) int {
	at := int(i) + b.Off
	return int(b.Bytes[at>>3] >> (at & 7) & 1)
}

// putWord stores the 64 bits from bit i on, a multiple of 64, or as many of them as out has bytes for.
func putWord(out []byte, i int, w uint64) {
	at := i >> 3
	if at+8 <= len(out) {
		binary.LittleEndian.PutUint64(out[at:], w)
		return
	}
	for ; at < len(out); at++ {
		out[at] = byte(w)
		w >>= 8
	}
}

// CopyBits writes the first n bits of a to out, which begins at bit 0 and has (n+7)/8 bytes. Here and below the bits after the last are unspecified.
func CopyBits(a Bits, n int, out []byte) {
	for i := 0; i < n; i += 64 {
		putWord(out, i, a.word(i))
	}
}

// AndBits writes a AND b.
func AndBits(a, b Bits, n int, out []byte) {
	for i := 0; i < n; i += 64 {
		putWord(out, i, a.word(i)&b.word(i))
	}
}

// OrBits writes a OR b.
func OrBits(a, b Bits, n int, out []byte) {
	for i := 0; i < n; i += 64 {
		putWord(out, i, a.word(i)|b.word(i))
	}
}

// NotBits writes NOT a.
func NotBits(a Bits, n int, out []byte) {
	for i := 0; i < n; i += 64 {
		putWord(out, i, ^a.word(i))
	}
}

// And3 is SQL's AND: false AND anything is false, else null when either is null. aValid and bValid say where a and b are not null; nil
// Bytes stand for everywhere. It writes the values to out and where they are not null to valid.
func And3(a, aValid, b, bValid Bits, n int, out, valid []byte) {
	for i := 0; i < n; i += 64 {
		x, y, vx, vy := a.word(i), b.word(i), aValid.valid(i), bValid.valid(i)
		putWord(out, i, x&y)
		putWord(valid, i, vx&vy|vx&^x|vy&^y)
	}
}

// Or3 is SQL's OR: true OR anything is true, else null when either is null.
func Or3(a, aValid, b, bValid Bits, n int, out, valid []byte) {
	for i := 0; i < n; i += 64 {
		x, y, vx, vy := a.word(i), b.word(i), aValid.valid(i), bValid.valid(i)
		putWord(out, i, x&vx|y&vy)
		putWord(valid, i, vx&vy|vx&x|vy&y)
	}
}

// valid is word of a validity bitmap.
func (b Bits) valid(i int) uint64 {
	if b.Bytes == nil {
		return ^uint64(0)
	}
	return b.word(i)
}

// CountBits returns how many of the first n bits are set.
func CountBits(a Bits, n int) int {
	count := 0
	for i := 0; i < n; i += 64 {
		w := a.word(i)
		if n-i < 64 {
			w &= 1<<(n-i) - 1
		}
		count += bits.OnesCount64(w)
	}
	return count
}

// SelectBits writes to out the rows of sel, of the n rows when it is nil, whose bit is set, or clear when want is false.
func SelectBits(a Bits, want bool, n int, sel, out []int32) []int32 {
	flip := b2i(!want)
	k := 0
	if sel != nil {
		out = out[:len(sel)]
		for _, i := range sel {
			out[k] = i
			k += a.get(i) ^ flip
		}
		return out[:k]
	}
	out = out[:n]
	mask := -uint64(flip)
	for i := 0; i < n; i += 64 {
		w := a.word(i) ^ mask
		if n-i < 64 {
			w &= 1<<(n-i) - 1
		}
		k = spread(w, int32(i), out, k)
	}
	return out[:k]
}

// spread writes base plus the positions of w's ones to out from k on and returns where it stopped.
func spread(w uint64, base int32, out []int32, k int) int {
	if w == ^uint64(0) {
		for j := range int32(64) {
			out[k] = base + j
			k++
		}
		return k
	}
	for ; w != 0; w &= w - 1 {
		out[k] = base + int32(bits.TrailingZeros64(w))
		k++
	}
	return k
}

// SetBits sets the bits of the rows rows in out, which begins at bit 0.
func SetBits(rows []int32, out []byte) {
	for _, i := range rows {
		out[i>>3] |= 1 << (i & 7)
	}
}

// ClearBits clears the bits of the rows rows in out.
func ClearBits(rows []int32, out []byte) {
	for _, i := range rows {
		out[i>>3] &^= 1 << (i & 7)
	}
}

// FillBits sets all bytes of out to ones or zeros.
func FillBits(out []byte, ones bool) {
	fill := -byte(b2i(ones))
	for i := range out {
		out[i] = fill
	}
}
