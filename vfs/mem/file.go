package mem

import (
	"io"
	"io/fs"
	"time"

	"github.com/millrace/millrace/vfs"
)

// file reads what a node held when it was opened.
type file struct {
	url    string
	data   []byte
	pos    int
	closed bool
	alive  func() error // the error of the context that it was opened under
}

func (f *file) Size() int64 { return int64(len(f.data)) }

func (f *file) Close() error {
	if f.closed {
		return vfs.PathError("close", f.url, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, int64(f.pos))
	f.pos += n
	if n > 0 && err == io.EOF { //nolint:errorlint // ReadAt returns it bare
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	err := f.alive()
	switch {
	case f.closed:
		err = fs.ErrClosed
	case off < 0:
		err = fs.ErrInvalid
	}
	if err != nil {
		return 0, vfs.PathError("read", f.url, err)
	}
	if off >= int64(len(f.data)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// writer appends to a node.
type writer struct {
	fsys  *FS
	path  string
	node  *node
	alive func() error
	done  bool
	good  bool // Close returned nil
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.state(); err != nil {
		return 0, vfs.PathError("write", w.fsys.URL(w.path), err)
	}
	w.fsys.mu.Lock()
	defer w.fsys.mu.Unlock()
	w.node.data = append(w.node.data, p...)
	w.node.modTime = time.Now()
	return len(p), nil
}

// state tells why the writer cannot go on.
func (w *writer) state() error {
	if w.done {
		return fs.ErrClosed
	}
	return w.alive()
}

func (w *writer) Close() error {
	err := w.state()
	w.done = true
	w.good = w.good || err == nil
	return vfs.PathError("close", w.fsys.URL(w.path), err)
}

// Abort removes the file, if it is still the one that was created.
func (w *writer) Abort() error {
	w.done = true
	if w.good {
		return nil
	}
	w.fsys.mu.Lock()
	defer w.fsys.mu.Unlock()
	dir, name, err := w.fsys.parent(w.path)
	if err == nil && dir.children[name] == w.node {
		delete(dir.children, name)
	}
	return nil
}
