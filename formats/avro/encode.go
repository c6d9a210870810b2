package avro

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"

	"github.com/millrace/millrace/columnar"
)

// isName says what names of fields and records may be.
var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// object is a schema as JSON.
type object map[string]any

// schemaText returns the schema of files with those columns.
func schemaText(schema *columnar.Schema) ([]byte, error) {
	record, err := recordOf("row", schema.Fields)
	if err != nil {
		return nil, err
	}
	return json.Marshal(record)
}

func recordOf(name string, columns []columnar.Field) (object, error) {
	fields := []object{}
	for _, f := range columns {
		if !isName.MatchString(f.Name) {
			return nil, fmt.Errorf("avro: the column's name %q is no Avro name: letters, digits and _ with no digit first", f.Name)
		}
		t, err := fieldType(name+"_"+f.Name, f)
		if err != nil {
			return nil, fmt.Errorf("%w, in %q", err, f.Name)
		}
		fields = append(fields, object{"name": f.Name, "type": t})
	}
	return object{"type": "record", "name": name, "fields": fields}, nil
}

// fieldType returns the type of a field; name is for the named types in it.
func fieldType(name string, f columnar.Field) (any, error) {
	t, err := valueType(name, f.Type)
	if f.Nullable {
		return []any{"null", t}, err
	}
	return t, err
}

func valueType(name string, t columnar.Type) (any, error) {
	switch t.Kind {
	case columnar.Bool:
		return "boolean", nil
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Uint8, columnar.Uint16:
		return "int", nil
	case columnar.Int64, columnar.Uint32, columnar.Uint64, columnar.Duration:
		return "long", nil
	case columnar.Float32:
		return "float", nil
	case columnar.Float64:
		return "double", nil
	case columnar.Date:
		return object{"type": "int", "logicalType": "date"}, nil
	case columnar.Timestamp:
		if t.UTC {
			return object{"type": "long", "logicalType": "timestamp-micros"}, nil
		}
		return object{"type": "long", "logicalType": "local-timestamp-micros"}, nil
	case columnar.Decimal:
		return object{"type": "bytes", "logicalType": "decimal", "precision": t.Precision, "scale": t.Scale}, nil
	case columnar.String:
		return "string", nil
	case columnar.Binary:
		return "bytes", nil
	case columnar.FixedBinary:
		return object{"type": "fixed", "name": name, "size": t.Width}, nil
	case columnar.List:
		item, err := fieldType(name, t.Fields[0])
		return object{"type": "array", "items": item}, err
	case columnar.Map:
		if t.Fields[0].Type.Kind != columnar.String {
			return nil, fmt.Errorf("avro: %s: keys of maps must be strings", t)
		}
		value, err := fieldType(name, t.Fields[1])
		return object{"type": "map", "values": value}, err
	case columnar.Struct:
		return recordOf(name, t.Fields)
	}
	return nil, fmt.Errorf("avro: %s cannot be written", t)
}

var errNull = errors.New("a null in a column that must not have any")

// appends appends the cell of a column in a row.
type appends func(dst []byte, c *columnar.Column, row int) ([]byte, error)

// appender returns what writes cells of a field.
func appender(f columnar.Field) appends {
	value := valueAppender(f.Type)
	if !f.Nullable {
		return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
			if c.IsNull(row) {
				return dst, errNull
			}
			return value(dst, c, row)
		}
	}
	return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
		if c.IsNull(row) {
			return append(dst, 0), nil
		}
		return value(append(dst, 2), c, row)
	}
}

func valueAppender(t columnar.Type) appends {
	switch t.Kind {
	case columnar.Bool:
		return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
			if c.Bits.Get(row) {
				return append(dst, 1), nil
			}
			return append(dst, 0), nil
		}
	case columnar.Int8:
		return appendInt[int8]
	case columnar.Int16:
		return appendInt[int16]
	case columnar.Int32, columnar.Date:
		return appendInt[int32]
	case columnar.Uint8:
		return appendInt[uint8]
	case columnar.Uint16:
		return appendInt[uint16]
	case columnar.Uint32:
		return appendInt[uint32]
	case columnar.Uint64:
		return appendInt[uint64]
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		return appendInt[int64]
	case columnar.Float32, columnar.Float64, columnar.FixedBinary:
		return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
			return append(dst, c.FixedBytes(row)...), nil
		}
	case columnar.Decimal:
		return appendDecimal
	case columnar.List, columnar.Map:
		return itemsAppender(t)
	case columnar.Struct:
		return structAppender(t)
	default:
		return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
			v := c.Bytes(row)
			return append(binary.AppendVarint(dst, int64(len(v))), v...), nil
		}
	}
}

func appendInt[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst []byte, c *columnar.Column, row int) ([]byte, error) {
	v := columnar.Values[T](*c)[row]
	if uint64(v) > math.MaxInt64 && v > 0 {
		return dst, fmt.Errorf("%d does not fit a long", v)
	}
	return binary.AppendVarint(dst, int64(v)), nil
}

// appendDecimal writes the fewest bytes that hold the integer and its sign.
func appendDecimal(dst []byte, c *columnar.Column, row int) ([]byte, error) {
	v := columnar.Values[columnar.Decimal128](*c)[row]
	var all [16]byte
	binary.BigEndian.PutUint64(all[:8], uint64(v.Hi))
	binary.BigEndian.PutUint64(all[8:], v.Lo)
	n := 0
	for n < 15 && all[n] == byte(v.Hi>>63) && (all[n+1]^all[n])>>7 == 0 {
		n++
	}
	return append(binary.AppendVarint(dst, int64(16-n)), all[n:]...), nil
}

func itemsAppender(t columnar.Type) appends {
	var parts []appends
	for _, f := range t.Fields {
		parts = append(parts, appender(f))
	}
	return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
		lo, hi := int(c.Offsets[row]), int(c.Offsets[row+1])
		if lo == hi {
			return append(dst, 0), nil
		}
		dst = binary.AppendVarint(dst, int64(hi-lo))
		for i := lo; i < hi; i++ {
			for k, part := range parts {
				var err error
				if dst, err = part(dst, &c.Children[k], i); err != nil {
					return dst, err
				}
			}
		}
		return append(dst, 0), nil
	}
}

func structAppender(t columnar.Type) appends {
	var parts []appends
	for _, f := range t.Fields {
		parts = append(parts, appender(f))
	}
	return func(dst []byte, c *columnar.Column, row int) ([]byte, error) {
		for k, part := range parts {
			var err error
			if dst, err = part(dst, &c.Children[k], row); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
}
