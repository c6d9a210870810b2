package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/vfs"
)

// file is a local file open for reading.
type file struct {
	f     *os.File
	size  int64
	alive func() error // the error of the context that it was opened under
}

func (f *file) Size() int64  { return f.size }
func (f *file) Close() error { return FS{}.fail("close", f.f.Name(), f.f.Close()) }

func (f *file) Read(p []byte) (int, error) {
	if err := f.alive(); err != nil {
		return 0, FS{}.fail("read", f.f.Name(), err)
	}
	n, err := f.f.Read(p)
	return n, f.readError(err)
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.alive(); err != nil {
		return 0, FS{}.fail("read", f.f.Name(), err)
	}
	n, err := f.f.ReadAt(p, off)
	return n, f.readError(err)
}

// readError leaves io.EOF bare, as readers compare it.
func (f *file) readError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return FS{}.fail("read", f.f.Name(), err)
}

// writer is a local file open for writing.
type writer struct {
	fsys  FS
	f     *os.File
	alive func() error
	done  bool // closed, well or not
	good  bool // Close returned nil
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.alive(); err != nil {
		return 0, w.fsys.fail("write", w.f.Name(), err)
	}
	n, err := w.f.Write(p)
	return n, w.fsys.fail("write", w.f.Name(), err)
}

// Close syncs the file and its folder, unless NoSync.
func (w *writer) Close() error {
	if w.done {
		return w.fsys.fail("close", w.f.Name(), os.ErrClosed)
	}
	w.done = true
	err := w.alive()
	if err == nil && !w.fsys.NoSync {
		err = w.f.Sync()
	}
	err = errors.Join(err, w.f.Close())
	if err == nil {
		err = w.fsys.syncDir(filepath.Dir(w.f.Name()))
	}
	w.good = err == nil
	return w.fsys.fail("close", w.f.Name(), err)
}

// Abort closes and removes the file.
func (w *writer) Abort() error {
	if w.good {
		return nil
	}
	var err error
	if !w.done {
		w.done = true
		err = w.f.Close()
	}
	if e := os.Remove(w.f.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return vfs.PathError("abort", w.fsys.URL(w.f.Name()), fmt.Errorf("removing a part: %w", translate(err)))
	}
	return nil
}
