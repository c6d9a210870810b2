package arrowipc

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats/internal/widen"
)

// match is how the columns wanted are made of those that there are.
type match struct {
	schema *columnar.Schema
	index  []int // of the columns wanted among those that there are; -1: null
	casts  []widen.Cast
}

// newMatch finds the columns wanted by name; nil: all.
func newMatch(have, want *columnar.Schema) (match, error) {
	m := match{schema: want}
	if want == nil {
		m.schema = have
	}
	for _, field := range m.schema.Fields {
		i := have.Index(field.Name)
		var cast widen.Cast
		var err error
		if i >= 0 {
			if cast, err = widen.New(have.Fields[i], field.Type); err != nil {
				return m, fmt.Errorf("column %q: %w", field.Name, err)
			}
		} else if !field.Nullable {
			return m, fmt.Errorf("it has no column %q; it has %v", field.Name, have.Names())
		}
		m.index, m.casts = append(m.index, i), append(m.casts, cast)
	}
	return m, nil
}

// batch returns the columns wanted of a record batch.
func (m match) batch(rec arrow.Record) (columnar.Batch, error) {
	n := int(rec.NumRows())
	b := columnar.Batch{Schema: m.schema, Columns: make([]columnar.Column, len(m.index)), Len: n}
	for k, i := range m.index {
		if i < 0 {
			nulls := columnar.NewBuilder(m.schema.Fields[k].Type, n)
			nulls.AppendNulls(n)
			b.Columns[k] = nulls.Finish()
			continue
		}
		c, err := columnOf(rec.Column(i))
		if err == nil && c.Len != n {
			err = errBuffers
		}
		if err == nil && m.casts[k] != nil {
			c, err = m.casts[k](c)
		}
		if err != nil {
			return b, fmt.Errorf("column %q: %w", m.schema.Fields[k].Name, err)
		}
		b.Columns[k] = c
	}
	return b, nil
}
