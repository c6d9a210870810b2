package arrowipc

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/millrace/millrace/columnar"
)

// writer writes a file or a stream.
type writer struct {
	out    *counted
	schema *columnar.Schema
	arrow  *arrow.Schema
	ipc    interface {
		Write(rec arrow.Record) error
		Close() error
	}
}

// counted counts what is written. Arrow's writer asks it for the position, by Seek, and for nothing else.
type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Seek returns the position.
func (c *counted) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("the file is written from the front to the end")
	}
	return c.n, nil
}

func newWriter(isStream bool, codec Codec, w io.Writer, schema *columnar.Schema) (*writer, error) {
	s, err := arrowSchema(schema)
	if err != nil {
		return nil, err
	}
	out := &writer{out: &counted{w: w}, schema: schema, arrow: s}
	options := []ipc.Option{ipc.WithSchema(s)}
	switch codec {
	case None:
	case LZ4:
		options = append(options, ipc.WithLZ4())
	case Zstd:
		options = append(options, ipc.WithZstd())
	}
	if isStream {
		out.ipc = ipc.NewWriter(out.out, options...)
		return out, nil
	}
	out.ipc, err = ipc.NewFileWriter(out.out, options...)
	return out, err
}

// Write adds a record batch.
func (w *writer) Write(b columnar.Batch) (err error) {
	if b.Rows() == 0 {
		return nil
	}
	for i, f := range w.schema.Fields {
		if !f.Nullable && b.Columns[i].NullCount() > 0 && b.Sel == nil {
			return fmt.Errorf("column %q: a null in a column that must not have any", f.Name)
		}
	}
	return w.ipc.Write(recordOf(w.arrow, b.Clone()))
}

// Size counts what is written.
func (w *writer) Size() int64 { return w.out.n }

// Close writes the end.
func (w *writer) Close() error { return w.ipc.Close() }
