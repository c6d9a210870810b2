package stream

import (
	"math"
	"time"
)

// Watermark t says that no more elements with an event time of t or before will come: microseconds since 1970 UTC. It never goes back.
// All output that a watermark causes precedes it.
type Watermark int64

// The ends of time.
const (
	NoWatermark Watermark = math.MinInt64 // nothing is known yet
	EndOfTime   Watermark = math.MaxInt64 // nothing will come: the input has ended
)

// Timed is an operator that acts when event time passes, as windows and timers do. Its watermark is the minimum over its inputs that have
// neither ended nor are idle.
type Timed interface {
	// Advance tells that the watermark has become w, which is greater than before. What Process was given before has been processed. The
	// task calls Resume, of a Resumer, until nothing is owed, and then hands w on to the next operator. Before the EndInput of the last
	// input comes Advance(EndOfTime).
	Advance(w Watermark, out Output) error
}

// Marker is an operator that makes watermarks: those from before it end at it, except EndOfTime. The task asks after each call and hands on
// what has grown.
type Marker interface {
	// Mark returns the watermark, and whether the operator's rows have ceased for so long that it should not hold others back.
	Mark() (w Watermark, idle bool)
}

// Relay is a Marker that makes its watermarks of those from before it, when it is done with what precedes them.
type Relay interface {
	Marker
	// Idle says whether nothing comes for a while from before it. Mark tells the next operator when what came before has gone on.
	Idle(is bool)
}

// Alarmed is an operator that acts when processing time passes.
type Alarmed interface {
	// Alarm is called when the time that was set with Env.SetAlarm has come, or is past. now is the processing time. Resume follows, of a
	// Resumer.
	Alarm(now time.Time, out Output) error
}

// Splitter is an operator that keeps something for each split of the source at the head of its chain.
type Splitter interface {
	// AddSplit says that the task has been given a split, read from its beginning or from where it was left.
	AddSplit(id string)
	// UseSplit says that rows from here on are of this split.
	UseSplit(id string)
	// EndSplit says that the split is read to its end.
	EndSplit(id string)
	// HoldSplits says that some splits of a source that ends have not been given to any task, so that rows of any time may still come; or, with
	// false, that there are none left.
	HoldSplits(hold bool)
}

// MarkKind says what a Mark is.
type MarkKind uint8

// The kinds of marks.
const (
	NoMark        MarkKind = iota
	WatermarkMark          // event time has come to Watermark
	IdleMark               // nothing comes for a while: do not wait for this input's watermark; rows or a watermark end it
	BarrierMark            // a checkpoint's cut: what is before belongs to it
)

// Mark is what comes between the rows of a stream.
type Mark struct {
	Kind      MarkKind
	Watermark Watermark
	Barrier   Barrier
}

// Barrier cuts a stream for a checkpoint.
type Barrier struct {
	ID CheckpointID
	// Stop ends the job's input behind the barrier; Drain lets event time come to its end before, so that all windows and timers fire.
	Stop  bool
	Drain bool
}

// Waiter is an operator that is not done when its inputs have ended, because results are still to come by Post or Alarm. The task ends it,
// and tells the next operator of the end, when it no longer waits.
type Waiter interface{ IsWaiting() bool }
