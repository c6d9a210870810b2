package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/colinmarc/hdfs/v2"
	krb "github.com/jcmturner/gokrb5/v8/client"

	"github.com/millrace/millrace/vfs"
)

// FS is a connection to one HDFS. It is made by Options.Open and safe for concurrent use.
type FS struct {
	authority   string
	opts        Options
	conf        conf
	client      *hdfs.Client
	krb         *krb.Client // nil without Kerberos
	links       *links
	blockSize   int64 // of new files, bytes
	replication int   // of new files

	running sync.WaitGroup // calls into the library, abandoned ones included
	closing sync.Once
}

var _ vfs.FileSystem = (*FS)(nil)

// closeGrace is how long Close waits for calls whose connections it has cut.
const closeGrace = 10 * time.Second

// URL returns hdfs://authority/path.
func (f *FS) URL(p string) string { return vfs.Format("hdfs", f.authority, p) }

// clean makes a path absolute.
func clean(p string) string { return path.Clean("/" + p) }

// nothing is the result of a call that has none.
type nothing = struct{}

// do adapts a call without a result.
func do(fn func() error) (nothing, error) { return nothing{}, fn() }

// describe turns what the library says into the contract's terms.
func describe(p string, info os.FileInfo) vfs.Info {
	i := vfs.Info{Path: clean(p), ModTime: info.ModTime(), IsDir: info.IsDir()}
	if !i.IsDir {
		i.Size = info.Size()
	}
	return i
}

// inode is the number of a file or folder: it stays over renames and is not used again.
func inode(info os.FileInfo) uint64 {
	if status, ok := info.Sys().(*hdfs.FileStatus); ok {
		return status.GetFileId()
	}
	return 0
}

func (f *FS) stat(ctx context.Context, p string) (os.FileInfo, error) {
	return persist(ctx, f, func(bool) (os.FileInfo, error) { return f.client.Stat(clean(p)) }, nil)
}

// Stat describes a file or folder.
func (f *FS) Stat(ctx context.Context, p string) (vfs.Info, error) {
	info, err := f.stat(ctx, p)
	if err != nil {
		return vfs.Info{}, f.fail("stat", p, err)
	}
	return describe(p, info), nil
}

// List describes the children of a folder; a thousand of them take one call.
func (f *FS) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	children, err := persist(ctx, f, func(bool) ([]os.FileInfo, error) {
		d, err := f.client.Open(clean(dir))
		if err != nil {
			return nil, err
		}
		if !d.Stat().IsDir() {
			return nil, vfs.ErrNotDir
		}
		return d.Readdir(0)
	}, nil)
	if err != nil {
		return nil, f.fail("list", dir, err)
	}
	infos := make([]vfs.Info, len(children))
	for i, c := range children {
		infos[i] = describe(path.Join(dir, c.Name()), c)
	}
	return infos, nil
}

// Mkdir makes a folder and those above it.
func (f *FS) Mkdir(ctx context.Context, dir string) error {
	_, err := persist(ctx, f, func(bool) (nothing, error) {
		return do(func() error { return f.client.MkdirAll(clean(dir), f.conf.permissions(0o777)) })
	}, nil)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: %w", vfs.ErrNotDir, err)
	}
	return f.fail("mkdir", dir, err)
}

// Rename moves a file or folder. When the NameNode's answer is lost it is found out by the inode whether it did.
func (f *FS) Rename(ctx context.Context, from, to string) error {
	from, to = clean(from), clean(to)
	moved, err := f.stat(ctx, from)
	if err != nil || from == to {
		return f.fail("rename", from, err)
	}
	_, err = persist(ctx, f, func(again bool) (nothing, error) {
		err := f.client.Rename(from, to)
		if again && errors.Is(translate(err), fs.ErrNotExist) {
			if there, statErr := f.client.Stat(to); statErr == nil && inode(there) == inode(moved) {
				err = nil
			}
		}
		return nothing{}, err
	}, nil)
	if err != nil {
		return f.fail("rename", from, fmt.Errorf("to %s: %w", to, f.whyNot(ctx, moved, to, err)))
	}
	return nil
}

// whyNot finds the contract's error for a refused rename, for which the NameNode has none of its own.
func (f *FS) whyNot(ctx context.Context, moved os.FileInfo, to string, err error) error {
	var remote *RemoteError
	if !errors.As(err, &remote) || exceptions[remote.Exception] != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, statErr := f.stat(ctx, to)
	switch {
	case statErr != nil:
		return err
	case there.IsDir() && !moved.IsDir():
		return vfs.ErrIsDir
	case !there.IsDir() && moved.IsDir():
		return vfs.ErrNotDir
	case there.IsDir():
		return vfs.ErrNotEmpty
	}
	return err
}

// Remove deletes a file or an empty folder.
func (f *FS) Remove(ctx context.Context, p string) error {
	_, err := persist(ctx, f, func(again bool) (nothing, error) {
		err := f.client.Remove(clean(p))
		if again && errors.Is(err, fs.ErrNotExist) {
			err = nil // by the attempt before
		}
		return nothing{}, err
	}, nil)
	return f.fail("remove", p, err)
}

// RemoveAll deletes a tree, in one call.
func (f *FS) RemoveAll(ctx context.Context, p string) error {
	if clean(p) == "/" {
		return f.fail("remove all", p, fs.ErrInvalid)
	}
	_, err := persist(ctx, f, func(bool) (nothing, error) {
		return do(func() error { return f.client.RemoveAll(clean(p)) })
	}, nil)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return f.fail("remove all", p, err)
}

// Close cuts all connections and waits for the calls that this ends.
func (f *FS) Close() (err error) {
	f.closing.Do(func() {
		f.links.close()
		ended := make(chan struct{})
		go func() { // ends with the last call, whose connection is cut
			f.running.Wait()
			close(ended)
		}()
		timer := time.NewTimer(closeGrace)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			err = fmt.Errorf("closing hdfs://%s: calls still run after %v", f.authority, closeGrace)
		}
		if f.client != nil {
			// The connection is closed already, which is the only thing it can complain about.
			_ = f.client.Close()
		}
		if f.krb != nil {
			f.krb.Destroy()
		}
	})
	return err
}

// isBelowFile tells the exceptions for a path that goes through a file.
func isBelowFile(err error) bool {
	var remote *RemoteError
	return errors.As(err, &remote) && strings.Contains(remote.Message, "is not a directory")
}
