package join

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
)

// linkBytes is what a row of the build side costs beside its columns at most: its link, and its key's head and mark.
const linkBytes = 12 + 4 + 1

// reserveFrom is from how many rows with a key each on all further ones are thought to have one too.
const reserveFrom = 1 << 14

// source is where rows of a side lie: in batches, an Interleaver's, or packed.
type source interface {
	Take(places []columnar.Place) columnar.Batch
	Fit(places []columnar.Place, bytes int) int
}

// table finds the build rows of a key. Rows of equal keys are chained, last first; those with a null key are in a chain of their own.
type table struct {
	keys    *keys.Grouper
	heads   []int32 // by key: its last row; nil: each row has a key of its own, and key number k is that of row number k
	links   []link  // by row; nil: heads are, and places are row numbers
	nulls   int32   // the last row with a null key
	matched []bool  // by key: a probe row had it
	rows    source
	packed  *packed // rows, if they are packed
	account *budget.Account
	counted int64 // bytes counted here
}

// link is where a row is, and the row before it with the same key; -1: none.
type link struct {
	place columnar.Place
	next  int32
}

// build is what a table is made of.
type build struct {
	schema  *columnar.Schema
	batches []columnar.Batch // without selections
	rows    int              // in all
	keys    []int            // columns
	payload []int            // the columns that are asked of the table
	account *budget.Account
	force   bool // count the keys, but never refuse them
	pack    bool // copy the rows, if there is memory: the batches are not used then any more
	marks   bool // count which keys are found
}

// newTable makes a table. An error matches budget.ErrExceeded; the table is gone then.
func newTable(from build) (*table, error) {
	types := make([]columnar.Type, len(from.keys))
	for i, c := range from.keys {
		types[i] = from.schema.Fields[c].Type
	}
	t := &table{nulls: -1, account: from.account}
	if from.force {
		t.keys = keys.NewGrouper(types, nil)
	} else {
		t.keys = keys.NewGrouper(types, from.account)
	}
	for i := range from.batches {
		if err := t.add(from, i); err != nil {
			t.free()
			return nil, err
		}
		if n := t.keys.Len(); t.isUnique() && n >= reserveFrom {
			_ = t.keys.Reserve(from.rows) // refused: it grows as it needs to
		}
	}
	if from.force {
		t.count(t.keys.Size())
	}
	if from.marks {
		t.matched = make([]bool, t.keys.Len())
	}
	t.hold(from)
	return t, nil
}

// hold decides where the rows lie.
func (t *table) hold(from build) {
	schema, batches := from.schema.Select(from.payload), make([]columnar.Batch, len(from.batches))
	for i, b := range from.batches {
		batches[i] = b.Project(schema, from.payload)
	}
	if from.pack {
		t.packed = newPacked(schema, batches, from.rows, from.account)
	}
	if t.packed == nil {
		t.rows = columnar.NewInterleaver(schema, batches)
		if t.links == nil {
			t.links = unlinked(batches, from.rows)
		}
		return
	}
	t.rows = t.packed
	t.count(cap(t.links)*12 + cap(t.heads)*4 + len(t.matched))
	for i := range t.links {
		t.links[i].place = columnar.Place{Row: uint32(i)}
	}
}

// count counts bytes, refused or not.
func (t *table) count(bytes int) {
	t.account.Force(int64(bytes))
	t.counted += int64(bytes)
}

// add enters the rows of batch number i.
func (t *table) add(from build, i int) error {
	b := from.batches[i]
	key, groups := pick(b.Columns, from.keys), make([]int32, b.Len)
	rows, all := withoutNulls(b, key, make([]int32, 0, b.Len))
	n := len(rows)
	if all {
		n = b.Len
	}
	before := t.keys.Len()
	if err := t.keys.Find(key, rows, n, groups); err != nil {
		return err
	}
	if t.heads == nil && t.keys.Len() == before+b.Len {
		return nil
	}
	if t.heads == nil {
		t.links, t.heads = unlinked(from.batches[:i], from.rows), make([]int32, before)
		for row := range t.heads {
			t.heads[row] = int32(row)
		}
	}
	for len(t.heads) < t.keys.Len() {
		t.heads = append(t.heads, -1)
	}
	at := 0
	for row := range b.Len {
		head := &t.nulls
		if all || at < len(rows) && int(rows[at]) == row {
			head = &t.heads[groups[at]]
			at++
		}
		t.links = append(t.links, link{columnar.Place{Batch: uint32(i), Row: uint32(row)}, *head})
		*head = int32(len(t.links) - 1)
	}
	return nil
}

// unlinked returns the links of rows that have a key each, with room for n.
func unlinked(batches []columnar.Batch, n int) []link {
	links := make([]link, 0, n)
	for i, b := range batches {
		for row := range b.Len {
			links = append(links, link{columnar.Place{Batch: uint32(i), Row: uint32(row)}, -1})
		}
	}
	return links
}

// isUnique says whether no key has two rows, and no row a null key: then key number k is that of row number k.
func (t *table) isUnique() bool { return t.heads == nil }

// last returns the last row of a key.
func (t *table) last(key int32) int32 {
	if t.heads == nil {
		return key
	}
	return t.heads[key]
}

// row returns where a row is, and the row before it with the same key, -1 if there is none.
func (t *table) row(i int32) (place columnar.Place, next int32) {
	if t.links == nil {
		return columnar.Place{Row: uint32(i)}, -1
	}
	return t.links[i].place, t.links[i].next
}

// reader returns the same table for another goroutine: to be read, not freed, and only as long as t is not.
func (t *table) reader() *table {
	r := *t
	r.keys = t.keys.Reader()
	return &r
}

// isEmpty says whether there are no rows.
func (t *table) isEmpty() bool { return t.keys.Len() == 0 && t.nulls < 0 }

// free gives the memory of the keys and of packed rows back; that of the batches is the caller's.
func (t *table) free() {
	t.keys.Free()
	if t.packed != nil {
		t.packed.free()
	}
	t.account.Release(t.counted)
	t.counted = 0
}
