package dataset

import (
	"fmt"
	"iter"

	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// DataSet is the records of type T that a node of a job gives. It is a small value; copying it copies nothing.
type DataSet[T any] struct {
	job  *plan.Job
	node *plan.Node
}

// Node returns the logical node: for front ends that build on this one.
func (d DataSet[T]) Node() *plan.Node { return d.node }

// Job returns the job that the data set belongs to.
func (d DataSet[T]) Job() *plan.Job { return d.job }

// Of returns the data set of a node whose rows are of type T: for front ends that build on this one.
func Of[T any](job *plan.Job, node *plan.Node) DataSet[T] { return DataSet[T]{job, node} }

// Read gives the records of a bounded source.
func Read[T any](job *plan.Job, source connectors.TypedSource[T], options ...plan.Option) DataSet[T] {
	if err := source.Validate(); err != nil {
		job.Fail("Read", err)
	}
	if _, err := codec.Of[T](); err != nil {
		job.Fail("Read", err)
	}
	return DataSet[T]{job, job.Add(plan.Read{Source: source}, nil, options...)}
}

// FromSlice gives the records of a slice, in order within each task. The slice must not change until the job has run.
func FromSlice[T any](job *plan.Job, records []T, options ...plan.Option) DataSet[T] {
	return Generate(job, int64(len(records)), func(i int64) T { return records[i] }, options...)
}

// Generate gives n records, the i-th being at(i), for i from 0.
func Generate[T any](job *plan.Job, n int64, at func(i int64) T, options ...plan.Option) DataSet[T] {
	return Read[T](job, generate.Source[T]{Rows: n, At: at}, options...)
}

// Map gives f of each record.
func Map[In, Out any](d DataSet[In], f func(In) Out, options ...plan.Option) DataSet[Out] {
	return apply[Out](d.job, d.node, rows.Map(f), options)
}

// FlatMap gives everything that f yields for each record.
func FlatMap[In, Out any](d DataSet[In], f func(In) iter.Seq[Out], options ...plan.Option) DataSet[Out] {
	return apply[Out](d.job, d.node, rows.FlatMap(f), options)
}

// Filter gives the records for which keep is true.
func Filter[T any](d DataSet[T], keep func(T) bool, options ...plan.Option) DataSet[T] {
	return apply[T](d.job, d.node, rows.Filter(keep), options)
}

// apply adds a node that runs one stage and keeps whole records of type Out.
func apply[Out any](job *plan.Job, in *plan.Node, s rows.Stage, options []plan.Option) DataSet[Out] {
	tail, err := rows.Records[Out]()
	if err != nil {
		job.Fail(s.Name, err)
	}
	return DataSet[Out]{job, job.Add(plan.Rows{Program: rows.Program{Stages: []rows.Stage{s}, Tail: tail}}, []*plan.Node{in}, options...)}
}

// Where gives the records for which the predicate is true; columns are the record's fields by their column names.
func Where[T any](d DataSet[T], predicate expr.Expr, options ...plan.Option) DataSet[T] {
	return DataSet[T]{d.job, d.job.Add(plan.Filter{Predicate: predicate}, []*plan.Node{d.node}, options...)}
}

// Column is a named expression of Select.
type Column = plan.Column

// As names an expression.
func As(name string, e expr.Expr) Column { return Column{Name: name, Expr: e} }

// Select computes columns; together they must be the fields of Out, by name and type, in any order. For Out columnar.Row anything goes.
func Select[Out, In any](d DataSet[In], columns ...Column) DataSet[Out] {
	ordered, err := fit[Out](columns)
	if err != nil {
		d.job.Fail("Select", err)
		ordered = columns
	}
	return DataSet[Out]{d.job, d.job.Add(plan.Project{Columns: ordered}, []*plan.Node{d.node})}
}

// fit brings columns into the order of Out's fields.
func fit[Out any](columns []Column) ([]Column, error) {
	c, err := codec.Of[Out]()
	if err != nil {
		return nil, err
	}
	if c.Schema() == nil {
		return columns, nil
	}
	byName := map[string]Column{}
	for _, col := range columns {
		byName[col.Name] = col
	}
	var out []Column
	for _, f := range c.Schema().Fields {
		col, ok := byName[f.Name]
		if !ok {
			return nil, fmt.Errorf("the field %s of %T gets no column", f.Name, *new(Out))
		}
		out = append(out, Column{Name: f.Name, Expr: col.Expr.Cast(f.Type)})
		delete(byName, f.Name)
	}
	for name := range byName {
		return nil, fmt.Errorf("%T has no field for the column %s", *new(Out), name)
	}
	return out, nil
}

// MapPartition gives what f yields for the sequence of all records of a task. Which records come to which task is not defined unless the
// data set was partitioned.
func MapPartition[In, Out any](d DataSet[In], f func(iter.Seq[In]) iter.Seq[Out], options ...plan.Option) DataSet[Out] {
	w, err := rows.MapPartition(f)
	if err != nil {
		d.job.Fail("MapPartition", err)
	}
	return DataSet[Out]{d.job, d.job.Add(plan.Whole{Title: "MapPartition", Program: w}, []*plan.Node{d.node}, options...)}
}

// Union gives the records of all data sets, duplicates included.
func Union[T any](first DataSet[T], others ...DataSet[T]) DataSet[T] {
	inputs := []*plan.Node{first.node}
	for _, o := range others {
		inputs = append(inputs, o.node)
	}
	return DataSet[T]{first.job, first.job.Add(plan.Union{}, inputs)}
}

// First gives n of the records; which ones is defined only for a sorted data set.
func First[T any](d DataSet[T], n int64) DataSet[T] {
	return DataSet[T]{d.job, d.job.Add(plan.Limit{Rows: n}, []*plan.Node{d.node})}
}

// Distinct gives each different record once. Records are compared by all their columns.
func Distinct[T any](d DataSet[T]) DataSet[T] {
	c, err := codec.Of[T]()
	if err != nil {
		d.job.Fail("Distinct", err)
		return d
	}
	if c.Schema() == nil {
		d.job.Fail("Distinct", fmt.Errorf("it needs a record type whose columns are known when the job is built, not %T", *new(T)))
		return d
	}
	keys := make([]int, len(c.Schema().Fields))
	for i := range keys {
		keys[i] = i
	}
	return DataSet[T]{d.job, d.job.Add(plan.Aggregate{Keys: keys}, []*plan.Node{d.node})}
}

// Rebalance spreads the records evenly over the tasks that follow.
func Rebalance[T any](d DataSet[T], options ...plan.Option) DataSet[T] {
	return DataSet[T]{d.job, d.job.Add(plan.Partition{Kind: plan.Rebalance}, []*plan.Node{d.node}, options...)}
}

// keyed adds a node that puts the columns of selectors before, with whole, the record.
func keyed[T any](d DataSet[T], operation string, whole bool, selectors ...codec.Selector[T]) *plan.Node {
	tail, err := rows.Selected(whole, selectors...)
	if err != nil {
		d.job.Fail(operation, err)
	}
	return d.job.Add(plan.Rows{Program: rows.Program{Tail: tail}}, []*plan.Node{d.node}, plan.Name(operation))
}

// selector returns the key selector's columns, or reports why K cannot be a key.
func selector[T, K any](job *plan.Job, operation string, key func(T) K) codec.Selector[T] {
	if err := codec.CheckKey[K](); err != nil {
		job.Fail(operation, err)
	}
	s, err := codec.Select(key)
	if err != nil {
		job.Fail(operation, err)
	}
	return s
}

// span returns the column numbers from up to but not including to.
func span(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}
