package dataset

import (
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Direction is the order of a sort.
type Direction bool

// The directions.
const (
	Ascending  Direction = false
	Descending Direction = true
)

// Sort orders all records by key: the records of task 0 come before those of task 1, and within a task each before the next. Ranges are cut
// by a sample of the keys. Records with equal keys come in any order.
func Sort[T any, K comparable](d DataSet[T], key func(T) K, direction Direction) DataSet[T] {
	return sorted(d, "Sort", key, direction, true)
}

// SortPartition orders the records of each task by key.
func SortPartition[T any, K comparable](d DataSet[T], key func(T) K, direction Direction) DataSet[T] {
	return sorted(d, "SortPartition", key, direction, false)
}

func sorted[T any, K comparable](d DataSet[T], operation string, key func(T) K, direction Direction, global bool) DataSet[T] {
	s := selector(d.job, operation, key)
	n := len(s.Fields)
	orders := make([]keys.Order, n)
	for i := range orders {
		orders[i].Descending = bool(direction)
	}
	node := d.job.Add(plan.Sort{Columns: span(0, n), Orders: orders, Global: global}, []*plan.Node{keyed(d, operation, true, s)})
	return dropKeys[T](d.job, node, n)
}

// dropKeys leaves out the first n columns, which selectors made.
func dropKeys[T any](job *plan.Job, node *plan.Node, n int) DataSet[T] {
	if node.Schema == nil || n > len(node.Schema.Fields) {
		return DataSet[T]{job, node}
	}
	return DataSet[T]{job, job.Add(plan.Drop{Columns: n}, []*plan.Node{node})}
}

// PartitionByHash brings records with equal keys to the same task.
func PartitionByHash[T any, K comparable](d DataSet[T], key func(T) K, options ...plan.Option) DataSet[T] {
	return partitioned(d, "PartitionByHash", key, plan.ByHash, options)
}

// PartitionByRange brings records with near keys to the same task: all keys of a task come before those of the next. Records come to a task
// sorted by key.
func PartitionByRange[T any, K comparable](d DataSet[T], key func(T) K, options ...plan.Option) DataSet[T] {
	return partitioned(d, "PartitionByRange", key, plan.ByRange, options)
}

// PartitionBy brings each record to the task that index names, modulo the number of tasks.
func PartitionBy[T any](d DataSet[T], index func(T) int32, options ...plan.Option) DataSet[T] {
	return partitioned(d, "PartitionBy", index, plan.ByIndex, options)
}

func partitioned[T any, K comparable](d DataSet[T], operation string, key func(T) K, kind plan.PartitionKind, options []plan.Option) DataSet[T] {
	s := selector(d.job, operation, key)
	n := len(s.Fields)
	op := plan.Partition{Kind: kind, Columns: span(0, n), Drop: n}
	return DataSet[T]{d.job, d.job.Add(op, []*plan.Node{keyed(d, operation, true, s)}, options...)}
}

// Sample gives each record with the probability given, independently, the same records in each run with the same seed and splits.
func Sample[T any](d DataSet[T], probability float64, seed uint64) DataSet[T] {
	return apply[T](d.job, d.node, rows.PerTask("Sample", sampler[T](probability, seed)), nil)
}
