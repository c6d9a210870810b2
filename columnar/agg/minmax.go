package agg

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// MinOf is the least value of a column of type t, of any type that is not nested.
func MinOf(t columnar.Type) (Function, error) { return extremeOf("min", t, -1) }

// MaxOf is the greatest value of a column of type t, of any type that is not nested.
func MaxOf(t columnar.Type) (Function, error) { return extremeOf("max", t, 1) }

// extremeOf makes min (want -1) and max (want 1).
func extremeOf(name string, t columnar.Type, want int) (Function, error) {
	f := Function{
		Name: name, Input: []columnar.Field{value("value", t)}, State: []columnar.Field{value(name, t)}, Result: value(name, t),
	}
	switch {
	case t.IsNested():
		return Function{}, inputError(name, t, "values that are not nested")
	case t.Kind == columnar.Uint64:
		f.New = func() Accumulator { return &extremes[uint64]{typ: t, better: betterOrdered[uint64](want)} }
	case isSigned(t):
		f.New = func() Accumulator { return &extremes[int64]{typ: t, better: betterOrdered[int64](want)} }
	case t.IsFloat():
		f.New = func() Accumulator { return &extremes[float64]{typ: t, better: betterFloats(want)} }
	case t.Kind == columnar.Decimal:
		f.New = func() Accumulator { return &extremes[columnar.Decimal128]{typ: t, better: betterDecimals(want)} }
	default:
		f.New = func() Accumulator { return newChosen(f.Input, 0, chooseBy(want)) }
	}
	return f, nil
}

// extreme is the best value of a group, if there is any.
type extreme[A number] struct {
	best A
	any  bool
}

// extremes is the accumulator of min and max over numbers. better replaces the bests of groups by better values.
type extremes[A number] struct {
	states[extreme[A]]
	typ    columnar.Type
	better func(bests []extreme[A], groups []int32, values []A)
	loader loader[A]
}

func betterOrdered[A int64 | uint64](want int) func([]extreme[A], []int32, []A) {
	if want < 0 {
		return func(bests []extreme[A], groups []int32, values []A) {
			for k, g := range groups {
				if e, v := &bests[g], values[k]; v < e.best || !e.any {
					*e = extreme[A]{v, true}
				}
			}
		}
	}
	return func(bests []extreme[A], groups []int32, values []A) {
		for k, g := range groups {
			if e, v := &bests[g], values[k]; v > e.best || !e.any {
				*e = extreme[A]{v, true}
			}
		}
	}
}

func betterFloats(want int) func([]extreme[float64], []int32, []float64) {
	return func(bests []extreme[float64], groups []int32, values []float64) {
		for k, g := range groups {
			if e, v := &bests[g], values[k]; !e.any || keys.CompareFloats(v, e.best) == want {
				*e = extreme[float64]{v + 0, true} // -0.0 + 0 is 0.0
			}
		}
	}
}

func betterDecimals(want int) func([]extreme[columnar.Decimal128], []int32, []columnar.Decimal128) {
	return func(bests []extreme[columnar.Decimal128], groups []int32, values []columnar.Decimal128) {
		for k, g := range groups {
			if e, v := &bests[g], values[k]; !e.any || v.Cmp(e.best) == want {
				*e = extreme[columnar.Decimal128]{v, true}
			}
		}
	}
}

func (x *extremes[A]) Add(groups []int32, in []columnar.Column, sel []int32) error {
	groups, values := x.loader.load(groups, &in[0], sel)
	x.better(x.all, groups, values)
	return nil
}

// Merge is Add: a state is a value.
func (x *extremes[A]) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	return x.Add(groups, state, sel)
}

func (x *extremes[A]) State(from, to int) ([]columnar.Column, error) {
	c, err := x.Result(from, to)
	return []columnar.Column{c}, err
}

func (x *extremes[A]) Result(from, to int) (columnar.Column, error) {
	values, counts := make([]A, to-from), make([]int64, to-from)
	for k, e := range x.all[from:to] {
		if e.any {
			values[k], counts[k] = e.best, 1
		}
	}
	c, _ := narrow(x.typ, values, taken(counts)) // Invariant: they came from a column of that type.
	return c, nil
}
