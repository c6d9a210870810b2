package agg

import "github.com/millrace/millrace/columnar"

// lists is rows in the order of their groups.
type lists struct {
	starts []int32 // one more than groups; group g has the rows from starts[g] to starts[g+1]
	cols   []columnar.Column
}

// arrange returns for rows of those groups, of n groups, the order that puts them by group and as they were, and where groups start. A
// row of group -1 is left out.
func arrange(groups []int32, n int) (order, starts []int32) {
	starts = make([]int32, n+1)
	for _, g := range groups {
		if g >= 0 {
			starts[g+1]++
		}
	}
	for g := range n {
		starts[g+1] += starts[g]
	}
	next := append([]int32{}, starts[:n]...)
	order = make([]int32, starts[n])
	for row, g := range groups {
		if g >= 0 {
			order[next[g]] = int32(row)
			next[g]++
		}
	}
	return order, starts
}

// column returns the lists, of the groups from (inclusive) to to (exclusive), of the values of one column. They share its memory, which
// never changes.
func (l *lists) column(typ columnar.Type, values columnar.Column, from, to int) columnar.Column {
	first, offsets := l.offsets(from, to)
	return columnar.Column{
		Type: typ, Len: to - from, Offsets: offsets,
		Children: []columnar.Column{values.Slice(first, int(offsets[to-from]))},
	}
}

// structs returns the lists of structs of those columns.
func (l *lists) structs(typ columnar.Type, cols []columnar.Column, from, to int) columnar.Column {
	return l.column(typ, columnar.Column{Type: typ.Fields[0].Type, Len: int(l.starts[len(l.starts)-1]), Children: cols}, from, to)
}

// offsets returns the first row of the groups, and their starts from there.
func (l *lists) offsets(from, to int) (first int, offsets []int32) {
	offsets = make([]int32, to-from+1)
	for k := range offsets {
		offsets[k] = l.starts[from+k] - l.starts[from]
	}
	return int(l.starts[from]), offsets
}

// unlist returns the items of the rows of a column of lists of structs: their columns, the positions in these, and the group of each.
func unlist(groups []int32, list *columnar.Column, sel []int32) (cols []columnar.Column, rows, owners []int32) {
	rows, owners = []int32{}, []int32{}
	for k, g := range groups {
		row := rowAt(sel, k)
		for item := list.Offsets[row]; item < list.Offsets[row+1]; item++ {
			rows, owners = append(rows, item), append(owners, g)
		}
	}
	return list.Children[0].Children, rows, owners
}
