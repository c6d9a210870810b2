// Package generate is a source that computes its records: test data, number ranges, slices of the program's own.
//
// Record i is a pure function of i, so any task may make any part and a task that is run again makes the same. Stability: public.
package generate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
)

// Source gives Rows records, the i-th being At(i), for i from 0. At is called from many goroutines.
type Source[T any] struct {
	Rows int64
	At   func(i int64) T
	// SplitRows is how many records one split has; 0: 64 k.
	SplitRows int64
}

const defaultSplitRows = 64 << 10

// Element implements connectors.TypedSource.
func (Source[T]) Element() (zero T) { return zero }

// Name implements connectors.Source.
func (Source[T]) Name() string { return "generate" }

// Describe implements connectors.Source.
func (s Source[T]) Describe() string { return fmt.Sprintf("%d records", s.Rows) }

// Validate implements connectors.Source.
func (s Source[T]) Validate() error {
	if s.Rows < 0 || s.SplitRows < 0 {
		return fmt.Errorf("generating %d records in splits of %d: numbers must not be negative", s.Rows, s.SplitRows)
	}
	if s.At == nil && s.Rows > 0 {
		return errors.New("no function is given to generate records with")
	}
	return nil
}

// IsBounded implements connectors.Source.
func (Source[T]) IsBounded() bool { return true }

// Schema implements connectors.Source.
func (Source[T]) Schema() *columnar.Schema {
	c, err := codec.Of[T]()
	if err != nil {
		return nil
	}
	return c.Schema()
}

// Discover implements connectors.Source. Records that know their schema only at run time (columnar.Row) tell it by the first of them.
func (s Source[T]) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	facts := connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: s.Rows, Splits: int(max(1, (s.Rows+s.splitRows()-1)/s.splitRows()))}
	if facts.Schema == nil && s.Rows > 0 {
		if row, ok := any(s.At(0)).(columnar.Row); ok {
			facts.Schema = row.Schema
		}
	}
	return facts, nil
}

func (s Source[T]) splitRows() int64 {
	if s.SplitRows > 0 {
		return s.SplitRows
	}
	return defaultSplitRows
}

// NewEnumerator implements connectors.Source.
func (s Source[T]) NewEnumerator(_ connectors.Env, _ connectors.Scan, _ connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{rows: s.Rows, step: s.splitRows()}, nil
}

// enumerator hands out ranges of numbers.
type enumerator struct {
	rows, step, next int64
	returned         []connectors.Split
}

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		return []connectors.Action{connectors.Known{Splits: int((e.rows + e.step - 1) / e.step)}}, nil
	case connectors.Returned:
		e.returned = append(e.returned, event.Splits...)
		return nil, nil
	case connectors.Requested:
		return []connectors.Action{e.give(event.Task)}, nil
	default:
		return nil, nil
	}
}

func (e *enumerator) give(task int) connectors.Action {
	if n := len(e.returned); n > 0 {
		split := e.returned[n-1]
		e.returned = e.returned[:n-1]
		return connectors.Assign{Task: task, Splits: []connectors.Split{split}}
	}
	if e.next >= e.rows {
		return connectors.NoMore{Task: task}
	}
	from, to := e.next, min(e.rows, e.next+e.step)
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
func (s Source[T]) NewReader(_ connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	r := &reader[T]{source: s, encoder: c.Encoder(), schema: c.Schema(), rows: scan.Rows}
	if r.rows == 0 {
		r.rows = columnar.DefaultRows
	}
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
	next, to int64
}

// Assign implements connectors.Reader.
func (r *reader[T]) Assign(splits []connectors.Split, _ []connectors.Position) error {
	r.splits = append(r.splits, splits...)
	return nil
}

// Fetch implements connectors.Reader.
func (r *reader[T]) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if ctx.Err() != nil {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	for r.next == r.to {
		if len(r.splits) == 0 {
			return connectors.Fetched{}, io.EOF
		}
		var err error
		if r.next, r.to, err = decode(r.splits[0]); err != nil {
			return connectors.Fetched{}, err
		}
		r.splits = r.splits[1:]
	}
	for ; r.next < r.to && r.encoder.Len() < r.rows; r.next++ {
		r.encoder.Append(r.source.At(r.next))
	}
	return r.batch()
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
	b := columnar.Batch{Schema: schema, Columns: columns, Len: n}
	if r.want != nil {
		b = b.Project(r.want, r.columns)
	}
	return connectors.Fetched{Batch: b, Done: r.next == r.to}, nil
}

// Close implements connectors.Reader.
func (*reader[T]) Close() error { return nil }
