package join

import (
	"context"
	"sync"

	"github.com/millrace/millrace/internal/budget"
)

// shared is the table that the tasks of a process have in common where each of them gets all build rows. Who has its rows first makes it, the
// others wait for it, and the last to leave frees it. A mutex guards it; the table is only read.
type shared struct {
	memory *budget.Account

	mu      sync.Mutex
	making  chan struct{} // closed when the making ends; nil: nobody is at it
	refused bool          // the table could not be made for all: each task makes its own
	table   *table
	users   int
}

func newShared(memory *budget.Account) any { return &shared{memory: memory} }

// enter returns the table, which the caller leaves when it has used it. Nil: the caller makes a table, for all if that is said, and then
// calls made.
func (s *shared) enter(ctx context.Context) (t *table, forAll bool, err error) {
	for {
		s.mu.Lock()
		making := s.making
		switch {
		case s.table != nil:
			s.users++
			t = s.table.reader()
		case !s.refused && making == nil:
			s.making, forAll = make(chan struct{}), true
		}
		wait := t == nil && !s.refused && making != nil
		s.mu.Unlock()
		if !wait {
			return t, forAll, nil
		}
		select {
		case <-making:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// made ends the making of the table, and enters its maker. Nil: it could not be made.
func (s *shared) made(t *table) *table {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.making)
	s.making, s.refused = nil, t == nil
	if t == nil {
		return nil
	}
	s.table, s.users = t, 1
	return t.reader()
}

// leave is called when the table is not used any more by one who has entered.
func (s *shared) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.table.free()
		s.table = nil
	}
}
