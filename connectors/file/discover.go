package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/vfs"
)

// discoverFolders bounds how many folders Discover lists: beyond, sizes stay unknown, and the listing waits for the filter, which may spare
// most of it.
const discoverFolders = 512

// RowCounter is what formats implement that know a file's number of rows without reading it.
type RowCounter interface {
	// Rows returns the number of rows of a file.
	Rows(ctx context.Context, in formats.Input) (int64, error)
}

// countedFiles bounds how many files are opened to learn their rows.
const countedFiles = 64

// Discover lists the files and infers the schema from the first that has data, unless the format has one.
func (s Source[T]) Discover(ctx context.Context, env connectors.Env) (connectors.Facts, error) {
	facts := connectors.Facts{Schema: s.Format.Schema(), Bytes: -1, Rows: -1, Splits: -1}
	if s.Watch > 0 && facts.Schema != nil {
		return facts, nil
	}
	found, err := list(ctx, env.Files, splitPaths(s.Path), s.Flat, pruner{budget: discoverFolders})
	if err != nil {
		return connectors.Facts{}, err
	}
	if s.Watch > 0 {
		facts.Schema, err = s.infer(ctx, env.Files, found)
		return facts, err
	}
	if !found.cut {
		facts.Known, facts.Bytes = found, found.bytes()
		facts.Splits = s.splits(found)
	}
	if facts.Schema == nil {
		if facts.Schema, err = s.infer(ctx, env.Files, found); err != nil {
			return facts, err
		}
	}
	if counter, ok := s.Format.(RowCounter); ok && !found.cut && len(found.files) <= countedFiles {
		facts.Rows = countRows(ctx, env.Files, counter, found)
	}
	return facts, nil
}

// splits returns about how many splits there will be: no more than pieces that files are cut into, and fewer where small ones are packed.
func (s Source[T]) splits(l *listing) int {
	cut, pieces := cmp.Or(s.SplitBytes, DefaultSplitBytes), int64(0)
	for _, f := range l.files {
		pieces += max((f.Size-1)/cut+1, 1)
	}
	return int(max(min(pieces, l.bytes()/min(cut, DefaultSplitBytes)), 1))
}

// infer returns the schema of the first file with data, and the columns of the folders' names.
func (s Source[T]) infer(ctx context.Context, files *vfs.Resolver, found *listing) (*columnar.Schema, error) {
	for _, f := range found.files {
		if f.Size == 0 {
			continue
		}
		in := &input{files: files, url: f.URL, size: f.Size, ctx: ctx}
		schema, err := s.Format.Infer(ctx, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, fmt.Errorf("inferring the schema from %s: %w", f.URL, err)
		}
		return withKeys(schema, found), nil
	}
	return nil, fmt.Errorf("inferring the schema of %s: no file has data: %w", s.Path, fs.ErrNotExist)
}

// countRows adds up the files' rows; -1 when one cannot be read, which the reader will report.
func countRows(ctx context.Context, files *vfs.Resolver, counter RowCounter, found *listing) int64 {
	total := int64(0)
	for _, f := range found.files {
		in := &input{files: files, url: f.URL, size: f.Size, ctx: ctx}
		rows, err := counter.Rows(ctx, in)
		if errors.Join(err, in.Close()) != nil {
			return -1
		}
		total += rows
	}
	return total
}
