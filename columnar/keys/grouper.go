package keys

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
)

// Grouper numbers distinct keys in the order of their first rows: 0, 1, 2, ... Groups are never removed one by one. It is built for
// batches: a chunk of rows is hashed, then looked up, so that the look-ups' cache misses overlap.
//
// There are three tables: for one column of a fixed width of up to 8 bytes; for several such columns of up to 23 bytes in all; for byte
// strings, of which those of up to 15 bytes lie in the slots. Everything else becomes byte strings by a row encoding.
type Grouper struct {
	types  []columnar.Type
	words  *wordTable  // one column for which isWord holds
	tuples *tupleTable // rows for which rowCoder.tuple holds
	bytes  *byteTable  // all others
	rows   *rowCoder   // more than one column, or one that is neither string nor binary
}

// table is what the tables have in common.
type table interface {
	len() int
	size() int
	reserve(n int) error
	reset()
	free()
}

// NewGrouper returns an empty Grouper for key columns of those types, whose tables are outside of the Go heap and counted in acct; a nil
// account counts nothing. Free ends it. Without columns all rows are one group.
func NewGrouper(types []columnar.Type, acct *budget.Account) *Grouper {
	g := &Grouper{types: types}
	switch {
	case len(types) == 1 && isWord(types[0]):
		g.words = newWordTable(acct)
	case len(types) == 1 && types[0].IsVariable():
		g.bytes = newByteTable(acct)
	default:
		g.rows = newRowCoder(types)
		if g.rows.tuple {
			g.tuples = newTupleTable(acct)
		} else {
			g.bytes = newByteTable(acct)
		}
	}
	return g
}

// table returns the one table there is.
func (g *Grouper) table() table {
	switch {
	case g.words != nil:
		return g.words
	case g.tuples != nil:
		return g.tuples
	default:
		return g.bytes
	}
}

// Find writes the groups of n rows into out[:n]: of rows sel[0] to sel[n-1] of cols, or of the first n when sel is nil. Keys not seen
// before become groups. The columns are borrowed until it returns; their types must be those given to NewGrouper. At most 2^31-1 groups
// fit.
//
// An error matches budget.ErrExceeded. Some of the rows' keys may then have become groups; out says nothing. The caller makes room, for
// example by spilling all groups and Reset, and gives the same rows again.
func (g *Grouper) Find(cols []columnar.Column, sel []int32, n int, out []int32) error {
	return g.find(cols, sel, out[:n], true)
}

// Lookup is Find without making groups: a key not seen gives -1.
func (g *Grouper) Lookup(cols []columnar.Column, sel []int32, n int, out []int32) {
	if g.Len() == 0 {
		for k := range out[:n] {
			out[k] = -1
		}
		return
	}
	if err := g.find(cols, sel, out[:n], false); err != nil {
		panic(err) // Invariant: only growth fails, and a look-up does not grow.
	}
}

func (g *Grouper) find(cols []columnar.Column, sel []int32, out []int32, insert bool) error {
	if len(cols) != len(g.types) {
		panic(fmt.Sprintf("keys: %d columns given to a grouper of %d", len(cols), len(g.types)))
	}
	switch {
	case g.words != nil:
		return g.words.find(&cols[0], sel, out, insert)
	case g.rows == nil:
		return g.bytes.find(&cols[0], sel, out, insert)
	}
	for from := 0; from < len(out); from += chunk {
		if err := g.findRows(cols, sel, from, out[from:min(from+chunk, len(out))], insert); err != nil {
			return err
		}
	}
	return nil
}

// findRows looks up a chunk of rows, from position from on, by their encoding.
func (g *Grouper) findRows(cols []columnar.Column, sel []int32, from int, out []int32, insert bool) error {
	if t := g.tuples; t != nil {
		g.rows.pack(cols, sel, from, t.a[:len(out)], t.b[:len(out)], t.c[:len(out)])
		return t.probe(out, insert)
	}
	if g.rows.packShort(cols, sel, from, g.bytes.a[:len(out)], g.bytes.b[:len(out)]) {
		return g.bytes.probe(nil, nil, out, insert)
	}
	rows := g.rows.encode(cols, sel, from, len(out))
	return g.bytes.find(&rows, nil, out, insert)
}

// Reserve makes room for n groups in all, so that the tables need not grow on the way. An error matches budget.ErrExceeded; the Grouper is as
// it was then, and grows as it needs to.
func (g *Grouper) Reserve(n int) error { return g.table().reserve(n) }

// Reader returns a Grouper of the same groups for another goroutine: for Lookup, Len and Keys, as long as g is neither changed nor freed. It
// is not to be freed.
func (g *Grouper) Reader() *Grouper {
	r := &Grouper{types: g.types}
	switch {
	case g.words != nil:
		r.words = g.words.reader()
	case g.tuples != nil:
		r.tuples = g.tuples.reader()
	default:
		r.bytes = g.bytes.reader()
	}
	if g.rows != nil {
		r.rows = newRowCoder(g.types)
	}
	return r
}

// Len returns the number of groups.
func (g *Grouper) Len() int { return g.table().len() }

// Keys returns the keys of the groups from (inclusive) to to (exclusive) as fresh columns, one row a group. Floats are canonical.
func (g *Grouper) Keys(from, to int) []columnar.Column {
	switch {
	case g.words != nil:
		return []columnar.Column{g.words.column(g.types[0], from, to)}
	case g.tuples != nil:
		return g.rows.unpack(g.tuples.keys.all[from:to])
	case g.rows == nil:
		return []columnar.Column{g.bytes.column(g.types[0], from, to)}
	default:
		return g.rows.decode(g.bytes.column(columnar.BinaryType, from, to))
	}
}

// Size returns the bytes of memory of the tables: what the account holds.
func (g *Grouper) Size() int { return g.table().size() }

// Reset forgets all groups and keeps memory for about as many.
func (g *Grouper) Reset() { g.table().reset() }

// Free forgets all groups and returns the memory. The Grouper can be used again.
func (g *Grouper) Free() { g.table().free() }
