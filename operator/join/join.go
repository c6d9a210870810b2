// Package join holds the operators that join two inputs on equal keys.
//
// [Hash] makes a table of one input, the build side, and looks up the rows of the other, the probe side. [Merge] merges inputs that are
// sorted by their keys. Both give all types of joins, whatever the side the table is made of.
//
// # When the build side does not fit
//
// A Hash join begins in memory. When memory is refused it cuts the build rows into partitions by bits of their keys' hashes and spills the
// largest until the rest fits (the dynamic hybrid hash join of DeWitt et al. 1984 and Nakayama et al. 1988). Probe rows of partitions in
// memory are joined at once; the others are spilled too. At the end each pair of spilled partitions is joined in the same way, by further
// bits. Where those do not help, one key having most of the rows, the build side is taken in chunks, and the probe rows are read once for
// each.
//
//	build rows -> kept -> table                               probe rows -> look up -> pairs
//	               | memory refused                              |
//	               '-> partitions: in memory -> table            '-> of spilled partitions -> spill
//	                               spilled  -------> at the end: pairs of partitions, joined by themselves
//
// Where there is memory for it, the build rows are copied from their batches to rows that lie one behind the other: each row found is a cache
// miss or two then. Keys of an inner join are not copied at all: the probe side has them.
//
// Null keys match nothing; rows of the two sides with null keys come out where the type gives rows without a match. The output has no event
// times and no row kinds, but that of semi and anti joins, which are rows of the left input as they were.
//
// Stability: engine-private.
package join

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// Type says which rows a join gives. The left input is number 0.
type Type uint8

// The join types.
const (
	Inner Type = iota
	Left       // and left rows without a match
	Right      // and right rows without a match
	Full       // both
	Semi       // left rows with a match, once each
	Anti       // left rows without a match
	Cross      // all pairs; there are no keys
)

// Spec describes a join.
type Spec struct {
	Type      Type
	LeftKeys  []int // columns, of types equal pairwise
	RightKeys []int
	Build     int // the input a table is made of; -1: both come sorted by the keys, ascending and nulls last
}

// New returns the operator of a join.
func New(spec Spec) stream.Operator {
	if spec.Build < 0 {
		return &Merge{spec: spec}
	}
	return &Hash{spec: spec}
}

// keys returns the key columns of an input.
func (s Spec) keys(input int) []int {
	if input == 0 {
		return s.LeftKeys
	}
	return s.RightKeys
}

// givesPairs says whether rows of both sides come out; else rows of the left.
func (s Spec) givesPairs() bool { return s.Type != Semi && s.Type != Anti }

// givesUnmatched says whether rows of that input come out when they match nothing.
func (s Spec) givesUnmatched(input int) bool {
	switch s.Type {
	case Full:
		return true
	case Left, Anti:
		return input == 0
	case Right:
		return input == 1
	default:
		return false
	}
}

// givesMatched says whether rows of that input come out, alone, when they match something.
func (s Spec) givesMatched(input int) bool { return s.Type == Semi && input == 0 }

// output returns the schema of the rows: left columns, then right ones, nullable where rows may be missing.
func (s Spec) output(in []*columnar.Schema) *columnar.Schema {
	if !s.givesPairs() {
		return in[0]
	}
	out := &columnar.Schema{}
	for side, schema := range in {
		for _, f := range schema.Fields {
			f.Nullable = f.Nullable || s.givesUnmatched(1-side)
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

const (
	// batchRows and batchBytes bound the batches emitted.
	batchRows  = columnar.DefaultRows
	batchBytes = 1 << 20
)

// pairs is rows of the two sides that go together, not copied yet. Where a side has columnar.NoBatch it is null.
type pairs [2][]columnar.Place

func (p *pairs) len() int { return len(p[0]) }

// add adds a pair; first is of the input number input.
func (p *pairs) add(input int, first, second columnar.Place) {
	p[input] = append(p[input], first)
	p[1-input] = append(p[1-input], second)
}

// drop removes the first n.
func (p *pairs) drop(n int) {
	for side := range p {
		p[side] = p[side][:copy(p[side], p[side][n:])]
	}
}

var nowhere = columnar.Place{Batch: columnar.NoBatch}

// take copies the first pairs into a batch, as many as are not too large, and drops them. Joins that give only left rows copy only those.
func (p *pairs) take(spec Spec, schema *columnar.Schema, rows [2]source) columnar.Batch {
	n := min(p.len(), batchRows)
	n = rows[0].Fit(p[0][:n], batchBytes)
	if !spec.givesPairs() {
		b := rows[0].Take(p[0][:n])
		p.drop(n)
		return b
	}
	n = rows[1].Fit(p[1][:n], batchBytes)
	left, right := rows[0].Take(p[0][:n]), rows[1].Take(p[1][:n])
	p.drop(n)
	return columnar.Batch{Schema: schema, Columns: append(left.Columns, right.Columns...), Len: n}
}

// equalKeys returns, by column of the build side, the probe side's column that has the same values in all rows that come out; -1 if there
// is none. Only an inner join has such: the keys, but for floats, of which several are equal.
func (s Spec) equalKeys(in []*columnar.Schema) []int {
	out := make([]int, len(in[s.Build].Fields))
	for i := range out {
		out[i] = -1
	}
	if s.Type != Inner {
		return out
	}
	probe := s.keys(1 - s.Build)
	for i, c := range s.keys(s.Build) {
		if t := in[s.Build].Fields[c].Type; !t.IsNested() && !t.IsFloat() && t.Equal(in[1-s.Build].Fields[probe[i]].Type) {
			out[c] = probe[i]
		}
	}
	return out
}

// pick returns the columns at those positions.
func pick(columns []columnar.Column, at []int) []columnar.Column {
	out := make([]columnar.Column, len(at))
	for i, c := range at {
		out[i] = columns[c]
	}
	return out
}

// withoutNulls returns the rows of b that count and have no null among the key columns; all is true when that is every row, and rows nil
// then.
func withoutNulls(b columnar.Batch, key []columnar.Column, scratch []int32) (rows []int32, all bool) {
	nullable := false
	for i := range key {
		nullable = nullable || key[i].HasNulls()
	}
	if !nullable {
		return b.Sel, true
	}
	rows = scratch[:0]
	for i := range b.Rows() {
		if row := b.Row(i); !anyNull(key, row) {
			rows = append(rows, int32(row))
		}
	}
	return rows, false
}

// anyNull says whether a row has a null among the columns.
func anyNull(key []columnar.Column, row int) bool {
	for i := range key {
		if key[i].IsNull(row) {
			return true
		}
	}
	return false
}
