package task

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/stream"
)

// sleep waits to be woken, or until an operator is to be called. What is buffered is handed on first: the input has run dry.
func (t *Task) sleep(ctx context.Context) error {
	if err := t.flushBad(); err != nil {
		return err
	}
	for _, o := range t.outputs {
		if err := o.Writer.Flush(); err != nil {
			return fmt.Errorf("exchanging rows: %w", err)
		}
	}
	t.pace()
	waited := &t.load.Idle
	if !t.hasRoom() {
		waited = &t.load.Backpressured
	}
	start := time.Now()
	defer func() { waited.Add(int64(time.Since(start))) }()
	var alarm, report <-chan time.Time
	if due := t.due(); !due.IsZero() && !t.watching {
		timer := time.NewTimer(min(due.Sub(t.clock.Now()), longestSleep))
		defer timer.Stop()
		alarm = timer.C
	}
	if due := t.pacer.due(t.reading); !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		report = timer.C
	}
	select {
	case <-t.wake:
		return nil
	case <-alarm:
		return nil
	case <-report:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// due returns when the task is to be woken at the latest; zero: it need not be.
func (t *Task) due() time.Time {
	due := t.cut.haste.deadline
	if t.cut.haste.isLate {
		due = time.Time{}
	}
	if next := t.chain.due(); !next.IsZero() && !t.cut.final && !t.isBlocked() && (due.IsZero() || next.Before(due)) {
		due = next
	}
	return due
}

// longestSleep is how long a task may sleep before it looks at the clock again: Go's timers do not notice when the machine's clock is set.
const longestSleep = time.Second

// watch has the task woken by a clock that is moved by hand.
func (t *Task) watch() (stop func()) {
	if w, ok := t.clock.(stream.Watched); ok {
		if stop = w.Watch(t.Wake); stop != nil {
			t.watching = true
			return stop
		}
	}
	return func() {}
}
