package stream_test

import (
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/stream"
)

// hands is a clock that shows what it is set to.
type hands struct{ at int64 }

func (h *hands) Now() time.Time { return time.Unix(h.at, 0) }

func TestSteady(t *testing.T) {
	h := &hands{at: 100}
	s := stream.NewSteady(h)
	for _, step := range [][2]int64{{100, 100}, {90, 100}, {99, 100}, {101, 101}, {1000, 1000}, {102, 1000}} {
		h.at = step[0]
		if got := s.Now().Unix(); got != step[1] {
			t.Errorf("at %d it shows %d, want %d", step[0], got, step[1])
		}
	}
	if s.Watch(func() {}) != nil {
		t.Error("it can be watched, though the clock it is of cannot")
	}
}

// Tasks share the clock: none sees it go back behind what another has seen.
func TestSteadyShared(t *testing.T) {
	s := stream.NewSteady(stream.SystemClock{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			last := s.Now()
			for range 10_000 {
				now := s.Now()
				if now.Before(last) {
					t.Errorf("%s after %s", now, last)
					return
				}
				last = now
			}
		})
	}
	all.Wait()
}
