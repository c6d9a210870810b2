package codec

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Value returns row i of c as a columnar.Row holds it: nil for null, else the Go value its documentation names. Strings and []byte alias
// the column. It allocates.
func Value(c *columnar.Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case columnar.Bool:
		return c.Bits.Get(i)
	case columnar.Int8:
		return columnar.Values[int8](*c)[i]
	case columnar.Int16:
		return columnar.Values[int16](*c)[i]
	case columnar.Int32:
		return columnar.Values[int32](*c)[i]
	case columnar.Int64:
		return columnar.Values[int64](*c)[i]
	case columnar.Uint8:
		return columnar.Values[uint8](*c)[i]
	case columnar.Uint16:
		return columnar.Values[uint16](*c)[i]
	case columnar.Uint32:
		return columnar.Values[uint32](*c)[i]
	case columnar.Uint64:
		return columnar.Values[uint64](*c)[i]
	case columnar.Float32:
		return columnar.Values[float32](*c)[i]
	case columnar.Float64:
		return columnar.Values[float64](*c)[i]
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: columnar.Values[columnar.Decimal128](*c)[i], Scale: c.Type.Scale}
	case columnar.Date:
		return midnight(columnar.Values[int32](*c)[i])
	case columnar.Timestamp:
		return timeOf(columnar.Values[int64](*c)[i])
	case columnar.Duration:
		return time.Duration(columnar.Values[int64](*c)[i]) * time.Microsecond
	case columnar.String:
		return c.Text(i)
	case columnar.Binary:
		return c.Bytes(i)
	case columnar.FixedBinary:
		return c.FixedBytes(i)
	default:
		return nestedValue(c, i)
	}
}

func nestedValue(c *columnar.Column, i int) any {
	if c.Type.Kind == columnar.Struct {
		row := columnar.Row{Schema: columnar.NewSchema(c.Type.Fields...), Values: make([]any, len(c.Children))}
		for k := range c.Children {
			row.Values[k] = Value(&c.Children[k], i)
		}
		return row
	}
	lo, hi := int(c.Offsets[i]), int(c.Offsets[i+1])
	if c.Type.Kind == columnar.List {
		items := make([]any, hi-lo)
		for k := range items {
			items[k] = Value(&c.Children[0], lo+k)
		}
		return items
	}
	entries := make([][2]any, hi-lo)
	for k := range entries {
		entries[k] = [2]any{Value(&c.Children[0], lo+k), Value(&c.Children[1], lo+k)}
	}
	return entries
}

// decodeRows fills values of type columnar.Row; their Values are parts of one slice.
func decodeRows(schema *columnar.Schema, columns []columnar.Column, rows span, to strided) {
	width := len(columns)
	cells := make([]any, rows.n*width)
	for k := range columns {
		for i := range rows.n {
			cells[i*width+k] = Value(&columns[k], rows.row(i))
		}
	}
	for i := range rows.n {
		*(*columnar.Row)(to.at(i)) = columnar.Row{Schema: schema, Values: cells[i*width : (i+1)*width : (i+1)*width]}
	}
}

// rowEncoder appends values of type columnar.Row to builders.
type rowEncoder struct {
	schema   *columnar.Schema // nil until the first row tells it
	builders []*columnar.Builder
}

func newRowEncoder(schema *columnar.Schema) *rowEncoder {
	e := &rowEncoder{}
	if schema != nil {
		e.open(schema)
	}
	return e
}

func (e *rowEncoder) open(schema *columnar.Schema) {
	e.schema = schema
	for _, f := range schema.Fields {
		e.builders = append(e.builders, columnar.NewBuilder(f.Type, 0))
	}
}

func (e *rowEncoder) append(from strided) error {
	for i := range from.n {
		if err := e.appendRow((*columnar.Row)(from.at(i))); err != nil {
			return err
		}
	}
	return nil
}

func (e *rowEncoder) appendRow(row *columnar.Row) error {
	switch {
	case row.Schema == nil:
		return fmt.Errorf("a row without a schema")
	case e.schema == nil:
		e.open(row.Schema)
	case e.schema != row.Schema && !e.schema.Equal(row.Schema):
		return fmt.Errorf("rows of two schemas in one data set:\n%sand\n%s", e.schema, row.Schema)
	}
	if len(row.Values) != len(e.builders) {
		return fmt.Errorf("a row of %d values under a schema of %d fields", len(row.Values), len(e.builders))
	}
	for i, v := range row.Values {
		f := &e.schema.Fields[i]
		if v == nil && !f.Nullable {
			return fmt.Errorf("column %q: a null, but the schema says that there are none", f.Name)
		}
		if err := AppendValue(e.builders[i], v); err != nil {
			return fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	return nil
}
