// Package shuffle is the exchange of rows between tasks.
//
// A producer task has a [Writer] for each edge that leaves its stage, a consumer task a [Gate] for each that enters. What lies between is
// one of three:
//
//   - a [Pipe], pipelined: bounded queues from each producer to each consumer. A full queue makes the writer lack room, and a task without
//     room takes no input, so that a slow consumer slows its producers down and nothing piles up.
//   - a blocking exchange (blocking.go): each producer leaves one file sorted by partition with an index, or batches in memory while the
//     exchange's budget lasts; consumers open it when the producers are done, as often as they are run.
//   - a sorted exchange (sorted.go), blocking too: producers sort, consumers merge a range of keys, or some partitions, of all of them.
//
// Rows that cross are fresh copies which nobody changes afterwards. Writers and gates belong to one task each and are not safe for
// concurrent use; what they share is guarded inside.
//
// Stability: engine-private; the file format is specified in package columnar/block and blocking.go.
package shuffle

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/stream"
)

// Writer is the producing end of an edge, of one task.
type Writer interface {
	// HasRoom says whether a batch may be written now. Without room the task waits to be woken.
	HasRoom() bool
	// Write takes the rows of b that count. b is borrowed until it returns, unless it is fresh: then it is given away and may be kept as
	// it is. It may overrun the room by one batch.
	Write(b columnar.Batch, fresh bool) error
	// Mark hands on what is buffered, and a mark behind it. Blocking edges have no use for marks and drop them.
	Mark(m stream.Mark) error
	// Flush hands on what is buffered, because the task's input has run dry.
	Flush() error
	// Close ends the data. What it returns is known of it for the planning of the consumer.
	Close() (Facts, error)
	// Abort drops what was written by a task that failed. It may follow anything, Close included.
	Abort()
}

// Output is what one producer left on a blocking edge: rows by partition. It is immutable and may be opened by many.
type Output interface {
	// Open returns a gate over the rows of the partitions from up to but not including to, one partition after another.
	Open(ctx context.Context, from, to int) (Gate, error)
	// Release gives its memory and files up. Gates must be closed before.
	Release(ctx context.Context) error
}

// BlockingWriter is a Writer whose rows can be read when it has been closed.
type BlockingWriter interface {
	Writer
	Output() Output
}

// Gate is the consuming end of an edge, of one task.
type Gate interface {
	// Poll returns the next rows, or mark, if there are any now. A gate of several channels merges their watermarks, and returns a barrier
	// when it has come on all of them; then it returns nothing until Unblock.
	Poll() (i Item, ok bool, err error)
	// HasEnded says that all producers have ended and everything has been polled.
	HasEnded() bool
	Close() error
}

// Item is what comes out of a gate: rows, or a mark.
type Item struct {
	Batch columnar.Batch
	Mark  stream.Mark // its kind is NoMark when there are rows
}

// Aligner is a gate that barriers come through.
type Aligner interface {
	// Unblock goes on behind the barriers up to that checkpoint, whether they have come on all channels or not.
	Unblock(cp stream.CheckpointID)
	// HasSeen says whether a checkpoint's barrier has been put into a channel, however many rows are ahead of it.
	HasSeen(cp stream.CheckpointID) bool
	// Record notes what is, and will be, ahead of a checkpoint's barrier, for a consumer that does not wait for it. Unblock is to follow. What is
	// noted is counted in memory, which the caller closes when neither the flight nor its items are used any more; nil: it is not counted.
	Record(cp stream.CheckpointID, memory *budget.Account) *Flight
	// Restore has the gate give items, of which it becomes the owner, before anything else. They were in so many channels. It is called before
	// the first Poll.
	Restore(items []Flown, channels int)
}

// Facts are what a producer knows of what it wrote, by partition.
type Facts struct {
	Rows  []int64
	Bytes []int64
	Keys  [][]byte // edges that are cut by range: a sample of the normalised sort keys, evenly spread over the rows
}
