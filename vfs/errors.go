package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

var (
	// ErrUnavailable marks a failure of the surroundings: the store cannot be reached or has no room. The same
	// call may succeed later or on another machine; the caller's request was not at fault.
	ErrUnavailable = errors.New("storage unavailable")

	// ErrIsDir is returned where a file is needed and a folder is there.
	ErrIsDir = errors.New("is a folder")
	// ErrNotDir is returned where a folder is needed and a file is there.
	ErrNotDir = errors.New("not a folder")
	// ErrNotEmpty is returned when a folder must be empty and is not.
	ErrNotEmpty = errors.New("folder is not empty")
	// ErrScheme is returned for a URL whose scheme no opener is known for.
	ErrScheme = errors.New("unknown file system")
)

// Unavailable marks err as a failure of the surroundings, so that it matches ErrUnavailable as well as what it
// matched before. A nil err stays nil.
func Unavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// IsUnavailable tells whether a retry of the failed call may help: err is marked as ErrUnavailable. A cancelled
// context is not: the caller gave up, the store did not.
func IsUnavailable(err error) bool {
	return errors.Is(err, ErrUnavailable) && !errors.Is(err, context.Canceled)
}

// PathError wraps err with what was tried on which file, unless it says so already. url is the full URL.
// A nil err stays nil.
func PathError(op, url string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := err.(*fs.PathError); ok && p.Path == url { //nolint:errorlint // only the outermost error counts
		return err
	}
	return &fs.PathError{Op: op, Path: url, Err: err}
}
