package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/vfs"
)

// Sink writes records of type T as part files of a folder. The package comment tells how they are published.
type Sink[T any] struct {
	// Path is the target folder. It is made when it does not exist.
	Path string
	// Format is how files are written: csv.Format[T]{}.
	Format formats.Typed[T]
	// Mode says what becomes of data that the target has already. Default: ErrorIfExists.
	Mode Mode
	// PartitionBy are columns that become folders: dt=2026-01-01/hour=03. They are left out of the files.
	PartitionBy []string
	// Files bounds the number of files: so many tasks write, one file each (and folder, with PartitionBy). 0: every task does.
	Files int
	// TargetSize is about how many bytes a file may have before its task begins the next. 0: no limit.
	TargetSize int64
	// MaxOpen bounds how many files one task has open, with PartitionBy; beyond, the one not used for longest is closed, and its folder
	// gets another file later. Default 32.
	MaxOpen int
	// Buckets puts rows into folders by time, above those of PartitionBy.
	Buckets Buckets
	// Rolling says when a stream's files are finished. Default: with every checkpoint.
	Rolling Rolling
}

var _ connectors.TypedSink[string] = Sink[string]{}

// Names inside the target.
const (
	temporaryName = "_temporary"
	successName   = "_SUCCESS"
	journalPrefix = "_publish-"
	journalSuffix = ".json"
)

const defaultMaxOpen = 32

// Element ties the sink to its records' type.
func (Sink[T]) Element() (zero T) { return zero }

// Name returns "file".
func (Sink[T]) Name() string { return "file" }

// Describe returns format, path and mode.
func (s Sink[T]) Describe() string {
	words := []string{s.Path, "(" + s.Mode.String() + ")"}
	if s.Format != nil {
		words = append([]string{s.Format.Name()}, words...)
	}
	if len(s.PartitionBy) > 0 {
		words = append(words, "by", strings.Join(s.PartitionBy, ", "))
	}
	return strings.Join(words, " ")
}

// Validate reports settings that contradict each other.
func (s Sink[T]) Validate() error {
	errs := []error{s.Mode.Validate()}
	complain := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("file.Sink: "+format, args...))
		}
	}
	complain(s.Path == "", "Path is empty")
	complain(s.Format == nil, "Format is missing")
	complain(s.Files < 0 || s.TargetSize < 0 || s.MaxOpen < 0, "Files, TargetSize and MaxOpen must not be negative")
	complain(s.Mode == OverwritePartitions && len(s.PartitionBy) == 0 && !s.Buckets.isOn(), "the mode %s needs PartitionBy or Buckets", s.Mode)
	complain(s.Rolling.Size > 0 && s.TargetSize > 0, "TargetSize and Rolling.Size are the same")
	errs = append(errs, s.Rolling.validate())
	if s.Format == nil {
		return errors.Join(append(errs, s.Buckets.validate(nil))...)
	}
	errs = append(errs, s.Buckets.validate(s.Format.Schema()))
	if v, ok := s.Format.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate())
	}
	if schema := s.Format.Schema(); schema != nil {
		for _, name := range s.PartitionBy {
			complain(schema.Index(name) < 0, "PartitionBy names the column %q; there are %s", name, strings.Join(schema.Names(), ", "))
		}
		complain(len(s.PartitionBy) >= len(schema.Fields), "PartitionBy leaves no column for the files")
	}
	return errors.Join(errs...)
}

// MaxTasks returns Files: how many tasks may write; 0: any number.
func (s Sink[T]) MaxTasks() int { return s.Files }

// Begin repairs what an interrupted publishing left and, in mode ErrorIfExists, fails when the target has data. A stream's own data, of a run
// before, is no such data.
func (s Sink[T]) Begin(ctx context.Context, env connectors.Env) error {
	if mode := cmp.Or(s.Mode, ErrorIfExists); env.IsStreaming && mode != ErrorIfExists && mode != Append {
		return &connectors.SettingsError{Err: fmt.Errorf("writing %s: a stream publishes again and again; the mode %s would remove what it has published: use %s",
			s.Path, mode, Append)}
	}
	fsys, root, err := env.Files.FS(ctx, s.Path)
	if err != nil {
		return err
	}
	t := target{fsys: fsys, root: root}
	switch info, err := fsys.Stat(ctx, root); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir:
		return vfs.PathError("write", s.Path, vfs.ErrNotDir)
	}
	if err := t.repair(ctx); err != nil {
		return fmt.Errorf("repairing an interrupted publishing in %s: %w", s.Path, err)
	}
	if cmp.Or(s.Mode, ErrorIfExists) != ErrorIfExists {
		return nil
	}
	return s.refuseData(ctx, t, runOf(env).owner)
}

// refuseData returns ErrTargetExists when the target has files that are not of the run.
func (s Sink[T]) refuseData(ctx context.Context, t target, run string) error {
	for info, err := range vfs.Walk(ctx, t.fsys, t.root) {
		if err != nil {
			return err
		}
		if run == "" || !isOfRun(info.Name(), run) {
			return vfs.PathError("write", s.Path, ErrTargetExists)
		}
	}
	return nil
}

// NewWriter starts a task's writing.
func (s Sink[T]) NewWriter(ctx context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	fsys, root, err := env.Files.FS(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	return newWriter(s.settings(), target{fsys: fsys, root: root}, env, schema)
}

// NewCommitter starts the run's committing.
func (s Sink[T]) NewCommitter(env connectors.Env) (connectors.Committer, error) {
	return &committer{settings: s.settings(), env: env, refuse: s.refuseData}, nil
}

// settings are a Sink's without its type.
type settings struct {
	path        string
	format      formats.Format
	mode        Mode
	partitionBy []string
	targetSize  int64
	maxOpen     int
	buckets     Buckets
	rolling     Rolling
}

func (s Sink[T]) settings() settings {
	rolling := s.Rolling.withDefaults()
	return settings{
		path: s.Path, format: s.Format, mode: cmp.Or(s.Mode, ErrorIfExists), partitionBy: s.PartitionBy, targetSize: cmp.Or(s.TargetSize, rolling.Size),
		maxOpen: cmp.Or(s.MaxOpen, defaultMaxOpen), buckets: s.Buckets, rolling: rolling,
	}
}
