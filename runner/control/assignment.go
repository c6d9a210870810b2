// Package control is what the coordinator and the workers say to each other about tasks: which attempt is to run on what, and what it left.
//
// Inside a process the structs are passed as they are. Stability: engine-private.
package control

import (
	"fmt"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// Attempt names one try at one task.
type Attempt struct {
	Stage, Task, Number int
}

// String prints "stage 2 task 3 attempt 0".
func (a Attempt) String() string {
	return fmt.Sprintf("stage %d task %d attempt %d", a.Stage, a.Task, a.Number)
}

// Assignment is a task to be run: what a worker is told.
type Assignment struct {
	Attempt Attempt
	Tasks   int              // in how many tasks the stage runs
	Sizes   map[int]int      // by ID of a stage of the same region: in how many tasks it runs
	Ranges  map[int]Range    // by ID of an input edge: the partitions to read
	Bounds  map[int][][]byte // by ID of an input edge that is cut by range: the first key of each partition but the first
	Restore *Restore         // what it goes on from; nil: it begins with nothing
}

// Restore is a checkpoint that an attempt goes on from.
type Restore struct {
	Saved *checkpoint.Saved
	// Watermarks are what event time was, by UID of an operator. Writers are what the sink's writers of the tasks before had, as far as it
	// is this task that takes it over.
	Watermarks map[string]stream.Watermark
	Writers    [][]byte
}

// The names of what a checkpoint has of an operator beside its tables.
const (
	WatermarkBlob = "watermark" // a decimal number
	WriterBlob    = "writer"    // of a sink: what its writer must know again
	// ChannelsBlob, with a table of rows in flight behind it, is in how many channels they were: a decimal number.
	ChannelsBlob = "channels: "
)

// Ack is an attempt's part of a checkpoint.
type Ack struct {
	ID     stream.CheckpointID
	Handle checkpoint.Handle
	Final  bool // its inputs had ended and it had nothing left to do
	// Prepared is what its sink has prepared for this checkpoint, and for those before of which it does not know that they are complete.
	Prepared  []checkpoint.Committable
	Positions map[string]connectors.Position // of splits that are not read to their end
	Done      []string                       // splits that are
	Err       error                          // why it cannot take part
}

// Range is partitions From up to but not including To.
type Range struct{ From, To int }

// Handed is splits for a source's attempt, or the news that there will be no more.
type Handed struct {
	Splits    []connectors.Split
	Positions []connectors.Position // where each goes on; nil: from their start
	NoMore    bool
	Exhausted bool // no split is left for any task
}

// Report is what an attempt leaves when it succeeds.
type Report struct {
	Facts     []shuffle.Facts          // by output edge of its stage
	Prepared  []connectors.Committable // by its sink
	Collected []columnar.Batch         // by its collect operator
}

// LostError says that an attempt cannot read what a task left on an edge: it has to be made again.
type LostError struct {
	Edge int
	Task int // of the stage before the edge
	Err  error
}

// Error gives the cause.
func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }
