package checkpoint

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/state"
)

// migration makes batches of a table as it is declared of those that were saved.
type migration struct {
	schema *columnar.Schema
	from   []int // by column wanted, the saved one; -1: none, it has its default
	now    int64 // when rows count as written of which nothing says when, in microseconds
}

// ErrMisfit is why saved state cannot be given back: it does not fit what is declared, and its loss is not allowed.
var ErrMisfit = errors.New("the saved state does not fit")

// newMigration returns the migration between two descriptions of a table, or an error with all that does not fit.
func newMigration(saved, want state.Table, now time.Time) (*migration, error) {
	e := evolve(saved, want)
	if e.isRefused() {
		var reasons []string
		for _, c := range e.changes {
			if c.What == "refused" {
				reasons = append(reasons, c.String())
			}
		}
		return nil, fmt.Errorf("%w: %s", ErrMisfit, strings.Join(reasons, "; "))
	}
	m := &migration{schema: want.Schema(), now: columnar.Micros(now)}
	for i := range len(want.Keys) + len(want.Namespace) {
		m.from = append(m.from, i)
	}
	for _, f := range want.Values {
		i := index(saved.Values, f.Name)
		if i >= 0 {
			i += len(saved.Keys) + len(saved.Namespace)
		}
		m.from = append(m.from, i)
	}
	if want.TTL > 0 && saved.TTL > 0 {
		m.from = append(m.from, len(saved.Schema().Fields)-1)
	}
	return m, nil
}

// batch returns the rows that count, in the columns wanted.
func (m *migration) batch(b columnar.Batch) (columnar.Batch, error) {
	out := columnar.Batch{Schema: m.schema, Len: b.Len, Sel: b.Sel}
	for i, from := range m.from {
		want := m.schema.Fields[i]
		if from < 0 {
			out.Columns = append(out.Columns, defaults(want, b.Len))
			continue
		}
		c, err := converted(b.Columns[from], want.Type)
		if err != nil {
			return out, fmt.Errorf("column %q: %w", want.Name, err)
		}
		out.Columns = append(out.Columns, c)
	}
	if len(out.Columns) < len(m.schema.Fields) {
		out.Columns = append(out.Columns, m.written(b.Len))
	}
	return out.Compact(), nil
}

// written is the column of a table that has got a time to live: it counts from the checkpoint.
func (m *migration) written(n int) columnar.Column {
	at := make([]int64, n)
	for i := range at {
		at[i] = m.now
	}
	return columnar.Of(columnar.TimestampType, at, columnar.Bitmap{})
}

// converted returns a column as one of a type that it can become, as evolve says.
func converted(c columnar.Column, to columnar.Type) (columnar.Column, error) {
	from := c.Type
	c.Type = to
	var err error
	switch {
	case from.Equal(to):
		return c, nil
	case to.Kind == columnar.Struct:
		old := c.Children
		c.Children = make([]columnar.Column, len(to.Fields))
		for i, f := range to.Fields {
			if k := index(from.Fields, f.Name); k < 0 {
				c.Children[i] = defaults(f, c.Len)
			} else if c.Children[i], err = converted(old[k], f.Type); err != nil {
				return c, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return c, nil
	case to.IsNested():
		old := c.Children
		c.Children = make([]columnar.Column, len(old))
		for i, f := range to.Fields {
			if c.Children[i], err = converted(old[i], f.Type); err != nil {
				return c, err
			}
		}
		return c, nil
	default:
		c.Type = from
		return widened(c, to)
	}
}

// widened casts a column of numbers.
func widened(c columnar.Column, to columnar.Type) (columnar.Column, error) {
	schema := columnar.NewSchema(columnar.Field{Name: "x", Type: c.Type, Nullable: true})
	program, err := expr.Bind(expr.Col("x").Cast(to), schema)
	if err != nil {
		return c, err
	}
	c, err = program.Eval(columnar.Batch{Schema: schema, Columns: []columnar.Column{c}, Len: c.Len})
	if err != nil {
		return c, err
	}
	own := columnar.NewBuilder(to, c.Len) // The buffers are the program's.
	own.Append(c, nil)
	return own.Finish(), nil
}

// defaults returns n values of a field that was not saved: nulls where there can be nulls, else what a Go variable begins with.
func defaults(f columnar.Field, n int) columnar.Column {
	if f.Nullable {
		b := columnar.NewBuilder(f.Type, n)
		b.AppendNulls(n)
		return b.Finish()
	}
	c := columnar.Column{Type: f.Type, Len: n}
	switch {
	case f.Type.Kind == columnar.Bool:
		c.Bits = columnar.NewBitmap(n)
	case f.Type.IsVariable():
		c.Offsets = make([]int32, n+1)
	case f.Type.Kind == columnar.Struct:
		for _, child := range f.Type.Fields {
			c.Children = append(c.Children, defaults(child, n))
		}
	case f.Type.IsNested():
		c.Offsets = make([]int32, n+1)
		for _, child := range f.Type.Fields {
			c.Children = append(c.Children, defaults(child, 0))
		}
	default:
		c.Data = make([]byte, n*f.Type.ByteWidth())
	}
	return c
}
