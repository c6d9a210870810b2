package block

import (
	"encoding/binary"
	"math"

	"github.com/zeebo/xxh3"

	"github.com/millrace/millrace/columnar"
)

// maxDepth is how deep types may be nested.
const maxDepth = 64

// EncodeSchema appends s to dst and returns it. The form, with varints as in encoding/binary:
//
//	schema  fields
//	fields  uvarint count, then each field
//	field   uvarint length of the name, name, byte 1 when nullable, type
//	type    byte kind, then: timestamp: byte 1 for UTC; decimal: byte precision, byte scale; fixedbinary: uvarint width;
//	        list, map, struct: fields
func EncodeSchema(dst []byte, s *columnar.Schema) []byte { return appendFields(dst, s.Fields) }

func appendFields(dst []byte, fields []columnar.Field) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fields)))
	for _, f := range fields {
		dst = binary.AppendUvarint(dst, uint64(len(f.Name)))
		dst = append(dst, f.Name...)
		dst = append(dst, oneIf(f.Nullable))
		dst = appendType(dst, f.Type)
	}
	return dst
}

func appendType(dst []byte, t columnar.Type) []byte {
	dst = append(dst, byte(t.Kind))
	switch t.Kind {
	case columnar.Timestamp:
		return append(dst, oneIf(t.UTC))
	case columnar.Decimal:
		return append(dst, t.Precision, t.Scale)
	case columnar.FixedBinary:
		return binary.AppendUvarint(dst, uint64(t.Width))
	case columnar.List, columnar.Map, columnar.Struct:
		return appendFields(dst, t.Fields)
	default:
		return dst
	}
}

func oneIf(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// DecodeSchema reads what EncodeSchema wrote; src holds nothing else.
func DecodeSchema(src []byte) (*columnar.Schema, error) {
	d := schemaDecoder{src: src}
	fields, err := d.fields(0)
	if err != nil {
		return nil, err
	}
	if len(d.src) > 0 {
		return nil, corrupt("schema", "%d bytes are left over", len(d.src))
	}
	return columnar.NewSchema(fields...), nil
}

type schemaDecoder struct{ src []byte }

func (d *schemaDecoder) fields(depth int) ([]columnar.Field, error) {
	if depth > maxDepth {
		return nil, corrupt("schema", "types are nested deeper than %d", maxDepth)
	}
	const leastBytes = 3 // of a field
	n, err := d.number(len(d.src) / leastBytes)
	if err != nil || n == 0 {
		return nil, err
	}
	fields := make([]columnar.Field, n)
	for i := range fields {
		if err := d.field(&fields[i], depth); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (d *schemaDecoder) field(f *columnar.Field, depth int) error {
	n, err := d.number(len(d.src))
	if err != nil {
		return err
	}
	if n > len(d.src) {
		return corrupt("schema", "a name of %d bytes, %d are left", n, len(d.src))
	}
	f.Name, d.src = string(d.src[:n]), d.src[n:]
	if f.Nullable, err = d.flag(); err != nil {
		return err
	}
	return d.typ(&f.Type, depth)
}

func (d *schemaDecoder) typ(t *columnar.Type, depth int) error {
	kind, err := d.byte()
	if err != nil {
		return err
	}
	t.Kind = columnar.Kind(kind)
	switch t.Kind {
	case columnar.Timestamp:
		t.UTC, err = d.flag()
	case columnar.Decimal:
		t.Precision, err = d.byte()
		if err == nil {
			t.Scale, err = d.byte()
		}
		if err == nil && (t.Precision < 1 || t.Precision > 38) {
			err = corrupt("schema", "a decimal of %d digits", t.Precision)
		}
	case columnar.FixedBinary:
		var n int
		n, err = d.number(math.MaxInt32)
		t.Width = int32(n)
	case columnar.List, columnar.Map, columnar.Struct:
		if t.Fields, err = d.fields(depth + 1); err != nil {
			return err
		}
		err = checkChildren(*t)
	default:
		if t.Kind < columnar.Bool || t.Kind > columnar.Struct {
			err = corrupt("schema", "unknown kind %d", kind)
		}
	}
	return err
}

func checkChildren(t columnar.Type) error {
	want := map[columnar.Kind]int{columnar.List: 1, columnar.Map: 2, columnar.Struct: len(t.Fields)}[t.Kind]
	if len(t.Fields) != want {
		return corrupt("schema", "a %s of %d fields", t.Kind, len(t.Fields))
	}
	return nil
}

func (d *schemaDecoder) byte() (byte, error) {
	if len(d.src) == 0 {
		return 0, corrupt("schema", "it ends early")
	}
	b := d.src[0]
	d.src = d.src[1:]
	return b, nil
}

func (d *schemaDecoder) flag() (bool, error) {
	b, err := d.byte()
	if err == nil && b > 1 {
		err = corrupt("schema", "a flag is %d", b)
	}
	return b == 1, err
}

// number reads an unsigned number of at most limit.
func (d *schemaDecoder) number(limit int) (int, error) {
	v, n := binary.Uvarint(d.src)
	if n <= 0 || v > uint64(limit) {
		return 0, corrupt("schema", "a number is missing or larger than %d", limit)
	}
	d.src = d.src[n:]
	return int(v), nil
}

// fingerprint returns 32 bits that tell schemas apart.
func fingerprint(s *columnar.Schema) uint32 { return uint32(xxh3.Hash(EncodeSchema(nil, s))) }
