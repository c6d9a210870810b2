// Package connectors holds the two contracts by which data enters and leaves a job: [Source] and [Sink].
//
// A Source divides its data into splits. An [Enumerator], one a job, decides which task reads which split; it is pure: its only method
// takes an event and returns actions, and what needs I/O (listing a folder, asking a broker) is an action whose result comes back as an
// event. A [Reader], one a task, runs on a goroutine of its own and hands over batches of one split each, with the position after them.
//
// A Sink has a [Writer] a task, whose Prepare turns what was written into committables, and a [Committer], one a job, which makes them
// visible, in checkpoint order, off the data path. The end of bounded input is the last checkpoint; a batch job has only that one, so
// publishing once, retries of tasks and speculative copies all come down to: only the committables of the winning attempt are committed.
//
// Who calls what: enumerators and committers run in the coordinator, readers and writers in tasks. Both sides are of one binary.
//
// Stability: extension.
package connectors

import (
	"context"
	"log/slog"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/vfs"
)

// Source is where data comes from: immutable settings. Implementations are used by many goroutines.
type Source interface {
	// Name is the connector's name in plans and metrics: "file".
	Name() string
	// Describe says in a few words what is read, for plans: the path, the topic. Secrets are masked.
	Describe() string
	// Validate reports settings that cannot work, without I/O.
	Validate() error
	// IsBounded says whether the data ends.
	IsBounded() bool
	// Schema is the schema of the records, nil when only the data can tell; then Discover tells it before the job is planned.
	Schema() *columnar.Schema
	// Discover looks at the data (a footer, a sample, a folder's names) and says what the planner may know about it.
	Discover(ctx context.Context, env Env) (Facts, error)
	// NewEnumerator starts a run's enumeration; facts are what Discover said.
	NewEnumerator(env Env, scan Scan, facts Facts) (Enumerator, error)
	// NewReader starts a task's reading.
	NewReader(env TaskEnv, scan Scan) (Reader, error)
}

// TypedSource is a source whose records are of Go type T.
type TypedSource[T any] interface {
	Source
	// Element returns a zero T; it exists to tie the type.
	Element() T
}

// Facts are what is known about a source's data before it is read. Unknown numbers are -1.
type Facts struct {
	Schema *columnar.Schema
	Bytes  int64
	Rows   int64
	Splits int // about how many; the planner's parallelism does not exceed it
	Known  any // the source's own, handed on to its enumerator
}

// Scan is what the optimiser wants of a source.
type Scan struct {
	Columns *columnar.Schema // the columns wanted, in order
	Filter  expr.Expr        // rows that do not match may be left out; zero: all
	Rows    int              // rows a batch, 0: the default
}

// Env is what enumerators and committers get from the engine.
type Env struct {
	Files *vfs.Resolver
	Log   *slog.Logger
	RunID string // of this run of the job: unique, sortable by time
	Job   string // the job's name
	Node  string // the logical node's name and call site
	UID   string // of the logical node: names that outlive the run, as transactions' do, are made of it
	// IsStreaming says that the job takes checkpoints and that a later run may go on from them: what was prepared must outlive a failed run.
	// Checkpoints is the longest time between two, 0 when there is no fixed one.
	IsStreaming bool
	Checkpoints time.Duration
}

// TaskEnv is what readers and writers get from the engine.
type TaskEnv struct {
	Env
	Task    int // index among Tasks
	Tasks   int
	Attempt int
	Report  func(Bad) error // takes a bad record; its error, if any, ends the task
	Count   func(counter string, n int64)
}

// Bad is a record that a reader or a fallible function could not turn into data.
type Bad struct {
	Source string // file, topic and partition
	Offset int64
	Record []byte // its bytes, or their beginning
	Reason error
}

// Split is one piece of a source's data that one reader reads in order.
type Split struct {
	ID    string   // unique within the source
	Data  []byte   // the connector's own encoding; begins with a version byte
	Bytes int64    // about how many; -1 unknown
	Hosts []string // where reading it is local
}

// Position is where in a split reading goes on, in the connector's own versioned encoding; nil: at its start.
type Position []byte

// Event is something the enumerator learns.
type Event interface{ event() }

// The events of an enumerator.
type (
	// Started is the first event of a run.
	Started struct{ Tasks int }
	// Restored is the first event of a run that goes on from a checkpoint, instead of Started. State is what Snapshot gave, Splits are those
	// that had been assigned and were not read to their end, Positions tell where each goes on.
	Restored struct {
		Tasks     int
		State     []byte
		Splits    []Split
		Positions []Position
	}
	// Requested says that a task has nothing to read.
	Requested struct {
		Task int
		Host string
	}
	// Returned gives splits back that a failed task had; Positions tell where each goes on.
	Returned struct {
		Splits    []Split
		Positions []Position
	}
	// Called is the result of a Call, or the answer to Later.
	Called struct {
		Name   string
		Result any
		Err    error
	}
)

func (Started) event()   {}
func (Restored) event()  {}
func (Requested) event() {}
func (Returned) event()  {}
func (Called) event()    {}

// Action is something the enumerator wants done.
type Action interface{ action() }

// The actions of an enumerator.
type (
	// Assign gives splits to a task, to be read from Positions: nil, or one nil, means from the start.
	Assign struct {
		Task      int
		Splits    []Split
		Positions []Position
	}
	// NoMore tells a task that nothing more will come for it.
	NoMore struct{ Task int }
	// Call is I/O: the engine runs Do on a goroutine of its own and answers with Called.
	Call struct {
		Name string
		Do   func(ctx context.Context) (any, error)
	}
	// Later has Called{Name} come after a time: for what is looked at now and then.
	Later struct {
		Name  string
		After time.Duration
	}
	// Known tells how many bytes there are to read in all, for progress; sent again when it changes.
	Known struct {
		Splits int
		Bytes  int64
	}
)

func (Assign) action() {}
func (NoMore) action() {}
func (Call) action()   {}
func (Later) action()  {}
func (Known) action()  {}

// Enumerator hands out a source's splits. It is pure and single-threaded: it does no I/O and starts nothing.
type Enumerator interface {
	Step(e Event) ([]Action, error)
	// Snapshot returns what Restored needs: all but the splits that are assigned. It begins with a version byte.
	Snapshot() ([]byte, error)
}

// Exhaustible is an enumerator of data that ends, which knows when no split is left to be assigned. Until then event time does not pass: what is
// not assigned may have records of any time.
type Exhaustible interface{ IsExhausted() bool }

// Reader reads the splits of one task. One goroutine, its own, calls it.
type Reader interface {
	// Assign adds splits to read, from the positions given (nil: from the start).
	Assign(splits []Split, from []Position) error
	// Fetch returns the next batch of one split. With nothing assigned or all read it returns io.EOF; after another Assign it may
	// be called again. It returns soon after ctx ends. When splits have nothing for the moment it waits, for some milliseconds at most, and
	// returns a Fetched without rows: so it sees what was assigned, paused or completed meanwhile.
	Fetch(ctx context.Context) (Fetched, error)
	Close() error
}

// Pauser is a reader that can leave splits unread for a while, because they are ahead of others in event time.
type Pauser interface{ Pause(splits []string) } // those, and no others, are paused from now on

// Completer is a reader that wants to know up to where a completed checkpoint has its splits. Calls may be lost.
type Completer interface {
	Completed(ctx context.Context, positions map[string]Position) error
}

// Lagging is a reader that knows how far its splits are behind: by split, the records or bytes not yet read. Any goroutine may ask.
type Lagging interface{ Lag() map[string]int64 }

// Backlogged is an enumerator, or a reader, that can tell what was there before from what comes: it is in its backlog until it has come to what was
// not there when it began. Meanwhile a job may take checkpoints at a longer interval (Flink's FLIP-309). An enumerator is asked behind each Step, a
// reader behind each Fetch. One that does not know says no: a backlog that does not end would keep checkpoints rare for ever. After a restore it
// begins anew, with what there is then.
type Backlogged interface{ IsInBacklog() bool }

// Fetched is a batch of one split.
type Fetched struct {
	Batch columnar.Batch // fresh; without rows when only Done or Next is news
	Split string
	Next  Position // after the batch
	Done  bool     // the split is read to its end
	Bytes int64    // stored bytes read since the last Fetched
}
