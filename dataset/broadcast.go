package dataset

import (
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// WithBroadcast gives f of each record of d and of all records of side, in no defined order: a broadcast variable. Every task reads the side
// as a whole, before its first record, and holds it in memory. The slice is shared by the calls of a task: f does not change it.
//
// Where f looks for the records of the side that have the record's key, Join with the hint BroadcastRight is faster.
func WithBroadcast[T, B, Out any](d DataSet[T], side DataSet[B], f func(T, []B) Out, options ...plan.Option) DataSet[Out] {
	same(d.job, side.job, "WithBroadcast")
	if _, err := codec.Of[B](); err != nil {
		d.job.Fail("WithBroadcast", err)
	}
	tail, err := rows.Records[Out]()
	if err != nil {
		d.job.Fail("WithBroadcast", err)
	}
	stage, reader := rows.WithSide(f)
	op := plan.Sided{Program: rows.Program{Stages: []rows.Stage{stage}, Tail: tail}, Side: reader}
	return DataSet[Out]{d.job, d.job.Add(op, []*plan.Node{d.node, side.node}, options...)}
}
