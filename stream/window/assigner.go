package window

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// Kind is the way windows are formed.
type Kind uint8

// The kinds of windows.
const (
	KindSliding Kind = iota // tumbling windows are those whose size is the slide
	KindSession
	KindGlobal
	KindCount
)

// Assigner puts rows into windows. It is plain data; its methods return changed copies.
type Assigner struct {
	Kind    Kind
	Size    time.Duration // of sliding windows
	Slide   time.Duration // of sliding windows
	Start   time.Duration // offset of sliding windows: where one begins, after 1970-01-01T00:00:00Z
	Gap     time.Duration // of sessions
	GapFunc any           // of sessions: func(T) time.Duration; nil: Gap
	Count   int64         // rows in a count window
	Every   int64         // rows between the ends of count windows
	ByClock bool          // windows are in processing time
}

// Tumbling windows follow each other without gaps.
func Tumbling(size time.Duration) Assigner {
	return Assigner{Kind: KindSliding, Size: size, Slide: size}
}

// Sliding windows of that size begin a slide apart. Where the slide is longer than the size, rows between windows are in none.
func Sliding(size, slide time.Duration) Assigner {
	return Assigner{Kind: KindSliding, Size: size, Slide: slide}
}

// Session windows hold rows that are less than gap apart from the next; rows of which one begins where another's gap ends are together too.
func Session(gap time.Duration) Assigner { return Assigner{Kind: KindSession, Gap: gap} }

// SessionBy is Session with a gap that each record has of its own. A gap that is not positive is taken for one tick.
func SessionBy[T any](gap func(T) time.Duration) Assigner {
	return Assigner{Kind: KindSession, GapFunc: gap}
}

// Global puts all rows of a key into one window, which only a trigger, or the end of the input, makes fire.
func Global() Assigner { return Assigner{Kind: KindGlobal} }

// CountTumbling windows hold n rows each, in the order of arrival.
func CountTumbling(n int64) Assigner { return Assigner{Kind: KindCount, Count: n, Every: n} }

// CountSliding windows hold the last n rows, and end every so many rows.
func CountSliding(n, every int64) Assigner { return Assigner{Kind: KindCount, Count: n, Every: every} }

// Offset moves where sliding and tumbling windows begin, such as to the beginning of days of a zone with a fixed offset.
func (a Assigner) Offset(by time.Duration) Assigner {
	a.Start = by
	return a
}

// ProcessingTime makes windows of the time at which rows come, by the clock of the task's host. There is no lateness then.
func (a Assigner) ProcessingTime() Assigner {
	a.ByClock = true
	return a
}

// IsTimed says whether windows have a beginning and an end in time.
func (a Assigner) IsTimed() bool { return a.Kind == KindSliding || a.Kind == KindSession }

// Validate says what is wrong with the assigner.
func (a Assigner) Validate() error {
	switch a.Kind {
	case KindSliding:
		if a.Size < time.Microsecond || a.Slide < time.Microsecond || a.Size%time.Microsecond != 0 || a.Slide%time.Microsecond != 0 {
			return fmt.Errorf("windows of %s every %s: both are to be whole microseconds, one at least", a.Size, a.Slide)
		}
	case KindSession:
		if a.GapFunc == nil && a.Gap < time.Microsecond {
			return fmt.Errorf("sessions with a gap of %s: it is to be 1µs at least", a.Gap)
		}
		if a.GapFunc != nil && reflect.ValueOf(a.GapFunc).IsNil() {
			return fmt.Errorf("sessions with a gap function that is nil")
		}
	case KindCount:
		if a.Count < 1 || a.Every < 1 {
			return fmt.Errorf("windows of %d rows every %d rows: both are to be 1 at least", a.Count, a.Every)
		}
	case KindGlobal:
	}
	return nil
}

// String describes the assigner: "sliding 1h0m0s every 1s".
func (a Assigner) String() string {
	var text string
	switch {
	case a.Kind == KindSliding && a.Size == a.Slide:
		text = "tumbling " + a.Size.String()
	case a.Kind == KindSliding:
		text = fmt.Sprintf("sliding %s every %s", a.Size, a.Slide)
	case a.Kind == KindSession && a.GapFunc != nil:
		text = "sessions with gaps of their own"
	case a.Kind == KindSession:
		text = "sessions with gaps of " + a.Gap.String()
	case a.Kind == KindCount && a.Count == a.Every:
		text = fmt.Sprintf("of %d rows", a.Count)
	case a.Kind == KindCount:
		text = fmt.Sprintf("of %d rows every %d", a.Count, a.Every)
	default:
		text = "global"
	}
	if a.Start != 0 {
		text += " from " + a.Start.String()
	}
	if a.ByClock {
		text += " in processing time"
	}
	return text
}

// Grid is sliding windows in microseconds.
type Grid struct{ Size, Slide, Offset int64 }

// Grid returns the grid of sliding windows.
func (a Assigner) Grid() Grid {
	return Grid{a.Size.Microseconds(), a.Slide.Microseconds(), a.Start.Microseconds()}
}

// LastStart returns the start of the last window that begins at t or before.
func (g Grid) LastStart(t int64) int64 { return t - floorMod(t-g.Offset, g.Slide) }

// LastOf returns the last window with t in it; false when t is in none.
func (g Grid) LastOf(t int64) (Interval, bool) {
	start := g.LastStart(t)
	w := Interval{start, start + g.Size}
	return w, t < w.End
}

// FirstAfter returns the first window that ends after t.
func (g Grid) FirstAfter(t int64) Interval {
	start := g.LastStart(t-g.Size) + g.Slide
	return Interval{start, start + g.Size}
}

// Slice returns the length of the slices that windows are made of: each start and end is a multiple of it from the offset.
func (g Grid) Slice() int64 {
	a, b := g.Size, g.Slide
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Windows appends all windows with t in them, the last one first.
func (g Grid) Windows(out []Interval, t int64) []Interval {
	for start := g.LastStart(t); start > t-g.Size; start -= g.Slide {
		out = append(out, Interval{start, start + g.Size})
	}
	return out
}

// SessionOf returns the session of one row.
func SessionOf(t, gap int64) Interval {
	end := t + max(gap, 1)
	if end < t {
		end = math.MaxInt64
	}
	return Interval{t, end}
}

// floorMod returns a modulo n, at least 0.
func floorMod(a, n int64) int64 {
	if m := a % n; m < 0 {
		return m + n
	} else {
		return m
	}
}
