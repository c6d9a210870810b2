// Package local is the vfs of the machine's own disks: scheme file, plain paths.
//
// Its zero value works and is durable: closing a written file syncs it and its folder, renaming syncs the folder.
// For scratch data, which a crash may take, set NoSync. A failure of the disk itself (no room, no file handles,
// an I/O error) matches vfs.ErrUnavailable. Stability: extension.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/millrace/millrace/vfs"
)

// FS is the local file system. Relative paths are taken against the working directory. It holds nothing open.
type FS struct {
	// NoSync leaves durability to the operating system.
	NoSync bool
}

var _ vfs.FileSystem = FS{}

// Open is a vfs.Opener of durable local file systems; a host name in the URL is refused, but for "localhost".
func Open(_ context.Context, authority string) (vfs.FileSystem, error) {
	if authority != "" && authority != "localhost" {
		return nil, errors.New("file://" + authority + ": files of another host cannot be read")
	}
	return FS{}, nil
}

// URL returns the plain path.
func (FS) URL(path string) string { return vfs.Format(vfs.Local, "", path) }

// Open opens a file for reading.
func (l FS) Open(ctx context.Context, path string) (vfs.File, error) {
	if ctx.Err() != nil {
		return nil, l.fail("open", path, context.Cause(ctx))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, l.fail("open", path, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = vfs.ErrIsDir
	}
	if err != nil {
		return nil, errors.Join(l.fail("open", path, err), f.Close())
	}
	return &file{f: f, size: info.Size(), alive: ctx.Err}, nil
}

// Create makes a new file.
func (l FS) Create(ctx context.Context, path string) (vfs.Writer, error) {
	if ctx.Err() != nil {
		return nil, l.fail("create", path, context.Cause(ctx))
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, l.fail("create", path, err)
	}
	return &writer{fsys: l, f: f, alive: ctx.Err}, nil
}

// Stat describes a file or folder; links are followed.
func (l FS) Stat(ctx context.Context, path string) (vfs.Info, error) {
	if ctx.Err() != nil {
		return vfs.Info{}, l.fail("stat", path, context.Cause(ctx))
	}
	info, err := os.Stat(path)
	if err != nil {
		return vfs.Info{}, l.fail("stat", path, err)
	}
	return describe(filepath.Clean(path), info), nil
}

// List describes the children of a folder. A link that leads nowhere is left out.
func (l FS) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	if ctx.Err() != nil {
		return nil, l.fail("list", dir, context.Cause(ctx))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, l.fail("list", dir, err)
	}
	infos := make([]vfs.Info, 0, len(entries))
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			info, err = os.Stat(path)
		}
		if errors.Is(err, fs.ErrNotExist) { // a dangling link, or removed since ReadDir
			continue
		}
		if err != nil {
			return nil, l.fail("list", path, err)
		}
		infos = append(infos, describe(path, info))
	}
	return infos, nil
}

// Mkdir makes a folder and those above it.
func (l FS) Mkdir(ctx context.Context, dir string) error {
	if ctx.Err() != nil {
		return l.fail("mkdir", dir, context.Cause(ctx))
	}
	return l.fail("mkdir", dir, os.MkdirAll(dir, 0o777))
}

// Rename moves a file or folder.
func (l FS) Rename(ctx context.Context, from, to string) error {
	if ctx.Err() != nil {
		return l.fail("rename", from, context.Cause(ctx))
	}
	// The bare call: os.Rename refuses to replace an empty folder.
	if err := syscall.Rename(from, to); err != nil {
		return l.fail("rename", from, fmt.Errorf("to %s: %w", to, translate(err)))
	}
	if err := l.syncDir(filepath.Dir(to)); err != nil {
		return l.fail("rename", to, err)
	}
	return nil
}

// Remove deletes a file or an empty folder.
func (l FS) Remove(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return l.fail("remove", path, context.Cause(ctx))
	}
	return l.fail("remove", path, os.Remove(path))
}

// RemoveAll deletes a tree.
func (l FS) RemoveAll(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return l.fail("remove all", path, context.Cause(ctx))
	}
	if abs, err := filepath.Abs(path); err != nil || abs == "/" {
		return l.fail("remove all", path, errors.Join(err, fs.ErrInvalid))
	}
	return l.fail("remove all", path, os.RemoveAll(path))
}

// Close does nothing.
func (FS) Close() error { return nil }

// syncDir makes the names in a folder durable.
func (l FS) syncDir(dir string) error {
	if l.NoSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that cannot sync folders
		err = nil
	}
	return errors.Join(err, d.Close())
}

// fail wraps err with the operation and path, translated to the contract's errors. A nil err stays nil.
func (l FS) fail(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return vfs.PathError(op, l.URL(path), translate(err))
}

// translate reduces an error of package os to its cause, in the contract's terms.
func translate(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) || errors.Is(err, vfs.ErrUnavailable) {
		return err
	}
	switch errno {
	case syscall.ENOTEMPTY:
		return vfs.ErrNotEmpty
	case syscall.EISDIR:
		return vfs.ErrIsDir
	case syscall.ENOTDIR:
		return vfs.ErrNotDir
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ESTALE:
		return vfs.Unavailable(errno)
	}
	return errno
}

// describe turns what package os says into the contract's terms.
func describe(path string, info fs.FileInfo) vfs.Info {
	i := vfs.Info{Path: path, ModTime: info.ModTime(), IsDir: info.IsDir()}
	if !i.IsDir {
		i.Size = info.Size()
	}
	return i
}
