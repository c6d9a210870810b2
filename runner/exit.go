package runner

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/vfs"
)

// The exit codes of commands that run jobs. A signal's is 128 and its number: 130 interrupted, 143 terminated.
const (
	ExitComplete     = 0
	ExitFailed       = 1 // the job failed by its input or the user's code: a retry will not help
	ExitUsage        = 2 // usage, configuration, or a job that cannot be built: nothing was run
	ExitSurroundings = 3 // HDFS, disk, network: a retry may help
)

// UsageError is a mistake in flags or configuration.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *UsageError) Unwrap() error { return e.Err }

// SignalError is why a job was cancelled.
type SignalError struct{ Signal syscall.Signal }

// Error names the signal.
func (e *SignalError) Error() string { return "stopped by signal: " + e.Signal.String() }

// surroundings are errors of a machine that lacks something or of a peer that is not there.
var surroundings = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ESTALE,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
}

// ExitCode says how a command ends whose run ended with err.
func ExitCode(err error) int {
	var signal *SignalError
	var usage *UsageError
	var build *BuildError
	var panicked *task.PanicError
	var bad *BadRecordError
	var settings *connectors.SettingsError
	switch {
	case err == nil:
		return ExitComplete
	case errors.As(err, &signal):
		return 128 + int(signal.Signal)
	case errors.As(err, &usage), errors.As(err, &build), errors.As(err, &settings), errors.Is(err, vfs.ErrScheme), errors.Is(err, hdfs.ErrProtection), errors.Is(err, hdfs.ErrAuthentication):
		return ExitUsage
	case errors.As(err, &panicked), errors.As(err, &bad):
		return ExitFailed
	case isSurroundings(err):
		return ExitSurroundings
	default:
		return ExitFailed
	}
}

func isSurroundings(err error) bool {
	if vfs.IsUnavailable(err) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	for _, number := range surroundings {
		if errors.Is(err, number) {
			return true
		}
	}
	var dns *net.DNSError
	var lost *control.LostError // scratch that cannot be read back, again and again
	return errors.As(err, &dns) || errors.As(err, &lost)
}
