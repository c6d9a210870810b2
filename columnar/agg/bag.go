package agg

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// CollectOf lists all values of a column of type t, nulls included, in the order of arrival.
func CollectOf(t columnar.Type) Function {
	f := Function{Name: "collect", Input: []columnar.Field{value("value", t)}}
	f.State, f.Result = []columnar.Field{always("values", itemsType(f.Input))}, always("collect", columnar.ListOf(t, true))
	f.New = func() Accumulator { return newBag(f.Input, 0) }
	return f
}

// TopKOf lists the k greatest values of a column of type t, greatest first.
func TopKOf(t columnar.Type, k int) (Function, error) {
	return topK(k, []columnar.Field{value("value", t)})
}

// TopKByOf lists the values, of type v, of the k rows with the greatest keys, of type key: the columns are key and value. Of rows with
// equal keys those with the lesser values come first.
func TopKByOf(key, v columnar.Type, k int) (Function, error) {
	return topK(k, []columnar.Field{value("by", key), value("value", v)})
}

func topK(k int, input []columnar.Field) (Function, error) {
	if k < 1 {
		return Function{}, fmt.Errorf("top_k of %d values: it takes 1 or more", k)
	}
	if input[0].Type.IsNested() {
		return Function{}, inputError("top_k", input[0].Type, "keys that are not nested")
	}
	last := input[len(input)-1]
	f := Function{Name: "top_k", Input: input, State: []columnar.Field{always("values", itemsType(input))}}
	f.Result = always("top_k", columnar.ListOf(last.Type, true))
	f.New = func() Accumulator { return newBag(input, k) }
	return f, nil
}

// itemsType is the type of the list that is the state of a bag.
func itemsType(input []columnar.Field) columnar.Type {
	return columnar.ListOf(columnar.StructOf(input...), false)
}

// bag is the accumulator of aggregates that keep many rows a group. New rows wait in builders; arranging them puts all rows by group.
type bag struct {
	onHeap
	fields []columnar.Field
	keep   int // rows a group that are kept, greatest first; 0: all, as they came
	groups int
	lists  lists // what is arranged: starts may be of fewer groups than there are
	fresh  []*columnar.Builder
	owners []int32 // the groups of the rows in fresh

	rows, kept []int32 // scratch of promising
}

func newBag(fields []columnar.Field, keep int) *bag {
	b := &bag{fields: fields, keep: keep}
	b.Reset()
	return b
}

func (b *bag) Grow(n int) { b.groups = max(b.groups, n) }

func (b *bag) Add(groups []int32, in []columnar.Column, sel []int32) error {
	if b.keep > 0 {
		sel, groups = b.promising(groups, in, sel)
	}
	for i, c := range in[:len(b.fields)] {
		if sel == nil {
			c = c.Slice(0, len(groups))
		}
		b.fresh[i].Append(c, sel)
	}
	b.owners = append(b.owners, groups...)
	if b.keep > 0 && len(b.owners) > 2*int(b.lists.starts[len(b.lists.starts)-1])+columnar.DefaultRows {
		b.arrange()
	}
	return nil
}

func (b *bag) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	items, rows, owners := unlist(groups, &state[0], sel)
	return b.Add(owners, items, rows)
}

// promising returns the rows, and their groups, that may be among the best: not null, and before the last of those that a full group has.
func (b *bag) promising(groups []int32, in []columnar.Column, sel []int32) (rows, kept []int32) {
	b.rows, b.kept = b.rows[:0], b.kept[:0]
	orders := b.orders()
	for k, g := range groups {
		row := rowAt(sel, k)
		if in[0].IsNull(row) {
			continue
		}
		if int(g)+1 < len(b.lists.starts) {
			end := int(b.lists.starts[g+1])
			if end-int(b.lists.starts[g]) == b.keep && keys.Compare(in, row, b.lists.cols, end-1, orders) >= 0 {
				continue
			}
		}
		b.rows, b.kept = append(b.rows, int32(row)), append(b.kept, g)
	}
	return b.rows, b.kept
}

// orders is how the rows of a group are sorted.
func (b *bag) orders() []keys.Order {
	return []keys.Order{{Descending: true}, {NullsFirst: true}}[:len(b.fields)]
}

// arrange puts the fresh rows to the others.
func (b *bag) arrange() {
	if len(b.owners) == 0 && len(b.lists.starts) == b.groups+1 {
		return
	}
	var owners []int32
	for g := range len(b.lists.starts) - 1 {
		for range b.lists.starts[g+1] - b.lists.starts[g] {
			owners = append(owners, int32(g))
		}
	}
	owners = append(owners, b.owners...)
	all := make([]columnar.Column, len(b.fields))
	for i, f := range b.fields {
		joined := columnar.NewBuilder(f.Type, len(owners))
		joined.Append(b.lists.cols[i], nil)
		joined.Append(b.fresh[i].Finish(), nil)
		all[i] = joined.Finish()
	}
	order, starts := arrange(owners, b.groups)
	if b.keep > 0 {
		order, starts = b.best(all, order, starts)
	}
	for i, f := range b.fields {
		sorted := columnar.NewBuilder(f.Type, len(order))
		sorted.Append(all[i], order)
		all[i] = sorted.Finish()
	}
	b.lists, b.owners = lists{starts, all}, b.owners[:0]
}

// best sorts the rows of each group and keeps the first.
func (b *bag) best(all []columnar.Column, order, starts []int32) (kept, ends []int32) {
	orders := b.orders()
	kept, ends = order[:0], make([]int32, 1, len(starts))
	for g := range len(starts) - 1 {
		rows := order[starts[g]:starts[g+1]]
		slices.SortFunc(rows, func(i, j int32) int { return keys.Compare(all, int(i), all, int(j), orders) })
		kept = append(kept, rows[:min(len(rows), b.keep)]...)
		ends = append(ends, int32(len(kept)))
	}
	return kept, ends
}

func (b *bag) State(from, to int) ([]columnar.Column, error) {
	b.arrange()
	return []columnar.Column{b.lists.structs(itemsType(b.fields), b.lists.cols, from, to)}, nil
}

func (b *bag) Result(from, to int) (columnar.Column, error) {
	b.arrange()
	last := len(b.fields) - 1
	return b.lists.column(columnar.ListOf(b.fields[last].Type, true), b.lists.cols[last], from, to), nil
}

func (b *bag) Size() int {
	size := 4 * (len(b.lists.starts) + cap(b.owners))
	for i := range b.fields {
		size += b.lists.cols[i].Size() + b.fresh[i].Size()
	}
	return size
}

func (b *bag) Reset() {
	b.groups, b.owners = 0, b.owners[:0]
	b.lists = lists{starts: []int32{0}, cols: make([]columnar.Column, len(b.fields))}
	b.fresh = b.fresh[:0]
	for i, f := range b.fields {
		b.lists.cols[i] = columnar.NewBuilder(f.Type, 0).Finish()
		b.fresh = append(b.fresh, columnar.NewBuilder(f.Type, 0))
	}
}
