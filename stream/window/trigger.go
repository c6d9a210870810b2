package window

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// TriggerKind is what a trigger looks at.
type TriggerKind uint8

// The kinds of triggers.
const (
	byDefault TriggerKind = iota
	atEventTime
	atProcessingTime
	atCount
	everyEventTime
	everyProcessingTime
	atDelta
	purging
	atWatermark
	allOf
	anyOf
	repeated
	once
	never
)

// Trigger says when a window fires. It is plain data: a tree. The zero Trigger is the default of the windows: on time, and again for each
// late row; for global windows never.
//
// What a trigger remembers of a window of a key is a few integers ([Trigger.Slots]), which lie in the window's state and are merged with it.
type Trigger struct {
	Kind  TriggerKind
	Count int64
	Every time.Duration
	Delta float64
	Value any // of a delta: func(T) float64
	Of    []Trigger
}

// EventTime fires when the watermark passes the window's end, and again for each late row.
func EventTime() Trigger { return Trigger{Kind: atEventTime} }

// ProcessingTime fires when the processing time passes the window's end.
func ProcessingTime() Trigger { return Trigger{Kind: atProcessingTime} }

// Count fires for every n rows.
func Count(n int64) Trigger { return Trigger{Kind: atCount, Count: n} }

// ContinuousEventTime fires when the watermark passes a multiple of every after new rows, and at the window's end.
func ContinuousEventTime(every time.Duration) Trigger {
	return Trigger{Kind: everyEventTime, Every: every}
}

// ContinuousProcessingTime fires when the processing time passes a multiple of every after new rows.
func ContinuousProcessingTime(every time.Duration) Trigger {
	return Trigger{Kind: everyProcessingTime, Every: every}
}

// Delta fires when a row's value differs by more than threshold from that of the row that made it fire last, at first from the first row's.
// Windows with it do not merge.
func Delta[T any](threshold float64, value func(T) float64) Trigger {
	return Trigger{Kind: atDelta, Delta: threshold, Value: value}
}

// Purging empties the window whenever t fires.
func Purging(t Trigger) Trigger { return Trigger{Kind: purging, Of: []Trigger{t}} }

// AtWatermark fires once when the watermark passes the window's end, and for each late row. Early and Late change what is before and after.
func AtWatermark() Trigger { return Trigger{Kind: atWatermark, Of: []Trigger{Never(), Count(1)}} }

// Early has AtWatermark fire by t, again and again, until the watermark passes the window's end.
func (t Trigger) Early(early Trigger) Trigger { return t.with(0, early) }

// Late has AtWatermark fire by t, again and again, after the watermark has passed the window's end.
func (t Trigger) Late(late Trigger) Trigger { return t.with(1, late) }

func (t Trigger) with(part int, by Trigger) Trigger {
	of := []Trigger{Never(), Count(1)}
	copy(of, t.Of)
	of[part] = by
	t.Of = of
	return t
}

// And fires when all have fired since it fired last.
func And(of ...Trigger) Trigger { return Trigger{Kind: allOf, Of: of} }

// Or fires when one of them does; the others begin anew.
func Or(of ...Trigger) Trigger { return Trigger{Kind: anyOf, Of: of} }

// Repeated begins t anew each time it has fired.
func Repeated(t Trigger) Trigger { return Trigger{Kind: repeated, Of: []Trigger{t}} }

// Once fires the first time that t does.
func Once(t Trigger) Trigger { return Trigger{Kind: once, Of: []Trigger{t}} }

// Never does not fire: a window's only result is the one when its state goes.
func Never() Trigger { return Trigger{Kind: never} }

// IsZero says that it is the default of the windows.
func (t Trigger) IsZero() bool { return t.Kind == byDefault }

// For returns the trigger itself, or what it stands for as the default of windows.
func (t Trigger) For(a Assigner) Trigger {
	switch {
	case !t.IsZero():
		return t
	case !a.IsTimed():
		return Never()
	case a.ByClock:
		return ProcessingTime()
	default:
		return EventTime()
	}
}

// ValueFunc returns the function of the delta in the tree, nil when there is none.
func (t Trigger) ValueFunc() any {
	if t.Value != nil {
		return t.Value
	}
	for _, c := range t.Of {
		if f := c.ValueFunc(); f != nil {
			return f
		}
	}
	return nil
}

func (t Trigger) validate() error {
	var errs []error
	switch t.Kind {
	case atCount:
		if t.Count < 1 {
			errs = append(errs, fmt.Errorf("a trigger for every %d rows", t.Count))
		}
	case everyEventTime, everyProcessingTime:
		if t.Every < time.Microsecond {
			errs = append(errs, fmt.Errorf("a trigger for every %s: it is to be 1µs at least", t.Every))
		}
	case atDelta:
		if t.Value == nil || reflect.ValueOf(t.Value).IsNil() || t.Delta < 0 {
			errs = append(errs, fmt.Errorf("a trigger for changes by %g without a value", t.Delta))
		}
	case allOf, anyOf:
		if len(t.Of) == 0 {
			errs = append(errs, fmt.Errorf("a composite trigger of none"))
		}
	default:
	}
	for _, c := range t.Of {
		errs = append(errs, c.validate())
	}
	return errors.Join(errs...)
}

// String describes the trigger: "or(count 5, event time)".
func (t Trigger) String() string {
	name := [...]string{
		"by default", "event time", "processing time", "count", "every", "every (processing)", "delta", "purging", "at watermark", "and", "or",
		"repeated", "once", "never",
	}[t.Kind]
	switch {
	case t.Kind == atCount:
		return fmt.Sprintf("%s %d", name, t.Count)
	case t.Kind == everyEventTime || t.Kind == everyProcessingTime:
		return fmt.Sprintf("%s %s", name, t.Every)
	case t.Kind == atDelta:
		return fmt.Sprintf("%s %g", name, t.Delta)
	case len(t.Of) == 0:
		return name
	}
	parts := make([]string, len(t.Of))
	for i, c := range t.Of {
		parts[i] = c.String()
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
