package process

import "time"

// Processor handles the records of a keyed stream.
type Processor[K comparable, In, Out any] interface {
	// OnRecord takes the next record. Fields of package state show the state of the record's key. An error ends the job.
	OnRecord(ctx *Context[K, Out], record In) error
}

// CoProcessor handles the records of two keyed streams, whose keys share their state.
type CoProcessor[K comparable, L, R, Out any] interface {
	OnLeft(ctx *Context[K, Out], record L) error
	OnRight(ctx *Context[K, Out], record R) error
}

// BroadcastProcessor handles the records of a keyed stream, by rules that every task gets.
type BroadcastProcessor[K comparable, In, B, Out any] interface {
	// OnRecord takes the next record. Tables of state that are broadcast can only be read.
	OnRecord(ctx *Context[K, Out], record In) error
	// OnBroadcast takes a rule. It runs in every task, with the rules in the same order if they come from one task, and must do the same in
	// all of them. There is no current key: only broadcast tables may be touched.
	OnBroadcast(ctx *Output[Out], rule B) error
}

// Each handles the records of a stream without keys.
type Each[In, Out any] interface {
	OnRecord(ctx *Output[Out], record In) error
}

// BroadcastEach handles the records of a stream without keys, by rules that every task gets.
type BroadcastEach[In, B, Out any] interface {
	OnRecord(ctx *Output[Out], record In) error
	OnBroadcast(ctx *Output[Out], rule B) error
}

// TimerProcessor is a processor with timers in event time.
type TimerProcessor[K comparable, Out any] interface {
	// OnTimer is called once event time has passed a timer that was set for the current key. Timers come by ascending time.
	OnTimer(ctx *Context[K, Out], at time.Time) error
}

// AlarmProcessor is a processor with timers in processing time.
type AlarmProcessor[K comparable, Out any] interface {
	// OnAlarm is called once the clock has passed an alarm that was set for the current key: also when that was while the job did not run.
	// When the input ends, alarms that have not come are dropped.
	OnAlarm(ctx *Context[K, Out], at time.Time) error
}

// Opener is a processor that prepares before its first record.
type Opener interface{ Open(task Task) error }

// Closer is a processor that cleans up. It is called once for each successful Open, also after an error.
type Closer interface{ Close() error }
