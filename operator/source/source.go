// Package source is how a task reads: a goroutine of its own that fetches batches, so that a reader stuck in foreign I/O never stops
// the task from answering.
//
// A [Fetcher] asks for splits when it has none, gives them to the connector's reader, and puts what that returns into a short queue. The
// task takes from the queue without waiting and is woken when something has come.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// queued is how many batches a fetcher reads ahead.
const queued = 2

// Assignment is splits for a task, or the news that there will be no more.
type Assignment struct {
	Splits []connectors.Split
	NoMore bool
}

// Fetcher reads the splits of one task.
type Fetcher struct {
	reader  connectors.Reader
	assign  chan Assignment
	out     chan connectors.Fetched
	request func()
	wake    func()
}

// NewFetcher returns a fetcher for reader, which it will close. It calls request when it has nothing to read, and wake when there is
// something to take.
func NewFetcher(reader connectors.Reader, request, wake func()) *Fetcher {
	return &Fetcher{
		reader: reader, assign: make(chan Assignment, 1), out: make(chan connectors.Fetched, queued), request: request, wake: wake,
	}
}

// Assign answers a request. There is one answer to each.
func (f *Fetcher) Assign(a Assignment) { f.assign <- a }

// Poll returns the next thing read, if there is one; done says that everything has been read and taken.
func (f *Fetcher) Poll() (got connectors.Fetched, ok, done bool) {
	select {
	case got, ok = <-f.out:
		return got, ok, !ok
	default:
		return got, false, false
	}
}

// Run reads until there are no more splits or ctx ends. Its caller owns the goroutine. Poll reports done only after Run has returned nil.
func (f *Fetcher) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, f.reader.Close()) }()
	for {
		err := f.drain(ctx)
		if err != nil {
			return err
		}
		f.request()
		select {
		case a := <-f.assign:
			if a.NoMore {
				close(f.out)
				f.wake()
				return nil
			}
			if err := f.reader.Assign(a.Splits, make([]connectors.Position, len(a.Splits))); err != nil {
				return fmt.Errorf("taking splits: %w", err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// drain fetches until the reader has nothing left.
func (f *Fetcher) drain(ctx context.Context) error {
	for {
		got, err := f.reader.Fetch(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case f.out <- got:
			f.wake()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Account counts what was taken in the source node's metrics.
func Account(env *stream.Env, got connectors.Fetched) {
	env.Metrics.BytesIn.Add(got.Bytes)
	env.Metrics.RowsIn.Add(int64(got.Batch.Rows()))
	env.Metrics.RowsOut.Add(int64(got.Batch.Rows()))
	env.Metrics.Batches.Add(1)
}
