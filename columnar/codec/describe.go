package codec

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
)

var (
	float64Type     = reflect.TypeFor[float64]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	decimalType     = reflect.TypeFor[columnar.DecimalValue]()
	rowType         = reflect.TypeFor[columnar.Row]()
	marshalerType   = reflect.TypeFor[encoding.BinaryMarshaler]()
	unmarshalerType = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// describer builds shapes by reflection; open has the types whose parts are being looked at, to find recursion.
type describer struct{ open []reflect.Type }

// describe returns the shape of t under the options of its tag. The path names the place in errors, which are complete sentences.
func (d *describer) describe(t reflect.Type, o options, path string) (*shape, error) {
	if slices.Contains(d.open, t) {
		return nil, fmt.Errorf("%s: the type %s contains itself; columns have a fixed depth", path, t)
	}
	d.open = append(d.open, t)
	defer func() { d.open = d.open[:len(d.open)-1] }()

	s, err := d.shapeOf(t, o, path)
	if err != nil {
		return nil, err
	}
	s.goType = t
	return s, nil
}

func (d *describer) shapeOf(t reflect.Type, o options, path string) (*shape, error) {
	switch {
	case t == rowType:
		return nil, fmt.Errorf("%s: a columnar.Row within another type has no schema; use a struct", path)
	case isLeaf(t):
		s, err := leaf(t, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return s, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.pointer(t, o, path)
	case reflect.Slice:
		return d.slice(t, o, path)
	case reflect.Array:
		return d.array(t, o, path)
	case reflect.Map:
		return d.mapping(t, o, path)
	case reflect.Struct:
		if err := o.allow(t); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return d.structure(t, path)
	default:
		return nil, fmt.Errorf("%s: the type %s cannot be stored in a column", path, t)
	}
}

// marshals says whether values encode themselves. A struct may have the methods from a field that it embeds, which knows nothing of the
// others; such a struct is stored by its fields, even when the methods are its own.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || !p.Implements(marshalerType) || !p.Implements(unmarshalerType) {
		return false
	}
	for i := 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
		if f := t.Field(i); f.Anonymous && (f.Type.Implements(marshalerType) || reflect.PointerTo(f.Type).Implements(marshalerType)) {
			return false
		}
	}
	return true
}

// isLeaf says whether t is stored in one column without children.
func isLeaf(t reflect.Type) bool {
	switch {
	case t == timeType || t == decimalType || marshals(t):
		return true
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return t.Elem().Kind() == reflect.Uint8 && (t.Kind() == reflect.Slice || t.Len() > 0)
	default:
		return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
	}
}

// leaf returns the shape of a type for which isLeaf holds.
func leaf(t reflect.Type, o options) (*shape, error) {
	switch t {
	case timeType:
		return timeShape(o), o.allow(t, "date", "local")
	case durationType:
		return durationShape(), o.allow(t)
	case decimalType:
		if o.as == "" {
			return nil, fmt.Errorf("a columnar.DecimalValue needs a tag like `col:\",decimal(15,2)\"`")
		}
		return decimalShape(o), o.allow(t, "decimal")
	}
	if marshals(t) {
		return marshalShape(t), o.allow(t)
	}
	switch t.Kind() {
	case reflect.Int32:
		if o.as == "date" {
			return fixedShape[int32](columnar.DateType), nil
		}
	case reflect.Int64, reflect.Int:
		switch o.as {
		case "timestamp":
			return fixedShape[int64](columnar.TimestampType), nil
		case "decimal":
			return unscaledShape(o)
		}
	case reflect.Float64:
		if o.as == "decimal" {
			return floatDecimalShape(o), nil
		}
	default: // no options
	}
	if err := o.allow(t); err != nil {
		return nil, err
	}
	return plainShape(t), nil
}

// plainShape returns the shape of a type that needs no tag.
func plainShape(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Bool:
		return boolShape()
	case reflect.String:
		return stringShape()
	case reflect.Slice:
		return bytesShape()
	case reflect.Array:
		return byteArrayShape(t.Len())
	default:
		return numberShape(t)
	}
}
