// Package source is how a task reads: a goroutine of its own that fetches batches, so that a reader stuck in foreign I/O never stops
// the task from answering.
//
// A [Fetcher] asks for splits when it has none, gives them to the connector's reader, and puts what that returns into a short queue. The
// task takes from the queue without waiting and is woken when something has come. What a task has taken of its splits, and so what of them
// belongs to a checkpoint, is kept in [Positions].
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// queued is how many batches a fetcher reads ahead.
const queued = 2

// Assignment is splits for a task, or the news that there will be no more.
type Assignment struct {
	Splits    []connectors.Split
	Positions []connectors.Position // where each goes on; nil: all from their start
	NoMore    bool
	Exhausted bool // no split is left for any task
}

// Got is what a fetcher hands over: something read, or splits that it begins to read.
type Got struct {
	connectors.Fetched
	Bad      []connectors.Bad // records that could not be decoded on the way to these rows: with them they belong to a checkpoint, or not
	Assigned Assignment
}

// Fetcher reads the splits of one task.
type Fetcher struct {
	reader  connectors.Reader
	bad     []connectors.Bad // reported since something was handed over last
	out     chan Got
	request func()
	wake    func()
	backlog func(is bool) // is told when the reader comes into its backlog, or out of it; nil: nobody wants to know
	behind  bool          // as it was told; of Run's goroutine, as is held
	held    bool          // nothing is read

	changed chan struct{} // holds a token when there is something below
	mu      sync.Mutex    // guards all below
	orders  orders
}

// orders is what others want of the fetcher's goroutine.
type orders struct {
	assigned  []Assignment
	completed map[string]connectors.Position // of the latest completed checkpoint; nil: none
	paused    []string
	pausing   bool  // paused has changed
	held      *bool // nothing is to be read; nil: as before
}

// NewFetcher returns a fetcher for the reader that open makes, which it will close. The reader reports bad records by report, while it fetches.
// The fetcher calls request when it has nothing to read, and wake when there is something to take.
func NewFetcher(open func(report func(connectors.Bad) error) (connectors.Reader, error), request, wake func()) (*Fetcher, error) {
	f := &Fetcher{out: make(chan Got, queued), changed: make(chan struct{}, 1), request: request, wake: wake}
	var err error
	f.reader, err = open(func(b connectors.Bad) error {
		f.bad = append(f.bad, b)
		return nil
	})
	return f, err
}

// OnBacklog has tell called when the reader comes into its backlog, or out of it; once more at the end of Run when it was in it. It is called by
// Run's goroutine, behind the rows that brought the change, and must not block. To be set before Run.
func (f *Fetcher) OnBacklog(tell func(is bool)) { f.backlog = tell }

// Assign gives splits to read. It does not wait; any goroutine may call it.
func (f *Fetcher) Assign(a Assignment) {
	f.order(func(o *orders) { o.assigned = append(o.assigned, a) })
}

// Completed tells the reader, if it wants to know, up to where a completed checkpoint has its splits.
func (f *Fetcher) Completed(positions map[string]connectors.Position) {
	f.order(func(o *orders) { o.completed = positions })
}

// CanPause says whether the reader can leave out some of its splits.
func (f *Fetcher) CanPause() bool {
	_, ok := f.reader.(connectors.Pauser)
	return ok
}

// Hold has nothing read for a while, or again. Splits are taken nevertheless.
func (f *Fetcher) Hold(is bool) {
	f.order(func(o *orders) { o.held = &is })
}

// Pause has these splits, and no others, not read for a while, if the reader can do that.
func (f *Fetcher) Pause(splits []string) {
	f.order(func(o *orders) { o.paused, o.pausing = splits, true })
}

func (f *Fetcher) order(change func(*orders)) {
	f.mu.Lock()
	change(&f.orders)
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// Lag returns how far splits are behind, of readers that know; nil of others.
func (f *Fetcher) Lag() map[string]int64 {
	if l, ok := f.reader.(connectors.Lagging); ok {
		return l.Lag()
	}
	return nil
}

// Poll returns the next thing read, if there is one; done says that everything has been read and taken.
func (f *Fetcher) Poll() (got Got, ok, done bool) {
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
	defer f.tellBacklog(false)
	requested, last := false, false
	for {
		f.lookBack()
		noMore, news, err := f.obey(ctx)
		if err != nil {
			return err
		}
		requested, last = requested && !news, last || noMore
		if f.held {
			if err := f.await(ctx); err != nil {
				return err
			}
			continue
		}
		got, err := f.reader.Fetch(ctx)
		bad := f.bad
		f.bad = nil
		switch {
		case err != nil && len(bad) > 0: // the task may have the job fail by them, and says better why
			if err := f.hand(ctx, Got{Bad: bad}); err != nil {
				return err
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
		case errors.Is(err, io.EOF):
			if last {
				close(f.out)
				f.wake()
				return nil
			}
			if !requested {
				f.request()
				requested = true
			}
			f.lookBack()
			if err := f.await(ctx); err != nil {
				return err
			}
		case err != nil:
			return err
		case got.Batch.Len == 0 && !got.Done && got.Next == nil && got.Bytes == 0 && len(bad) == 0: // nothing for the moment
		default:
			if err := f.hand(ctx, Got{Fetched: got, Bad: bad}); err != nil {
				return err
			}
		}
	}
}

// lookBack asks the reader, if it knows, whether it is in its backlog.
func (f *Fetcher) lookBack() {
	if b, ok := f.reader.(connectors.Backlogged); ok {
		f.tellBacklog(b.IsInBacklog())
	}
}

// tellBacklog tells whether the reader is in its backlog, if that is news.
func (f *Fetcher) tellBacklog(is bool) {
	if is != f.behind && f.backlog != nil {
		f.behind = is
		f.backlog(is)
	}
}

// await waits until there is something to obey. Its token is left for obey.
func (f *Fetcher) await(ctx context.Context) error {
	select {
	case <-f.changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
	return nil
}

// obey does what others want: it gives the reader splits and tells it of checkpoints. noMore says that no split will follow, news that
// splits have come.
func (f *Fetcher) obey(ctx context.Context) (noMore, news bool, err error) {
	select {
	case <-f.changed:
	default:
		return false, false, nil
	}
	f.mu.Lock()
	o := f.orders
	f.orders = orders{}
	f.mu.Unlock()
	for _, a := range o.assigned {
		news = news || len(a.Splits) > 0
		noMore = noMore || a.NoMore
		if len(a.Splits) == 0 && !a.Exhausted {
			continue
		}
		if a.Positions == nil {
			a.Positions = make([]connectors.Position, len(a.Splits))
		}
		if err := f.hand(ctx, Got{Assigned: a}); err != nil {
			return false, false, err
		}
		if len(a.Splits) == 0 {
			continue
		}
		if err := f.reader.Assign(a.Splits, a.Positions); err != nil {
			return false, false, fmt.Errorf("taking splits: %w", err)
		}
	}
	if c, ok := f.reader.(connectors.Completer); ok && o.completed != nil {
		if err := c.Completed(ctx, o.completed); err != nil {
			return false, false, fmt.Errorf("telling of a completed checkpoint: %w", err)
		}
	}
	if o.held != nil {
		f.held = *o.held
	}
	if p, ok := f.reader.(connectors.Pauser); ok && o.pausing {
		p.Pause(o.paused)
	}
	return noMore, news, nil
}

func (f *Fetcher) hand(ctx context.Context, g Got) error {
	select {
	case f.out <- g:
		f.wake()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Report tells of the bad records that came with what was taken.
func Report(env *stream.Env, bad []connectors.Bad) error {
	for _, b := range bad {
		if err := env.Bad(stream.Bad{Source: b.Source, Offset: b.Offset, Record: string(b.Record), Reason: b.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// Account counts what was taken in the source node's metrics.
func Account(env *stream.Env, got connectors.Fetched) {
	env.Metrics.BytesIn.Add(got.Bytes)
	env.Metrics.RowsIn.Add(int64(got.Batch.Rows()))
	env.Metrics.RowsOut.Add(int64(got.Batch.Rows()))
	env.Metrics.Batches.Add(1)
}
