package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

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
	// SplitBytes is about how many bytes one split has, at the most: default 32 MiB, less where there is little data for many tasks. When it is set, files
	// that have less are not cut.
	SplitBytes int64
	// OnBad is what becomes of records that cannot be decoded. Default: the job fails.
	OnBad onbad.Policy
	// Watch makes the source endless: it looks for new files in that interval. Each file is read once, as long as it is when it is found; files
	// that are still being written are to be hidden, named as Unfinished says, or younger than MinAge. A path that is not there yet is waited for.
	Watch time.Duration
	// MinAge is how long a file must not have changed, by the clock of who stored it, before Watch takes it. Default: none.
	MinAge time.Duration
	// Unfinished are ends of names that Watch leaves alone. Default: .tmp, .temp, .part, .partial, .inprogress, .crdownload, ._COPYING_.
	Unfinished []string
}

var _ connectors.TypedSource[string] = Source[string]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "file".
func (Source[T]) Name() string { return "file" }

// Describe returns format and path.
func (s Source[T]) Describe() string {
	text := s.Path
	if s.Format != nil {
		text = s.Format.Name() + " " + s.Path
	}
	if s.Watch > 0 {
		text += " (watched)"
	}
	return text
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
	if s.Watch < 0 || s.MinAge < 0 || s.Watch == 0 && (s.MinAge > 0 || len(s.Unfinished) > 0) {
		errs = append(errs, errors.New("file.Source: MinAge and Unfinished are for Watch, which must not be negative"))
	}
	if v, ok := s.Format.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate())
	}
	return errors.Join(append(errs, s.OnBad.Validate())...)
}

// IsBounded says whether files are looked for only once.
func (s Source[T]) IsBounded() bool { return s.Watch == 0 }

// Schema is the format's; nil when only the files can tell.
func (s Source[T]) Schema() *columnar.Schema { return s.Format.Schema() }

// BadPolicy returns OnBad.
func (s Source[T]) BadPolicy() onbad.Policy { return s.OnBad }

// NewEnumerator starts handing out splits.
func (s Source[T]) NewEnumerator(env connectors.Env, scan connectors.Scan, facts connectors.Facts) (connectors.Enumerator, error) {
	schema := cmp.Or(facts.Schema, s.Format.Schema())
	if s.Watch > 0 {
		w := &watcher{every: s.Watch, log: env.Log}
		w.find = func(ctx context.Context, tasks int, seen map[string]bool) (sighting, error) {
			found, err := s.look(ctx, env.Files, pruner{filter: scan.Filter, schema: schema})
			if err != nil {
				return sighting{}, err
			}
			return found.fresh(ctx, seen, func(l *listing) (planned, error) {
				return planSplits(ctx, env.Files, s.Format, l, s.SplitBytes, tasks)
			})
		}
		return w, nil
	}
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
		return planSplits(ctx, env.Files, s.Format, found, s.SplitBytes, tasks)
	}
	return e, nil
}

// NewReader starts a task's reading.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	schema := cmp.Or(scan.Columns, s.Format.Schema())
	return newReader(s.Format, env, scan, schema), nil
}
