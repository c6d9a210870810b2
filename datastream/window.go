package datastream

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
	"github.com/millrace/millrace/stream/window"
)

// Windowed is a keyed stream whose records are put into windows. It is an intermediate value: what is computed of the windows is a stream
// again.
type Windowed[K comparable, T any] struct {
	keyed Keyed[K, T]
	spec  window.Spec
	late  *Stream[T]
}

// Window puts the records of each key into windows.
func Window[K comparable, T any](k Keyed[K, T], a window.Assigner, options ...window.Option) Windowed[K, T] {
	return Windowed[K, T]{keyed: k, spec: window.New(a, options...)}
}

// LateData has records that come too late for all their windows put aside, instead of dropped: late becomes their stream when something is
// computed of the windows, and is not to be used before.
func LateData[K comparable, T any](w Windowed[K, T], late *Stream[T]) Windowed[K, T] {
	*late = of[T](w.keyed.stream.data.Job(), plan.Promise("LateData", "something has been computed of the windows"))
	w.late = late
	return w
}

// AggregateWindows gives result of each pane and the aggregate of its records. The state of a window is the aggregate's; that of sliding windows
// is shared between those that overlap.
func AggregateWindows[K comparable, T, A, Out any](
	w Windowed[K, T], a agg.Aggregate[T, A], result func(window.Pane[K], A) Out, options ...plan.Option,
) Stream[Out] {
	job := w.keyed.stream.data.Job()
	if a.Err != nil {
		job.Fail("AggregateWindows", a.Err)
		return of[Out](job, w.keyed.stream.data.Node())
	}
	node := windows(job, "Window", w.spec, options, side(w, call[T]{a.Function, a.Select}))
	stage := rows.Paned("AggregateWindows", result, func(results []columnar.Column) (func(int, K, window.Mark) Out, error) {
		values, err := a.Decode(results[0])
		return func(row int, k K, m window.Mark) Out { return result(window.Of(k, m), values[row]) }, err
	})
	return panes[Out](job, node, stage)
}

// ReduceWindows gives the records of each pane folded into one with f, which must be associative.
func ReduceWindows[K comparable, T any](w Windowed[K, T], f func(a, b T) T, options ...plan.Option) Stream[T] {
	return AggregateWindows(w, reducing(f), func(_ window.Pane[K], v T) T { return v }, options...)
}

// reducing is the aggregate that folds records into one.
func reducing[T any](f func(a, b T) T) agg.Aggregate[T, T] {
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
	return agg.Of(agg.Func[T, state, T]{
		Name: "reduce", Add: add, Result: func(s state) T { return s.Value },
		Merge: func(s *state, by state) {
			if by.Is {
				add(s, by.Value)
			}
		},
	})
}

// SummarizeWindows computes several aggregates of each pane's records, and puts the pane and each result into an R.
func SummarizeWindows[K comparable, T, R any](
	w Windowed[K, T], setPane func(window.Pane[K], *R), parts []agg.Part[R, T], options ...plan.Option,
) Stream[R] {
	job := w.keyed.stream.data.Job()
	calls := make([]call[T], len(parts))
	for i, p := range parts {
		if p.Err != nil {
			job.Fail("SummarizeWindows", p.Err)
			return of[R](job, w.keyed.stream.data.Node())
		}
		calls[i] = call[T]{p.Function, p.Select}
	}
	node := windows(job, "Window", w.spec, options, side(w, calls...))
	stage := rows.Paned("SummarizeWindows", setPane, func(results []columnar.Column) (func(int, K, window.Mark) R, error) {
		set := make([]func(int, *R), len(parts))
		for i, p := range parts {
			var err error
			if set[i], err = p.Bind(results[i]); err != nil {
				return nil, err
			}
		}
		return func(row int, k K, m window.Mark) (r R) {
			setPane(window.Of(k, m), &r)
			for _, f := range set {
				f(row, &r)
			}
			return r
		}, nil
	})
	return panes[R](job, node, stage)
}

// WindowApply gives what f yields for each pane and all its records, which are kept until the window's state goes. They come in the order of
// arrival; those of sliding windows by slices first.
func WindowApply[K comparable, T, Out any](
	w Windowed[K, T], f func(window.Pane[K], iter.Seq[T]) iter.Seq[Out], options ...plan.Option,
) Stream[Out] {
	type whole struct {
		pane    window.Pane[K]
		records []T
	}
	job := w.keyed.stream.data.Job()
	all := agg.Collect(func(v T) T { return v })
	if all.Err != nil {
		job.Fail("WindowApply", all.Err)
		return of[Out](job, w.keyed.stream.data.Node())
	}
	node := windows(job, "Window", w.spec, options, side(w, call[T]{all.Function, all.Select}))
	collect := rows.Paned("WindowApply", f, func(results []columnar.Column) (func(int, K, window.Mark) whole, error) {
		records, err := all.Decode(results[0])
		return func(row int, k K, m window.Mark) whole { return whole{window.Of(k, m), records[row]} }, err
	})
	apply := rows.FlatMap(func(w whole) iter.Seq[Out] { return f(w.pane, slices.Values(w.records)) })
	return panes[Out](job, node, collect, apply)
}

// CoGroupWindows gives what f yields for each pane and the records of both streams that fall into it; one of the two may have none.
func CoGroupWindows[K comparable, L, R, Out any](
	left Keyed[K, L], right Keyed[K, R], a window.Assigner, f func(p window.Pane[K], left []L, right []R) iter.Seq[Out], options ...plan.Option,
) Stream[Out] {
	return coGroup("CoGroupWindows", left, right, a, f, f, options)
}

// JoinWindows gives f of each pair of a left and a right record with the same key that fall into the same window.
func JoinWindows[K comparable, L, R, Out any](
	left Keyed[K, L], right Keyed[K, R], a window.Assigner, f func(left L, right R) Out, options ...plan.Option,
) Stream[Out] {
	pairs := func(_ window.Pane[K], left []L, right []R) iter.Seq[Out] {
		return func(yield func(Out) bool) {
			for _, l := range left {
				for _, r := range right {
					if !yield(f(l, r)) {
						return
					}
				}
			}
		}
	}
	return coGroup("JoinWindows", left, right, a, f, pairs, options)
}

func coGroup[K comparable, L, R, Out any](
	name string, left Keyed[K, L], right Keyed[K, R], a window.Assigner, user any,
	f func(window.Pane[K], []L, []R) iter.Seq[Out], options []plan.Option,
) Stream[Out] {
	type both struct {
		pane  window.Pane[K]
		left  []L
		right []R
	}
	job := left.stream.data.Job()
	lefts, rights := agg.Collect(func(v L) L { return v }), agg.Collect(func(v R) R { return v })
	for _, err := range []error{lefts.Err, rights.Err} {
		if err != nil {
			job.Fail(name, err)
			return of[Out](job, left.stream.data.Node())
		}
	}
	spec := window.New(a)
	node := windows(job, name, spec, options,
		side(Windowed[K, L]{keyed: left, spec: spec}, call[L]{lefts.Function, lefts.Select}),
		side(Windowed[K, R]{keyed: right, spec: spec}, call[R]{rights.Function, rights.Select}))
	collect := rows.Paned(name, user, func(results []columnar.Column) (func(int, K, window.Mark) both, error) {
		l, err := lefts.Decode(results[0])
		if err != nil {
			return nil, err
		}
		r, err := rights.Decode(results[1])
		return func(row int, k K, m window.Mark) both { return both{window.Of(k, m), l[row], r[row]} }, err
	})
	apply := rows.FlatMap(func(b both) iter.Seq[Out] { return f(b.pane, b.left, b.right) })
	return panes[Out](job, node, collect, apply)
}

// call is an aggregate of records T with its result's type hidden.
type call[T any] struct {
	function agg.Function
	sel      codec.Selector[T]
}

// windowSide is an input of a window node, with its type hidden.
type windowSide struct {
	node  *plan.Node
	input plan.WindowInput
	late  func(*plan.Node)
}

// side makes what the windows read of a stream's records: the key, the values that windows ask for, the inputs of the calls, and the record
// itself if late ones are wanted.
func side[K comparable, T any](w Windowed[K, T], calls ...call[T]) windowSide {
	job, in := w.keyed.stream.data.Job(), w.keyed.stream.data.Node()
	selectors := []codec.Selector[T]{w.keyed.key}
	width := len(w.keyed.key.Fields)
	input := plan.WindowInput{Keys: width, Gap: -1, Value: -1, Evict: -1, Late: -1}
	add := func(s codec.Selector[T]) (at int) {
		at = width
		selectors = append(selectors, s)
		width += len(s.Fields)
		return at
	}
	input.Gap = valueColumn(job, w.spec.Assigner.GapFunc, codec.Select[T, time.Duration], add)
	input.Value = valueColumn(job, w.spec.Trigger.ValueFunc(), codec.Select[T, float64], add)
	input.Evict = valueColumn(job, w.spec.Evictor.Value, codec.Select[T, float64], add)
	for _, c := range calls {
		at := add(c.sel)
		input.Calls = append(input.Calls, plan.Call{Function: c.function, Inputs: span(at, at+len(c.sel.Fields))})
	}
	s := windowSide{node: in, input: input, late: func(*plan.Node) {}}
	record, err := codec.Of[T]()
	if err == nil {
		s.input.Record = record.Schema()
		if w.late != nil {
			s.input.Late = width
			s.late = func(n *plan.Node) { *w.late = of[T](job, job.AddSide(n, 0)) }
		}
		var tail rows.Tail
		if tail, err = rows.Selected(w.late != nil, selectors...); err == nil {
			s.node = job.Add(plan.Rows{Program: rows.Program{Tail: tail}}, []*plan.Node{in}, plan.Name("KeyBy"))
		}
	}
	if err != nil {
		job.Fail("Window", err)
	}
	return s
}

// valueColumn adds the column of a value that windows ask for, by a function of the records; -1 when they do not.
func valueColumn[T, V any](job *plan.Job, f any, sel func(func(T) V) (codec.Selector[T], error), add func(codec.Selector[T]) int) int {
	if f == nil {
		return -1
	}
	value, ok := f.(func(T) V)
	if !ok {
		job.Fail("Window", fmt.Errorf("the windows have a %T, and the records are of type %T", f, *new(T)))
		return -1
	}
	s, err := sel(value)
	if err != nil {
		job.Fail("Window", err)
		return -1
	}
	return add(s)
}

// windows adds the node of windows over streams.
func windows(job *plan.Job, title string, spec window.Spec, options []plan.Option, sides ...windowSide) *plan.Node {
	op := plan.Window{Title: title, Spec: spec}
	var nodes []*plan.Node
	for _, s := range sides {
		op.Inputs = append(op.Inputs, s.input)
		nodes = append(nodes, s.node)
	}
	node := job.Add(op, nodes, options...)
	for _, s := range sides {
		s.late(node)
	}
	return node
}

// panes adds the node that makes records of panes.
func panes[Out any](job *plan.Job, node *plan.Node, stages ...rows.Stage) Stream[Out] {
	tail, err := rows.Records[Out]()
	if err != nil {
		job.Fail("Window", err)
	}
	return of[Out](job, job.Add(plan.Rows{Program: rows.Program{Stages: stages, Tail: tail}}, []*plan.Node{node}))
}
