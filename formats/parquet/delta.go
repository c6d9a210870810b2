package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// deltas decodes DELTA_BINARY_PACKED (Encodings.md; Lemire and Boytsov 2012 for the idea): the first value, then blocks of differences from a
// least one, in miniblocks that have a width of bits each.
type deltas struct {
	data   []byte
	mini   int // values in a miniblock
	minis  int // miniblocks in a block
	total  int // values not read yet
	value  uint64
	first  bool // value is the first one and has not been read
	least  uint64
	widths []byte // of the block's miniblocks to come
	left   int    // differences left in the miniblock
	width  int
	bits   []byte // of the miniblock
	bit    int
}

var errDelta = errors.New("damaged differences")

// start reads the header.
func (d *deltas) start(data []byte) error {
	*d = deltas{}
	var head [4]uint64
	for i := range head {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return errDelta
		}
		head[i], data = v, data[n:]
	}
	block, minis, total := head[0], head[1], head[2]
	if minis == 0 || minis > 512 || block > 1<<20 || block%minis != 0 || block/minis%32 != 0 || block == 0 || total > 1<<31-1 {
		return fmt.Errorf("differences in blocks of %d with %d miniblocks", block, minis)
	}
	d.data, d.mini, d.minis, d.total = data, int(block/minis), int(minis), int(total)
	d.value, d.first = uint64(zigzag(head[3])), true
	return nil
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// read fills dst.
func (d *deltas) read(dst []int64) error {
	if len(dst) > d.total {
		return errRunOut
	}
	d.total -= len(dst)
	if d.first && len(dst) > 0 {
		dst[0], d.first = int64(d.value), false
		dst = dst[1:]
	}
	for len(dst) > 0 {
		if d.left == 0 {
			if err := d.miniblock(); err != nil {
				return err
			}
		}
		n := min(d.left, len(dst))
		d.sum(dst[:n])
		d.left -= n
		dst = dst[n:]
	}
	return nil
}

// sum adds up len(dst) differences.
func (d *deltas) sum(dst []int64) {
	value, least := d.value, d.least
	if d.width == 0 {
		for i := range dst {
			value += least
			dst[i] = int64(value)
		}
		d.value = value
		return
	}
	for i := range dst {
		value += least + bitsAt(d.bits, d.bit, d.width)
		d.bit += d.width
		dst[i] = int64(value)
	}
	d.value = value
}

// bitsAt returns width bits, 64 at most, from a bit on; bits behind the end are zero.
func bitsAt(b []byte, bit, width int) uint64 {
	var word [9]byte
	if at := bit >> 3; at+9 <= len(b) {
		word = [9]byte(b[at : at+9])
	} else {
		copy(word[:], b[min(at, len(b)):])
	}
	v := binary.LittleEndian.Uint64(word[:]) >> (bit & 7)
	if bit&7+width > 64 {
		v |= uint64(word[8]) << (64 - bit&7)
	}
	return v & (1<<width - 1)
}

// miniblock begins the next one. The last may be cut off where nothing in it counts.
func (d *deltas) miniblock() error {
	if len(d.widths) == 0 {
		v, n := binary.Uvarint(d.data)
		if n <= 0 || len(d.data)-n < d.minis {
			return errDelta
		}
		d.least = uint64(zigzag(v))
		d.widths, d.data = d.data[n:n+d.minis], d.data[n+d.minis:]
	}
	d.width = int(d.widths[0])
	d.widths = d.widths[1:]
	if d.width > 64 {
		return fmt.Errorf("differences of %d bits", d.width)
	}
	size := min(d.mini*d.width/8, len(d.data))
	d.bits, d.bit, d.left = d.data[:size], 0, d.mini
	if d.width > 0 {
		d.left = min(d.left, size*8/d.width)
		if d.left == 0 {
			return errDelta
		}
	}
	d.data = d.data[size:]
	return nil
}

func (d *deltas) skip(k int) error {
	var block [256]int64
	for k > 0 {
		n := min(k, len(block))
		if err := d.read(block[:n]); err != nil {
			return err
		}
		k -= n
	}
	return nil
}

// rest returns what is behind the values, all of which must have been read.
func (d *deltas) rest() []byte { return d.data }

// appendInts appends the values in width bytes each, little endian.
func appendInts(dst []byte, values []int64, width int) []byte {
	for _, v := range values {
		if width == 4 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		} else {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	}
	return dst
}

// maxTexts bounds the strings in a page whose lengths are written as differences, which may take no bits at all.
const maxTexts = 1 << 26

// lengths reads all values of data as lengths, and returns what is behind them.
func lengths(data []byte) ([]int64, []byte, error) {
	var d deltas
	if err := d.start(data); err != nil {
		return nil, nil, err
	}
	if d.total > maxTexts {
		return nil, nil, fmt.Errorf("a page of %d strings, more than the %d that are read", d.total, maxTexts)
	}
	out := make([]int64, d.total)
	if err := d.read(out); err != nil {
		return nil, nil, err
	}
	for _, n := range out {
		if n < 0 {
			return nil, nil, errDelta
		}
	}
	return out, d.rest(), nil
}

// deltaLengths decodes DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
func deltaLengths(data []byte) (offsets []int32, text []byte, err error) {
	sizes, text, err := lengths(data)
	if err != nil {
		return nil, nil, err
	}
	offsets = make([]int32, len(sizes)+1)
	end := int64(0)
	for i, n := range sizes {
		if end += n; end > int64(len(text)) {
			return nil, nil, errRunOut
		}
		offsets[i+1] = int32(end)
	}
	return offsets, text, nil
}

// deltaTexts decodes DELTA_BYTE_ARRAY: of each string how many bytes it shares with the one before, and the rest as above.
func deltaTexts(data []byte) (offsets []int32, text []byte, err error) {
	shared, data, err := lengths(data)
	if err != nil {
		return nil, nil, err
	}
	ends, rests, err := deltaLengths(data)
	if err != nil {
		return nil, nil, err
	}
	if len(ends) != len(shared)+1 {
		return nil, nil, errDelta
	}
	offsets = make([]int32, len(ends))
	last := 0 // where the string before begins
	for i, n := range shared {
		begin := len(text)
		if n > int64(begin-last) || int64(begin)+n+int64(len(rests)) > maxPage {
			return nil, nil, errDelta
		}
		text = append(text, text[last:last+int(n)]...)
		text = append(text, rests[ends[i]:ends[i+1]]...)
		offsets[i+1], last = int32(len(text)), begin
	}
	return offsets, text, nil
}
