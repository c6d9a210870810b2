package agg

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// CountDistinctOf counts the distinct rows of columns of those types, leaving out rows with a null.
func CountDistinctOf(types ...columnar.Type) (Function, error) {
	if len(types) == 0 {
		return Function{}, fmt.Errorf("count_distinct of no columns")
	}
	f := Function{Name: "count_distinct", CanRetract: true, Result: always("count_distinct", columnar.Int64Type)}
	for i, t := range types {
		f.Input = append(f.Input, value(fmt.Sprintf("value%d", i+1), t))
	}
	items := append(slices.Clip(f.Input), always("count", columnar.Int64Type))
	f.State = []columnar.Field{always("values", itemsType(items))}
	f.New = func() Accumulator { return newDistinct(f.State[0].Type, types) }
	return f, nil
}

// distinct is the accumulator of count_distinct: how often each pair of a group and a value was added, in a table of pairs.
type distinct struct {
	state  columnar.Type
	pairs  *keys.Grouper
	counts []int64 // by pair
	totals []int64 // by group: pairs with a count
	found  []int32

	sorted lists // the pairs by group; valid while fresh is false
	fresh  bool
}

func newDistinct(state columnar.Type, types []columnar.Type) *distinct {
	return &distinct{state: state, pairs: keys.NewGrouper(append([]columnar.Type{columnar.Int32Type}, types...), nil), fresh: true}
}

func (d *distinct) Grow(n int) { d.totals = grown(d.totals, n) }

func (d *distinct) Add(groups []int32, in []columnar.Column, sel []int32) error {
	return d.count(groups, in, sel, nil, 1)
}

func (d *distinct) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	return d.count(groups, in, sel, nil, -1)
}

func (d *distinct) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	items, rows, owners := unlist(groups, &state[0], sel)
	last := len(items) - 1
	return d.count(owners, items[:last], rows, columnar.Values[int64](items[last]), 1)
}

// count adds sign times counts[row], or sign, to the pairs of the rows.
func (d *distinct) count(groups []int32, in []columnar.Column, sel []int32, counts []int64, sign int64) error {
	for i := range in {
		if in[i].HasNulls() {
			sel, groups = notNull([]int32{}, nil, groups, &in[i], sel)
		}
	}
	cols := []columnar.Column{columnar.Of(columnar.Int32Type, groups, columnar.Bitmap{})}
	for _, c := range in {
		cols = append(cols, dense(c, sel, len(groups)))
	}
	d.found = grown(d.found, len(groups))
	if err := d.pairs.Find(cols, nil, len(groups), d.found); err != nil {
		return fmt.Errorf("counting distinct values: %w", err)
	}
	d.counts, d.fresh = grown(d.counts, d.pairs.Len()), true
	for k, pair := range d.found[:len(groups)] {
		by := sign
		if counts != nil {
			by *= counts[rowAt(sel, k)]
		}
		before := d.counts[pair]
		d.counts[pair] += by
		d.totals[groups[k]] += occurs(before+by) - occurs(before)
	}
	return nil
}

// dense returns the selected rows as a column of their own.
func dense(c columnar.Column, sel []int32, n int) columnar.Column {
	if sel == nil {
		return c.Slice(0, n)
	}
	b := columnar.NewBuilder(c.Type, n)
	b.Append(c, sel)
	return b.Finish()
}

// occurs is 1 for a count that is not 0.
func occurs(n int64) int64 {
	if n != 0 {
		return 1
	}
	return 0
}

func (d *distinct) State(from, to int) ([]columnar.Column, error) {
	if d.fresh || len(d.sorted.starts) != len(d.totals)+1 {
		d.sort()
	}
	return []columnar.Column{d.sorted.structs(d.state, d.sorted.cols, from, to)}, nil
}

// sort arranges the pairs by group.
func (d *distinct) sort() {
	cols := d.pairs.Keys(0, d.pairs.Len())
	owners := columnar.Values[int32](cols[0])
	for pair := range owners {
		if d.counts[pair] == 0 {
			owners[pair] = -1 // the columns are ours
		}
	}
	order, starts := arrange(owners, len(d.totals))
	counts := columnar.Of(columnar.Int64Type, d.counts[:len(owners)], columnar.Bitmap{})
	d.sorted = lists{starts: starts}
	for _, c := range append(cols[1:], counts) {
		d.sorted.cols = append(d.sorted.cols, dense(c, order, len(order)))
	}
	d.fresh = false
}

func (d *distinct) Result(from, to int) (columnar.Column, error) {
	return columnar.Of(columnar.Int64Type, append([]int64{}, d.totals[from:to]...), columnar.Bitmap{}), nil
}

func (d *distinct) Size() int {
	size := d.pairs.Size() + 8*(cap(d.counts)+cap(d.totals))
	for i := range d.sorted.cols {
		size += d.sorted.cols[i].Size()
	}
	return size
}

// Outside is the table's memory.
func (d *distinct) Outside() int { return d.pairs.Size() }

func (d *distinct) Reset() {
	d.pairs.Reset()
	d.counts, d.totals, d.sorted, d.fresh = emptied(d.counts), emptied(d.totals), lists{}, true
}

func (d *distinct) Free() {
	d.Reset()
	d.pairs.Free()
}
