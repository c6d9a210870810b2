package datastream

import (
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// Rebalance gives every task as many records as the others, in turn.
func Rebalance[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Rebalance, options)
}

// Rescale gives records in turn to the tasks that are the sender's share: with twice as many tasks behind as before, each sender has two of its
// own. It costs fewer channels than Rebalance, and spreads only what is even before.
func Rescale[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Rescale, options)
}

// RebalanceByLoad gives records to the task that is the least behind with its work, so that a slow one holds up less.
func RebalanceByLoad[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.ByLoad, options)
}

// Shuffle gives each record to a task at random.
func Shuffle[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Shuffle, options)
}

// Broadcast gives every record to every task.
func Broadcast[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Broadcast, options)
}

// Global gives all records to one task.
func Global[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Gather, options)
}

// Forward gives the records of a task to the one of the same number, in order; where there are fewer tasks behind, or more, in proportion.
func Forward[T any](s Stream[T], options ...plan.Option) Stream[T] {
	return s.spread(plan.Forward, options)
}

// PartitionCustom gives each record to the task that index names, modulo the number of tasks.
func PartitionCustom[T any](s Stream[T], index func(T) int32, options ...plan.Option) Stream[T] {
	return From(dataset.PartitionBy(s.data, index, options...))
}

func (s Stream[T]) spread(kind plan.PartitionKind, options []plan.Option) Stream[T] {
	return of[T](s.data.Job(), s.data.Job().Add(plan.Partition{Kind: kind}, []*plan.Node{s.data.Node()}, options...))
}
