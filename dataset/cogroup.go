package dataset

import (
	"iter"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// either is a record of one of two data sets: exactly one of them is set.
type either[L, R any] struct {
	Second bool
	Left   *L
	Right  *R
}

// CoGroup gives what f yields for each key that occurs on either side, and the key's records of both sides, either of which may be empty.
// Both are slices of f's own; one key's records must fit into memory. Where that is not so, Join and ReduceGroup take them one by one.
func CoGroup[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, f func(K, []L, []R) iter.Seq[Out], options ...plan.Option) DataSet[Out] {
	same(left.job, right.job, "CoGroup")
	both := Union(
		Map(left, func(l L) either[L, R] { return either[L, R]{Left: &l} }),
		Map(right, func(r R) either[L, R] { return either[L, R]{Second: true, Right: &r} }),
	)
	key := selector(left.job, "CoGroup", func(e either[L, R]) K {
		if e.Second {
			return rightKey(*e.Right)
		}
		return leftKey(*e.Left)
	})
	w, err := rows.Groups(func(k K, group iter.Seq[either[L, R]]) iter.Seq[Out] {
		ls, rs := sides(group)
		return f(k, ls, rs)
	})
	if err != nil {
		left.job.Fail("CoGroup", err)
	}
	n := len(key.Fields)
	op := plan.Whole{Title: "CoGroup", Program: w, Keys: span(0, n), Then: []int{n}}
	return DataSet[Out]{left.job, left.job.Add(op, []*plan.Node{keyed(both, "CoGroup", true, key)}, options...)}
}

// sides collects the records of one key.
func sides[L, R any](group iter.Seq[either[L, R]]) (left []L, right []R) {
	for e := range group {
		if e.Second {
			right = append(right, *e.Right)
		} else {
			left = append(left, *e.Left)
		}
	}
	return left, right
}
