package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
)

// Source is another source that gives no more than Rows rows a second, over all tasks: each has an equal share.
type Source[T any] struct {
	connectors.TypedSource[T]         // the other one
	Rows                      float64 // a second
}

// Describe adds the rate.
func (s Source[T]) Describe() string {
	return fmt.Sprintf("%s, %g rows/s", s.TypedSource.Describe(), s.Rows)
}

// Validate reports a rate that is not positive.
func (s Source[T]) Validate() error {
	if s.TypedSource == nil {
		return errors.New("ratelimit.Source: there is no source to limit")
	}
	err := s.TypedSource.Validate()
	if !(s.Rows > 0) {
		err = errors.Join(err, fmt.Errorf("ratelimit.Source: %v rows a second", s.Rows))
	}
	return err
}

// BadPolicy is the other source's.
func (s Source[T]) BadPolicy() onbad.Policy {
	if p, ok := s.TypedSource.(interface{ BadPolicy() onbad.Policy }); ok {
		return p.BadPolicy()
	}
	return onbad.Policy{}
}

// NewReader starts a task's reading, in batches small enough for the rate.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	l := New(s.Rows, env.Tasks)
	scan.Rows = l.Rows(cmp.Or(scan.Rows, columnar.DefaultRows))
	r, err := s.TypedSource.NewReader(env, scan)
	if err != nil {
		return nil, err
	}
	limited := &reader{Reader: r, limiter: l}
	if p, ok := r.(connectors.Pauser); ok {
		return pauser{limited, p}, nil
	}
	return limited, nil
}

// pauser is a reader of one that can leave out splits.
type pauser struct {
	*reader
	connectors.Pauser
}

// reader waits before each batch. It has the optional abilities of the reader within.
type reader struct {
	connectors.Reader
	limiter *Limiter
}

// patience is how long a Fetch may wait: the contract says some milliseconds.
const patience = 50 * time.Millisecond

// Fetch implements connectors.Reader.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if !r.limiter.Wait(ctx, patience) {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	f, err := r.Reader.Fetch(ctx)
	r.limiter.Took(f.Batch.Rows())
	return f, err
}

// Completed implements connectors.Completer.
func (r *reader) Completed(ctx context.Context, positions map[string]connectors.Position) error {
	if c, ok := r.Reader.(connectors.Completer); ok {
		return c.Completed(ctx, positions)
	}
	return nil
}

// IsInBacklog implements connectors.Backlogged.
func (r *reader) IsInBacklog() bool {
	b, ok := r.Reader.(connectors.Backlogged)
	return ok && b.IsInBacklog()
}

// Lag implements connectors.Lagging.
func (r *reader) Lag() map[string]int64 {
	if l, ok := r.Reader.(connectors.Lagging); ok {
		return l.Lag()
	}
	return nil
}
