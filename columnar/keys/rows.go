package keys

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// The row encoding: keys of several columns, and nested ones, as one byte string, equal when the keys are equal, and decodable.
//
//	null mask   one bit a column, least significant first, set when null; ceil(columns/8) bytes
//	column      in turn; of a null only zeros in the fixed width, or a length of zero:
//	  bool               1 byte
//	  other fixed widths the value in its width, little endian, floats canonical
//	  string, binary     length as uvarint, bytes
//	  list, map, struct  length as uvarint, then the items' encoding
//
// The items of a list or map are their number as uvarint, then each as a row of its one or two columns; those of a struct are one row.

// rowCoder encodes rows of several key columns a column at a time, and decodes them.
type rowCoder struct {
	types []columnar.Type
	mask  int  // bytes of the null mask
	fixed int  // bytes of the mask and the fixed-width columns
	tuple bool // all columns are words, and a row has at most tupleBytes

	short   shortRows
	offsets []int32
	data    []byte
	cursor  [chunk]int32  // where the next column of a row goes
	values  [chunk]uint64 // one column's words
}

func newRowCoder(types []columnar.Type) *rowCoder {
	r := &rowCoder{types: types, mask: (len(types) + 7) / 8, tuple: true}
	r.fixed = r.mask
	strings := 0
	r.short.possible = true
	for _, t := range types {
		r.fixed += fixedWidth(t)
		r.tuple = r.tuple && isWord(t)
		r.short.possible = r.short.possible && (isWord(t) || t.IsVariable())
		if t.IsVariable() {
			strings++
		}
	}
	r.tuple = r.tuple && r.fixed <= tupleBytes
	r.short.possible = r.short.possible && r.fixed+strings <= inlineBytes
	return r
}

// fixedWidth returns the bytes of a value in the row encoding, 0 when that varies.
func fixedWidth(t columnar.Type) int {
	switch t.Kind {
	case columnar.Bool:
		return 1
	case columnar.Struct:
		return 0
	default:
		return t.ByteWidth()
	}
}

// load leaves one column's words in r.values, cut to its width, 0 for null, and sets the mask bits of nulls by calling null.
func (r *rowCoder) load(col *columnar.Column, sel []int32, n int, null func(k int)) []uint64 {
	values := r.values[:n]
	loadWords(col, sel, values)
	switch w := fixedWidth(col.Type); {
	case col.Type.Kind == columnar.Float32:
		for k, v := range values {
			values[k] = uint64(math.Float32bits(float32(math.Float64frombits(v))))
		}
	case w < 8:
		for k := range values {
			values[k] &= 1<<(8*w) - 1
		}
	}
	if col.HasNulls() {
		for k := range values {
			if col.IsNull(rowAt(sel, k)) {
				values[k] = 0
				null(k)
			}
		}
	}
	return values
}

// pack writes the rows from position from on as tuples.
func (r *rowCoder) pack(cols []columnar.Column, sel []int32, from int, a, b, c []uint64) {
	clear(a)
	clear(b)
	clear(c)
	words, at := [...][]uint64{a, b, c, nil}, 8*r.mask
	for i := range cols {
		rows, view := window(&cols[i], sel, from, len(a))
		values := r.load(&view, rows, len(a), func(k int) { a[k] |= 1 << i })
		low, high, shift := words[at/64], words[at/64+1], at%64
		for k, v := range values {
			low[k] |= v << shift
		}
		width := 8 * fixedWidth(view.Type)
		if shift+width > 64 {
			for k, v := range values {
				high[k] |= v >> (64 - shift)
			}
		}
		at += width
	}
}

// unpack returns the columns of tuples.
func (r *rowCoder) unpack(tuples []tuple) []columnar.Column {
	cols, at := make([]columnar.Column, len(r.types)), 8*r.mask
	values := make([]uint64, len(tuples))
	for i, t := range r.types {
		width := 8 * fixedWidth(t)
		for k := range tuples {
			words := [...]uint64{tuples[k].a, tuples[k].b, tuples[k].c, 0}
			v := words[at/64]>>(at%64) | words[at/64+1]<<(64-at%64)
			values[k] = v << (64 - width) >> (64 - width)
			if t.Kind == columnar.Float32 {
				values[k] = math.Float64bits(float64(math.Float32frombits(uint32(values[k]))))
			}
		}
		cols[i] = storeWords(t, values, notNullBits(tuples, i))
		at += width
	}
	return cols
}

// notNullBits returns the validity of column i of tuples.
func notNullBits(tuples []tuple, i int) columnar.Bitmap {
	nulls := uint64(0)
	for k := range tuples {
		nulls |= tuples[k].a
	}
	if nulls>>i&1 == 0 {
		return columnar.Bitmap{}
	}
	valid := columnar.NewBitmap(len(tuples))
	for k := range tuples {
		valid.SetTo(k, tuples[k].a>>i&1 == 0)
	}
	return valid
}

// encode returns n rows from position from on as a binary column, valid until the next call.
func (r *rowCoder) encode(cols []columnar.Column, sel []int32, from, n int) columnar.Column {
	views, selections := make([]columnar.Column, len(cols)), make([][]int32, len(cols))
	for i := range cols {
		selections[i], views[i] = window(&cols[i], sel, from, n)
		if cols[i].Type.IsNested() {
			views[i], selections[i] = nestedRows(&views[i], selections[i], n), nil
		}
	}
	r.layOut(views, selections, n)
	for i := range views {
		r.write(i, &views[i], selections[i], n)
	}
	return columnar.OfStrings(columnar.BinaryType, r.offsets, r.data, columnar.Bitmap{})
}

// nestedRows returns the values of a nested column in row encoding, as a binary column.
func nestedRows(col *columnar.Column, sel []int32, n int) columnar.Column {
	offsets, data := make([]int32, 1, n+1), []byte(nil)
	for k := range n {
		if row := rowAt(sel, k); !col.IsNull(row) {
			data = appendNested(data, col, row)
		}
		offsets = append(offsets, int32(len(data)))
	}
	valid := columnar.Bitmap{}
	if col.HasNulls() {
		valid = columnar.NewBitmap(n)
		for k := range n {
			valid.SetTo(k, !col.IsNull(rowAt(sel, k)))
		}
	}
	return columnar.OfStrings(columnar.BinaryType, offsets, data, valid)
}

// layOut sizes the rows: offsets, zeroed data with 16 bytes more at the end so that every short row can be loaded as two words, and the
// cursors behind the null masks.
func (r *rowCoder) layOut(views []columnar.Column, selections [][]int32, n int) {
	lengths := r.cursor[:n]
	for k := range lengths {
		lengths[k] = int32(r.fixed)
	}
	for i := range views {
		c, sel := &views[i], selections[i]
		if c.Offsets == nil {
			continue
		}
		for k := range lengths {
			row := rowAt(sel, k)
			size := c.Offsets[row+1] - c.Offsets[row]
			lengths[k] += size + int32(uvarintLen(uint64(size)))
		}
	}
	r.offsets = append(r.offsets[:0], 0)
	end := int32(0)
	for k, length := range lengths {
		lengths[k] = end + int32(r.mask)
		end += length
		r.offsets = append(r.offsets, end)
	}
	if need := int(end) + 16; need > cap(r.data) {
		r.data = make([]byte, need+need/2)
	}
	r.data = r.data[:int(end)+16]
	clear(r.data)
}

func uvarintLen(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// write writes column i of all rows at the cursors and moves them on.
func (r *rowCoder) write(i int, col *columnar.Column, sel []int32, n int) {
	null := func(k int) { r.data[int(r.offsets[k])+i/8] |= 1 << (i % 8) }
	switch {
	case col.Offsets != nil:
		r.writeBytes(col, sel, n, null)
	case isWord(col.Type):
		r.writeWords(fixedWidth(col.Type), r.load(col, sel, n, null))
	default:
		for k := range n {
			row := rowAt(sel, k)
			if col.IsNull(row) {
				null(k)
			} else {
				copy(r.data[r.cursor[k]:], col.FixedBytes(row))
			}
			r.cursor[k] += int32(fixedWidth(col.Type))
		}
	}
}

func (r *rowCoder) writeWords(width int, values []uint64) {
	data, cursor := r.data, r.cursor[:len(values)]
	for k, v := range values {
		p := data[cursor[k]:]
		switch width {
		case 1:
			p[0] = byte(v)
		case 2:
			binary.LittleEndian.PutUint16(p, uint16(v))
		case 4:
			binary.LittleEndian.PutUint32(p, uint32(v))
		default:
			binary.LittleEndian.PutUint64(p, v)
		}
		cursor[k] += int32(width)
	}
}

func (r *rowCoder) writeBytes(col *columnar.Column, sel []int32, n int, null func(k int)) {
	nulls := col.HasNulls()
	for k := range n {
		row := rowAt(sel, k)
		v := col.Data[col.Offsets[row]:col.Offsets[row+1]]
		at := int(r.cursor[k])
		if nulls && col.IsNull(row) {
			null(k)
			v = nil
		}
		if len(v) < 0x80 {
			r.data[at] = byte(len(v))
			at++
		} else {
			at += binary.PutUvarint(r.data[at:], uint64(len(v)))
		}
		copyShort(r.data[at:], v)
		r.cursor[k] = int32(at + len(v))
	}
}

// copyShort is copy, without a call for up to 16 bytes.
func copyShort(dst, v []byte) {
	n := len(v)
	switch {
	case n > 16:
		copy(dst, v)
	case n >= 8:
		first, last := binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[n-8:])
		binary.LittleEndian.PutUint64(dst, first)
		binary.LittleEndian.PutUint64(dst[n-8:], last)
	case n >= 4:
		first, last := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[n-4:])
		binary.LittleEndian.PutUint32(dst, first)
		binary.LittleEndian.PutUint32(dst[n-4:], last)
	case n > 0:
		dst[0], dst[n>>1], dst[n-1] = v[0], v[n>>1], v[n-1]
	}
}

// appendRow adds the encoding of row i of the columns.
func appendRow(dst []byte, cols []columnar.Column, i int) []byte {
	at := len(dst)
	for range (len(cols) + 7) / 8 {
		dst = append(dst, 0)
	}
	for k := range cols {
		col := &cols[k]
		if col.IsNull(i) {
			dst[at+k/8] |= 1 << (k % 8)
			for range max(fixedWidth(col.Type), 1) {
				dst = append(dst, 0)
			}
			continue
		}
		dst = appendValue(dst, col, i)
	}
	return dst
}

// appendValue adds the encoding of one value that is not null.
func appendValue(dst []byte, col *columnar.Column, i int) []byte {
	switch col.Type.Kind {
	case columnar.Bool:
		if col.Bits.Get(i) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case columnar.Float32:
		v := columnar.Values[float32](*col)[i]
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(math.Float64frombits(canonical(float64(v))))))
	case columnar.Float64:
		return binary.LittleEndian.AppendUint64(dst, canonical(columnar.Values[float64](*col)[i]))
	case columnar.String, columnar.Binary:
		v := col.Bytes(i)
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	case columnar.List, columnar.Map, columnar.Struct:
		v := appendNested(nil, col, i)
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	default:
		return append(dst, col.FixedBytes(i)...)
	}
}

// appendNested adds the items of one list, map or struct.
func appendNested(dst []byte, col *columnar.Column, i int) []byte {
	if col.Type.Kind == columnar.Struct {
		return appendRow(dst, col.Children, i)
	}
	lo, hi := int(col.Offsets[i]), int(col.Offsets[i+1])
	dst = binary.AppendUvarint(dst, uint64(hi-lo))
	for item := lo; item < hi; item++ {
		dst = appendRow(dst, col.Children, item)
	}
	return dst
}

// decode returns the columns of encoded rows.
func (r *rowCoder) decode(rows columnar.Column) []columnar.Column {
	builders := make([]*columnar.Builder, len(r.types))
	for k, t := range r.types {
		builders[k] = columnar.NewBuilder(t, rows.Len)
	}
	for i := range rows.Len {
		decodeRow(rows.Bytes(i), len(builders), func(k int) *columnar.Builder { return builders[k] })
	}
	cols := make([]columnar.Column, len(builders))
	for k, b := range builders {
		cols[k] = b.Finish()
	}
	return cols
}

// decodeRow appends the columns of one row to their builders and returns what follows it.
func decodeRow(p []byte, columns int, builder func(k int) *columnar.Builder) []byte {
	mask := p[:(columns+7)/8]
	p = p[len(mask):]
	for k := range columns {
		b := builder(k)
		if mask[k/8]>>(k%8)&1 != 0 {
			b.AppendNulls(1)
			p = p[max(fixedWidth(b.Type), 1):]
			continue
		}
		p = decodeValue(p, b)
	}
	return p
}

func decodeValue(p []byte, b *columnar.Builder) []byte {
	if w := fixedWidth(b.Type); w > 0 {
		decodeFixed(p[:w], b)
		return p[w:]
	}
	n, w := binary.Uvarint(p)
	v, rest := p[w:w+int(n)], p[w+int(n):]
	switch b.Type.Kind {
	case columnar.Struct:
		decodeRow(v, len(b.Type.Fields), b.Child)
		b.CloseNested()
	case columnar.List, columnar.Map:
		items, w := binary.Uvarint(v)
		v = v[w:]
		for range items {
			v = decodeRow(v, len(b.Type.Fields), b.Child)
		}
		b.CloseNested()
	default:
		b.AppendBytes(v)
	}
	return rest
}

func decodeFixed(p []byte, b *columnar.Builder) {
	switch b.Type.Kind {
	case columnar.Bool:
		b.AppendBool(p[0] != 0)
		return
	case columnar.FixedBinary:
		b.AppendBytes(p)
		return
	default:
	}
	switch len(p) {
	case 1:
		columnar.AppendFixed(b, p[0])
	case 2:
		columnar.AppendFixed(b, binary.LittleEndian.Uint16(p))
	case 4:
		columnar.AppendFixed(b, binary.LittleEndian.Uint32(p))
	case 8:
		columnar.AppendFixed(b, binary.LittleEndian.Uint64(p))
	default:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: binary.LittleEndian.Uint64(p), Hi: int64(binary.LittleEndian.Uint64(p[8:]))})
	}
}
