package nexmark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/ratelimit"
)

// Source makes events as records of type T: Event, Person, Auction, Bid, or any struct with some of the same columns. Batches have the events'
// times as their event time, in order within a split; each task has one split.
type Source[T any] struct {
	// Events is the number of events of all kinds; 0: without end.
	Events int64
	// Only makes events of one kind only; the others are counted but not made. Default: All.
	Only Kind
	// Rate is how many events, of all kinds, are made a second by all tasks together; 0: as many as go.
	Rate float64
	// PerSecond is how many events there are in a second of event time. Default 10,000.
	PerSecond int64
	// Begin is the time of the first event, to the millisecond. Default: 2024-01-01 UTC.
	Begin time.Time
}

const (
	defaultPerSecond = 10_000
	defaultStart     = 1_704_067_200_000 // 2024-01-01 UTC in milliseconds
)

var _ connectors.TypedSource[Event] = Source[Event]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "nexmark".
func (Source[T]) Name() string { return "nexmark" }

// Describe says how many events there are.
func (s Source[T]) Describe() string {
	text := "events without end"
	if s.Events > 0 {
		text = fmt.Sprintf("%d events", s.Events)
	}
	if s.Rate > 0 {
		text += fmt.Sprintf(", %g a second", s.Rate)
	}
	return text
}

// Validate reports settings that cannot work.
func (s Source[T]) Validate() error {
	if s.Events < 0 || s.Rate < 0 || s.PerSecond < 0 || s.Only < All || s.Only > Bids {
		return errors.New("nexmark.Source: numbers must not be negative, and Only one of the kinds")
	}
	c, err := codec.Of[T]()
	if err != nil {
		return err
	}
	if c.Schema() == nil {
		return errors.New("nexmark.Source: the record type does not tell its columns")
	}
	_, err = newWanted(c.Schema())
	return err
}

// IsBounded says whether there is a last event.
func (s Source[T]) IsBounded() bool { return s.Events > 0 }

// Schema is T's.
func (Source[T]) Schema() *columnar.Schema {
	c, err := codec.Of[T]()
	if err != nil { // Validate reports it
		return nil
	}
	return c.Schema()
}

// Discover tells the number of records.
func (s Source[T]) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	f := connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: -1, Splits: math.MaxInt32}
	if s.Events > 0 {
		f.Rows, f.Splits = count(s.Only, s.Events), int(min((s.Events+blockEvents-1)/blockEvents, math.MaxInt32))
	}
	return f, nil
}

func (s Source[T]) end() int64 {
	if s.Events > 0 {
		return s.Events
	}
	return math.MaxInt64 / 1_000_000 // times do not overflow before
}

// NewEnumerator starts giving out strides.
func (s Source[T]) NewEnumerator(connectors.Env, connectors.Scan, connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{events: s.end()}, nil
}

// NewReader starts a task's making.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	schema := scan.Columns
	if schema == nil {
		schema = s.Schema()
	}
	w, err := newWanted(schema)
	if err != nil {
		return nil, err
	}
	m := &maker{wanted: w, market: newMarket(), only: s.Only, clock: clock{start: defaultStart, perSecond: defaultPerSecond}}
	if s.PerSecond > 0 {
		m.clock.perSecond = s.PerSecond
	}
	if !s.Begin.IsZero() {
		m.clock.start = s.Begin.UnixMilli()
	}
	rows := scan.Rows
	if rows == 0 {
		rows = blockEvents
	}
	limiter := ratelimit.New(s.Rate, env.Tasks)
	return &reader{maker: m, limiter: limiter, events: int64(limiter.Rows(rows))}, nil
}

// reader makes the events of its splits, the earliest first.
type reader struct {
	maker   *maker
	limiter *ratelimit.Limiter
	events  int64 // a batch
	parts   []*part
}

// part is a split being made.
type part struct {
	stride
	split string
	next  int64
}

// Assign implements connectors.Reader.
func (r *reader) Assign(splits []connectors.Split, from []connectors.Position) error {
	for i, split := range splits {
		s, err := decodeStride(split)
		if err != nil {
			return err
		}
		p := &part{stride: s, split: split.ID, next: s.start()}
		if i < len(from) {
			if p.next, err = s.at(from[i]); err != nil {
				return err
			}
		}
		r.parts = append(r.parts, p)
	}
	return nil
}

// patience is how long a Fetch may wait for its rate.
const patience = 50 * time.Millisecond

// Fetch implements connectors.Reader.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if ctx.Err() != nil {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if len(r.parts) == 0 {
		return connectors.Fetched{}, io.EOF
	}
	if !r.limiter.Wait(ctx, patience) {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	first := 0
	for i, p := range r.parts {
		if p.next < r.parts[first].next {
			first = i
		}
	}
	p := r.parts[first]
	f := connectors.Fetched{Split: p.split}
	if p.next < p.To {
		to := min(p.run(p.next), p.next+r.events)
		f.Batch = r.maker.batch(p.next, to)
		r.limiter.Took(int(to - p.next))
		p.next = p.after(to)
	}
	f.Next = position(p.next)
	if f.Done = p.next >= p.To; f.Done {
		r.parts = append(r.parts[:first], r.parts[first+1:]...)
	}
	return f, nil
}

// Close implements connectors.Reader.
func (*reader) Close() error { return nil }
