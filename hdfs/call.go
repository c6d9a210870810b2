package hdfs

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// call runs do, which blocks in the client library without a context, and returns when it does or when ctx ends.
// In the second case do runs on alone, at longest until its sockets time out or the FS is closed, and undo (which
// may be nil) is given its result.
func call[T any](ctx context.Context, f *FS, do func() (T, error), undo func(T) error) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	done := make(chan outcome, 1)
	f.running.Go(func() {
		v, err := do()
		done <- outcome{v, err}
	})
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
	}
	f.opts.Logger.Warn("hdfs call abandoned", "cluster", f.authority, "cause", context.Cause(ctx))
	if undo != nil {
		f.running.Go(func() {
			if o := <-done; o.err == nil {
				_ = undo(o.value) // nobody is left to hear of it
			}
		})
	}
	return none, context.Cause(ctx)
}

// persist repeats a call to the NameNode until it gets an answer, for at most Options.Patience. do is told whether
// an earlier attempt may have taken effect without its answer coming through. The error is translated.
func persist[T any](ctx context.Context, f *FS, do func(again bool) (T, error), undo func(T) error) (T, error) {
	p := f.patience()
	for again := false; ; again = true {
		v, err := call(ctx, f, func() (T, error) { return do(again) }, undo)
		if err = translate(err); err == nil {
			return v, nil
		}
		if !p.wait(ctx, err) {
			return v, errors.Join(context.Cause(ctx), err)
		}
	}
}

// patience spaces out attempts, each wait longer than the last, until its time is over.
type patience struct {
	fsys  *FS
	until time.Time
	next  time.Duration
	told  bool // the log knows
}

const (
	firstWait = 100 * time.Millisecond
	maxWait   = 3 * time.Second
)

func (f *FS) patience() *patience {
	p := &patience{fsys: f}
	p.reset()
	return p
}

// reset begins anew, after progress.
func (p *patience) reset() { p.until, p.next = time.Now().Add(p.fsys.opts.Patience), firstWait }

// wait sleeps before the next attempt. It returns false, without sleeping on, when another attempt makes no sense:
// err is not one that passes, or time or context are over.
func (p *patience) wait(ctx context.Context, err error) bool {
	if !isTransient(err) || ctx.Err() != nil || time.Now().Add(p.next).After(p.until) {
		return false
	}
	p.fsys.opts.Logger.Log(ctx, p.level(), "hdfs is unavailable, trying again", "cluster", p.fsys.authority, "error", err)
	return p.pause(ctx)
}

// level is how to log the next failure: the first is a warning, what follows is for those who debug.
func (p *patience) level() slog.Level {
	if p.told {
		return slog.LevelDebug
	}
	p.told = true
	return slog.LevelWarn
}

// pause sleeps, each time longer. It returns false when time or context are over.
func (p *patience) pause(ctx context.Context) bool {
	if time.Now().Add(p.next).After(p.until) {
		return false
	}
	timer := time.NewTimer(p.next/2 + rand.N(p.next/2+1))
	defer timer.Stop()
	p.next = min(2*p.next, maxWait)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
