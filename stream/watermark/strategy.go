package watermark

import (
	"fmt"
	"reflect"
	"time"

	"github.com/millrace/millrace/stream"
)

// Strategy says how event times become watermarks. Its methods return changed copies. The zero Strategy is Monotonous.
type Strategy struct {
	Name       string
	Delay      time.Duration    // by how much rows may be late: Bounded
	New        func() Generator // makes the generator of a split; nil: by Delay
	Mark       any              // of Punctuated: func(T) (time.Time, bool)
	IdleAfter  time.Duration    // how long a split may be silent before it is idle; 0: for ever
	Group      string           // splits of all sources of this group are aligned; "": they are not
	MaxDrift   time.Duration    // by how much a split of a group may be ahead of the slowest
	Future     Future           // what becomes of times far in the future
	MaxForward time.Duration    // how far after the processing time is far
}

// Generator makes the watermark of one split, or of one task. One goroutine uses it.
type Generator interface {
	// Observe takes the event times of rows, in the order of arrival. The slice is borrowed.
	Observe(times []int64)
	// Mark returns the watermark. It is asked after each batch; where it goes back, the one before counts.
	Mark() stream.Watermark
}

// Future says what becomes of a row whose event time lies far in the future: it would move the watermark past everything to come.
type Future uint8

// The policies for times far in the future.
const (
	Trust  Future = iota // the time is right
	Cap                  // the row's time is set to the farthest that is allowed
	Aside                // the row goes to the side output
	Refuse               // the task fails
)

// String returns the policy's name.
func (f Future) String() string { return [...]string{"trust", "cap", "aside", "refuse"}[f] }

// Bounded expects rows to be late by delay at most.
func Bounded(delay time.Duration) Strategy { return Strategy{Name: "bounded", Delay: delay} }

// Monotonous expects the times of a split to ascend. Equal times are no lateness.
func Monotonous() Strategy { return Strategy{Name: "monotonous"} }

// Punctuated takes the watermark from records: mark returns the time before which nothing will come after this record, or false.
func Punctuated[T any](mark func(T) (time.Time, bool)) Strategy {
	return Strategy{Name: "punctuated", Mark: mark}
}

// Custom makes watermarks by a generator of the user's, one for each split.
func Custom(generator func() Generator) Strategy { return Strategy{Name: "custom", New: generator} }

// Idle makes splits idle that have been silent for that long in processing time.
func (s Strategy) Idle(after time.Duration) Strategy {
	s.IdleAfter = after
	return s
}

// Align keeps splits of all sources of the group, in one job, within maxDrift of the slowest: those that are ahead are paused, and hold up
// nothing else. A source whose reader cannot leave out one of several splits is paused when all of a task's are ahead. Who is slowest is found
// out about ten times a second, so maxDrift should be more than the event time that passes in a fifth of a second.
//
// A split that has given no row yet and is not idle may have rows of any time: the group stops within maxDrift until it gives one, so that
// splits which may stay silent need Idle too. The sources of a group are read side by side: not one after the end of another.
func (s Strategy) Align(group string, maxDrift time.Duration) Strategy {
	s.Group, s.MaxDrift = group, maxDrift
	return s
}

// FarFuture says what becomes of rows whose time lies more than ahead after the processing time.
func (s Strategy) FarFuture(policy Future, ahead time.Duration) Strategy {
	s.Future, s.MaxForward = policy, ahead
	return s
}

// Validate says what is wrong with the strategy.
func (s Strategy) Validate() error {
	switch {
	case s.Delay < 0:
		return fmt.Errorf("the delay %s is negative", s.Delay)
	case s.IdleAfter < 0:
		return fmt.Errorf("the idle time-out %s is negative", s.IdleAfter)
	case s.Group != "" && s.MaxDrift <= 0:
		return fmt.Errorf("the drift %s allowed in group %q is not positive", s.MaxDrift, s.Group)
	case s.Future != Trust && s.MaxForward <= 0:
		return fmt.Errorf("times more than %s ahead are not in the future", s.MaxForward)
	case s.Mark != nil && reflect.ValueOf(s.Mark).IsNil():
		return fmt.Errorf("the function that marks records is nil")
	}
	return nil
}

// String describes the strategy: "bounded 5s, idle after 1m0s".
func (s Strategy) String() string {
	text := s.Name
	if text == "" {
		text = "monotonous"
	}
	if s.Delay > 0 {
		text += " " + s.Delay.String()
	}
	if s.IdleAfter > 0 {
		text += ", idle after " + s.IdleAfter.String()
	}
	if s.Group != "" {
		text += fmt.Sprintf(", within %s of group %s", s.MaxDrift, s.Group)
	}
	if s.Future != Trust {
		text += fmt.Sprintf(", %s if %s ahead", s.Future, s.MaxForward)
	}
	return text
}

// generator returns a generator for a split.
func (s Strategy) generator() Generator {
	switch {
	case s.New != nil:
		return s.New()
	case s.Mark != nil:
		return &punctuated{mark: stream.NoWatermark}
	default:
		return &bounded{delay: s.Delay.Microseconds(), latest: int64(stream.NoWatermark)}
	}
}

// bounded is the generator of Bounded and Monotonous.
type bounded struct{ delay, latest int64 }

func (g *bounded) Observe(times []int64) {
	latest := g.latest
	for _, t := range times {
		latest = max(latest, t)
	}
	g.latest = latest
}

func (g *bounded) Mark() stream.Watermark {
	if g.latest <= int64(stream.NoWatermark)+g.delay+1 {
		return stream.NoWatermark
	}
	return stream.Watermark(g.latest - g.delay - 1)
}

// punctuated is the generator of Punctuated. What it observes are the marks that records carry.
type punctuated struct{ mark stream.Watermark }

func (g *punctuated) Observe(marks []int64) {
	for _, m := range marks {
		if m > int64(g.mark)+1 {
			g.mark = stream.Watermark(m - 1)
		}
	}
}

func (g *punctuated) Mark() stream.Watermark { return g.mark }

// Ahead returns which of the splits of an alignment group are to be paused, by name: those whose watermark is ahead of least, the slowest of
// the group's that are not idle, by more than drift. Idle ones are not: what they give next is to count again.
func Ahead(splits []Split, least stream.Watermark, drift time.Duration) []string {
	var out []string
	for _, s := range splits {
		if least != stream.NoWatermark && !s.Idle && s.Mark > least && uint64(s.Mark)-uint64(least) > uint64(drift.Microseconds()) {
			out = append(out, s.ID)
		}
	}
	return out
}
