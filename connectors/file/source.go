package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/formats"
)

// DefaultSplitBytes is the size of splits when the settings have no other: large enough that opening costs nothing, small enough that
// tasks of one gigabyte end together.
const DefaultSplitBytes = 32 << 20

// Source reads records of type T from files. Files and folders whose names begin with '.' or '_' are left out, compressed ones are
// decompressed as their suffix says.
type Source[T any] struct {
	// Path is a file, a folder, a glob (see vfs.Glob), or several of them with commas between.
	Path string
	// Format is how files are read: csv.Format[T]{}.
	Format formats.Typed[T]
	// Flat leaves out folders inside the folders that Path names.
	Flat bool
	// SplitBytes is about how many bytes one split has. Default 32 MiB.
	SplitBytes int64
	// OnBad is what becomes of records that cannot be decoded. Default: the job fails.
	OnBad onbad.Policy
}

var _ connectors.TypedSource[string] = Source[string]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "file".
func (Source[T]) Name() string { return "file" }

// Describe returns format and path.
func (s Source[T]) Describe() string {
	if s.Format == nil {
		return s.Path
	}
	return s.Format.Name() + " " + s.Path
}

// Validate reports a missing path or format.
func (s Source[T]) Validate() error {
	var errs []error
	if len(splitPaths(s.Path)) == 0 {
		errs = append(errs, errors.New("file.Source: Path is empty"))
	}
	if s.Format == nil {
		errs = append(errs, errors.New("file.Source: Format is missing"))
	}
	if s.SplitBytes < 0 {
		errs = append(errs, fmt.Errorf("file.Source: SplitBytes is %d", s.SplitBytes))
	}
	if v, ok := s.Format.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate())
	}
	return errors.Join(append(errs, s.OnBad.Validate())...)
}

// IsBounded returns true.
func (Source[T]) IsBounded() bool { return true }

// Schema is the format's; nil when only the files can tell.
func (s Source[T]) Schema() *columnar.Schema { return s.Format.Schema() }

// BadPolicy returns OnBad.
func (s Source[T]) BadPolicy() onbad.Policy { return s.OnBad }

// NewEnumerator starts handing out splits.
func (s Source[T]) NewEnumerator(env connectors.Env, scan connectors.Scan, facts connectors.Facts) (connectors.Enumerator, error) {
	schema := cmp.Or(facts.Schema, s.Format.Schema())
	e := &enumerator{}
	e.list = func(ctx context.Context, tasks int) (planned, error) {
		found, _ := facts.Known.(*listing)
		if found == nil {
			var err error
			found, err = list(ctx, env.Files, splitPaths(s.Path), s.Flat, pruner{filter: scan.Filter, schema: schema})
			if err != nil {
				return planned{}, err
			}
		}
		found = found.prune(pruner{filter: scan.Filter, schema: schema})
		return planSplits(ctx, env.Files, s.Format, found, s.splitBytes(), tasks)
	}
	return e, nil
}

func (s Source[T]) splitBytes() int64 { return cmp.Or(s.SplitBytes, DefaultSplitBytes) }

// NewReader starts a task's reading.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	schema := cmp.Or(scan.Columns, s.Format.Schema())
	return newReader(s.Format, env, scan, schema), nil
}
