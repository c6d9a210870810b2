package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/millrace/millrace/vfs"
)

// workdir is the working folder of a job that was given files: a new one, in which it finds them by name. Sources and sinks go on to take
// relative paths against the folder in which the command was started.
type workdir struct {
	dir    string // of the job
	before string // of the command
}

// enterWorkdir makes a folder below scratch with files in it, given by paths or URLs, and makes it the process's working folder. Files of this
// machine are linked to, others copied.
func enterWorkdir(ctx context.Context, files *vfs.Resolver, with []string, scratch string) (w *workdir, err error) {
	w = &workdir{}
	if w.before, err = os.Getwd(); err != nil {
		return nil, err
	}
	if err = os.MkdirAll(scratch, 0o755); err != nil {
		return nil, err
	}
	if w.dir, err = os.MkdirTemp(scratch, "millrace-files-"); err != nil {
		return nil, err
	}
	for _, url := range with {
		if err := w.add(ctx, files, url); err != nil {
			return nil, errors.Join(asMistake(err), w.leave())
		}
	}
	if err := os.Chdir(w.dir); err != nil {
		return nil, errors.Join(err, w.leave())
	}
	return w, nil
}

// asMistake makes a usage error of a file that is not there or is there twice.
func asMistake(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return &UsageError{err}
	}
	return err
}

// add puts a file into the folder.
func (w *workdir) add(ctx context.Context, files *vfs.Resolver, url string) error {
	fsys, p, err := files.FS(ctx, url)
	if err != nil {
		return err
	}
	to := filepath.Join(w.dir, vfs.Base(url))
	if scheme, _, _ := vfs.Split(url); scheme == vfs.Local {
		if _, err := fsys.Stat(ctx, p); err != nil {
			return err
		}
		return os.Symlink(w.absolute(p), to)
	}
	in, err := fsys.Open(ctx, p)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read from
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(fmt.Errorf("copying %s: %w", url, err), out.Close())
	}
	return out.Close()
}

func (w *workdir) absolute(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(w.before, p)
}

// leave goes back to the command's folder and removes the job's.
func (w *workdir) leave() error {
	if w.dir == "" {
		return nil
	}
	return errors.Join(os.Chdir(w.before), os.RemoveAll(w.dir))
}

// rooted is a file system whose relative paths are taken against a folder.
type rooted struct {
	vfs.FileSystem
	dir string
}

func (r rooted) at(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(r.dir, p)
}

// Open implements vfs.FileSystem, as do the others.
func (r rooted) Open(ctx context.Context, p string) (vfs.File, error) {
	return r.FileSystem.Open(ctx, r.at(p))
}

func (r rooted) Create(ctx context.Context, p string) (vfs.Writer, error) {
	return r.FileSystem.Create(ctx, r.at(p))
}

func (r rooted) Stat(ctx context.Context, p string) (vfs.Info, error) {
	info, err := r.FileSystem.Stat(ctx, r.at(p))
	info.Path = path.Clean(p)
	return info, err
}

func (r rooted) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	infos, err := r.FileSystem.List(ctx, r.at(dir))
	for i := range infos {
		infos[i].Path = path.Join(dir, infos[i].Name())
	}
	return infos, err
}

func (r rooted) Mkdir(ctx context.Context, dir string) error {
	return r.FileSystem.Mkdir(ctx, r.at(dir))
}

func (r rooted) Rename(ctx context.Context, from, to string) error {
	return r.FileSystem.Rename(ctx, r.at(from), r.at(to))
}

func (r rooted) Remove(ctx context.Context, p string) error {
	return r.FileSystem.Remove(ctx, r.at(p))
}

func (r rooted) RemoveAll(ctx context.Context, p string) error {
	return r.FileSystem.RemoveAll(ctx, r.at(p))
}
