package lsm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/millrace/millrace/state"
)

// filesOf lists the files of a checkpoint. Tables of the tree never change, and are called after the store's run and their number, which is never
// used twice; other files are of this checkpoint.
func filesOf(dir, run string) ([]state.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing a checkpoint: %w", err)
	}
	var files []state.File
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("listing a checkpoint: %w", err)
		}
		name := filepath.Join(dir, e.Name())
		f := state.File{Name: e.Name(), Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(name) }}
		if ext := filepath.Ext(e.Name()); ext == ".sst" || ext == ".blob" {
			f.Name, f.Shared = run+"/"+e.Name(), true
		}
		files = append(files, f)
	}
	return files, nil
}

// Source is where OpenFiles finds a native snapshot, and what of it is wanted.
type Source struct {
	Files  []state.File // of one snapshot
	Groups state.Groups // rows of other key groups are not read
	Clock  func() time.Time
	Dir    string // a folder of its own, on a local disk; made by OpenFiles and removed by Release
}

// OpenFiles reads a native snapshot, which it copies to the local disk first. What it returns can be given to any back end: an error that matches
// state.ErrCorrupt says that the files are no snapshot.
func OpenFiles(ctx context.Context, from Source) (state.Frozen, error) {
	v, err := openFiles(ctx, from)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a native snapshot: %w", err), os.RemoveAll(from.Dir))
	}
	return v, nil
}

func openFiles(ctx context.Context, from Source) (*view, error) {
	if err := os.MkdirAll(from.Dir, 0o755); err != nil {
		return nil, err
	}
	for _, f := range from.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := fetch(f, filepath.Join(from.Dir, path.Base(f.Name))); err != nil {
			return nil, fmt.Errorf("copying %s: %w", f.Name, err)
		}
	}
	o := options(leastMemory, true)
	o.ReadOnly = true
	o.ErrorIfNotExists = true
	db, err := pebble.Open(from.Dir, o)
	if err != nil {
		o.Cache.Unref()
		return nil, fmt.Errorf("%w: %w", state.ErrCorrupt, err)
	}
	v := &view{source: db, groups: from.Groups, now: from.now()}
	v.close = func() {
		_ = db.Close()
		o.Cache.Unref()
		_ = os.RemoveAll(from.Dir)
	}
	if err := v.readTables(db); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (s *Source) now() int64 {
	if s.Clock == nil {
		return time.Now().UnixMicro()
	}
	return s.Clock().UnixMicro()
}

// readTables finds out what the tables are.
func (v *view) readTables(db *pebble.DB) error {
	var b []byte
	ok, err := read(db, tablesKey, &b)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: it does not say what its tables are", state.ErrCorrupt)
	}
	var tables []state.Table
	if err := json.Unmarshal(b, &tables); err != nil {
		return fmt.Errorf("%w: %w", state.ErrCorrupt, err)
	}
	for _, t := range tables {
		form, err := state.FormOf(t)
		if err != nil {
			return err
		}
		v.forms, v.coder = append(v.forms, form), form.Keys
	}
	return nil
}

// fetch copies a file.
func fetch(f state.File, to string) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	if err == nil && n != f.Size {
		err = fmt.Errorf("%w: %d bytes of %d", io.ErrUnexpectedEOF, n, f.Size)
	}
	return errors.Join(err, out.Close())
}
