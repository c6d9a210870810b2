// Package rest is the REST API of a running job, version 1: a [Server] in the job's process, a [Client] for the commands, and the [Folder] by
// which the one finds the other.
//
//	<state-dir>/jobs/<name>/   of one user, mode 0700
//	  live.json                address, token, process: while the job is at work
//	  last.json                what the job told last, when it has ended
//	  command.json             how its process was started, to start it again
//	  log, log.old             what it said in the background; of the run before
//	  lock                     held while the folder is changed
//
// The server listens on the loopback address only. Every request but that for the API's own description, which is [OpenAPI], needs the token that
// live.json has: who may read the file may steer the job. Errors are problem details (RFC 9457).
//
// The server's goroutines end with [Server.Run]; nothing else starts any.
//
// Stability: public.
package rest

import (
	"context"
	_ "embed" // for OpenAPI
	"errors"
	"fmt"

	"github.com/millrace/millrace/runner/status"
)

// Job is a running job as the API steers it. Any goroutine may call it. An error that matches ErrRefused or ErrInvalid says whose mistake it is.
type Job interface {
	Status() status.Job
	// Checkpoint makes a checkpoint now and waits until it is complete. When ctx ends it waits no longer, but the checkpoint goes on.
	Checkpoint(ctx context.Context) (status.Checkpoint, error)
	// Savepoint does the same with a savepoint, in a new folder in the folder url. "": in a folder beside the job's checkpoints.
	Savepoint(ctx context.Context, url string) (status.Checkpoint, error)
	// Stop makes a last savepoint, behind which no record is processed, and ends the job. With drain event time comes to its end before, so
	// that all windows and timers fire. It returns when the savepoint is complete. When it fails the job goes on.
	Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error)
	// Cancel ends the job without another checkpoint. It does not wait for the end.
	Cancel(ctx context.Context) error
}

// What a Job's errors may match.
var (
	ErrRefused = errors.New("refused")       // the job is not in a state for it, or not of a kind
	ErrInvalid = errors.New("invalid value") // of an argument
)

// OpenAPI is the API's description in the form OpenAPI 3.1, as JSON.
//
//go:embed openapi.json
var OpenAPI []byte

// Error is what a server answered that did not do what it was asked.
type Error struct {
	Status int    `json:"status"` // of HTTP
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s (HTTP status %d)", e.Title, e.Status)
	}
	return e.Detail
}
