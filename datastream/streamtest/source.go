package streamtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
)

// source reads an input: one split, whose positions are numbers of items.
type source[T any] struct{ in *Input[T] }

func (source[T]) Element() (zero element[T]) { return zero }
func (source[T]) Name() string               { return "script" }
func (s source[T]) Describe() string         { return s.in.name }
func (source[T]) Validate() error            { return nil }
func (source[T]) Schema() *columnar.Schema   { return codec.Columns[element[T]]() }

// IsBounded implements connectors.Source. The engine is not told that the data ends: event time would wait for the news that every split has been
// assigned, and the job be checked less strictly.
func (source[T]) IsBounded() bool { return false }

func (s source[T]) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	return connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: -1, Splits: 1}, nil
}

func (source[T]) NewEnumerator(connectors.Env, connectors.Scan, connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{left: []connectors.Split{{ID: "script", Data: []byte{version}, Bytes: -1}}, positions: []connectors.Position{nil}}, nil
}

// version is the first byte of what is kept in checkpoints.
const version = 1

// enumerator gives the split to whoever asks first.
type enumerator struct {
	left      []connectors.Split
	positions []connectors.Position // of left
}

func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Restored:
		e.left, e.positions = event.Splits, event.Positions
	case connectors.Returned:
		e.left, e.positions = event.Splits, event.Positions
	case connectors.Requested:
		if len(e.left) == 0 {
			return []connectors.Action{connectors.NoMore{Task: event.Task}}, nil
		}
		a := connectors.Assign{Task: event.Task, Splits: e.left, Positions: e.positions}
		e.left, e.positions = nil, nil
		return []connectors.Action{a}, nil
	}
	return nil, nil
}

// Snapshot implements connectors.Enumerator: when all tasks have come to a checkpoint, the split is theirs.
func (e *enumerator) Snapshot() ([]byte, error) { return []byte{version}, nil }

func (s source[T]) NewReader(connectors.TaskEnv, connectors.Scan) (connectors.Reader, error) {
	c, err := codec.Of[element[T]]()
	if err != nil {
		return nil, err
	}
	return &reader[T]{in: s.in, encoder: c.Encoder(), schema: c.Schema()}, nil
}

// reader gives items as far as the script has come.
type reader[T any] struct {
	in      *Input[T]
	encoder *codec.Encoder[element[T]]
	schema  *columnar.Schema
	split   string // "": none
	number  int64  // of the reader, among those of the input
	next    int
}

func (r *reader[T]) Assign(splits []connectors.Split, from []connectors.Position) error {
	for i, s := range splits {
		r.split, r.next = s.ID, 0
		if i < len(from) && from[i] != nil {
			if len(from[i]) != 9 || from[i][0] != version {
				return fmt.Errorf("the position in input %s is not one of this version", r.in.name)
			}
			r.next = int(binary.BigEndian.Uint64(from[i][1:]))
		}
		r.number = r.in.read(int64(r.next))
	}
	return nil
}

// errCrash is why a job crashes by its script.
var errCrash = errors.New("crashed by the script")

// patience is how long a Fetch waits for the script to go on.
const patience = 5 * time.Millisecond

// Fetch implements connectors.Reader. A watermark ends a batch: whether rows are late is judged by the watermark before their batch. Each batch
// waits until the one before has gone into the job, as operators on the way may put small batches together.
func (r *reader[T]) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if r.split == "" {
		return connectors.Fetched{}, io.EOF
	}
	o := r.in.orders(r.number, r.next)
	switch {
	case o.fails:
		return connectors.Fetched{}, errCrash
	case o.isTaken && (r.next < o.open || o.isLast):
		return r.batch(o.open, o.isLast)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-o.changed:
	case <-late.C:
	case <-ctx.Done():
		return connectors.Fetched{}, context.Cause(ctx)
	}
	return connectors.Fetched{}, nil
}

func (r *reader[T]) batch(open int, isLast bool) (connectors.Fetched, error) {
	for n := 0; r.next < open && n < columnar.DefaultRows; n++ {
		e := r.in.items[r.next]
		e.Reading = r.number
		r.encoder.Append(e)
		r.next++
		if e.Mark != nil {
			break
		}
	}
	n := r.encoder.Len()
	columns, err := r.encoder.Finish()
	if err != nil {
		return connectors.Fetched{}, fmt.Errorf("storing item %d of input %s: %w", r.next, r.in.name, err)
	}
	next := binary.BigEndian.AppendUint64([]byte{version}, uint64(r.next))
	got := connectors.Fetched{Batch: columnar.Batch{Schema: r.schema, Columns: columns, Len: n}, Split: r.split, Next: next}
	if isLast && r.next == open {
		got.Done, r.split = true, ""
	}
	return got, nil
}

func (*reader[T]) Close() error { return nil }
