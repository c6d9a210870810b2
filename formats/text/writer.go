package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// errNewline is a line that would be read back as two.
var errNewline = errors.New("a string holds a newline; as text it would be read back as two lines")

type writer struct{ out *lines.Writer }

func newWriter(l Lines, w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	if len(schema.Fields) != 1 || schema.Fields[0].Type.Kind != columnar.String {
		return nil, fmt.Errorf("text is written from one column of strings, not from %v", schema.Fields)
	}
	out, err := lines.NewWriter(w, l.Codec)
	if err != nil {
		return nil, err
	}
	return &writer{out: out}, nil
}

// Write writes a line a row; a null is an empty line.
func (w *writer) Write(b columnar.Batch) error {
	c := &b.Columns[0]
	if b.Len > 0 && b.Sel == nil && bytes.IndexByte(c.Data[c.Offsets[0]:c.Offsets[b.Len]], '\n') >= 0 {
		return errNewline
	}
	buf := w.out.Buffer()
	for i := range b.Rows() {
		line := c.Bytes(b.Row(i))
		if b.Sel != nil && bytes.IndexByte(line, '\n') >= 0 {
			return errNewline
		}
		buf = append(append(buf, line...), '\n')
	}
	return w.out.Commit(buf)
}

// Size returns how many bytes have been written.
func (w *writer) Size() int64 { return w.out.Size() }

// Close writes the rest.
func (w *writer) Close() error { return w.out.Close() }
