package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// appendHybrid appends values of width bits as runs and packs: see hybrid. A run begins only where a group of eight equal values does, so that the
// pack before it has whole groups.
func appendHybrid(dst []byte, values []uint32, width int) []byte {
	from := 0
	for i := 0; i < len(values); {
		n := runLength(values[i:])
		if n < 8 {
			i = min(i+8, len(values))
			continue
		}
		dst = appendPack(dst, values[from:i], width)
		dst = binary.AppendUvarint(dst, uint64(n)<<1)
		for k := 0; k < width; k += 8 {
			dst = append(dst, byte(values[i]>>k))
		}
		i += n
		from = i
	}
	return appendPack(dst, values[from:], width)
}

// runLength counts the values that are equal to the first.
func runLength(values []uint32) int {
	for i, v := range values {
		if v != values[0] {
			return i
		}
	}
	return len(values)
}

func appendPack(dst []byte, values []uint32, width int) []byte {
	if len(values) == 0 {
		return dst
	}
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	end := len(dst) + groups*width
	word, have := uint64(0), 0
	for _, v := range values {
		word |= uint64(v) << have
		if have += width; have >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(word))
			word >>= 32
			have -= 32
		}
	}
	for ; have > 0; have -= 8 {
		dst = append(dst, byte(word))
		word >>= 8
	}
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}

// appendPlain appends the values of a column without nulls in plain form.
func appendPlain(dst []byte, e element, c *columnar.Column) []byte {
	switch e.phys {
	case physBool:
		return append(dst, c.Bits.Packed(c.Len).Bits[:(c.Len+7)/8]...)
	case physBytes:
		for i := range c.Len {
			v := c.Bytes(i)
			dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(v))), v...)
		}
		return dst
	default:
		return appendFixed(dst, e, c)
	}
}

// appendFixed appends values of one length.
func appendFixed(dst []byte, e element, c *columnar.Column) []byte {
	switch c.Type.Kind {
	case columnar.Int8:
		return appendWide(dst, columnar.Values[int8](*c))
	case columnar.Int16:
		return appendWide(dst, columnar.Values[int16](*c))
	case columnar.Uint8:
		return appendWide(dst, columnar.Values[uint8](*c))
	case columnar.Uint16:
		return appendWide(dst, columnar.Values[uint16](*c))
	case columnar.Decimal:
		return appendDecimals(dst, e, columnar.Values[columnar.Decimal128](*c))
	default:
		return append(dst, c.Data[:c.Len*c.Type.ByteWidth()]...)
	}
}

// appendWide appends small integers in 32 bits each.
func appendWide[T int8 | int16 | uint8 | uint16](dst []byte, values []T) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(v)))
	}
	return dst
}

func appendDecimals(dst []byte, e element, values []columnar.Decimal128) []byte {
	for _, v := range values {
		switch e.phys {
		case physInt32:
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v.Lo))
		case physInt64:
			dst = binary.LittleEndian.AppendUint64(dst, v.Lo)
		default:
			dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.Hi)), v.Lo)
		}
	}
	return dst
}

const (
	// maxDictionary is the size up to which a column chunk's dictionary grows.
	maxDictionary = 1 << 20
	// minRepeats is how often, on average, a value must occur in the first page for a dictionary to be kept.
	minRepeats = 2
)

// dictionary numbers the distinct values of a column chunk in the order in which they come.
type dictionary struct {
	width   int // bytes of a value; 0: strings
	n       int
	data    []byte // the values in plain form
	numbers map[uint64]uint32
	texts   map[string]uint32
	full    bool
	tried   bool // a page has been numbered
	index   []uint32
	plain   []byte
}

func newDictionary(e element) *dictionary {
	d := &dictionary{}
	if e.phys != physBytes {
		d.width = physWidth(e)
	}
	if d.width == 4 || d.width == 8 {
		d.numbers = map[uint64]uint32{}
	} else {
		d.texts = map[string]uint32{}
	}
	return d
}

// add returns the numbers of the values, valid until the next call; false when the dictionary is not worth it, any more or at all.
func (d *dictionary) add(e element, c *columnar.Column) ([]uint32, bool) {
	if d.full {
		return nil, false
	}
	d.index = d.index[:0]
	if d.width == 0 {
		for i := range c.Len {
			d.addText(c.Bytes(i), true)
		}
	} else {
		d.plain = appendPlain(d.plain[:0], e, c)
		for at := 0; at < len(d.plain); at += d.width {
			d.addFixed(d.plain[at : at+d.width])
		}
	}
	isWorth := len(d.data) <= maxDictionary && (d.tried || d.n*minRepeats <= c.Len || c.Len < 64)
	d.tried = true
	return d.index, isWorth
}

func (d *dictionary) addFixed(v []byte) {
	var key uint64
	switch d.width {
	case 4:
		key = uint64(binary.LittleEndian.Uint32(v))
	case 8:
		key = binary.LittleEndian.Uint64(v)
	default:
		d.addText(v, false)
		return
	}
	x, ok := d.numbers[key]
	if !ok {
		x = uint32(d.n)
		d.numbers[key] = x
		d.n++
		d.data = append(d.data, v...)
	}
	d.index = append(d.index, x)
}

func (d *dictionary) addText(v []byte, hasLength bool) {
	x, ok := d.texts[string(v)]
	if !ok {
		x = uint32(d.n)
		d.texts[string(v)] = x
		d.n++
		if hasLength {
			d.data = binary.LittleEndian.AppendUint32(d.data, uint32(len(v)))
		}
		d.data = append(d.data, v...)
	}
	d.index = append(d.index, x)
}

// indexWidth is the bits that the dictionary's numbers take now.
func (d *dictionary) indexWidth() int { return max(1, bits.Len(uint(max(d.n, 1)-1))) }
