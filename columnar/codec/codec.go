package codec

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/millrace/millrace/columnar"
)

// layout is how values of one Go type are stored as columns. Layouts are immutable.
type layout struct {
	goType reflect.Type
	schema *columnar.Schema
	fields []field // one a column
	flat   bool    // values refer to nothing but strings
	texts  []uintptr
	holes  bool // decoding leaves some fields alone
	whole  bool // T is no struct: its only field is T itself
}

// layouts has the layout, or the error, of each type asked for: types are few and never change.
var layouts sync.Map // of reflect.Type to described

type described struct {
	layout *layout
	err    error
}

func layoutOf(t reflect.Type) (*layout, error) {
	if known, ok := layouts.Load(t); ok {
		d := known.(described)
		return d.layout, d.err
	}
	l, err := newLayout(t)
	layouts.Store(t, described{l, err})
	return l, err
}

func newLayout(t reflect.Type) (*layout, error) {
	s, err := new(describer).describe(t, options{}, t.String())
	if err != nil {
		return nil, err
	}
	l := &layout{goType: t, fields: s.fields, flat: s.flat, texts: s.texts, holes: s.holes}
	if s.column.Kind != columnar.Struct || s.nullable {
		l.whole = true
		l.fields = []field{{shape: s, name: "value", path: t.String()}}
	}
	l.schema = columnar.NewSchema(schemaFields(l.fields)...)
	return l, nil
}

// SchemaOf returns the schema of values of the Go type t: a struct's fields, or one field named "value".
func SchemaOf(t reflect.Type) (*columnar.Schema, error) {
	l, err := layoutOf(t)
	if err != nil {
		return nil, err
	}
	return l.schema, nil
}

// Codec stores values of type T as columns.
type Codec[T any] struct {
	layout *layout // nil when T is columnar.Row
}

// Of returns the codec of T. The first call for a type costs microseconds of reflection, later ones a look-up. The error names the type,
// the path of the field that cannot be stored, and the reason.
func Of[T any]() (*Codec[T], error) {
	t := reflect.TypeFor[T]()
	if t == rowType {
		return &Codec[T]{}, nil
	}
	l, err := layoutOf(t)
	if err != nil {
		return nil, err
	}
	return &Codec[T]{layout: l}, nil
}

// Columns returns the columns that T is stored in: nil for columnar.Row, and for a type that cannot be stored, of which Of gives the error.
func Columns[T any]() *columnar.Schema {
	c, err := Of[T]()
	if err != nil {
		return nil
	}
	return c.Schema()
}

// Schema returns the columns that T is stored in. It is shared: the same pointer for the same T. It is nil for columnar.Row.
func (c *Codec[T]) Schema() *columnar.Schema {
	if c.layout == nil {
		return nil
	}
	return c.layout.schema
}

// bind finds the columns of l's fields in a schema.
func (l *layout) bind(from *columnar.Schema) ([]part, error) {
	if l.whole && len(from.Fields) == 1 {
		only := l.fields[0]
		only.name = from.Fields[0].Name
		return l.named(bindFields([]field{only}, from.Fields))
	}
	return l.named(bindFields(l.fields, from.Fields))
}

func (l *layout) named(parts []part, err error) ([]part, error) {
	if err != nil {
		return nil, fmt.Errorf("reading %s from columns:\n%w", l.goType, err)
	}
	return parts, nil
}
