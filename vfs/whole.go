package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
)

// ReadFile reads a whole file. The slice is the caller's.
func ReadFile(ctx context.Context, fsys FileSystem, path string) (data []byte, err error) {
	f, err := fsys.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data = make([]byte, f.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, PathError("read", fsys.URL(path), err)
	}
	return data, nil
}

// WriteFileAtomic writes a whole file so that a reader sees the old content or the new, never a part: it
// writes a hidden temporary file beside it and renames. An existing file is replaced. The parent must exist.
func WriteFileAtomic(ctx context.Context, fsys FileSystem, path string, data []byte) error {
	tmp := TempName(path)
	if err := writeFile(ctx, fsys, tmp, data); err != nil {
		return err
	}
	if err := fsys.Rename(ctx, tmp, path); err != nil {
		return errors.Join(err, fsys.Remove(context.WithoutCancel(ctx), tmp))
	}
	return nil
}

// writeFile creates path with data; after an error nothing is left of it.
func writeFile(ctx context.Context, fsys FileSystem, path string, data []byte) error {
	w, err := fsys.Create(ctx, path)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Close(); err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

// TempName returns a hidden name for a temporary file in p's folder, another one each time.
func TempName(p string) string {
	return path.Join(path.Dir(p), fmt.Sprintf(".%s.%016x.tmp", path.Base(p), rand.Uint64()))
}
