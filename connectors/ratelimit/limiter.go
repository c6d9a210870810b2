// Package ratelimit bounds how many rows a second a source gives: [Limiter] for connectors with a setting of their own, [Source] around any
// other source.
//
// Stability: public.
package ratelimit

import (
	"context"
	"time"
)

// Limiter spreads rows over time. A nil Limiter lets all pass. One goroutine uses it.
type Limiter struct {
	perSecond float64
	next      time.Time // when the rows taken so far are paid for
}

// smallest is the time that a batch's rows are worth at most, so that rows flow rather than come in bursts.
const smallest = 10 * time.Millisecond

// New returns the limiter of one of so many tasks that share rows a second. 0 rows are no limit: nil.
func New(rows float64, tasks int) *Limiter {
	if rows <= 0 {
		return nil
	}
	return &Limiter{perSecond: rows / float64(max(tasks, 1))}
}

// Rows returns how many rows a batch should have where it could have n.
func (l *Limiter) Rows(n int) int {
	if l == nil {
		return n
	}
	return max(1, min(n, int(l.perSecond*smallest.Seconds())))
}

// Wait waits until rows may be read, but no longer than most, and says whether they may.
func (l *Limiter) Wait(ctx context.Context, most time.Duration) bool {
	if l == nil {
		return true
	}
	left := time.Until(l.next)
	if left <= 0 {
		return true
	}
	timer := time.NewTimer(min(left, most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return left <= most
	case <-ctx.Done():
		return false
	}
}

// Took counts rows that were read. Time in which none were is not made up for, beyond what a batch is worth.
func (l *Limiter) Took(rows int) {
	if l == nil || rows == 0 {
		return
	}
	if earliest := time.Now().Add(-smallest); l.next.Before(earliest) {
		l.next = earliest
	}
	l.next = l.next.Add(time.Duration(float64(rows) / l.perSecond * float64(time.Second)))
}
