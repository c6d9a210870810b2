package agg

import "github.com/millrace/millrace/columnar"

// CountRows counts rows: SQL's count(*).
func CountRows() Function {
	return Function{
		Name: "count", State: []columnar.Field{always("count", columnar.Int64Type)}, Result: always("count", columnar.Int64Type),
		CanRetract: true, New: func() Accumulator { return &counter{} },
	}
}

// CountOf counts the rows in which a column of type t is not null.
func CountOf(t columnar.Type) Function {
	f := CountRows()
	f.Input = []columnar.Field{value("value", t)}
	return f
}

type counter struct {
	states[int64]
}

func (c *counter) Add(groups []int32, in []columnar.Column, sel []int32) error {
	c.count(groups, in, sel, 1)
	return nil
}

func (c *counter) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	c.count(groups, in, sel, -1)
	return nil
}

func (c *counter) count(groups []int32, in []columnar.Column, sel []int32, by int64) {
	counts := c.all
	if len(in) == 0 || !in[0].HasNulls() {
		for _, g := range groups {
			counts[g] += by
		}
		return
	}
	for k, g := range groups {
		if !in[0].IsNull(rowAt(sel, k)) {
			counts[g] += by
		}
	}
}

func (c *counter) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	counts := columnar.Values[int64](state[0])
	for k, g := range groups {
		c.all[g] += counts[rowAt(sel, k)]
	}
	return nil
}

func (c *counter) State(from, to int) ([]columnar.Column, error) {
	return []columnar.Column{c.column(from, to)}, nil
}

func (c *counter) Result(from, to int) (columnar.Column, error) { return c.column(from, to), nil }

func (c *counter) column(from, to int) columnar.Column {
	return columnar.Of(columnar.Int64Type, append([]int64{}, c.all[from:to]...), columnar.Bitmap{})
}
