package fixed

import (
	"io"

	"github.com/millrace/millrace/columnar"
)

type writer struct {
	w    io.Writer
	buf  []byte
	size int64
}

// Write writes the batch's rows one behind the other: the column as it is when every row counts.
func (w *writer) Write(b columnar.Batch) error {
	c := &b.Columns[0]
	data := c.Data[:b.Len*c.Type.ByteWidth()]
	if b.Sel != nil {
		w.buf = w.buf[:0]
		for _, r := range b.Sel {
			w.buf = append(w.buf, c.FixedBytes(int(r))...)
		}
		data = w.buf
	}
	n, err := w.w.Write(data)
	w.size += int64(n)
	return err
}

// Size returns how many bytes have been written.
func (w *writer) Size() int64 { return w.size }

// Close does nothing: nothing is kept back.
func (*writer) Close() error { return nil }
