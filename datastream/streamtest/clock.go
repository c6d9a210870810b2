package streamtest

import (
	"sync"
	"time"

	"github.com/millrace/millrace/stream"
)

// clock is the processing time of a script: it stands still unless it is moved.
type clock struct {
	mu       sync.Mutex // guards all below
	now      time.Time
	watchers map[int]func()
	next     int
}

var _ stream.Watched = (*clock)(nil)

// newClock returns the clock of a script, which says the time that the script gives; nil: the script leaves it to the machine.
func (s *Script) newClock(steps []step) *clock {
	uses := !s.Start.IsZero()
	for _, s := range steps {
		uses = uses || s.kind == passed
	}
	if !uses {
		return nil
	}
	c := &clock{now: s.Start, watchers: map[int]func(){}}
	if c.now.IsZero() {
		c.now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return c
}

// Now implements stream.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Watch implements stream.Watched.
func (c *clock) Watch(f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := c.next
	c.next++
	c.watchers[number] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers, number)
	}
}

// move lets time pass, and tells those who wait.
func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
	for _, f := range c.watchers {
		f()
	}
}
