// Package window reads files forward in large pieces, for formats whose parts say how long they are.
package window

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/formats"
)

// Size is how much of a file is read at once, unless more is asked for.
const Size = 1 << 20

// Window is the part of a file that is in memory. One goroutine uses it.
type Window struct {
	in  formats.Input
	buf []byte
	at  int64 // of buf in the file
}

// New returns a window on a file.
func New(in formats.Input) Window { return Window{in: in} }

// Bytes returns n bytes at an offset, or as many as the file has: a view that is valid until the next call. It reads ahead.
func (w *Window) Bytes(off, n int64) ([]byte, error) {
	n = min(n, w.in.Size()-off)
	if n <= 0 {
		return nil, nil
	}
	if from := off - w.at; from >= 0 && from+n <= int64(len(w.buf)) {
		return w.buf[from : from+n], nil
	}
	size := max(n, min(Size, w.in.Size()-off))
	if int64(cap(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	w.buf, w.at = w.buf[:size], off
	if err := ReadAt(w.in, w.buf, off); err != nil {
		w.buf = w.buf[:0]
		return nil, err
	}
	return w.buf[:n], nil
}

// ReadAt fills p; the end of the file inside it is io.ErrUnexpectedEOF.
func ReadAt(in formats.Input, p []byte, off int64) error {
	n, err := in.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) || err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(p), off, err)
}
