package stream

import (
	"sync/atomic"
	"time"
)

// Clock tells processing time. Any goroutine may ask.
type Clock interface{ Now() time.Time }

// Watched is a clock that is moved by hand, in tests: who waits for a time is to be told.
type Watched interface {
	Clock
	// Watch has f called whenever the clock has been moved, until stop is called. It returns nil of a clock that goes by itself.
	Watch(f func()) (stop func())
}

// SystemClock is the machine's.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Steady makes of a clock one that never goes back: when the other one does, it stands until that has come to where it was. So is processing
// time for operators; a jump ahead makes due at once what lies in between. What it tells has no monotonic reading: times that were written
// down and read again compare with it.
type Steady struct {
	of   Clock
	last atomic.Int64 // nanoseconds since 1970; 0: nothing has been told
}

// NewSteady returns the steady clock of another.
func NewSteady(of Clock) *Steady { return &Steady{of: of} }

// Now implements Clock.
func (s *Steady) Now() time.Time {
	now := s.of.Now().UnixNano()
	for {
		last := s.last.Load()
		if last != 0 && now <= last {
			return time.Unix(0, last)
		}
		if s.last.CompareAndSwap(last, now) {
			return time.Unix(0, now)
		}
	}
}

// Watch implements Watched.
func (s *Steady) Watch(f func()) (stop func()) {
	if w, ok := s.of.(Watched); ok {
		return w.Watch(f)
	}
	return nil
}
