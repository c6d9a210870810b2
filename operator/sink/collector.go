package sink

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/stream"
)

// Collector keeps the rows of its one input for the program that runs the job. It has no output. It is a stream.Finisher when it has a
// limit.
type Collector struct {
	limit int64
	env   *stream.Env
	rows  *kept.Rows
}

// NewCollector returns the operator that keeps the first limit rows, all of them when limit is 0.
func NewCollector(limit int64) *Collector { return &Collector{limit: limit} }

// Open implements stream.Operator.
func (o *Collector) Open(env *stream.Env) error {
	o.env, o.rows = env, kept.New(env.Inputs[0], env.Memory, 0)
	return nil
}

// Process implements stream.Operator.
func (o *Collector) Process(_ int, b columnar.Batch, _ stream.Output) error {
	if o.limit > 0 && int64(o.rows.Len()+b.Rows()) > o.limit {
		b = b.Slice(0, int(o.limit)-o.rows.Len())
	}
	if !o.rows.TryAdd(b) {
		return fmt.Errorf("collecting after %d rows of %s: %w; write the rows to a sink, or collect fewer",
			o.rows.Len(), budget.FormatSize(o.rows.Held()), budget.ErrExceeded)
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *Collector) EndInput(int, stream.Output) error { return nil }

// IsFinished implements stream.Finisher.
func (o *Collector) IsFinished() bool { return o.limit > 0 && int64(o.rows.Len()) >= o.limit }

// Collected returns the rows, after EndInput. They stay valid after Close, but are not counted any more.
func (o *Collector) Collected() []columnar.Batch { return o.rows.Batches() }

// Close implements stream.Operator.
func (o *Collector) Close() error {
	if o.rows != nil {
		o.rows.Free()
	}
	return nil
}
