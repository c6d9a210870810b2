package agg

import "github.com/millrace/millrace/columnar"

// resultAs returns f with results of the type that a Go type is stored as, which differs from f's in what is nullable in it.
func (f Function) resultAs(field columnar.Field) Function {
	inner := f.New
	f.Result.Type, f.Result.Nullable = field.Type, f.Result.Nullable || field.Nullable
	f.New = func() Accumulator {
		acc := inner()
		if r, ok := acc.(Retractor); ok {
			return &typedRetractor{r, field.Type}
		}
		return &typed{acc, field.Type}
	}
	return f
}

// typed is an accumulator whose results are of a certain type.
type typed struct {
	Accumulator
	result columnar.Type
}

func (t *typed) Result(from, to int) (columnar.Column, error) {
	c, err := t.Accumulator.Result(from, to)
	c.Type = t.result
	return c, err
}

type typedRetractor struct {
	Retractor
	result columnar.Type
}

func (t *typedRetractor) Result(from, to int) (columnar.Column, error) {
	c, err := t.Retractor.Result(from, to)
	c.Type = t.result
	return c, err
}

// bare returns the accumulator itself, without what says of which type its results are.
func bare(a Accumulator) Accumulator {
	switch t := a.(type) {
	case *typed:
		return t.Accumulator
	case *typedRetractor:
		return t.Retractor
	default:
		return a
	}
}

// withoutNulls returns c without nulls where the field, or a field in it, has none. Where they stood are zeros.
func withoutNulls(c columnar.Column, field columnar.Field) columnar.Column {
	c.Type = field.Type
	if !field.Nullable {
		c.Valid = columnar.Bitmap{}
	}
	if c.Type.Kind == columnar.Struct {
		children := make([]columnar.Column, len(c.Children))
		for i := range children {
			children[i] = withoutNulls(c.Children[i], field.Type.Fields[i])
		}
		c.Children = children
	}
	return c
}
