package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/millrace/millrace/vfs"
)

// target is where files are copied to.
type target struct {
	fsys   vfs.FileSystem
	path   string
	inside bool // path is a folder that is there: copies go into it under their names
	force  bool // files that are there are replaced
}

// openTarget looks at a target. With several sources it must be a folder.
func openTarget(ctx context.Context, files *vfs.Resolver, url string, force, several bool) (*target, error) {
	fsys, p, err := files.FS(ctx, url)
	if err != nil {
		return nil, err
	}
	info, err := fsys.Stat(ctx, p)
	switch {
	case err == nil && info.IsDir:
		return &target{fsys, p, true, force}, nil
	case several:
		return nil, vfs.PathError("copy to", url, errors.Join(vfs.ErrNotDir, err))
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return &target{fsys, p, false, force}, nil
	default:
		return nil, err
	}
}

// copyIn copies a file or folder.
func (t *target) copyIn(ctx context.Context, from vfs.FileSystem, info vfs.Info) error {
	to := t.path
	if t.inside {
		to = path.Join(to, info.Name())
	}
	return t.copyTree(ctx, from, info, to)
}

func (t *target) copyTree(ctx context.Context, from vfs.FileSystem, info vfs.Info, to string) error {
	if !info.IsDir {
		return t.copyFile(ctx, from, info.Path, to)
	}
	children, err := from.List(ctx, info.Path) // before the folder is made, which may be inside of this one
	if err != nil {
		return err
	}
	if err := t.fsys.Mkdir(ctx, to); err != nil {
		return err
	}
	for _, child := range children {
		if err := t.copyTree(ctx, from, child, path.Join(to, child.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) copyFile(ctx context.Context, from vfs.FileSystem, source, to string) error {
	f, err := from.Open(ctx, source)
	if err != nil {
		return err
	}
	return errors.Join(t.write(ctx, to, f), f.Close())
}

// write makes a file of what r gives. It is to be seen under its name when it is complete.
func (t *target) write(ctx context.Context, to string, r io.Reader) error {
	if _, err := t.fsys.Stat(ctx, to); err == nil && !t.force {
		return vfs.PathError("copy to", t.fsys.URL(to), fmt.Errorf("%w; -f replaces it", fs.ErrExist))
	}
	temporary := vfs.TempName(to)
	w, err := t.fsys.Create(ctx, temporary)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := t.fsys.Rename(ctx, temporary, to); err != nil {
		return errors.Join(err, t.fsys.Remove(context.WithoutCancel(ctx), temporary))
	}
	return nil
}
