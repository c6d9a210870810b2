package agg

import "github.com/millrace/millrace/columnar"

// resultAs returns f with results of the type that a Go type is stored as: nullable only if that is, so that a null becomes the zero value.
func (f Function) resultAs(field columnar.Field) Function {
	inner := f.New
	f.Result = columnar.Field{Name: f.Result.Name, Type: field.Type, Nullable: field.Nullable}
	f.New = func() Accumulator {
		acc := inner()
		if r, ok := acc.(Retractor); ok {
			return &typedRetractor{r, field}
		}
		return &typed{acc, field}
	}
	return f
}

// typed is an accumulator whose results have the nullability of a field.
type typed struct {
	Accumulator
	field columnar.Field
}

func (t *typed) Result(from, to int) (columnar.Column, error) {
	c, err := t.Accumulator.Result(from, to)
	return as(c, t.field), err
}

type typedRetractor struct {
	Retractor
	field columnar.Field
}

func (t *typedRetractor) Result(from, to int) (columnar.Column, error) {
	c, err := t.Retractor.Result(from, to)
	return as(c, t.field), err
}

// as returns c as a column of the field: without nulls where the field, or a field in it, has none. Under a null there is zero.
func as(c columnar.Column, field columnar.Field) columnar.Column {
	c.Type = field.Type
	if !field.Nullable {
		c.Valid = columnar.Bitmap{}
	}
	if c.Type.Kind == columnar.Struct {
		children := make([]columnar.Column, len(c.Children))
		for i := range children {
			children[i] = as(c.Children[i], field.Type.Fields[i])
		}
		c.Children = children
	}
	return c
}
