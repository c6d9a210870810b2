package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// levelWidth is the bits that levels up to most take.
func levelWidth(most int) int { return bits.Len(uint(most)) }

// cutLevels takes one sort of levels off the front of a version 1 page: four bytes of length and that many bytes.
func cutLevels(data []byte, enc encoding) (levels, rest []byte, err error) {
	if enc != encRLE {
		return nil, nil, fmt.Errorf("levels in the encoding %s", enc)
	}
	if len(data) < 4 {
		return nil, nil, errors.New("a page ends before its levels")
	}
	n := binary.LittleEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return nil, nil, fmt.Errorf("levels of %d bytes in a page of %d", n, len(data))
	}
	return data[4 : 4+n], data[4+n:], nil
}

// validity grows a bitmap by definition levels of 0 and 1. It stays empty while all are 1, which is how columns without nulls are written.
type validity struct {
	bits []byte // nil: n ones
	n    int    // entries so far
	room int    // entries to come in all
}

func (v *validity) reset(room int) { *v = validity{room: room} }

// ones adds n times 1.
func (v *validity) ones(n int) {
	if v.bits != nil {
		setBits(v.bits, v.n, n)
	}
	v.n += n
}

// zeros adds n times 0.
func (v *validity) zeros(n int) {
	v.explicit()
	v.n += n
}

func (v *validity) explicit() {
	if v.bits == nil {
		v.bits = make([]byte, (v.room+7)/8)
		setBits(v.bits, 0, v.n)
	}
}

// bitmap returns what was added.
func (v *validity) bitmap() columnar.Bitmap { return columnar.Bitmap{Bits: v.bits} }

// read adds n levels and returns how many are 1.
func (v *validity) read(h *hybrid, n int) (int, error) {
	count := 0
	for n > 0 {
		if h.left == 0 {
			if err := h.header(); err != nil {
				return 0, err
			}
		}
		k := min(h.left, n)
		switch {
		case h.packed:
			count += v.copy(h.bits, h.bit, k)
			h.bit += k
		case h.value != 0:
			v.ones(k)
			count += k
		default:
			v.zeros(k)
		}
		h.left -= k
		n -= k
	}
	return count, nil
}

// copy adds n bits of src from the bit at on and returns how many are set.
func (v *validity) copy(src []byte, at, n int) int {
	v.explicit()
	count := 0
	for n > 0 {
		k := min(n, 8-v.n&7)
		b := src[at>>3] >> (at & 7)
		if at&7+k > 8 {
			b |= src[at>>3+1] << (8 - at&7)
		}
		b &= 1<<k - 1
		v.bits[v.n>>3] |= b << (v.n & 7)
		count += bits.OnesCount8(b)
		v.n += k
		at += k
		n -= k
	}
	return count
}

// setBits makes n bits from the i-th on one.
func setBits(b []byte, i, n int) {
	end := i + n
	for ; i < end && i&7 != 0; i++ {
		b[i>>3] |= 1 << (i & 7)
	}
	for ; i+8 <= end; i += 8 {
		b[i>>3] = 0xff
	}
	for ; i < end; i++ {
		b[i>>3] |= 1 << (i & 7)
	}
}
