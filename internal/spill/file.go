package spill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/millrace/millrace/internal/budget"
)

// file is a spill file. It is removed with the last of its runs.
type file struct {
	manager *Manager
	dir     Dir
	path    string
	runs    atomic.Int32 // not removed yet
}

// url returns the file's name as users write it.
func (f *file) url() string { return f.dir.FS.URL(f.path) }

// failed wraps an error of the file system so that a full disk names the folder to make room in, or to set another for.
func (f *file) failed(doing string, err error) error {
	spilled := budget.FormatSize(f.manager.counts.bytes.Load())
	return fmt.Errorf("%s a spill file in folder %s (%s spilled so far): %w", doing, f.dir.URL(), spilled, err)
}

// drop counts one run as removed. A file that is gone already is no error: whoever wanted to read it has noticed.
func (f *file) drop(ctx context.Context) error {
	if f.runs.Add(-1) > 0 {
		return nil
	}
	if err := f.dir.FS.Remove(ctx, f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.failed("removing", err)
	}
	return nil
}

// extent is a block in a file.
type extent struct {
	offset int64
	length int32
	rows   int32
}
