package datastream

import (
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Keyed is a stream with a key for each record. Records with equal keys meet in one task, those of one producer in order.
type Keyed[K comparable, T any] struct {
	stream Stream[T]
	key    codec.Selector[T]
}

// KeyBy gives each record a key. Keys are integers, strings, bools, times, and structs or arrays of these.
func KeyBy[K comparable, T any](s Stream[T], key func(T) K) Keyed[K, T] {
	if err := codec.CheckKey[K](); err != nil {
		s.data.Job().Fail("KeyBy", err)
	}
	selector, err := codec.Select(key)
	if err != nil {
		s.data.Job().Fail("KeyBy", err)
	}
	return Keyed[K, T]{s, selector}
}

// node adds the node that puts each record's key before it.
func (k Keyed[K, T]) node() *plan.Node {
	job, in := k.stream.data.Job(), k.stream.data.Node()
	tail, err := rows.Selected(true, k.key)
	if err != nil {
		job.Fail("KeyBy", err)
		return in
	}
	return job.Add(plan.Rows{Program: rows.Program{Tail: tail}}, []*plan.Node{in}, plan.Name("KeyBy"))
}

// Aggregate gives, for each record as it comes, result of its key and the aggregate of the key's records so far. The states of all keys are
// held in memory.
func Aggregate[K comparable, T, A, Out any](k Keyed[K, T], a agg.Aggregate[T, A], result func(K, A) Out, options ...plan.Option) Stream[Out] {
	job, in := k.stream.data.Job(), k.stream.data.Node()
	if a.Err != nil {
		job.Fail("Aggregate", a.Err)
		return of[Out](job, in)
	}
	selected, err := rows.Selected(false, k.key, a.Select)
	if err != nil {
		job.Fail("KeyBy", err)
	}
	node := job.Add(plan.Rows{Program: rows.Program{Tail: selected}}, []*plan.Node{in}, plan.Name("KeyBy"))
	keys := len(k.key.Fields)
	op := plan.Rolling{Keys: span(0, keys), Calls: []plan.Call{{Function: a.Function, Inputs: span(keys, keys+len(a.Select.Fields))}}}
	node = job.Add(op, []*plan.Node{node}, options...)
	tail, err := rows.Records[Out]()
	if err != nil {
		job.Fail("Aggregate", err)
	}
	program := rows.Program{Stages: []rows.Stage{rows.Result("Aggregate", a.Decode, result)}, Tail: tail}
	return of[Out](job, job.Add(plan.Rows{Program: program}, []*plan.Node{node}))
}

// Reduce gives, for each record as it comes, the key's records so far folded into one with f, which must be associative.
func Reduce[K comparable, T any](k Keyed[K, T], f func(a, b T) T, options ...plan.Option) Stream[T] {
	type state struct {
		Is    bool
		Value T
	}
	add := func(s *state, v T) {
		if s.Is {
			v = f(s.Value, v)
		}
		*s = state{true, v}
	}
	a := agg.Of(agg.Func[T, state, T]{
		Name: "reduce",
		Add:  add,
		Merge: func(s *state, by state) {
			if by.Is {
				add(s, by.Value)
			}
		},
		Result: func(s state) T { return s.Value },
	})
	return Aggregate(k, a, func(_ K, v T) T { return v }, options...)
}

// span returns the column numbers from up to but not including to.
func span(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}
