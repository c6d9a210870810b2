// Package generate is a source that computes its records: test data, number ranges, slices of the program's own.
//
// Record i is a pure function of i, so any task may make any part and a task that is run again makes the same. Stability: public.
package generate

import (
	"context"
	"encoding/binary"
	"encoding/json"
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

// Source gives Rows records, the i-th being At(i), for i from 0. At is called from many goroutines.
type Source[T any] struct {
	Rows int64
	At   func(i int64) T
	// Endless goes on for ever; Rows is then 0.
	Endless bool
	// Rate is how many records all tasks make together a second at most; 0: no limit.
	Rate float64
	// Time is the event time of the i-th record. nil: they have none.
	Time func(i int64) time.Time
	// SplitRows is how many records one split has. Default: 64 k; with a Rate, what it makes in a tenth of a second, if that is fewer: so the
	// tasks' numbers stay close to each other.
	SplitRows int64
}

const defaultSplitRows = 64 << 10

// Element implements connectors.TypedSource.
func (Source[T]) Element() (zero T) { return zero }

// Name implements connectors.Source.
func (Source[T]) Name() string { return "generate" }

// Describe implements connectors.Source.
func (s Source[T]) Describe() string {
	text := "records without end"
	if !s.Endless {
		text = fmt.Sprintf("%d records", s.Rows)
	}
	if s.Rate > 0 {
		text += fmt.Sprintf(", %g a second", s.Rate)
	}
	return text
}

// Validate implements connectors.Source.
func (s Source[T]) Validate() error {
	if s.Rows < 0 || s.SplitRows < 0 {
		return fmt.Errorf("generating %d records in splits of %d: numbers must not be negative", s.Rows, s.SplitRows)
	}
	if s.Rate < 0 {
		return fmt.Errorf("generating %g records a second: the rate must not be negative", s.Rate)
	}
	if s.Endless && s.Rows > 0 {
		return fmt.Errorf("generating %d records and endlessly many: only one of Rows and Endless may be set", s.Rows)
	}
	if s.At == nil && s.rows() > 0 {
		return errors.New("no function is given to generate records with")
	}
	return nil
}

// IsBounded implements connectors.Source.
func (s Source[T]) IsBounded() bool { return !s.Endless }

// rows is the number of records there are to be.
func (s Source[T]) rows() int64 {
	if s.Endless {
		return math.MaxInt64
	}
	return s.Rows
}

// Schema implements connectors.Source.
func (Source[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Discover implements connectors.Source. Records that know their schema only at run time (columnar.Row) tell it by the first of them.
func (s Source[T]) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	facts := connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: s.Rows, Splits: splits(s.rows(), s.splitRows())}
	if s.Endless {
		facts.Rows = -1
	}
	if facts.Schema == nil && s.rows() > 0 {
		if row, ok := any(s.At(0)).(columnar.Row); ok {
			facts.Schema = row.Schema
		}
	}
	return facts, nil
}

func (s Source[T]) splitRows() int64 {
	switch {
	case s.SplitRows > 0:
		return s.SplitRows
	case s.Rate > 0:
		return int64(max(1, min(defaultSplitRows, s.Rate/10)))
	default:
		return defaultSplitRows
	}
}

// splits returns how many splits of step records there are, 1 at least.
func splits(rows, step int64) int {
	return int(max(1, min(math.MaxInt32, rows/step+min(rows%step, 1))))
}

// NewEnumerator implements connectors.Source.
func (s Source[T]) NewEnumerator(_ connectors.Env, _ connectors.Scan, _ connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{rows: s.rows(), step: s.splitRows()}, nil
}

// enumerator hands out ranges of numbers.
type enumerator struct {
	rows, step, next int64
	returned         []connectors.Split
	positions        []connectors.Position // of returned
}

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		return []connectors.Action{connectors.Known{Splits: splits(e.rows, e.step)}}, nil
	case connectors.Restored:
		return nil, e.restore(event)
	case connectors.Returned:
		e.takeBack(event.Splits, event.Positions)
		return nil, nil
	case connectors.Requested:
		return []connectors.Action{e.give(event.Task)}, nil
	default:
		return nil, nil
	}
}

// IsExhausted implements connectors.Exhaustible.
func (e *enumerator) IsExhausted() bool { return len(e.returned) == 0 && e.next >= e.rows }

// saved is what is left to hand out.
type saved struct {
	Next      int64
	Returned  []connectors.Split
	Positions []connectors.Position
}

// Snapshot implements connectors.Enumerator: a version byte, then JSON of saved.
func (e *enumerator) Snapshot() ([]byte, error) {
	data, err := json.Marshal(saved{e.next, e.returned, e.positions})
	return append([]byte{splitVersion}, data...), err
}

func (e *enumerator) restore(event connectors.Restored) error {
	if len(event.State) == 0 || event.State[0] != splitVersion {
		return errors.New("generate: the enumerator's state is not one of this version")
	}
	var s saved
	if err := json.Unmarshal(event.State[1:], &s); err != nil {
		return fmt.Errorf("generate: reading the enumerator's state: %w", err)
	}
	e.next, e.returned, e.positions = s.Next, s.Returned, s.Positions
	e.takeBack(event.Splits, event.Positions)
	return nil
}

func (e *enumerator) takeBack(splits []connectors.Split, positions []connectors.Position) {
	e.returned = append(e.returned, splits...)
	e.positions = append(e.positions, positions...)
	for len(e.positions) < len(e.returned) {
		e.positions = append(e.positions, nil)
	}
}

func (e *enumerator) give(task int) connectors.Action {
	if n := len(e.returned); n > 0 {
		split, at := e.returned[n-1], e.positions[n-1]
		e.returned, e.positions = e.returned[:n-1], e.positions[:n-1]
		return connectors.Assign{Task: task, Splits: []connectors.Split{split}, Positions: []connectors.Position{at}}
	}
	if e.next >= e.rows {
		return connectors.NoMore{Task: task}
	}
	from, to := e.next, e.next+min(e.step, e.rows-e.next)
	e.next = to
	return connectors.Assign{Task: task, Splits: []connectors.Split{encode(from, to)}}
}

// A split's data is a version byte, then the first number and the number after the last, as big-endian words.
const splitVersion = 1

func encode(from, to int64) connectors.Split {
	data := binary.BigEndian.AppendUint64([]byte{splitVersion}, uint64(from))
	return connectors.Split{ID: fmt.Sprintf("%d-%d", from, to), Data: binary.BigEndian.AppendUint64(data, uint64(to)), Bytes: -1}
}

func decode(s connectors.Split) (from, to int64, err error) {
	if len(s.Data) != 17 || s.Data[0] != splitVersion {
		return 0, 0, fmt.Errorf("split %s is not one of this version", s.ID)
	}
	return int64(binary.BigEndian.Uint64(s.Data[1:])), int64(binary.BigEndian.Uint64(s.Data[9:])), nil
}

// NewReader implements connectors.Source.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	r := &reader[T]{source: s, encoder: c.Encoder(), schema: c.Schema(), rows: scan.Rows}
	if r.rows == 0 {
		r.rows = columnar.DefaultRows
	}
	r.limiter = ratelimit.New(s.Rate, env.Tasks)
	r.rows = r.limiter.Rows(r.rows)
	if scan.Columns != nil && r.schema != nil {
		for _, f := range scan.Columns.Fields {
			r.columns = append(r.columns, r.schema.Index(f.Name))
		}
		r.want = scan.Columns
	}
	return r, nil
}

// reader makes the records of its splits.
type reader[T any] struct {
	source   Source[T]
	encoder  *codec.Encoder[T]
	schema   *columnar.Schema
	want     *columnar.Schema // nil: all columns
	columns  []int
	rows     int
	splits   []connectors.Split
	starts   []connectors.Position // of splits
	split    string                // being made
	next, to int64
	limiter  *ratelimit.Limiter
	times    []int64 // of the batch being made
}

// patience is how long a Fetch may wait for its rate.
const patience = 50 * time.Millisecond

// Assign implements connectors.Reader.
func (r *reader[T]) Assign(splits []connectors.Split, from []connectors.Position) error {
	r.splits = append(r.splits, splits...)
	for i := range splits {
		var at connectors.Position
		if i < len(from) {
			at = from[i]
		}
		r.starts = append(r.starts, at)
	}
	return nil
}

// Fetch implements connectors.Reader.
func (r *reader[T]) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if ctx.Err() != nil {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if !r.limiter.Wait(ctx, patience) {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	for r.next == r.to {
		if len(r.splits) == 0 {
			return connectors.Fetched{}, io.EOF
		}
		if err := r.open(r.splits[0], r.starts[0]); err != nil {
			return connectors.Fetched{}, err
		}
		r.splits, r.starts = r.splits[1:], r.starts[1:]
	}
	for ; r.next < r.to && r.encoder.Len() < r.rows; r.next++ {
		r.encoder.Append(r.source.At(r.next))
		if r.source.Time != nil {
			r.times = append(r.times, columnar.Micros(r.source.Time(r.next)))
		}
	}
	return r.batch()
}

// open starts a split. A position is a version byte and the number of the next record as a big-endian word.
func (r *reader[T]) open(s connectors.Split, at connectors.Position) (err error) {
	if r.next, r.to, err = decode(s); err != nil {
		return err
	}
	r.split = s.ID
	if at == nil {
		return nil
	}
	if len(at) != 9 || at[0] != splitVersion {
		return fmt.Errorf("the position in split %s is not one of this version", s.ID)
	}
	r.next = int64(binary.BigEndian.Uint64(at[1:]))
	return nil
}

func (r *reader[T]) batch() (connectors.Fetched, error) {
	schema := r.schema
	if schema == nil {
		schema = any(r.source.At(r.next - 1)).(columnar.Row).Schema
	}
	n := r.encoder.Len()
	columns, err := r.encoder.Finish()
	if err != nil {
		return connectors.Fetched{}, fmt.Errorf("storing generated records before number %d: %w", r.next, err)
	}
	b := columnar.Batch{Schema: schema, Columns: columns, Len: n, Time: r.times}
	r.times = nil
	r.limiter.Took(n)
	if r.want != nil {
		b = b.Project(r.want, r.columns)
	}
	next := binary.BigEndian.AppendUint64([]byte{splitVersion}, uint64(r.next))
	return connectors.Fetched{Batch: b, Split: r.split, Next: next, Done: r.next == r.to}, nil
}

// Close implements connectors.Reader.
func (*reader[T]) Close() error { return nil }
