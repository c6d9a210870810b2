package window

import (
	"math"
	"time"
)

// Span is a window's time: from Start up to, not including, End. A global window has the zero span.
type Span struct {
	Start time.Time
	End   time.Time
}

// Interval is a span in microseconds, as operators have it. The global window's is from NoTime to EndTime.
type Interval struct{ Start, End int64 }

// Everything is the interval of the global window.
var Everything = Interval{math.MinInt64, math.MaxInt64}

// Last returns the last time in the interval: its end less one tick.
func (i Interval) Last() int64 {
	if i.End == math.MaxInt64 {
		return i.End
	}
	return i.End - 1
}

// Expiry returns the watermark at which the window's state goes.
func (i Interval) Expiry(lateness int64) int64 {
	last := i.Last()
	if last > math.MaxInt64-lateness {
		return math.MaxInt64
	}
	return last + lateness
}

// Touches says whether two sessions are one: they overlap or one begins where the other ends.
func (i Interval) Touches(o Interval) bool { return i.Start <= o.End && o.Start <= i.End }

// Cover returns the least interval with both in it.
func (i Interval) Cover(o Interval) Interval {
	return Interval{min(i.Start, o.Start), max(i.End, o.End)}
}

// Timing says when a pane fired, seen from the watermark.
type Timing uint8

// The timings.
const (
	Early Timing = iota
	OnTime
	Late
)

// String returns the timing in words.
func (t Timing) String() string { return [...]string{"early", "on time", "late"}[t] }

// Info is which of its window's firings a pane is.
type Info struct {
	Index   int64  // from 0
	Timing  Timing // seen from the watermark; of a retraction, when the result is taken back
	IsFirst bool
	IsLast  bool // no other will follow
	// Retracts says that this is the window's last result, taken back, because another follows. Only of Retracting windows.
	Retracts bool
}

// Pane is one firing of a window of a key.
type Pane[K any] struct {
	Key K
	Span
	Info
}

// Mark is what a pane's row has behind its key, as columns.
type Mark struct {
	Start    time.Time
	End      time.Time
	Index    int64
	Timing   uint8
	IsFirst  bool
	IsLast   bool
	Retracts bool
}

// Of returns the pane of a key.
func Of[K any](key K, m Mark) Pane[K] {
	return Pane[K]{Key: key, Span: Span{m.Start, m.End}, Info: Info{m.Index, Timing(m.Timing), m.IsFirst, m.IsLast, m.Retracts}}
}
