package plan

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

// Output implements Op.
func (o Read) Output([]*columnar.Schema) (*columnar.Schema, error) {
	switch {
	case o.Scan.Columns != nil:
		return o.Scan.Columns, nil
	case o.Source.Schema() != nil:
		return o.Source.Schema(), nil
	default:
		return o.Facts.Schema, nil
	}
}

// Output implements Op.
func (o Rows) Output([]*columnar.Schema) (*columnar.Schema, error) { return o.Program.Tail.Schema, nil }

// Output implements Op.
func (o Whole) Output([]*columnar.Schema) (*columnar.Schema, error) { return o.Program.Schema, nil }

// Output implements Op.
func (o Filter) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	p, err := expr.Bind(o.Predicate, in[0])
	if err != nil {
		return nil, err
	}
	if p.Type().Kind != columnar.Bool {
		return nil, fmt.Errorf("the filter (%s) is of type %s, not bool", o.Predicate, p.Type())
	}
	return in[0], nil
}

// Output implements Op.
func (o Project) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	out := &columnar.Schema{}
	for _, c := range o.Columns {
		p, err := expr.Bind(c.Expr, in[0])
		if err != nil {
			return nil, err
		}
		out.Fields = append(out.Fields, columnar.Field{Name: c.Name, Type: p.Type(), Nullable: p.Nullable()})
	}
	return out, nil
}

// Output implements Op.
func (o Drop) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	return columnar.NewSchema(in[0].Fields[o.Columns:]...), nil
}

// Output implements Op: keys, then results.
func (o Aggregate) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	out := in[0].Select(o.Keys)
	for _, c := range o.Calls {
		f := c.Function.Result
		if c.Name != "" {
			f.Name = c.Name
		}
		out.Fields = append(out.Fields, f)
	}
	return out, nil
}

// Output implements Op.
func (o Join) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil || in[1] == nil {
		return nil, nil
	}
	if len(o.LeftKeys) != len(o.RightKeys) {
		return nil, errors.New("the two sides have different numbers of keys")
	}
	for i := range o.LeftKeys {
		l, r := in[0].Fields[o.LeftKeys[i]], in[1].Fields[o.RightKeys[i]]
		if !l.Type.Equal(r.Type) {
			return nil, fmt.Errorf("key %s of the left side and key %s of the right side differ in type", l, r)
		}
	}
	left, right := o.sides(in)
	return columnar.NewSchema(append(left, right...)...), nil
}

// sides returns the output fields taken from each side, nullable where rows may be missing.
func (o Join) sides(in []*columnar.Schema) (left, right []columnar.Field) {
	left = nullable(in[0].Fields, o.Type == Right || o.Type == Full)
	if o.Type == Semi || o.Type == Anti {
		return left, nil
	}
	return left, nullable(in[1].Fields, o.Type == Left || o.Type == Full)
}

func nullable(fields []columnar.Field, all bool) []columnar.Field {
	out := make([]columnar.Field, len(fields))
	copy(out, fields)
	for i := range out {
		out[i].Nullable = out[i].Nullable || all
	}
	return out
}

// Output implements Op.
func (o Sort) Output(in []*columnar.Schema) (*columnar.Schema, error) { return in[0], nil }

// Output implements Op.
func (o Limit) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if o.Rows < 0 {
		return nil, fmt.Errorf("%d rows are asked for", o.Rows)
	}
	return in[0], nil
}

// Output implements Op.
func (Union) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	for i, s := range in {
		if s == nil {
			return nil, nil
		}
		if !s.Equal(in[0]) {
			return nil, fmt.Errorf("input %d has the schema\n%sbut input 0 has\n%s", i, s, in[0])
		}
	}
	return in[0], nil
}

// Output implements Op.
func (o Partition) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	return columnar.NewSchema(in[0].Fields[o.Drop:]...), nil
}

// Output implements Op.
func (Write) Output([]*columnar.Schema) (*columnar.Schema, error) { return nil, nil }

// Output implements Op.
func (Collect) Output([]*columnar.Schema) (*columnar.Schema, error) { return nil, nil }
