// Package stream is the engine's vocabulary: what an operator is, and what it gets from the task that runs it.
//
// An [Operator] transforms batches. It is pushed a batch at a time, by one goroutine, and emits to an [Output] that only collects: the
// task moves batches on afterwards, from the tail of the chain, so that operators never call each other. Optional abilities are
// interfaces of their own, looked up once when a chain is built: [Resumer] for those that owe more than one batch, [Chooser] for those
// that read one input before another, [Timed] and [Alarmed] for those that act when time passes, [Stateful] and [Notified] for those
// whose state goes into checkpoints. [Env] is what an operator may use of the world.
//
// Stability: extension. Operators of others implement these interfaces.
package stream

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs"
)

// Operator transforms batches. One goroutine calls it: Open; then Process, EndInput and the optional methods as data arrives; Close
// always, even after an error, and even when Open failed.
//
// A call may overrun its Output's room by one batch. What would be more is owed and paid by Resume.
type Operator interface {
	// Open prepares. Inputs are numbered from 0 in the order of the plan.
	Open(env *Env) error
	// Process takes a batch of an input. b is borrowed until Process has returned and, for a Resumer, until Resume has said that nothing
	// more is owed. An emitted batch may share b's buffers.
	Process(input int, b columnar.Batch, out Output) error
	// EndInput says that the input has no more data. It comes once for each input. A cancelled task goes straight to Close.
	EndInput(input int, out Output) error
	Close() error
}

// Resumer is an operator that may owe output after Process or EndInput: Resume is called while outputs have room until more is false, and
// before anything else is called. An operator that implements it must implement it for both: the task calls Resume after each of them.
type Resumer interface {
	Resume(out Output) (more bool, err error)
}

// Chooser is an operator that does not take every input at any time: a join reads its build side first. The task asks before it takes
// the next batch. The set must contain an input that has not ended, as long as there is one; it may be empty while the operator has something to
// do first that it will be called for, by Post or Alarm.
type Chooser interface {
	Wants() InputSet
}

// InputSet is a set of input numbers below 64.
type InputSet uint64

// AllInputs contains every input.
const AllInputs = ^InputSet(0)

// Input returns the set of the one input i.
func Input(i int) InputSet { return 1 << i }

// Has says whether i is in the set.
func (s InputSet) Has(i int) bool { return s>>i&1 != 0 }

// Output collects what an operator emits.
type Output interface {
	// Emit adds a batch. Its buffers must stay as they are until the operator is called again.
	Emit(b columnar.Batch)
	// EmitSide adds a batch to a side output: one of those that the operator's node has, by number. Its buffers must stay as they are only
	// until EmitSide returns.
	EmitSide(side int, b columnar.Batch) error
	// Room is the number of batches that may still be emitted before the output is full.
	Room() int
}

// Env is what a task gives its operators. All of it may be used until Close returns, by the task's goroutine only unless a field says
// otherwise.
type Env struct {
	Context context.Context //nolint:containedctx // it is the task's life, and Operator's methods have no other way to block
	Job     string          // the job's name
	RunID   string          // of this run of the job
	Node    string          // the logical node's name and call site, for messages
	Task    int             // index among Tasks
	Tasks   int
	Attempt int
	Inputs  []*columnar.Schema // by input
	Fresh   bool               // batches of Process share no buffers with their maker and may be kept
	Log     *slog.Logger
	Metrics *metrics.Set
	Memory  *budget.Account // what the operator holds is counted here
	Spill   *spill.Manager
	Files   *vfs.Resolver
	Rand    *rand.Rand      // seeded by job, node and task
	Bad     func(Bad) error // takes a record that cannot be processed; an error ends the task
	// Shared returns what the operator has in common with those of the stage's other tasks in this process. The first call has it made; it
	// guards itself, and counts its memory in the account that it is given. nil where tasks are not sent the same rows.
	Shared func(create func(memory *budget.Account) any) any

	UID      string          // identity of the node's state
	Clock    Clock           // processing time
	SetAlarm func(time.Time) // has Alarm called at that time, instead of any set before; the zero time: not at all
	// Post hands a function to the task, which calls it between two batches, as if it were the operator's own method: the only way in for
	// other goroutines. It blocks while too many are waiting; false: the task has ended and f will not be called.
	Post   func(f func(out Output) error) bool
	Groups state.Groups // the key groups that the task owns
	// NewStore returns an empty keyed state for keys of those columns, of the back end that the job is set to. Its owner closes it.
	NewStore func(keys []columnar.Field) (state.Store, error)
	// IsStreaming says that the job takes checkpoints and that rows of different keys come in the order of arrival. If not, the input ends.
	IsStreaming bool
}

// FinalError is an error of the user's code that trying again will not mend: the job ends with it.
type FinalError struct{ Err error }

// Error is that of the cause.
func (e *FinalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FinalError) Unwrap() error { return e.Err }

// BadRecords is the number of the side output that a task makes of the bad records of a node, if anybody reads it.
const BadRecords = -1

// Bad is a record that a reader could not decode or a user's function refused.
type Bad struct {
	Source string // file, topic and partition; "" for a function's
	Offset int64
	Record string // its beginning, printed
	Reason error
}
