package task

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/stream"
)

// ReadFrom makes the task a source's: it takes what fetcher reads, and counts it in env. Of data that ends event time does not pass before all
// splits have been given to tasks.
func (t *Task) ReadFrom(fetcher *source.Fetcher, env *stream.Env, isBounded bool) {
	t.holding = isBounded
	t.fetcher, t.origin, t.reading, t.load = fetcher, env, true, env.Metrics
	t.pacer = t.newPacer()
}

// fetch runs the reader of a source. A panic in it is the task's.
func (t *Task) fetch(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Where: t.origin.Node, Value: v, Stack: debug.Stack()}
		}
	}()
	err = t.fetcher.Run(ctx)
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	default:
		return fmt.Errorf("%s: %w", t.origin.Node, err)
	}
}

// errEnough ends a fetcher whose task needs nothing more.
var errEnough = errors.New("nothing more is wanted")

// takeFetched gives the chain what the reader has read.
func (t *Task) takeFetched() (bool, error) {
	head := t.chain.head()
	if !t.reading || t.cut.holds() || !head.takes(head.main) {
		return false, nil
	}
	if len(t.cut.ended) > 0 {
		if did, err := t.flushSplit(); did || err != nil {
			return did, err
		}
		t.endSplits()
		return true, nil
	}
	if !t.hasGot {
		if t.pacer != nil { // how far the splits have come is known when all has come through
			if did, err := t.chain.flush(); did || err != nil {
				return did, err
			}
		}
		got, ok, done := t.poll()
		if done {
			return true, t.endReading()
		}
		if !ok {
			return false, nil
		}
		t.polled, t.hasGot = got, true
	}
	if t.cut.positions.IsOther(t.polled) {
		if did, err := t.flushSplit(); did || err != nil {
			return did, err
		}
	}
	got := t.polled
	t.polled, t.hasGot = source.Got{}, false
	t.follow(got)
	source.Account(t.origin, got.Fetched)
	if err := source.Report(t.origin, got.Bad); err != nil {
		return true, fmt.Errorf("%s: %w", t.origin.Node, err)
	}
	if got.Batch.Rows() == 0 {
		return true, nil
	}
	return true, t.chain.push(head, head.main, head.mainFeed, element{batch: got.Batch})
}

// flushSplit brings rows that operators are gathering to those that tell splits apart, before they are told of another split or the end of this
// one. False: there were none.
func (t *Task) flushSplit() (bool, error) {
	if !slices.ContainsFunc(t.chain.links, func(l *link) bool { return l.splitter != nil }) {
		return false, nil
	}
	return t.chain.flush()
}

// follow keeps where the task is in its splits, and tells operators that want to know.
func (t *Task) follow(got source.Got) {
	changed := t.cut.positions.Take(got)
	for _, l := range t.chain.links {
		if l.splitter == nil {
			continue
		}
		for _, s := range got.Assigned.Splits {
			l.splitter.AddSplit(s.ID)
		}
		if got.Assigned.Exhausted {
			l.splitter.HoldSplits(false)
			t.chain.settle(l)
		}
		if changed {
			l.splitter.UseSplit(got.Split)
		}
	}
	if got.Done {
		t.cut.ended = append(t.cut.ended, got.Split)
	}
}

// endSplits tells operators of splits whose last rows have gone through the chain.
func (t *Task) endSplits() {
	for _, s := range t.cut.ended {
		for _, l := range t.chain.links {
			if l.splitter != nil {
				l.splitter.EndSplit(s)
				t.chain.settle(l)
			}
		}
	}
	t.cut.ended = t.cut.ended[:0]
}

// endReading tells the head that the reader has ended.
func (t *Task) endReading() error {
	head := t.chain.head()
	done, err := t.chain.endFeed(head, head.main, head.mainFeed, true)
	t.reading = !done
	t.pace()
	return err
}
