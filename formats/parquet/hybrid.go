package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// hybrid decodes integers of a fixed width of bits in the format's mixture of runs and bit-packed groups of eight (Encodings.md, "RLE"). Levels
// and dictionary indexes are written so.
//
//	run    = count<<1 as a varint, the value in as many bytes as the width needs
//	packed = groups<<1|1 as a varint, groups*8 values of width bits, the first in the lowest bits
type hybrid struct {
	data  []byte
	pos   int // of the next header
	width int

	left   int    // values left in the current run or pack
	packed bool   // of which kind it is
	value  uint32 // of a run
	bits   []byte // of a pack
	bit    int    // position in bits
}

// reset begins to decode data; width is 32 at most.
func (h *hybrid) reset(data []byte, width int) { *h = hybrid{data: data, width: width} }

var errRunOut = errors.New("a page has fewer values than it says")

// header reads the next run's or pack's.
func (h *hybrid) header() error {
	head, n := binary.Uvarint(h.data[h.pos:])
	if n <= 0 || head>>1 > 1<<31-1 {
		return errRunOut
	}
	h.pos += n
	count := int(head >> 1)
	if head&1 == 0 {
		return h.run(count)
	}
	// The last pack may be cut off behind its last value that counts.
	size := min(count*h.width, len(h.data)-h.pos)
	h.packed, h.left, h.bit = true, count*8, 0
	h.bits = h.data[h.pos : h.pos+size]
	if h.width > 0 {
		h.left = min(h.left, size*8/h.width)
	}
	h.pos += size
	if h.left == 0 {
		return errRunOut
	}
	return nil
}

func (h *hybrid) run(count int) error {
	size := (h.width + 7) / 8
	if count == 0 || size > len(h.data)-h.pos {
		return errRunOut
	}
	h.packed, h.left, h.value = false, count, 0
	for i := range size {
		h.value |= uint32(h.data[h.pos+i]) << (8 * i)
	}
	h.pos += size
	if h.width < 32 && h.value>>h.width != 0 {
		return fmt.Errorf("a run of %d in %d bits", h.value, h.width)
	}
	return nil
}

// read fills dst.
func (h *hybrid) read(dst []uint32) error {
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.header(); err != nil {
				return err
			}
		}
		n := min(h.left, len(dst))
		if h.packed {
			h.unpack(dst[:n])
		} else {
			for i := range dst[:n] {
				dst[i] = h.value
			}
		}
		h.left -= n
		dst = dst[n:]
	}
	return nil
}

// skip passes over n values.
func (h *hybrid) skip(n int) error {
	for n > 0 {
		if h.left == 0 {
			if err := h.header(); err != nil {
				return err
			}
		}
		k := min(h.left, n)
		h.bit += k * h.width
		h.left -= k
		n -= k
	}
	return nil
}

// unpack takes len(dst) values of the pack. This loop is most of what reading dictionary-encoded columns costs besides the gathering.
func (h *hybrid) unpack(dst []uint32) {
	bits, bit, width := h.bits, h.bit, h.width
	mask := uint64(1)<<width - 1
	h.bit += len(dst) * width
	if bit&7 == 0 && len(dst) >= 8 {
		n := unpackGroups(dst, bits[bit>>3:], width)
		dst, bit = dst[n:], bit+n*width
	}
	i := 0
	for ; i < len(dst) && bit>>3+8 <= len(bits); i++ {
		dst[i] = uint32(binary.LittleEndian.Uint64(bits[bit>>3:]) >> (bit & 7) & mask)
		bit += width
	}
	for ; i < len(dst); i++ {
		var word [8]byte
		copy(word[:], bits[min(bit>>3, len(bits)):])
		dst[i] = uint32(binary.LittleEndian.Uint64(word[:]) >> (bit & 7) & mask)
		bit += width
	}
}

// unpackGroups takes whole groups of eight values that begin at a byte, and returns how many values it took: it leaves the last ones, behind
// which there are not enough bytes to load a word.
func unpackGroups(dst []uint32, bits []byte, width int) int {
	if width == 0 || width > 28 {
		return 0
	}
	mask := uint32(1)<<width - 1
	n := 0
	for n+8 <= len(dst) && len(bits) >= width+8 {
		d := dst[n : n+8 : n+8]
		if width <= 8 { // eight values in a word
			w := binary.LittleEndian.Uint64(bits)
			for k := range d {
				d[k] = uint32(w) & mask
				w >>= width
			}
		} else { // two pairs of values in each half of the group
			for k := range d {
				at := k * width
				d[k] = uint32(binary.LittleEndian.Uint64(bits[at>>3:])>>(at&7)) & mask
			}
		}
		bits = bits[width:]
		n += 8
	}
	return n
}
