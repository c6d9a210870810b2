package state

import "errors"

// Reducing keeps one T for each key, into which others are added by a function. The function is given where the processor is made:
//
//	func newBest() *Best { return &Best{Top: state.Reducing[int64]{Reduce: max}} }
type Reducing[T any] struct {
	Reduce func(have, add T) T
	slot[T]
}

// Add reduces the key's value and v to one; the first v is the value.
func (r *Reducing[T]) Add(v T) {
	if have, ok := r.get(); ok {
		v = r.Reduce(have, v)
	}
	r.set(v)
}

// Get returns what has been added; ok is false when that is nothing.
func (r *Reducing[T]) Get() (value T, ok bool) { return r.get() }

// Clear forgets what has been added.
func (r *Reducing[T]) Clear() { r.binding.note(r.cells.Clear()) }

func (r *Reducing[T]) declare(t *Table) error {
	if r.Reduce == nil {
		return errors.New("its Reduce is nil; set it where the processor is made")
	}
	return r.declareValues(t, "reducing")
}

func (r *Reducing[T]) bind(c Cells, b *Binding) error { return r.connect(c, b) }

// Aggregating keeps an accumulator for each key, into which values of In are added and from which an Out is made. [Aggregated] makes one,
// where the processor is made.
type Aggregating[In, Out any] struct {
	by aggregation[In, Out]
}

// Aggregated returns a state whose accumulators begin as zero values of Acc, are changed by add, and turned into results by result. Acc is
// what is kept: a type that can be stored.
func Aggregated[Acc, In, Out any](add func(*Acc, In), result func(Acc) Out) Aggregating[In, Out] {
	return Aggregating[In, Out]{by: &accumulators[Acc, In, Out]{add: add, result: result}}
}

// Add adds v to the key's accumulator.
func (a *Aggregating[In, Out]) Add(v In) { a.by.addValue(v) }

// Get returns the result of what has been added; ok is false when that is nothing.
func (a *Aggregating[In, Out]) Get() (result Out, ok bool) { return a.by.value() }

// Clear forgets what has been added.
func (a *Aggregating[In, Out]) Clear() { a.by.clear() }

func (a *Aggregating[In, Out]) declare(t *Table) error {
	if a.by == nil {
		return errors.New("it has no function; make it by state.Aggregated where the processor is made")
	}
	return a.by.declare(t)
}

func (a *Aggregating[In, Out]) bind(c Cells, b *Binding) error { return a.by.bind(c, b) }

// aggregation hides the type of the accumulator.
type aggregation[In, Out any] interface {
	face
	addValue(v In)
	value() (Out, bool)
	clear()
}

type accumulators[Acc, In, Out any] struct {
	slot[Acc]
	add    func(*Acc, In)
	result func(Acc) Out
}

func (a *accumulators[Acc, In, Out]) addValue(v In) {
	acc, _ := a.get()
	a.add(&acc, v)
	a.put(nil, &acc)
}

func (a *accumulators[Acc, In, Out]) value() (out Out, ok bool) {
	acc, ok := a.get()
	if ok {
		out = a.result(acc)
	}
	return out, ok
}

func (a *accumulators[Acc, In, Out]) clear() { a.binding.note(a.cells.Clear()) }

func (a *accumulators[Acc, In, Out]) declare(t *Table) error {
	return a.declareValues(t, "aggregating")
}

func (a *accumulators[Acc, In, Out]) bind(c Cells, b *Binding) error { return a.connect(c, b) }
