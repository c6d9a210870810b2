// Package setop holds operators that pick rows by their number, not by their content.
//
// Stability: engine-private.
package setop

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// Limit passes the first rows of its one input. It is a stream.Finisher: whoever drives it may end the input when it has enough.
type Limit struct{ left int64 }

// NewLimit returns the operator that passes the first rows rows.
func NewLimit(rows int64) *Limit { return &Limit{left: rows} }

// Open implements stream.Operator.
func (o *Limit) Open(*stream.Env) error { return nil }

// Process implements stream.Operator.
func (o *Limit) Process(_ int, b columnar.Batch, out stream.Output) error {
	if n := int64(b.Rows()); n > o.left {
		b = b.Slice(0, int(o.left))
	}
	if n := b.Rows(); n > 0 {
		o.left -= int64(n)
		out.Emit(b)
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *Limit) EndInput(int, stream.Output) error { return nil }

// IsFinished implements stream.Finisher.
func (o *Limit) IsFinished() bool { return o.left <= 0 }

// EmitsFresh says that batches may be kept when those of the input may.
func (*Limit) EmitsFresh(input bool) bool { return input }

// Close implements stream.Operator.
func (o *Limit) Close() error { return nil }
