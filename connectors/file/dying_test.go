package file_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/millrace/millrace/vfs"
)

var errDead = errors.New("the process is dead")

// dying is a file system whose nth changing call is the last: it fails, after its effect when late is set, and so do all calls after it. Many
// goroutines may use it: files are merged beside the writing.
type dying struct {
	vfs.FileSystem
	left atomic.Int64
	late bool
}

func newDying(fsys vfs.FileSystem, nth int, late bool) *dying {
	d := &dying{FileSystem: fsys, late: late}
	d.left.Store(int64(nth))
	return d
}

// do makes a call, if the process still lives.
func (d *dying) do(call func() error) error {
	switch left := d.left.Add(-1); {
	case left > 0:
		return call()
	case left == 0 && d.late:
		return errors.Join(call(), errDead)
	default:
		return errDead
	}
}

func (d *dying) Create(ctx context.Context, path string) (w vfs.Writer, err error) {
	err = d.do(func() error { w, err = d.FileSystem.Create(ctx, path); return err })
	return dyingWriter{w, d}, err
}

func (d *dying) Mkdir(ctx context.Context, dir string) error {
	return d.do(func() error { return d.FileSystem.Mkdir(ctx, dir) })
}

func (d *dying) Rename(ctx context.Context, from, to string) error {
	return d.do(func() error { return d.FileSystem.Rename(ctx, from, to) })
}

func (d *dying) Remove(ctx context.Context, path string) error {
	return d.do(func() error { return d.FileSystem.Remove(ctx, path) })
}

func (d *dying) RemoveAll(ctx context.Context, path string) error {
	return d.do(func() error { return d.FileSystem.RemoveAll(ctx, path) })
}

func (d *dying) Stat(ctx context.Context, path string) (info vfs.Info, err error) {
	if d.left.Load() <= 0 {
		return info, errDead
	}
	return d.FileSystem.Stat(ctx, path)
}

func (d *dying) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	if d.left.Load() <= 0 {
		return nil, errDead
	}
	return d.FileSystem.List(ctx, dir)
}

// dyingWriter is a file of it. Nobody cleans up after a dead process.
type dyingWriter struct {
	vfs.Writer
	d *dying
}

func (w dyingWriter) Write(p []byte) (n int, err error) {
	err = w.d.do(func() error { n, err = w.Writer.Write(p); return err })
	return n, err
}

func (w dyingWriter) Close() error { return w.d.do(w.Writer.Close) }

func (w dyingWriter) Abort() error { return errDead }
