package rows

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Side decodes the records of a second input that every task reads as a whole before its first: a broadcast variable. Types are hidden as
// in a Stage.
type Side struct {
	Func string // the user function that takes them
	open func(from *columnar.Schema) (sideRecords, error)
}

// sideRecords collects the records of a side.
type sideRecords interface {
	add(b columnar.Batch) error
	value() any // []B
}

type sideSlice[B any] struct {
	decoder *codec.Decoder[B]
	records []B
}

func (s *sideSlice[B]) add(b columnar.Batch) error {
	more, err := s.decoder.Decode(b, nil)
	s.records = append(s.records, more...)
	return err
}

func (s *sideSlice[B]) value() any { return s.records }

// WithSide gives f of each record and of all records of the side. The slice is the task's: f does not change it.
func WithSide[In, B, Out any](f func(In, []B) Out) (Stage, Side) {
	apply := stage("WithBroadcast", f, func(c *Cursor, at int, next func(Out)) func(In) {
		var side []B
		known := false
		return func(v In) {
			c.stage = at
			if !known {
				side, known = c.side.([]B), true
			}
			out := f(v, side)
			c.counts[at]++
			next(out)
		}
	})
	return apply, Side{Func: symbol(f), open: func(from *columnar.Schema) (sideRecords, error) {
		c, err := codec.Of[B]()
		if err != nil {
			return nil, err
		}
		d, err := c.Decoder(from)
		return &sideSlice[B]{decoder: d}, err
	}}
}

// SideReader collects one task's side. One goroutine uses it.
type SideReader struct{ records sideRecords }

// Bind prepares for batches of the schema from.
func (s Side) Bind(from *columnar.Schema) (*SideReader, error) {
	records, err := s.open(from)
	if err != nil {
		return nil, fmt.Errorf("the broadcast side: %w", err)
	}
	return &SideReader{records}, nil
}

// Add takes a batch; it may be reused afterwards.
func (r *SideReader) Add(b columnar.Batch) error { return r.records.add(b) }

// SetSide gives the runner's functions the side, complete. It comes before the first Run.
func (r *Runner) SetSide(side *SideReader) { r.cursor.side = side.records.value() }
