package columnar

import (
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
	count, i := 0, m.Off
	end := m.Off + n
	for ; i < end && i&7 != 0; i++ {
		count += int(m.Bits[i>>3] >> (i & 7) & 1)
	}
	for ; i+8 <= end; i += 8 {
		count += bits.OnesCount8(m.Bits[i>>3])
	}
	for ; i < end; i++ {
		count += int(m.Bits[i>>3] >> (i & 7) & 1)
	}
	return count
}

// Packed returns the first n bits as a bitmap with offset 0, the same one when it has that already.
func (m Bitmap) Packed(n int) Bitmap {
	if m.Bits == nil || m.Off == 0 {
		return m
	}
	out := NewBitmap(n)
	for i := range out.Bits {
		v := m.Bits[i] >> m.Off
		if i+1 < len(m.Bits) {
			v |= m.Bits[i+1] << (8 - m.Off)
		}
		out.Bits[i] = v
	}
	return out
}

// appendBits grows dst, which holds n bits, by the count bits of src from row from on, and returns it. A zero src appends ones.
func appendBits(dst []byte, n int, src Bitmap, from, count int) []byte {
	dst = appendClear(dst, n+count)
	out := Bitmap{Bits: dst}
	if src.Bits == nil {
		setRange(out, n, count)
		return dst
	}
	for i := range count {
		if src.Get(from + i) {
			out.Set(n + i)
		}
	}
	return dst
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
