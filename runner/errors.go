package runner

import (
	"context"
	"errors"
	"io/fs"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// BuildError is a mistake in the program that built the job, or in what it asks of its data: nothing was run.
type BuildError struct{ Err error }

// Error implements error.
func (e *BuildError) Error() string { return e.Err.Error() }

// Unwrap returns the mistakes.
func (e *BuildError) Unwrap() error { return e.Err }

// IsFinal says of the error of a task's attempt that another attempt would fail as well: a panic, a bad record, a mistake, a file that is
// not there or damaged, state that does not fit. What is left may be the surroundings' fault, and is tried again; so is what was lost on its way between tasks.
func IsFinal(err error) bool {
	var p *task.PanicError
	var b *BadRecordError
	var build *BuildError
	var damaged *compress.Error
	var lost *control.LostError
	var final *stream.FinalError
	switch {
	case errors.As(err, &lost):
		return false
	case errors.As(err, &p), errors.As(err, &final), errors.As(err, &b), errors.As(err, &build), errors.As(err, &damaged):
		return true
	case vfs.IsUnavailable(err):
		return false
	default:
		return errors.Is(err, checkpoint.ErrMisfit) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, context.Canceled)
	}
}
