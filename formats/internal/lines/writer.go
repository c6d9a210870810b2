package lines

import (
	"io"

	"github.com/millrace/millrace/formats/compress"
)

// flushSize is the size of the pieces that are written.
const flushSize = 256 << 10

// Writer gathers records and writes them in large pieces, compressed. Usage: append whole records to Buffer, give it back by Commit.
type Writer struct {
	out   io.WriteCloser
	under counter
	buf   []byte
	plain bool
}

// NewWriter returns a Writer to w, which it does not close.
func NewWriter(w io.Writer, codec compress.Codec) (*Writer, error) {
	lw := &Writer{under: counter{w: w}, plain: codec == compress.None}
	var err error
	lw.out, err = compress.NewWriter(codec, &lw.under)
	return lw, err
}

// Buffer returns the slice to append to.
func (w *Writer) Buffer() []byte { return w.buf }

// Commit takes the grown Buffer back and writes it when there is enough.
func (w *Writer) Commit(buf []byte) error {
	w.buf = buf
	if len(buf) < flushSize {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// Size returns about how many bytes have been written.
func (w *Writer) Size() int64 {
	if w.plain {
		return w.under.n + int64(len(w.buf))
	}
	return w.under.n
}

// Close writes what is buffered and the codec's end.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.out.Close()
}

// counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
