package window

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// Evictor drops rows of a window, from the oldest on, before its function sees them, or after.
type Evictor struct {
	Keep  int64         // the last so many; 0: all
	Age   time.Duration // those at most so much older than the newest; 0: all
	Delta float64       // those whose value differs from the last one's by less; 0: all
	Value any           // of Delta: func(T) float64
	Late  bool          // after the function, instead of before
}

// LastRows keeps the last n rows.
func LastRows(n int64) Evictor { return Evictor{Keep: n} }

// LastTime keeps rows that are at most age older than the newest.
func LastTime(age time.Duration) Evictor { return Evictor{Age: age} }

// WithinDelta keeps rows whose value differs by less than delta from that of the row that came last.
func WithinDelta[T any](delta float64, value func(T) float64) Evictor {
	return Evictor{Delta: delta, Value: value}
}

// After makes the evictor work after the function, for the next firing.
func (e Evictor) After() Evictor {
	e.Late = true
	return e
}

// IsZero says that nothing is dropped.
func (e Evictor) IsZero() bool { return e.Keep == 0 && e.Age == 0 && e.Delta == 0 }

func (e Evictor) validate() error {
	if e.Keep < 0 || e.Age < 0 || e.Delta < 0 || e.Delta > 0 && (e.Value == nil || reflect.ValueOf(e.Value).IsNil()) {
		return fmt.Errorf("an evictor that keeps %d rows, of %s, within %g", e.Keep, e.Age, e.Delta)
	}
	return nil
}

// String describes the evictor.
func (e Evictor) String() string {
	text := ""
	switch {
	case e.Keep > 0:
		text = fmt.Sprintf("keeping %d rows", e.Keep)
	case e.Age > 0:
		text = "keeping rows of " + e.Age.String()
	case e.Delta > 0:
		text = fmt.Sprintf("keeping rows within %g", e.Delta)
	}
	if e.Late {
		text += " after firing"
	}
	return text
}

// Kept returns the positions of the rows that stay, of rows with those times and values in the order of arrival.
func (e Evictor) Kept(times []int64, values []float64) []int32 {
	out := []int32{}
	newest := int64(math.MinInt64)
	for _, t := range times {
		newest = max(newest, t)
	}
	for i := range times {
		switch {
		case e.Keep > 0 && int64(len(times)-i) > e.Keep:
		case e.Age > 0 && newest-times[i] > e.Age.Microseconds():
		case e.Delta > 0 && math.Abs(values[i]-values[len(values)-1]) >= e.Delta:
		default:
			out = append(out, int32(i))
		}
	}
	return out
}
