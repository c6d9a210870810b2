// Package order is the operator that sorts the rows of a task: package sorting with an operator's face.
//
// Equal keys keep the order in which they came. A sort over all tasks has no operator: its exchange sorts (package shuffle).
//
// Stability: engine-private.
package order

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/sorting"
	"github.com/millrace/millrace/stream"
)

// Operator sorts its one input by columns.
type Operator struct {
	columns []int
	orders  []keys.Order

	env    *stream.Env
	sorter *sorting.Sorter // until the input has ended
	sorted *sorting.Sorted
	merge  *sorting.Merge
}

// New returns the operator that sorts by columns, each with its order.
func New(columns []int, orders []keys.Order) *Operator {
	return &Operator{columns: columns, orders: orders}
}

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	o.sorter = sorting.New(env.Context, sorting.Config{
		Schema: env.Inputs[0], Columns: o.columns, Orders: o.orders, Memory: env.Memory, Spill: env.Spill, Name: "sort",
	})
	return nil
}

// Process implements stream.Operator.
func (o *Operator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	return o.sorter.Add(b, o.env.Fresh)
}

// EndInput implements stream.Operator: everything is sorted, for Resume to emit.
func (o *Operator) EndInput(int, stream.Output) (err error) {
	if o.sorted, err = o.sorter.Finish(); err != nil {
		return err
	}
	o.sorter = nil
	o.env.Metrics.Spilled.Add(o.sorted.Spilled())
	o.merge, err = sorting.Open(o.env.Context, []*sorting.Sorted{o.sorted}, nil, nil)
	return err
}

// Resume implements stream.Resumer.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	for o.merge != nil && out.Room() > 0 {
		b, ok, err := o.merge.Next()
		if !ok || err != nil {
			return false, err
		}
		out.Emit(b)
	}
	return o.merge != nil, nil
}

// EmitsFresh says that batches may be kept.
func (*Operator) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Operator) Close() error {
	if o.sorter != nil {
		o.sorter.Abort()
		return nil
	}
	if o.sorted == nil {
		return nil
	}
	if o.merge != nil {
		if err := o.merge.Close(); err != nil {
			return err
		}
	}
	return o.sorted.Release(context.WithoutCancel(o.env.Context))
}
