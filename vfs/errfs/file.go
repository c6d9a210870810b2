package errfs

import (
	"context"
	"errors"
	"io"

	"github.com/millrace/millrace/vfs"
)

// reader is a File whose reads may fail.
type reader struct {
	vfs.File
	fsys *FS
	path string
	ctx  context.Context //nolint:containedctx // it bounds the File's life, by the contract of vfs
}

func (r *reader) Read(p []byte) (int, error) { return r.read(p, r.File.Read) }

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	return r.read(p, func(p []byte) (int, error) { return r.File.ReadAt(p, off) })
}

// read reads under the fault that it meets. An io.EOF given as a fault is returned bare, as a file that ends
// before its size says.
func (r *reader) read(p []byte, read func([]byte) (int, error)) (int, error) {
	fault := r.fsys.next(Read, r.path)
	if fault.Delay > 0 {
		if err := r.fsys.opts.Sleep(r.ctx, fault.Delay); err != nil {
			return 0, vfs.PathError("read", r.fsys.URL(r.path), err)
		}
	}
	if fault.Err == nil {
		return read(p)
	}
	n, err := 0, error(nil)
	if fault.Short > 0 {
		n, err = read(p[:min(fault.Short, len(p))])
	}
	if err == nil {
		err = fault.Err
	}
	if !errors.Is(err, io.EOF) {
		err = vfs.PathError("read", r.fsys.URL(r.path), err)
	}
	return n, err
}

// writer is a Writer whose writes and Close may fail.
type writer struct {
	vfs.Writer
	fsys *FS
	path string
	ctx  context.Context //nolint:containedctx // it bounds the Writer's life, by the contract of vfs
}

func (w *writer) Write(p []byte) (int, error) {
	fault := w.fsys.next(Write, w.path)
	if fault.Delay > 0 {
		if err := w.fsys.opts.Sleep(w.ctx, fault.Delay); err != nil {
			return 0, vfs.PathError("write", w.fsys.URL(w.path), err)
		}
	}
	rest := p
	if fault.Err != nil && !fault.Late {
		rest = p[:min(fault.Short, len(p))]
	}
	room, full := w.fsys.admit(len(rest))
	n, err := w.Writer.Write(rest[:room])
	switch {
	case err != nil:
		return n, err
	case full != nil:
		return n, vfs.PathError("write", w.fsys.URL(w.path), full)
	case fault.Err != nil:
		return n, vfs.PathError("write", w.fsys.URL(w.path), fault.Err)
	}
	return n, nil
}

func (w *writer) Close() error { return w.fsys.call(w.ctx, Close, w.path, w.Writer.Close) }
