package arrowipc

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/millrace/millrace/columnar"
)

// schemaOf returns the columns of Arrow's schema.
func schemaOf(s *arrow.Schema) (*columnar.Schema, error) {
	out := &columnar.Schema{}
	for _, f := range s.Fields() {
		field, err := fieldOf(f)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out.Fields = append(out.Fields, field)
	}
	return out, nil
}

func fieldOf(f arrow.Field) (columnar.Field, error) {
	t, err := typeOf(f.Type)
	return columnar.Field{Name: f.Name, Type: t, Nullable: f.Nullable}, err
}

var plainTypes = map[arrow.Type]columnar.Type{
	arrow.BOOL: columnar.BoolType, arrow.INT8: {Kind: columnar.Int8}, arrow.INT16: {Kind: columnar.Int16}, arrow.INT32: columnar.Int32Type,
	arrow.INT64: columnar.Int64Type, arrow.UINT8: {Kind: columnar.Uint8}, arrow.UINT16: {Kind: columnar.Uint16}, arrow.UINT32: {Kind: columnar.Uint32},
	arrow.UINT64: {Kind: columnar.Uint64}, arrow.FLOAT16: {Kind: columnar.Float32}, arrow.FLOAT32: {Kind: columnar.Float32}, arrow.FLOAT64: columnar.Float64Type,
	arrow.STRING: columnar.StringType, arrow.LARGE_STRING: columnar.StringType, arrow.STRING_VIEW: columnar.StringType, arrow.NULL: columnar.StringType,
	arrow.BINARY: columnar.BinaryType, arrow.LARGE_BINARY: columnar.BinaryType, arrow.BINARY_VIEW: columnar.BinaryType,
	arrow.DATE32: columnar.DateType, arrow.DATE64: columnar.DateType, arrow.TIME32: {Kind: columnar.Duration}, arrow.TIME64: {Kind: columnar.Duration},
	arrow.DURATION: {Kind: columnar.Duration},
}

// typeOf returns the type of columns that hold an Arrow type's values.
func typeOf(t arrow.DataType) (columnar.Type, error) {
	if plain, ok := plainTypes[t.ID()]; ok {
		return plain, nil
	}
	switch t := t.(type) {
	case *arrow.TimestampType:
		return columnar.Type{Kind: columnar.Timestamp, UTC: t.TimeZone != ""}, nil
	case *arrow.Decimal128Type:
		if t.Precision >= 1 && t.Precision <= columnar.MaxPrecision && t.Scale >= 0 && t.Scale <= t.Precision {
			return columnar.DecimalOf(uint8(t.Precision), uint8(t.Scale)), nil
		}
	case *arrow.FixedSizeBinaryType:
		return columnar.Type{Kind: columnar.FixedBinary, Width: int32(t.ByteWidth)}, nil
	case *arrow.DictionaryType:
		return typeOf(t.ValueType)
	case *arrow.StructType:
		var fields []columnar.Field
		for _, f := range t.Fields() {
			field, err := fieldOf(f)
			if err != nil {
				return columnar.Type{}, fmt.Errorf("%q: %w", f.Name, err)
			}
			fields = append(fields, field)
		}
		return columnar.StructOf(fields...), nil
	case *arrow.MapType:
		key, err := typeOf(t.KeyType())
		if err != nil {
			return key, err
		}
		value, err := fieldOf(t.ItemField())
		return columnar.MapOf(key, value.Type, value.Nullable), err
	case arrow.ListLikeType:
		item, err := fieldOf(t.ElemField())
		return columnar.ListOf(item.Type, item.Nullable), err
	case arrow.ExtensionType:
		return typeOf(t.StorageType())
	}
	return columnar.Type{}, fmt.Errorf("%s cannot be a column", t)
}

// arrowSchema returns Arrow's schema of columns.
func arrowSchema(s *columnar.Schema) (*arrow.Schema, error) {
	var fields []arrow.Field
	for _, f := range s.Fields {
		field, err := arrowField(f)
		if err != nil {
			return nil, fmt.Errorf("arrowipc: column %q: %w", f.Name, err)
		}
		fields = append(fields, field)
	}
	return arrow.NewSchema(fields, nil), nil
}

func arrowField(f columnar.Field) (arrow.Field, error) {
	t, err := arrowType(f.Type)
	return arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable}, err
}

var arrowTypes = map[columnar.Kind]arrow.DataType{
	columnar.Bool: arrow.FixedWidthTypes.Boolean, columnar.Int8: arrow.PrimitiveTypes.Int8, columnar.Int16: arrow.PrimitiveTypes.Int16,
	columnar.Int32: arrow.PrimitiveTypes.Int32, columnar.Int64: arrow.PrimitiveTypes.Int64, columnar.Uint8: arrow.PrimitiveTypes.Uint8,
	columnar.Uint16: arrow.PrimitiveTypes.Uint16, columnar.Uint32: arrow.PrimitiveTypes.Uint32, columnar.Uint64: arrow.PrimitiveTypes.Uint64,
	columnar.Float32: arrow.PrimitiveTypes.Float32, columnar.Float64: arrow.PrimitiveTypes.Float64, columnar.Date: arrow.FixedWidthTypes.Date32,
	columnar.Duration: arrow.FixedWidthTypes.Duration_us, columnar.String: arrow.BinaryTypes.String, columnar.Binary: arrow.BinaryTypes.Binary,
}

func arrowType(t columnar.Type) (arrow.DataType, error) {
	if plain, ok := arrowTypes[t.Kind]; ok {
		return plain, nil
	}
	var fields []arrow.Field
	for _, f := range t.Fields {
		field, err := arrowField(f)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		fields = append(fields, field)
	}
	switch t.Kind {
	case columnar.Timestamp:
		if t.UTC {
			return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, nil
		}
		return &arrow.TimestampType{Unit: arrow.Microsecond}, nil
	case columnar.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}, nil
	case columnar.FixedBinary:
		return &arrow.FixedSizeBinaryType{ByteWidth: int(t.Width)}, nil
	case columnar.List:
		return arrow.ListOfField(fields[0]), nil
	case columnar.Map:
		m := arrow.MapOf(fields[0].Type, fields[1].Type)
		m.SetItemNullable(fields[1].Nullable)
		return m, nil
	case columnar.Struct:
		return arrow.StructOf(fields...), nil
	default:
		return nil, fmt.Errorf("%s cannot be written", t)
	}
}
