package agg

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// gatherer is an Accumulator that gives the states of groups in any order at the cost of these groups.
type gatherer interface {
	gather(groups []int32) []columnar.Column
}

// Gather returns the states of those groups, one or more, in that order, as fresh columns: those of a's Function.State.
func Gather(a Accumulator, groups []int32) ([]columnar.Column, error) {
	if g, ok := bare(a).(gatherer); ok {
		return g.gather(groups), nil
	}
	from := slices.Min(groups)
	states, err := a.State(int(from), int(slices.Max(groups))+1)
	if err != nil {
		return nil, err
	}
	at := make([]int32, len(groups))
	for k, g := range groups {
		at[k] = g - from
	}
	for i, c := range states {
		b := columnar.NewBuilder(c.Type, len(at))
		b.Append(c, at)
		states[i] = b.Finish()
	}
	return states, nil
}

func (c *counter) gather(groups []int32) []columnar.Column {
	counts := make([]int64, len(groups))
	for k, g := range groups {
		counts[k] = c.all[g]
	}
	return []columnar.Column{columnar.Of(columnar.Int64Type, counts, columnar.Bitmap{})}
}

func (s *summer[A]) gather(groups []int32) []columnar.Column {
	sums, counts := make([]A, len(groups)), make([]int64, len(groups))
	for k, g := range groups {
		sums[k], counts[k] = s.all[g].sum, s.all[g].n
	}
	sum, _ := narrow(s.wide, sums, columnar.Bitmap{}) // Invariant: sums were checked when they were added up.
	return []columnar.Column{sum, columnar.Of(columnar.Int64Type, counts, columnar.Bitmap{})}
}

func (x *extremes[A]) gather(groups []int32) []columnar.Column {
	values, counts := make([]A, len(groups)), make([]int64, len(groups))
	for k, g := range groups {
		if e := x.all[g]; e.any {
			values[k], counts[k] = e.best, 1
		}
	}
	c, _ := narrow(x.typ, values, taken(counts)) // Invariant: they came from a column of that type.
	return []columnar.Column{c}
}

// subtractor is an Accumulator that can take states out again.
type subtractor interface {
	subtract(groups []int32, state []columnar.Column, sel []int32) error
}

// CanSubtract says whether Subtract works on a.
func CanSubtract(a Accumulator) bool {
	_, ok := bare(a).(subtractor)
	return ok
}

// Subtract takes partial states out again that were merged into a before. It is exact: what remains is as if they had never been there.
func Subtract(a Accumulator, groups []int32, state []columnar.Column, sel []int32) error {
	return bare(a).(subtractor).subtract(groups, state, sel)
}

func (c *counter) subtract(groups []int32, state []columnar.Column, sel []int32) error { //nolint:unparam // subtractor's: others can overflow
	counts := columnar.Values[int64](state[0])
	for k, g := range groups {
		c.all[g] -= counts[rowAt(sel, k)]
	}
	return nil
}

func (s *retractingSummer[A]) subtract(groups []int32, state []columnar.Column, sel []int32) error {
	return s.unmerge(groups, state, sel)
}

func (a *retractingAverager[A]) subtract(groups []int32, state []columnar.Column, sel []int32) error {
	return a.unmerge(groups, state, sel)
}

func (s *summer[A]) unmerge(groups []int32, state []columnar.Column, sel []int32) error {
	counts := pick(columnar.Values[int64](state[1]), sel, make([]int64, len(groups)))
	s.loader.values = grown(s.loader.values, len(groups))
	return s.check(s.ops.sub(s.all, groups, widen(&state[0], sel, s.loader.values[:len(groups)]), counts))
}
