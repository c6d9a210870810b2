// Package datastream is the typed API for streams: records that come one after the other, without an end or with one.
//
// It appends the same nodes to a plan.Job as package dataset, and [From] and [Stream.DataSet] change between the two; what is bounded is a
// stream that ends. In the order a reader needs them:
//
//   - [Read], [Map], [FlatMap], [Filter], [Union], [Write]: as for data sets, a record at a time.
//   - [EventTime]: when records happened, and how far time has come.
//   - [KeyBy]: records with equal keys meet in one task. [Aggregate] and [Reduce] then give a value for each record as it comes.
//   - [Process]: functions with state and timers; [Connect] and [ProcessBoth] over two streams; [ProcessWithRules] by rules that every task
//     has. [Side] gives what they put aside by [Tag].
//   - [IntervalJoin]: pairs of records that are close in time. [Async]: answers of others to each record.
//   - [Rebalance] and its like: how records are spread over tasks.
//
// A job that does not end keeps state over restarts and changes of the program: what has state there needs a plan.UID.
//
// Stability: public.
package datastream

import (
	"iter"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// Stream is the records of type T that a node of a job gives. It is a small value; copying it copies nothing.
type Stream[T any] struct{ data dataset.DataSet[T] }

// From returns a data set as a stream that ends.
func From[T any](d dataset.DataSet[T]) Stream[T] { return Stream[T]{d} }

// DataSet returns a stream that ends as a data set.
func (s Stream[T]) DataSet() dataset.DataSet[T] { return s.data }

// Read gives the records of a source; those of a split in order.
func Read[T any](job *plan.Job, source connectors.TypedSource[T], options ...plan.Option) Stream[T] {
	return From(dataset.Read(job, source, options...))
}

// FromSlice gives the records of a slice.
func FromSlice[T any](job *plan.Job, records []T, options ...plan.Option) Stream[T] {
	return From(dataset.FromSlice(job, records, options...))
}

// Map gives f of each record.
func Map[In, Out any](s Stream[In], f func(In) Out, options ...plan.Option) Stream[Out] {
	return From(dataset.Map(s.data, f, options...))
}

// FlatMap gives everything that f yields for each record.
func FlatMap[In, Out any](s Stream[In], f func(In) iter.Seq[Out], options ...plan.Option) Stream[Out] {
	return From(dataset.FlatMap(s.data, f, options...))
}

// Filter gives the records for which keep is true.
func Filter[T any](s Stream[T], keep func(T) bool, options ...plan.Option) Stream[T] {
	return From(dataset.Filter(s.data, keep, options...))
}

// Union gives the records of all streams, each stream's in order.
func Union[T any](first Stream[T], others ...Stream[T]) Stream[T] {
	sets := make([]dataset.DataSet[T], len(others))
	for i, o := range others {
		sets[i] = o.data
	}
	return From(dataset.Union(first.data, sets...))
}

// Write hands the records to a sink.
func Write[T any](s Stream[T], sink connectors.TypedSink[T], options ...plan.Option) {
	dataset.Write(s.data, sink, options...)
}

// Collect brings all records of a stream that ends into the memory of the program that runs the job.
func Collect[T any](s Stream[T]) *dataset.Result[T] { return dataset.Collect(s.data) }

// of returns the stream of a node whose records are of type T.
func of[T any](job *plan.Job, node *plan.Node) Stream[T] { return From(dataset.Of[T](job, node)) }
