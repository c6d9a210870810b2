package keys

import (
	"encoding/binary"
	"math"

	"github.com/millrace/millrace/columnar"
)

// The row encoding: keys of several columns, and nested ones, as one byte string, equal when the keys are equal, and decodable.
//
//	null mask   one bit a column, least significant first, set when null; ceil(columns/8) bytes
//	column      in turn, nothing for a null:
//	  bool               1 byte
//	  other fixed widths the value in its width, little endian, floats canonical
//	  string, binary     length as uvarint, bytes
//	  list, map          items as uvarint, then the items, each a row of its one or two columns
//	  struct             a row of its fields

// rowCoder encodes rows of several key columns, and decodes them.
type rowCoder struct {
	types   []columnar.Type
	offsets []int32
	data    []byte
}

// encode returns the rows as a binary column, valid until the next call.
func (r *rowCoder) encode(cols []columnar.Column, sel []int32, from, n int) columnar.Column {
	r.offsets, r.data = append(r.offsets[:0], 0), r.data[:0]
	for k := range n {
		r.data = appendRow(r.data, cols, rowAt(sel, from+k))
		r.offsets = append(r.offsets, int32(len(r.data)))
	}
	r.data = append(r.data, make([]byte, 16)...) // lets every short row be loaded as two words
	return columnar.OfStrings(columnar.BinaryType, r.offsets, r.data, columnar.Bitmap{})
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
	case columnar.List, columnar.Map:
		return appendItems(dst, col, i)
	case columnar.Struct:
		return appendRow(dst, col.Children, i)
	default:
		return append(dst, col.FixedBytes(i)...)
	}
}

// appendItems adds the encoding of one list, map or struct.
func appendItems(dst []byte, col *columnar.Column, i int) []byte {
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
		if mask[k/8]>>(k%8)&1 != 0 {
			builder(k).AppendNulls(1)
			continue
		}
		p = decodeValue(p, builder(k))
	}
	return p
}

func decodeValue(p []byte, b *columnar.Builder) []byte {
	switch b.Type.Kind {
	case columnar.Bool:
		b.AppendBool(p[0] != 0)
		return p[1:]
	case columnar.String, columnar.Binary:
		n, w := binary.Uvarint(p)
		b.AppendBytes(p[w : w+int(n)])
		return p[w+int(n):]
	case columnar.List, columnar.Map:
		n, w := binary.Uvarint(p)
		p = p[w:]
		for range n {
			p = decodeRow(p, len(b.Type.Fields), b.Child)
		}
		b.CloseNested()
		return p
	case columnar.Struct:
		p = decodeRow(p, len(b.Type.Fields), b.Child)
		b.CloseNested()
		return p
	case columnar.FixedBinary:
		b.AppendBytes(p[:b.Type.Width])
		return p[b.Type.Width:]
	default:
		return decodeFixed(p, b)
	}
}

func decodeFixed(p []byte, b *columnar.Builder) []byte {
	switch w := b.Type.ByteWidth(); w {
	case 1:
		columnar.AppendFixed(b, p[0])
		return p[1:]
	case 2:
		columnar.AppendFixed(b, binary.LittleEndian.Uint16(p))
		return p[2:]
	case 4:
		columnar.AppendFixed(b, binary.LittleEndian.Uint32(p))
		return p[4:]
	case 8:
		columnar.AppendFixed(b, binary.LittleEndian.Uint64(p))
		return p[8:]
	default:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: binary.LittleEndian.Uint64(p), Hi: int64(binary.LittleEndian.Uint64(p[8:]))})
		return p[16:]
	}
}
