package dataset

import (
	"iter"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Grouped is a data set with a key for each record. It is an intermediate value: aggregating it gives a data set again.
type Grouped[K comparable, T any] struct {
	data DataSet[T]
	key  codec.Selector[T]
}

// GroupBy gives each record a key. Keys are integers, strings, bools, times, and structs or arrays of these.
func GroupBy[K comparable, T any](d DataSet[T], key func(T) K) Grouped[K, T] {
	return Grouped[K, T]{d, selector(d.job, "GroupBy", key)}
}

// All puts all records into one group: what is computed of it is one record, also when there are none.
func All[T any](d DataSet[T]) Grouped[struct{}, T] {
	return Grouped[struct{}, T]{d, selector(d.job, "All", func(T) struct{} { return struct{}{} })}
}

// Aggregate computes a of each group's records and gives result of key and aggregate. Where the records come from many tasks, each
// aggregates its own before anything is exchanged.
func Aggregate[K comparable, T, A, Out any](g Grouped[K, T], a agg.Aggregate[T, A], result func(K, A) Out, options ...plan.Option) DataSet[Out] {
	if a.Err != nil {
		g.data.job.Fail("Aggregate", a.Err)
		return Of[Out](g.data.job, g.data.node)
	}
	node := aggregate(g, "GroupBy", []agg.Function{a.Function}, []codec.Selector[T]{a.Select}, options)
	return apply[Out](g.data.job, node, rows.Result("Aggregate", a.Decode, result), nil)
}

// Summarize computes several aggregates of each group, and puts the key and each result into an R.
func Summarize[K comparable, T, R any](g Grouped[K, T], setKey func(K, *R), parts ...agg.Part[R, T]) DataSet[R] {
	functions := make([]agg.Function, len(parts))
	selectors := make([]codec.Selector[T], len(parts))
	setters := make([]rows.Setter[R], len(parts))
	for i, p := range parts {
		if p.Err != nil {
			g.data.job.Fail("Summarize", p.Err)
			return Of[R](g.data.job, g.data.node)
		}
		functions[i], selectors[i], setters[i] = p.Function, p.Select, p.Bind
	}
	node := aggregate(g, "GroupBy", functions, selectors, nil)
	return apply[R](g.data.job, node, rows.Summary("Summarize", setKey, setters), nil)
}

// aggregate adds the nodes that select keys and inputs, and group and aggregate them.
func aggregate[K comparable, T any](g Grouped[K, T], operation string, functions []agg.Function, selectors []codec.Selector[T], options []plan.Option) *plan.Node {
	keys := len(g.key.Fields)
	op := plan.Aggregate{Keys: span(0, keys)}
	at := keys
	for i, f := range functions {
		width := len(selectors[i].Fields)
		op.Calls = append(op.Calls, plan.Call{Function: f, Inputs: span(at, at+width)})
		at += width
	}
	all := append([]codec.Selector[T]{g.key}, selectors...)
	node := keyed(g.data, operation, false, all...)
	return g.data.job.Add(op, []*plan.Node{node}, options...)
}

// Reduce folds each group's records into one with f, which must be associative and commutative.
func Reduce[K comparable, T any](g Grouped[K, T], f func(a, b T) T) DataSet[T] {
	type state struct {
		Is    bool
		Value T
	}
	a := agg.Of(agg.Func[T, state, T]{
		Name: "reduce",
		Add: func(s *state, v T) {
			if s.Is {
				v = f(s.Value, v)
			}
			*s = state{true, v}
		},
		Merge: func(s *state, by state) {
			if s.Is && by.Is {
				by.Value = f(s.Value, by.Value)
			}
			if by.Is {
				*s = by
			}
		},
		Result: func(s state) T { return s.Value },
	})
	return Aggregate(g, a, func(_ K, v T) T { return v })
}

// ReduceGroup gives what f yields for each key and the sequence of its records, which can be ranged over once and need not fit into
// memory. Nothing is combined before the exchange; where an aggregate does, it is much faster.
func ReduceGroup[K comparable, T, Out any](g Grouped[K, T], f func(K, iter.Seq[T]) iter.Seq[Out], options ...plan.Option) DataSet[Out] {
	w, err := rows.Groups(f)
	if err != nil {
		g.data.job.Fail("ReduceGroup", err)
	}
	node := keyed(g.data, "GroupBy", true, g.key)
	op := plan.Whole{Title: "ReduceGroup", Program: w, Keys: span(0, len(g.key.Fields))}
	return DataSet[Out]{g.data.job, g.data.job.Add(op, []*plan.Node{node}, options...)}
}

// Count gives the one number of records.
func Count[T any](d DataSet[T]) DataSet[int64] {
	node := keyed(d, "Count", false)
	op := plan.Aggregate{Calls: []plan.Call{{Function: agg.Count[T]().Function}}}
	return DataSet[int64]{d.job, d.job.Add(op, []*plan.Node{node}, plan.Name("Count"))}
}

// CountByKey gives the number of records of each key.
func CountByKey[K comparable, T any](g Grouped[K, T]) DataSet[Keyed[K, int64]] {
	return Aggregate(g, agg.Count[T](), func(k K, n int64) Keyed[K, int64] { return Keyed[K, int64]{k, n} })
}

// Keyed is a key with a value.
type Keyed[K comparable, V any] struct {
	Key   K
	Value V
}
