package json

import (
	"encoding/base64"
	"io"
	"math"
	"strconv"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
	"github.com/millrace/millrace/formats/internal/scalar"
)

// writer writes one file.
type writer struct {
	objects
	out *lines.Writer
}

// objects says how rows are written.
type objects struct {
	settings
	names [][]byte // "name": of each column
}

func newObjects(s settings, schema *columnar.Schema) objects {
	o := objects{settings: s}
	o.bare = s.bare && len(schema.Fields) == 1
	for _, f := range schema.Fields {
		o.names = append(o.names, append(appendQuoted(nil, []byte(f.Name)), ':'))
	}
	return o
}

func newWriter(s settings, w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	out, err := lines.NewWriter(w, s.codec)
	if err != nil {
		return nil, err
	}
	return &writer{objects: newObjects(s, schema), out: out}, nil
}

// cell appends the value of a row.
type cell func(buf []byte, row int) []byte

// Write writes a line a row.
func (w *writer) Write(b columnar.Batch) error {
	cells := cellsOf(b)
	buf := w.out.Buffer()
	for i := range b.Rows() {
		buf = append(w.row(buf, b, cells, b.Row(i)), '\n')
	}
	return w.out.Commit(buf)
}

func cellsOf(b columnar.Batch) []cell {
	cells := make([]cell, len(b.Columns))
	for i := range b.Columns {
		cells[i] = cellOf(&b.Columns[i])
	}
	return cells
}

// row appends a row: its object, or its only value.
func (w *objects) row(buf []byte, b columnar.Batch, cells []cell, row int) []byte {
	if w.bare {
		return cells[0](buf, row)
	}
	return append(w.object(append(buf, '{'), b, cells, row), '}')
}

// object appends a row's members.
func (w *objects) object(buf []byte, b columnar.Batch, cells []cell, row int) []byte {
	first := true
	for k, appendCell := range cells {
		if w.omitNull && b.Columns[k].IsNull(row) {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = appendCell(append(buf, w.names[k]...), row)
	}
	return buf
}

// cellOf returns how a column's values are written.
func cellOf(c *columnar.Column) cell {
	value := valueOf(c)
	if !c.HasNulls() {
		return value
	}
	return func(buf []byte, row int) []byte {
		if c.IsNull(row) {
			return append(buf, null...)
		}
		return value(buf, row)
	}
}

// valueOf is cellOf for rows that are not null.
func valueOf(c *columnar.Column) cell {
	switch c.Type.Kind {
	case columnar.String:
		return func(buf []byte, row int) []byte { return appendQuoted(buf, c.Bytes(row)) }
	case columnar.Binary:
		return quoted(func(buf []byte, row int) []byte { return base64.StdEncoding.AppendEncode(buf, c.Bytes(row)) })
	case columnar.FixedBinary:
		return quoted(func(buf []byte, row int) []byte { return base64.StdEncoding.AppendEncode(buf, c.FixedBytes(row)) })
	case columnar.Bool:
		return func(buf []byte, row int) []byte { return strconv.AppendBool(buf, c.Bits.Get(row)) }
	case columnar.Float64:
		return floats(c, columnar.Values[float64](*c))
	case columnar.Float32:
		return floats(c, columnar.Values[float32](*c))
	case columnar.Date, columnar.Timestamp, columnar.Duration:
		return quoted(scalar.Appender(c))
	case columnar.List:
		return list(c)
	case columnar.Map:
		return object(c)
	case columnar.Struct:
		return structure(c)
	default:
		return scalar.Appender(c)
	}
}

func quoted(value cell) cell {
	return func(buf []byte, row int) []byte { return append(value(append(buf, '"'), row), '"') }
}

// floats writes numbers; what is none as the strings that the reader knows.
func floats[T float32 | float64](c *columnar.Column, values []T) cell {
	number := scalar.Appender(c)
	return func(buf []byte, row int) []byte {
		switch v := float64(values[row]); {
		case math.IsNaN(v):
			return append(buf, `"NaN"`...)
		case math.IsInf(v, 1):
			return append(buf, `"Infinity"`...)
		case math.IsInf(v, -1):
			return append(buf, `"-Infinity"`...)
		}
		return number(buf, row)
	}
}

func list(c *columnar.Column) cell {
	item := cellOf(&c.Children[0])
	return func(buf []byte, row int) []byte {
		buf = append(buf, '[')
		for i := c.Offsets[row]; i < c.Offsets[row+1]; i++ {
			if i > c.Offsets[row] {
				buf = append(buf, ',')
			}
			buf = item(buf, int(i))
		}
		return append(buf, ']')
	}
}

// object writes maps.
func object(c *columnar.Column) cell {
	key, value := valueOf(&c.Children[0]), cellOf(&c.Children[1])
	switch k := c.Type.Fields[0].Type; {
	case k.IsInteger(), k.Kind == columnar.Bool, k.Kind == columnar.Decimal:
		key = quoted(key)
	}
	return func(buf []byte, row int) []byte {
		buf = append(buf, '{')
		for i := c.Offsets[row]; i < c.Offsets[row+1]; i++ {
			if i > c.Offsets[row] {
				buf = append(buf, ',')
			}
			buf = value(append(key(buf, int(i)), ':'), int(i))
		}
		return append(buf, '}')
	}
}

func structure(c *columnar.Column) cell {
	var names [][]byte
	var values []cell
	for i, f := range c.Type.Fields {
		names = append(names, append(appendQuoted(nil, []byte(f.Name)), ':'))
		values = append(values, cellOf(&c.Children[i]))
	}
	return func(buf []byte, row int) []byte {
		buf = append(buf, '{')
		for i, value := range values {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = value(append(buf, names[i]...), row)
		}
		return append(buf, '}')
	}
}

// Size returns how many bytes have been written.
func (w *writer) Size() int64 { return w.out.Size() }

// Close writes the rest.
func (w *writer) Close() error { return w.out.Close() }
