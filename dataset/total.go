package dataset

import (
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Total aggregates all records into one value; of no records it gives the aggregate's value of none: 0 for sums and counts.
func Total[T, A any](d DataSet[T], a agg.Aggregate[T, A]) DataSet[A] {
	if a.Err != nil {
		d.job.Fail("Total", a.Err)
		return Of[A](d.job, d.node)
	}
	node := keyed(d, "Total", false, a.Select)
	op := plan.Aggregate{Calls: []plan.Call{{Function: a.Function, Inputs: span(0, len(a.Select.Fields))}}}
	node = d.job.Add(op, []*plan.Node{node})
	return apply[A](d.job, node, rows.Result("Total", a.Decode, func(_ struct{}, v A) A { return v }), nil)
}

// Sum adds up what f gives of all records.
func Sum[T any, N agg.Number](d DataSet[T], f func(T) N) DataSet[N] { return Total(d, agg.Sum(f)) }

// Min is the least of what f gives of all records; of no records the zero value.
func Min[T, V any](d DataSet[T], f func(T) V) DataSet[V] { return Total(d, agg.Min(f)) }

// Max is the greatest of what f gives of all records; of no records the zero value.
func Max[T, V any](d DataSet[T], f func(T) V) DataSet[V] { return Total(d, agg.Max(f)) }
