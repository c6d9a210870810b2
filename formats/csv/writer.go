package csv

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
	"github.com/millrace/millrace/formats/internal/scalar"
)

// writer writes one file.
type writer struct {
	settings
	out    *lines.Writer
	fields []columnar.Field
}

func newWriter(s settings, w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	if err := checkTypes(schema); err != nil {
		return nil, err
	}
	out, err := lines.NewWriter(w, s.codec)
	if err != nil {
		return nil, err
	}
	c := &writer{settings: s, out: out, fields: schema.Fields}
	if !s.header {
		return c, nil
	}
	buf := out.Buffer()
	for i, f := range schema.Fields {
		if i > 0 {
			buf = append(buf, s.delimiter)
		}
		if buf, err = c.appendText(buf, []byte(f.Name), false); err != nil {
			return nil, err
		}
	}
	return c, out.Commit(append(buf, '\n'))
}

// cell appends a row's field.
type cell func(buf []byte, row int) []byte

// Write writes a record a row.
func (w *writer) Write(b columnar.Batch) error {
	buf, err := w.rows(b, w.out.Buffer(), func(buf []byte) []byte { return append(buf, '\n') })
	if err != nil {
		return err
	}
	return w.out.Commit(buf)
}

// rows appends the rows' fields, and what end appends after each row.
func (w *writer) rows(b columnar.Batch, buf []byte, end func([]byte) []byte) ([]byte, error) {
	var failed error
	cells := make([]cell, len(b.Columns))
	for i := range b.Columns {
		cells[i] = w.cell(&b.Columns[i], w.fields[i], &failed)
	}
	for i := range b.Rows() {
		row := b.Row(i)
		for k, appendCell := range cells {
			if k > 0 {
				buf = append(buf, w.delimiter)
			}
			if b.Columns[k].IsNull(row) {
				buf = append(buf, w.null...)
				continue
			}
			buf = appendCell(buf, row)
		}
		buf = end(buf)
	}
	return buf, failed
}

// cell returns how a column's fields are written. What goes wrong is left in failed.
func (w *writer) cell(c *columnar.Column, f columnar.Field, failed *error) cell {
	switch c.Type.Kind {
	case columnar.String:
		return w.textCell(c, f, failed)
	case columnar.Binary:
		return func(buf []byte, row int) []byte { return base64.StdEncoding.AppendEncode(buf, c.Bytes(row)) }
	case columnar.FixedBinary:
		return func(buf []byte, row int) []byte { return base64.StdEncoding.AppendEncode(buf, c.FixedBytes(row)) }
	case columnar.Bool:
		return func(buf []byte, row int) []byte { return strconv.AppendBool(buf, c.Bits.Get(row)) }
	default:
		return scalar.Appender(c)
	}
}

// textCell looks first whether any text of the column has a byte that needs quotes.
func (w *writer) textCell(c *columnar.Column, f columnar.Field, failed *error) cell {
	text := c.Data[c.Offsets[0]:c.Offsets[c.Len]]
	special := false
	for _, s := range []byte{w.delimiter, w.quote, '\n', '\r'} {
		special = special || bytes.IndexByte(text, s) >= 0
	}
	return func(buf []byte, row int) []byte {
		text := c.Bytes(row)
		if !special && !w.isMisread(text, f.Nullable) {
			return append(buf, text...)
		}
		buf, err := w.appendText(buf, text, f.Nullable)
		if err != nil {
			*failed = err
		}
		return buf
	}
}

// isMisread says whether a text without quotes would be taken for null or for an empty line.
func (w *writer) isMisread(text []byte, nullable bool) bool {
	return nullable && string(text) == w.null || len(text) == 0 && len(w.fields) == 1
}

// errNewline is a text that a reader without Multiline could not read back.
var errNewline = errors.New("csv: a text holds a newline; to write it, and read it back, set Multiline")

// appendText writes a text, between quotes if it needs them.
func (w *writer) appendText(buf, text []byte, nullable bool) ([]byte, error) {
	quoted := w.isMisread(text, nullable)
	for _, c := range text {
		quoted = quoted || c == w.delimiter || c == w.quote || c == '\n' || c == '\r'
	}
	if !quoted {
		return append(buf, text...), nil
	}
	if !w.multiline && bytes.IndexByte(text, '\n') >= 0 {
		return buf, errNewline
	}
	buf = append(buf, w.quote)
	for {
		i := bytes.IndexByte(text, w.quote)
		if i < 0 {
			break
		}
		buf = append(append(buf, text[:i+1]...), w.quote)
		text = text[i+1:]
	}
	return append(append(buf, text...), w.quote), nil
}

// Size returns how many bytes have been written.
func (w *writer) Size() int64 { return w.out.Size() }

// Close writes the rest.
func (w *writer) Close() error { return w.out.Close() }
