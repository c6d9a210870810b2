package sink

import (
	"context"
	"fmt"
	"iter"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/state"
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

// Tables implements stream.Stateful: the rows so far.
func (o *Collector) Tables(in []*columnar.Schema) ([]state.Table, error) {
	return []state.Table{{Name: "rows", Kind: "rows", Distribution: state.Spread, Values: in[0].Fields}}, nil
}

// Restore implements stream.Stateful.
func (o *Collector) Restore(_ int, b columnar.Batch) error { return o.Process(0, b, nil) }

// Snapshot implements stream.Stateful. Rows that are kept do not change.
func (o *Collector) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	tables, err := o.Tables(o.env.Inputs)
	return collected{tables, o.rows.Batches()}, err
}

// collected is what a collector had at a moment.
type collected struct {
	tables  []state.Table
	batches []columnar.Batch
}

func (c collected) Tables() []state.Table { return c.tables }

func (c collected) Read(ctx context.Context, _ int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		for _, b := range c.batches {
			if !yield(state.Rows{Batch: b}, ctx.Err()) {
				return
			}
		}
	}
}

func (collected) Release() {}

// Collected returns the rows, after EndInput. They stay valid after Close, but are not counted any more.
func (o *Collector) Collected() []columnar.Batch { return o.rows.Batches() }

// Close implements stream.Operator.
func (o *Collector) Close() error {
	if o.rows != nil {
		o.rows.Free()
	}
	return nil
}
