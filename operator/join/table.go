package join

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
)

// linkBytes is what a row of the build side costs beside its columns: its link, and its key's head and mark.
const linkBytes = 12 + 4 + 1

// table finds the build rows of a key. Rows of equal keys are chained, last first; those with a null key are in a chain of their own.
type table struct {
	keys    *keys.Grouper
	heads   []int32 // by key: its last row
	links   []link  // by row
	nulls   int32   // the last row with a null key
	matched []bool  // by key: a probe row had it
	rows    *columnar.Interleaver
	account *budget.Account
	forced  int64 // bytes of keys counted here
}

// link is where a row is, and the row before it with the same key; -1: none.
type link struct {
	place columnar.Place
	next  int32
}

// newTable makes a table of batches without selections: n rows in all. An error matches budget.ErrExceeded; the table is gone then. With
// force keys are counted but never refused.
func newTable(schema *columnar.Schema, batches []columnar.Batch, n int, key []int, account *budget.Account, force bool) (*table, error) {
	types := make([]columnar.Type, len(key))
	for i, c := range key {
		types[i] = schema.Fields[c].Type
	}
	t := &table{nulls: -1, links: make([]link, 0, n), account: account, rows: columnar.NewInterleaver(schema, batches)}
	if force {
		t.keys = keys.NewGrouper(types, nil)
	} else {
		t.keys = keys.NewGrouper(types, account)
	}
	for i, b := range batches {
		if err := t.add(uint32(i), b, pick(b.Columns, key)); err != nil {
			t.free()
			return nil, err
		}
	}
	if force {
		t.forced = int64(t.keys.Size())
		account.Force(t.forced)
	}
	t.matched = make([]bool, len(t.heads))
	return t, nil
}

// add enters the rows of batch number i.
func (t *table) add(i uint32, b columnar.Batch, key []columnar.Column) error {
	groups := make([]int32, b.Len)
	rows, all := withoutNulls(b, key, make([]int32, 0, b.Len))
	n := len(rows)
	if all {
		n = b.Len
	}
	if err := t.keys.Find(key, rows, n, groups); err != nil {
		return err
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
		t.links = append(t.links, link{columnar.Place{Batch: i, Row: uint32(row)}, *head})
		*head = int32(len(t.links) - 1)
	}
	return nil
}

// isUnique says whether no key has two rows, and no row a null key: then key number k is that of row number k.
func (t *table) isUnique() bool { return len(t.heads) == len(t.links) }

// free gives the memory of the keys back; that of the rows is the caller's.
func (t *table) free() {
	t.keys.Free()
	t.account.Release(t.forced)
	t.forced = 0
}
