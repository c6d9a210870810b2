package keys

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/millrace/millrace/columnar"
)

// The sort key of a row is a byte string; sort keys of the same columns and orders compare, byte by byte, as [Compare] compares the rows.
// Column by column:
//
//	null byte     of nullable columns: 1 before a value; 0 for a null that stands first, 2 for one that stands last
//	integers      big endian, the sign bit flipped; so are dates, times and both words of decimals, the high one first
//	floats        canonical; negative ones with all bits flipped, others with the sign bit; big endian
//	bool          0 or 1
//	fixedbinary   its bytes
//	string,binary bytes 0 and 1 as 1 1 and 1 2, then a 0; just its bytes when the column is the last one and ascending
//	struct        its fields as if nullable, nulls first
//	list, map     1 before each item (a row of one or two fields), 0 at the end
//
// A descending column has all bits of this flipped, but those of the null byte. A fixed width is kept under nulls, filled with zeros.

const (
	nullFirst = 0
	notNull   = 1
	nullLast  = 2

	escape = 1 // goes before each byte up to escape in a string, the byte being one more then
)

// SortEncoder writes sort keys.
type SortEncoder struct {
	parts []sortPart
	fixed int // bytes that every key has

	cursor []int32
	values []uint64
}

// sortPart is one column of a sort key.
type sortPart struct {
	typ      columnar.Type
	order    Order
	nullable bool
	width    int  // bytes of a value, 0 when they vary
	plain    bool // a string without escapes and end
}

// NewSortEncoder returns an encoder for rows of those fields, each with its order. Columns whose field is not nullable have no nulls.
func NewSortEncoder(fields []columnar.Field, orders []Order) *SortEncoder {
	e := &SortEncoder{parts: make([]sortPart, len(fields))}
	for i, f := range fields {
		p := sortPart{typ: f.Type, order: orders[i], nullable: f.Nullable, width: fixedWidth(f.Type)}
		p.plain = f.Type.IsVariable() && i == len(fields)-1 && !orders[i].Descending
		e.parts[i] = p
		e.fixed += p.width
		if f.Nullable {
			e.fixed++
		}
	}
	return e
}

// Encode returns the sort keys of n rows as a fresh binary column: of rows sel[0] to sel[n-1] of cols, or of the first n when sel is nil.
// It panics when the keys pass 2 GiB: callers bound batches by bytes long before.
func (e *SortEncoder) Encode(cols []columnar.Column, sel []int32, n int) columnar.Column {
	if n > len(e.cursor) {
		e.cursor, e.values = make([]int32, n), make([]uint64, n)
	}
	views := make([]columnar.Column, len(cols))
	for i := range cols {
		views[i] = cols[i]
		if cols[i].Type.IsNested() {
			views[i] = nestedSortKeys(&cols[i], sel, n)
		}
	}
	offsets, data := e.layOut(views, sel, n)
	for i := range views {
		e.write(i, &views[i], e.selection(i, sel), data, n)
	}
	return columnar.OfStrings(columnar.BinaryType, offsets, data, columnar.Bitmap{})
}

// selection returns the rows of view i: those of a nested column are in order already.
func (e *SortEncoder) selection(i int, sel []int32) []int32 {
	if e.parts[i].typ.IsNested() {
		return nil
	}
	return sel
}

// layOut sizes the keys and leaves the cursors at their beginnings.
func (e *SortEncoder) layOut(views []columnar.Column, sel []int32, n int) (offsets []int32, data []byte) {
	lengths := e.cursor[:n]
	for k := range lengths {
		lengths[k] = int32(e.fixed)
	}
	for i := range views {
		if e.parts[i].width > 0 {
			continue
		}
		rows, c := e.selection(i, sel), &views[i]
		for k := range lengths {
			lengths[k] += int32(e.variableLength(i, c, rowAt(rows, k)))
		}
	}
	offsets = make([]int32, n+1)
	end := 0
	for k, length := range lengths {
		lengths[k] = int32(end)
		if end += int(length); end > math.MaxInt32 {
			panic("keys: the sort keys of a batch pass 2 GiB")
		}
		offsets[k+1] = int32(end)
	}
	return offsets, make([]byte, end)
}

// variableLength returns the bytes of row's value in the key.
func (e *SortEncoder) variableLength(i int, c *columnar.Column, row int) int {
	v, p := c.Bytes(row), &e.parts[i]
	switch {
	case p.nullable && c.IsNull(row):
		return 0
	case p.plain || p.typ.IsNested():
		return len(v)
	default:
		return len(v) + bytes.Count(v, []byte{0}) + bytes.Count(v, []byte{escape}) + 1
	}
}

// write writes column i of all keys at the cursors and moves them on.
func (e *SortEncoder) write(i int, c *columnar.Column, sel []int32, data []byte, n int) {
	p := &e.parts[i]
	if p.nullable {
		e.writeNulls(c, sel, data, n, p.order)
	}
	switch {
	case p.width == 0:
		e.writeVariable(p, c, sel, data, n)
	case isWord(p.typ):
		e.writeWords(p, c, sel, data, n)
	default:
		e.writeWide(p, c, sel, data, n)
	}
}

func (e *SortEncoder) writeNulls(c *columnar.Column, sel []int32, data []byte, n int, order Order) {
	null := byte(nullLast)
	if order.NullsFirst {
		null = nullFirst
	}
	for k := range n {
		data[e.cursor[k]] = notNull
		if c.IsNull(rowAt(sel, k)) {
			data[e.cursor[k]] = null
		}
		e.cursor[k]++
	}
}

func (e *SortEncoder) writeWords(p *sortPart, c *columnar.Column, sel []int32, data []byte, n int) {
	values, cursor := e.values[:n], e.cursor[:n]
	loadWords(c, sel, values)
	orderWords(p, values)
	if p.nullable && c.HasNulls() {
		for k := range values {
			if c.IsNull(rowAt(sel, k)) {
				values[k] = 0
			}
		}
	}
	shift := 64 - 8*p.width
	for k, v := range values {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], v<<shift)
		if p.width == 8 {
			*(*[8]byte)(data[cursor[k]:]) = b
		} else {
			copy(data[cursor[k]:], b[:p.width])
		}
		cursor[k] += int32(p.width)
	}
}

// orderWords turns words into unsigned numbers of the column's width that compare as the values, in the column's direction.
func orderWords(p *sortPart, values []uint64) {
	flip := uint64(0)
	if p.order.Descending {
		flip = math.MaxUint64
	}
	switch {
	case p.typ.Kind == columnar.Float32:
		for k, v := range values {
			b := math.Float32bits(float32(math.Float64frombits(v)))
			values[k] = uint64(b^(uint32(int32(b)>>31)|1<<31)) ^ flip
		}
		return
	case p.typ.Kind == columnar.Float64:
		for k, v := range values {
			values[k] = v ^ (uint64(int64(v)>>63) | 1<<63) ^ flip
		}
		return
	case p.typ.Kind != columnar.Bool && !(p.typ.Kind >= columnar.Uint8 && p.typ.Kind <= columnar.Uint64):
		flip ^= 1 << (8*p.width - 1)
	}
	for k := range values {
		values[k] ^= flip
	}
}

// writeWide writes decimals and fixed binaries.
func (e *SortEncoder) writeWide(p *sortPart, c *columnar.Column, sel []int32, data []byte, n int) {
	for k := range n {
		row, at := rowAt(sel, k), e.cursor[k]
		e.cursor[k] += int32(p.width)
		if c.IsNull(row) {
			continue
		}
		out := data[at:e.cursor[k]]
		appendFixedKey(out[:0], c, row)
		if p.order.Descending {
			flipBytes(out)
		}
	}
}

func flipBytes(p []byte) {
	for i := range p {
		p[i] = ^p[i]
	}
}

func (e *SortEncoder) writeVariable(p *sortPart, c *columnar.Column, sel []int32, data []byte, n int) {
	for k := range n {
		row, at := rowAt(sel, k), e.cursor[k]
		if p.nullable && c.IsNull(row) {
			continue
		}
		v := c.Bytes(row)
		if p.plain || p.typ.IsNested() {
			copy(data[at:], v)
			e.cursor[k] += int32(len(v))
		} else {
			e.cursor[k] += int32(len(appendEscaped(data[at:at], v)))
		}
		if p.order.Descending {
			flipBytes(data[at:e.cursor[k]])
		}
	}
}

// appendEscaped adds a string so that no escaped string is the beginning of another.
func appendEscaped(dst, v []byte) []byte {
	for _, c := range v {
		if c <= escape {
			dst = append(dst, escape)
			c++
		}
		dst = append(dst, c)
	}
	return append(dst, 0)
}

// nestedSortKeys returns the ascending keys of a nested column, without null byte, as a binary column of n rows.
func nestedSortKeys(c *columnar.Column, sel []int32, n int) columnar.Column {
	offsets, data := make([]int32, 1, n+1), []byte(nil)
	valid := columnar.NewBitmap(n)
	for k := range n {
		row := rowAt(sel, k)
		if !c.IsNull(row) {
			data = appendSortValue(data, c, row)
			valid.Set(k)
		}
		offsets = append(offsets, int32(len(data)))
	}
	return columnar.OfStrings(columnar.BinaryType, offsets, data, valid)
}

// appendSortRow adds the fields of a nested value.
func appendSortRow(dst []byte, fields []columnar.Column, row int) []byte {
	for i := range fields {
		if fields[i].IsNull(row) {
			dst = append(dst, nullFirst)
			continue
		}
		dst = appendSortValue(append(dst, notNull), &fields[i], row)
	}
	return dst
}

// appendSortValue adds one value in ascending order, self-delimiting.
func appendSortValue(dst []byte, c *columnar.Column, row int) []byte {
	switch c.Type.Kind {
	case columnar.String, columnar.Binary:
		return appendEscaped(dst, c.Bytes(row))
	case columnar.Struct:
		return appendSortRow(dst, c.Children, row)
	case columnar.List, columnar.Map:
		for item := int(c.Offsets[row]); item < int(c.Offsets[row+1]); item++ {
			dst = appendSortRow(append(dst, notNull), c.Children, item)
		}
		return append(dst, 0)
	default:
		return appendFixedKey(dst, c, row)
	}
}

// appendFixedKey adds one value of fixed width in ascending order.
func appendFixedKey(dst []byte, c *columnar.Column, row int) []byte {
	switch {
	case isWord(c.Type):
		p := sortPart{typ: c.Type, width: fixedWidth(c.Type)}
		var v [1]uint64
		loadWords(c, []int32{int32(row)}, v[:])
		orderWords(&p, v[:])
		b := binary.BigEndian.AppendUint64(nil, v[0])
		return append(dst, b[8-p.width:]...)
	case c.Type.Kind == columnar.Decimal:
		v := columnar.Values[columnar.Decimal128](*c)[row]
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Hi)^1<<63)
		return binary.BigEndian.AppendUint64(dst, v.Lo)
	default:
		return append(dst, c.FixedBytes(row)...)
	}
}
