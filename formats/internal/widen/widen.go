// Package widen reads columns of a file as columns of wider types, for formats that declare types of their own.
package widen

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

// Cast makes a column of one type a column of another. nil stands for none: the types are the same.
type Cast func(c columnar.Column) (columnar.Column, error)

// New returns the cast from a column of a file to the type wanted: integers widen to integers and floats that hold all their values, float32 to
// float64, decimals to decimals with more digits and to float64, dates to timestamps; strings and binaries, timestamps with and without zone, and int64 and
// duration are the same bytes. The error names both types.
func New(from columnar.Field, to columnar.Type) (Cast, error) {
	switch {
	case from.Type.Equal(to) || sameLayout(from.Type, to):
		return nil, nil
	case Relabels(from.Type, to):
		return func(c columnar.Column) (columnar.Column, error) {
			c.Type = to
			return c, nil
		}, nil
	case !widens(from.Type, to):
		return nil, fmt.Errorf("it is %s in the file, and %s is wanted", from.Type, to)
	}
	schema := columnar.NewSchema(from)
	program, err := expr.Bind(expr.Col(from.Name).Cast(to), schema)
	if err != nil {
		return nil, err
	}
	return func(c columnar.Column) (columnar.Column, error) {
		c, err := program.Eval(columnar.Batch{Schema: schema, Columns: []columnar.Column{c}, Len: c.Len})
		if err != nil {
			return c, err
		}
		own := columnar.NewBuilder(to, c.Len) // The buffers are the program's.
		own.Append(c, nil)
		return own.Finish(), nil
	}, nil
}

// sameLayout says whether nested types differ in names of items and in what may be null alone.
func sameLayout(from, to columnar.Type) bool {
	if from.Kind != to.Kind || len(from.Fields) != len(to.Fields) || len(from.Fields) == 0 {
		return from.Equal(to)
	}
	for i, f := range from.Fields {
		if from.Kind == columnar.Struct && f.Name != to.Fields[i].Name || !sameLayout(f.Type, to.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Relabels says whether values of one type are the other's as they are. Writers disagree on what an unmarked timestamp is.
func Relabels(from, to columnar.Type) bool {
	return from.Kind == columnar.Int64 && to.Kind == columnar.Duration || from.Kind == columnar.Timestamp && to.Kind == columnar.Timestamp ||
		from.IsVariable() && to.IsVariable()
}

// widens says whether every value of a type has a place in another.
func widens(from, to columnar.Type) bool {
	return from.Widens(to) || from.Kind == columnar.Decimal && to.Kind == columnar.Float64 || from.Kind == columnar.Date && to.Kind == columnar.Timestamp
}
