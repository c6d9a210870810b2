package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Ordered makes byte strings of rows of columns, which compare byte by byte as the rows do, nulls before other values, and rows of them. It is
// immutable. Column by column, structs standing for their fields:
//
//	null byte      of nullable columns: 0 before nothing, for null; 1 before a value
//	integers       big endian, the sign bit flipped; so are dates, times and both words of decimals, the high one first
//	floats         canonical; negative ones with all bits flipped, others with the sign bit; big endian
//	bool           0 or 1
//	fixedbinary    its bytes
//	string, binary bytes 0 and 1 as 1 1 and 1 2, then a 0; just its bytes when nothing follows
type Ordered struct {
	fields []columnar.Field
	parts  []part
}

type part struct {
	typ      columnar.Type
	name     string
	nullable bool
	last     bool
	children []part
}

// NewOrdered returns the encoding of rows of those fields. Lists and maps have no order here and are refused.
func NewOrdered(fields []columnar.Field) (*Ordered, error) {
	o := &Ordered{fields: fields}
	var err error
	if o.parts, err = orderedParts(fields, true); err != nil {
		return nil, err
	}
	return o, nil
}

func orderedParts(fields []columnar.Field, last bool) ([]part, error) {
	parts := make([]part, len(fields))
	for i, f := range fields {
		p := part{typ: f.Type, name: f.Name, nullable: f.Nullable, last: last && i == len(fields)-1}
		switch f.Type.Kind {
		case columnar.List, columnar.Map:
			return nil, fmt.Errorf("column %q is %s, which cannot be part of a namespace", f.Name, f.Type)
		case columnar.Struct:
			var err error
			if p.children, err = orderedParts(f.Type.Fields, p.last); err != nil {
				return nil, err
			}
		default: // a value
		}
		parts[i] = p
	}
	return parts, nil
}

// Fields returns the columns that rows consist of.
func (o *Ordered) Fields() []columnar.Field { return o.fields }

// Append adds the encoding of a row of the columns, which must have the types of the fields.
func (o *Ordered) Append(dst []byte, cols []columnar.Column, row int) []byte {
	return appendParts(dst, o.parts, cols, row)
}

func appendParts(dst []byte, parts []part, cols []columnar.Column, row int) []byte {
	for i := range parts {
		p, col := &parts[i], &cols[i]
		null := col.IsNull(row)
		if p.nullable {
			if null {
				dst = append(dst, 0)
				continue
			}
			dst = append(dst, 1)
		}
		switch {
		case p.typ.Kind == columnar.Struct:
			dst = appendParts(dst, p.children, col.Children, row)
		case p.typ.Kind == columnar.Bool:
			v := byte(0)
			if col.Bits.Get(row) {
				v = 1
			}
			dst = append(dst, v)
		case p.typ.IsVariable() && p.last:
			dst = append(dst, col.Bytes(row)...)
		case p.typ.IsVariable():
			dst = appendEscaped(dst, col.Bytes(row))
		default:
			dst = appendOrdered(dst, p.typ.Kind, col.FixedBytes(row))
		}
	}
	return dst
}

// appendEscaped adds bytes, and an end that is less than any byte.
func appendEscaped(dst, v []byte) []byte {
	for _, b := range v {
		if b <= 1 {
			dst = append(dst, 1)
			b++
		}
		dst = append(dst, b)
	}
	return append(dst, 0)
}

// flips are the kinds whose sign bit is flipped.
func flips(k columnar.Kind) bool {
	switch k {
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Int64, columnar.Date, columnar.Timestamp, columnar.Duration:
		return true
	default:
		return false
	}
}

// appendOrdered adds a value of a fixed width, given little endian.
func appendOrdered(dst []byte, kind columnar.Kind, p []byte) []byte {
	switch kind {
	case columnar.FixedBinary:
		return append(dst, p...)
	case columnar.Decimal:
		dst = binary.BigEndian.AppendUint64(dst, binary.LittleEndian.Uint64(p[8:])^1<<63)
		return binary.BigEndian.AppendUint64(dst, binary.LittleEndian.Uint64(p))
	case columnar.Float32:
		p = binary.LittleEndian.AppendUint32(nil, binary.LittleEndian.Uint32(p))
		canonical(kind, p)
		return binary.BigEndian.AppendUint32(dst, orderedFloat32(binary.LittleEndian.Uint32(p)))
	case columnar.Float64:
		p = binary.LittleEndian.AppendUint64(nil, binary.LittleEndian.Uint64(p))
		canonical(kind, p)
		return binary.BigEndian.AppendUint64(dst, orderedFloat64(binary.LittleEndian.Uint64(p)))
	default:
	}
	at := len(dst)
	for _, c := range slices.Backward(p) {
		dst = append(dst, c)
	}
	if flips(kind) {
		dst[at] ^= 0x80
	}
	return dst
}

func orderedFloat32(v uint32) uint32 {
	if v>>31 != 0 {
		return ^v
	}
	return v | 1<<31
}

func orderedFloat64(v uint64) uint64 {
	if v>>63 != 0 {
		return ^v
	}
	return v | 1<<63
}

// Decode adds the row of an encoding to a builder for each column. After an error, which matches ErrCorrupt, the builders are worthless.
func (o *Ordered) Decode(p []byte, into []*columnar.Builder) error {
	rest, err := decodeParts(p, o.parts, func(i int) *columnar.Builder { return into[i] })
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(rest))
	}
	return err
}

func decodeParts(p []byte, parts []part, into func(int) *columnar.Builder) ([]byte, error) {
	for i := range parts {
		part := &parts[i]
		if part.nullable {
			if len(p) == 0 || p[0] > 1 {
				return nil, fmt.Errorf("%w: column %q has no null byte", ErrCorrupt, part.name)
			}
			null := p[0] == 0
			p = p[1:]
			if null {
				into(i).AppendNulls(1)
				continue
			}
		}
		var err error
		if p, err = decodePart(p, part, into(i)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func decodePart(p []byte, part *part, b *columnar.Builder) ([]byte, error) {
	switch {
	case part.typ.Kind == columnar.Struct:
		rest, err := decodeParts(p, part.children, b.Child)
		if err == nil {
			b.CloseNested()
		}
		return rest, err
	case part.typ.IsVariable() && part.last:
		b.AppendBytes(p)
		return nil, nil
	case part.typ.IsVariable():
		v, rest, err := unescape(p)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", part.name, err)
		}
		b.AppendBytes(v)
		return rest, nil
	}
	w := max(part.typ.ByteWidth(), 1)
	if part.typ.Kind == columnar.FixedBinary {
		w = int(part.typ.Width)
	}
	if len(p) < w {
		return nil, fmt.Errorf("%w: column %q has %d bytes of %d", ErrCorrupt, part.name, len(p), w)
	}
	decodeOrdered(p[:w], part.typ.Kind, b)
	return p[w:], nil
}

func unescape(p []byte) (v, rest []byte, err error) {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case 0:
			return v, p[i+1:], nil
		case 1:
			i++
			if i == len(p) || p[i] == 0 || p[i] > 2 {
				return nil, nil, fmt.Errorf("%w: an escape before nothing", ErrCorrupt)
			}
			v = append(v, p[i]-1)
		default:
			v = append(v, p[i])
		}
	}
	return nil, nil, fmt.Errorf("%w: bytes without an end", ErrCorrupt)
}

// decodeOrdered adds a value of a fixed width.
func decodeOrdered(p []byte, kind columnar.Kind, b *columnar.Builder) {
	var v [16]byte
	switch kind {
	case columnar.FixedBinary, columnar.Bool:
		appendFixed(b, kind, p)
		return
	case columnar.Float32:
		u := binary.BigEndian.Uint32(p)
		if u>>31 != 0 {
			u ^= 1 << 31
		} else {
			u = ^u
		}
		columnar.AppendFixed(b, math.Float32frombits(u))
		return
	case columnar.Float64:
		u := binary.BigEndian.Uint64(p)
		if u>>63 != 0 {
			u ^= 1 << 63
		} else {
			u = ^u
		}
		columnar.AppendFixed(b, math.Float64frombits(u))
		return
	case columnar.Decimal:
		binary.LittleEndian.PutUint64(v[8:], binary.BigEndian.Uint64(p)^1<<63)
		binary.LittleEndian.PutUint64(v[:], binary.BigEndian.Uint64(p[8:]))
	default:
		for i, c := range p {
			v[len(p)-1-i] = c
		}
		if flips(kind) {
			v[len(p)-1] ^= 0x80
		}
	}
	appendFixed(b, kind, v[:len(p)])
}
