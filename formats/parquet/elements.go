package parquet

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// elementsOf returns the schema of a file with those columns, parents first.
func elementsOf(schema *columnar.Schema) ([]element, error) {
	if len(schema.Fields) == 0 {
		return nil, errors.New("parquet: a file needs a column")
	}
	all := []element{{group: true, name: "schema", children: int32(len(schema.Fields)), converted: -1}}
	for _, f := range schema.Fields {
		var err error
		if all, err = appendElements(all, f); err != nil {
			return nil, fmt.Errorf("parquet: column %q: %w", f.Name, err)
		}
	}
	return all, nil
}

func appendElements(all []element, f columnar.Field) ([]element, error) {
	e := element{name: f.Name, converted: -1, rep: required}
	if f.Nullable {
		e.rep = optional
	}
	switch t := f.Type; t.Kind {
	case columnar.List:
		e.group, e.children, e.converted, e.logical.kind = true, 1, convList, logicalList
		item := columnar.Field{Name: "element", Type: t.Fields[0].Type, Nullable: t.Fields[0].Nullable}
		return appendElements(append(all, e, element{group: true, name: "list", children: 1, converted: -1, rep: repeated}), item)
	case columnar.Map:
		e.group, e.children, e.converted, e.logical.kind = true, 1, convMap, logicalMap
		all = append(all, e, element{group: true, name: "key_value", children: 2, converted: -1, rep: repeated})
		all, err := appendElements(all, columnar.Field{Name: "key", Type: t.Fields[0].Type})
		if err != nil {
			return nil, err
		}
		return appendElements(all, columnar.Field{Name: "value", Type: t.Fields[1].Type, Nullable: t.Fields[1].Nullable})
	case columnar.Struct:
		if len(t.Fields) == 0 {
			return nil, errors.New("a struct without fields cannot be written")
		}
		e.group, e.children = true, int32(len(t.Fields))
		all = append(all, e)
		for _, field := range t.Fields {
			var err error
			if all, err = appendElements(all, field); err != nil {
				return nil, fmt.Errorf("%q: %w", field.Name, err)
			}
		}
		return all, nil
	default:
		if err := setStored(&e, f.Type); err != nil {
			return nil, err
		}
		return append(all, e), nil
	}
}

// setStored says how values of a type are stored.
func setStored(e *element, t columnar.Type) error {
	integer := func(phys physical, converted int32, bits byte, signed bool) {
		e.phys, e.converted, e.logical = phys, converted, logical{kind: logicalInteger, bits: bits, signed: signed}
	}
	switch t.Kind {
	case columnar.Bool:
		e.phys = physBool
	case columnar.Int8:
		integer(physInt32, convInt8, 8, true)
	case columnar.Int16:
		integer(physInt32, convInt8+1, 16, true)
	case columnar.Int32:
		e.phys = physInt32
	case columnar.Uint8:
		integer(physInt32, convUint8, 8, false)
	case columnar.Uint16:
		integer(physInt32, convUint8+1, 16, false)
	case columnar.Uint32:
		integer(physInt32, convUint8+2, 32, false)
	case columnar.Uint64:
		integer(physInt64, convUint64, 64, false)
	case columnar.Int64, columnar.Duration:
		e.phys = physInt64
	case columnar.Float32:
		e.phys = physFloat
	case columnar.Float64:
		e.phys = physDouble
	case columnar.Date:
		e.phys, e.converted, e.logical.kind = physInt32, convDate, logicalDate
	case columnar.Timestamp:
		e.phys, e.logical = physInt64, logical{kind: logicalTimestamp, utc: t.UTC, unit: unitMicros}
		if t.UTC {
			e.converted = convTimestampMicros
		}
	case columnar.Decimal:
		setDecimal(e, t)
	case columnar.String:
		e.phys, e.converted, e.logical.kind = physBytes, convUTF8, logicalString
	case columnar.Binary:
		e.phys = physBytes
	case columnar.FixedBinary:
		e.phys, e.length = physFixed, t.Width
		if t.Width <= 0 {
			return fmt.Errorf("%s cannot be written", t)
		}
	default:
		return fmt.Errorf("%s cannot be written", t)
	}
	return nil
}

// setDecimal stores decimals in the fewest bytes.
func setDecimal(e *element, t columnar.Type) {
	e.converted, e.precision, e.scale = convDecimal, int32(t.Precision), int32(t.Scale)
	e.logical = logical{kind: logicalDecimal, precision: e.precision, scale: e.scale}
	switch {
	case t.Precision <= 9:
		e.phys = physInt32
	case t.Precision <= 18:
		e.phys = physInt64
	default:
		e.phys, e.length = physFixed, 16
	}
}

// typedLeaf is a leaf with the type of the column written: durations are stored as integers.
type typedLeaf struct {
	leaf *leafType
	typ  columnar.Type
}

// typedLeaves returns the leaves of s for a column of type t, in order.
func typedLeaves(s *shape, t columnar.Type) []typedLeaf {
	if s.leaf != nil {
		return []typedLeaf{{s.leaf, t}}
	}
	var all []typedLeaf
	for i, c := range s.children {
		all = append(all, typedLeaves(c, t.Fields[i].Type)...)
	}
	return all
}
