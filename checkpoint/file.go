package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/millrace/millrace/vfs"
)

// Folder is a folder of a file system.
type Folder struct {
	FS   vfs.FileSystem
	Path string
}

// String returns the folder's URL.
func (f Folder) String() string { return f.FS.URL(f.Path) }

func (f Folder) join(rel ...string) Folder {
	return Folder{FS: f.FS, Path: path.Join(append([]string{f.Path}, rel...)...)}
}

const (
	// attempts is how often a file is written before the checkpoint is given up. A DataNode that dies under a writer ends that file only.
	attempts   = 3
	retryDelay = 50 * time.Millisecond
)

// retried calls f until it succeeds, at most attempts times. What ctx or another incarnation ends is not tried again. The error has each cause
// once.
func retried(ctx context.Context, f func() error) error {
	var failures []error
	for try := range attempts {
		err := f()
		if err == nil {
			return nil
		}
		if !slices.ContainsFunc(failures, func(e error) bool { return root(e) == root(err) }) {
			failures = append(failures, err)
		}
		if ctx.Err() != nil || errors.Is(err, ErrFenced) || errors.Is(err, errFinal) || try == attempts-1 {
			break
		}
		timer := time.NewTimer(retryDelay << try)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return errors.Join(failures...)
}

// root is the text of the innermost error: what is left when file names are taken off.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// stateFile is a file being written: what is little stays in memory, else it is under a temporary name until it is published.
type stateFile struct {
	ctx    context.Context //nolint:containedctx // it lives as long as the call that writes the file
	folder Folder
	name   string
	keep   int          // up to so many bytes stay in memory
	first  func() error // called before the file is made; nil: nothing is
	memory bytes.Buffer
	tmp    string
	w      vfs.Writer
	size   int64
	hash   *xxh3.Hasher
}

func newStateFile(ctx context.Context, folder Folder, name string, keep int) *stateFile {
	return &stateFile{ctx: ctx, folder: folder, name: name, keep: keep, hash: xxh3.New()}
}

// writeSize is in how large pieces a file is written.
const writeSize = 256 << 10

// Write adds bytes.
func (f *stateFile) Write(p []byte) (int, error) {
	f.size += int64(len(p))
	_, _ = f.hash.Write(p)
	_, _ = f.memory.Write(p)
	if n := f.memory.Len(); n < writeSize || f.w == nil && n <= f.keep {
		return len(p), nil
	}
	return len(p), f.flush()
}

// flush writes what is in memory.
func (f *stateFile) flush() error {
	if f.w == nil {
		if f.first != nil {
			if err := f.first(); err != nil {
				return err
			}
		}
		f.tmp = vfs.TempName(path.Join(f.folder.Path, f.name))
		w, err := f.folder.FS.Create(f.ctx, f.tmp)
		if err != nil {
			return err
		}
		f.w = w
	}
	_, err := f.w.Write(f.memory.Bytes())
	f.memory.Reset()
	return err
}

// close ends the file under its temporary name.
func (f *stateFile) close() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.w.Close()
}

// publish ends the file and returns its description, with rel as the folder in its path. What has stayed in memory is in it.
func (f *stateFile) publish(rel string) (File, error) {
	out := File{Size: f.size, Check: Check(f.hash.Sum64())}
	if f.w == nil && f.size <= int64(f.keep) {
		out.Inline = bytes.Clone(f.memory.Bytes())
		return out, nil
	}
	if err := f.close(); err != nil {
		return File{}, err
	}
	out.Path = path.Join(rel, f.name)
	return out, f.folder.FS.Rename(f.ctx, f.tmp, path.Join(f.folder.Path, f.name))
}

// dropTemp removes, after a failure, what is under the temporary name. What cannot be removed is swept later.
func (f *stateFile) dropTemp() error {
	if f.w == nil {
		return nil
	}
	err := f.w.Abort()
	_ = f.folder.FS.Remove(context.WithoutCancel(f.ctx), f.tmp) // Abort does nothing to a file that was closed.
	return err
}

// drop removes what is under either name.
func (f *stateFile) drop() error {
	if f.w != nil {
		_ = f.folder.FS.Remove(context.WithoutCancel(f.ctx), path.Join(f.folder.Path, f.name))
	}
	return f.dropTemp()
}

// fileName returns a new name for a file of a task: another one each time, so that a second try does not meet the first.
func fileName(uid string, task Task, what, suffix string) string {
	return fmt.Sprintf("%s-%d-%s-%012x.%s", plain(uid), task.Index, plain(what), rand.Uint64()>>16, suffix)
}

// plain returns a text without what file systems or URLs mind.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, text)
	return text[:min(len(text), 40)]
}
