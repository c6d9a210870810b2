package connectors

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// Sink is where data goes: immutable settings. Implementations are used by many goroutines.
type Sink interface {
	// Name is the connector's name in plans and metrics: "file".
	Name() string
	// Describe says in a few words what is written, for plans.
	Describe() string
	// Validate reports settings that cannot work, without I/O.
	Validate() error
	// Begin looks before the job starts whether writing can work (the target exists and may not be replaced, no permission) and repairs
	// what an interrupted run left. It changes nothing that is visible.
	Begin(ctx context.Context, env Env) error
	// NewWriter starts a task's writing of batches with that schema.
	NewWriter(ctx context.Context, env TaskEnv, schema *columnar.Schema) (Writer, error)
	// NewCommitter starts the run's committing.
	NewCommitter(env Env) (Committer, error)
}

// TypedSink is a sink that takes records of Go type T.
type TypedSink[T any] interface {
	Sink
	// Element returns a zero T; it exists to tie the type.
	Element() T
}

// Writer writes what one task gives it. One goroutine calls it.
type Writer interface {
	// Write takes the batch's rows that count; the batch is borrowed until it returns.
	Write(ctx context.Context, b columnar.Batch) error
	// Prepare makes durable, but not visible, what was written since the last Prepare, and returns what has to be committed.
	Prepare(ctx context.Context) ([]Committable, error)
	// Close ends the writer. What was not prepared is removed.
	Close() error
}

// Stater is a writer that must know something again when the job goes on from a checkpoint, beyond what Prepare gave: transactions in use,
// files in progress.
type Stater interface {
	// State returns it, after the Prepare of the same checkpoint; in the connector's own versioned encoding.
	State(ctx context.Context) ([]byte, error)
	// Restore gives back, before the first Write, what the writers of the tasks before had: each state goes to one task.
	Restore(ctx context.Context, states [][]byte) error
}

// Ender is a writer that keeps something back at Prepare, to make larger files of it. End is called instead of the last Prepare, when the input
// has ended: it returns what Prepare would and all that was kept back.
type Ender interface {
	End(ctx context.Context) ([]Committable, error)
}

// Timed is a writer that wants to know how far event time has come: before the Prepare of a checkpoint it has been told all that came before it.
type Timed interface {
	Advance(w stream.Watermark)
	// Idle says whether nothing comes for a while: nobody need wait for this task's event time.
	Idle(is bool)
}

// Committable is something durable that a commit makes visible.
type Committable struct {
	Data  []byte // the connector's own encoding; begins with a version byte
	Rows  int64
	Bytes int64
	Files int
}

// Committer makes committables visible. The coordinator calls it, one call at a time.
type Committer interface {
	// Commit makes all of them visible: those of one checkpoint, of several in their order. It is idempotent: after a crash it is called
	// again with the same ones. final says that the input has ended and nothing will follow. An error means that nothing, or not all, is visible, and that a repeated call may
	// finish it.
	Commit(ctx context.Context, c []Committable, final bool) (Published, error)
	// Abort removes what the run left behind, prepared or not. Nothing of it was committed.
	Abort(ctx context.Context) error
}

// Leaver is a Committer that tidies up when a stream has ended or was stopped: its tasks have ended, and what they prepared is committed. What a later
// run may go on from stays.
type Leaver interface {
	Leave(ctx context.Context) error
}

// Checker is a Committer that can look beforehand whether a commit can go through. A job with several sinks asks all of them before it commits
// the first, for what is visible cannot be taken back.
type Checker interface {
	// Check looks whether Commit could make all of them visible, without making any so. Of what was committed already it says yes.
	Check(ctx context.Context, c []Committable) error
}

// Published is what a commit made visible, for the job's summary.
type Published struct {
	Files      int
	Partitions int
	Rows       int64
	Bytes      int64
}
