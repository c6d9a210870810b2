package columnar

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Bitmap is a run of bits, least significant bit first as in Arrow, beginning Off bits into Bits. The zero Bitmap stands for "all set"
// where it is a validity bitmap.
type Bitmap struct {
	Bits []byte
	Off  int
}

// NewBitmap returns a bitmap of n clear bits.
func NewBitmap(n int) Bitmap { return Bitmap{Bits: make([]byte, (n+7)/8)} }

// IsZero says whether there are no bits at all: as a validity bitmap, that no row is null.
func (m Bitmap) IsZero() bool { return m.Bits == nil }

// Get returns bit i. The bitmap must not be zero.
func (m Bitmap) Get(i int) bool {
	i += m.Off
	return m.Bits[i>>3]>>(i&7)&1 != 0
}

// Set makes bit i one.
func (m Bitmap) Set(i int) {
	i += m.Off
	m.Bits[i>>3] |= 1 << (i & 7)
}

// Clear makes bit i zero.
func (m Bitmap) Clear(i int) {
	i += m.Off
	m.Bits[i>>3] &^= 1 << (i & 7)
}

// SetTo makes bit i what v says.
func (m Bitmap) SetTo(i int, v bool) {
	if v {
		m.Set(i)
	} else {
		m.Clear(i)
	}
}

// Slice returns the bits from i on; a zero bitmap stays zero.
func (m Bitmap) Slice(i int) Bitmap {
	if m.Bits == nil {
		return m
	}
	i += m.Off
	return Bitmap{Bits: m.Bits[i>>3:], Off: i & 7}
}

// Count returns how many of the first n bits are set; n for a zero bitmap.
func (m Bitmap) Count(n int) int {
	if m.Bits == nil {
		return n
	}
	count, i := 0, 0
	for ; i+64 <= n; i += 64 {
		count += bits.OnesCount64(m.word(i, 64))
	}
	if i < n {
		count += bits.OnesCount64(m.word(i, n-i))
	}
	return count
}

// word returns n bits from the i-th on, 64 at most; those above are zero.
func (m Bitmap) word(i, n int) uint64 {
	i += m.Off
	from, shift := m.Bits[i>>3:], i&7
	var w uint64
	if len(from) >= 8 {
		w = binary.LittleEndian.Uint64(from) >> shift
		if shift+n > 64 {
			w |= uint64(from[8]) << (64 - shift)
		}
	} else {
		for k := range from {
			w |= uint64(from[k]) << (8 * k)
		}
		w >>= shift
	}
	return w & (1<<n - 1)
}

// Packed returns the first n bits as a bitmap with offset 0, the same one when it has that already.
func (m Bitmap) Packed(n int) Bitmap {
	if m.Bits == nil || m.Off == 0 {
		return m
	}
	return Bitmap{Bits: appendBits(nil, 0, m, 0, n)}
}

// appendBits grows dst, which holds n bits, by the count bits of src from row from on, and returns it. A zero src appends ones.
func appendBits(dst []byte, n int, src Bitmap, from, count int) []byte {
	dst = appendClear(dst, n+count)
	out := Bitmap{Bits: dst}
	if src.Bits == nil {
		setRange(out, n, count)
		return dst
	}
	for i := 0; i < count; i += 64 {
		k := min(64, count-i)
		out.orWord(n+i, k, src.word(from+i, k))
	}
	return dst
}

// orWord sets those of n bits from the i-th on, 64 at most, that are set in w.
func (m Bitmap) orWord(i, n int, w uint64) {
	i += m.Off
	to, shift := m.Bits[i>>3:], i&7
	if len(to) >= 9 {
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(to)|w<<shift)
		to[8] |= byte(w >> (64 - shift))
		return
	}
	to[0] |= byte(w << shift)
	for k := 1; 8*k < shift+n; k++ {
		to[k] |= byte(w >> (8*k - shift))
	}
}

// appendClear grows dst by zero bytes until it holds n bits. Invariant: bits behind the last row are clear in a growing bitmap.
func appendClear(dst []byte, n int) []byte {
	if more := (n+7)/8 - len(dst); more > 0 {
		dst = slices.Grow(dst, more)
		clear(dst[len(dst) : len(dst)+more])
		dst = dst[:len(dst)+more]
	}
	return dst
}

// setRange makes count bits from position n on one.
func setRange(m Bitmap, n, count int) {
	i, end := n, n+count
	for ; i < end && i&7 != 0; i++ {
		m.Set(i)
	}
	for ; i+8 <= end; i += 8 {
		m.Bits[i>>3] = 0xff
	}
	for ; i < end; i++ {
		m.Set(i)
	}
}
