package aggregate

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
)

// table is groups and their states. Without key columns there is one group, and no hashing.
type table struct {
	types   []columnar.Type
	keys    *keys.Grouper // nil: one group
	calls   []agg.Accumulator
	account *budget.Account
	forced  bool  // the keys are not counted as they grow but here, as they are
	counted int64 // bytes counted here: for the states, and for forced keys
	outside int64 // those of them that are known to lie outside of the Go heap
	rows    int   // taken since the table was empty
	isFull  bool  // the account refused what was counted here; it was taken nevertheless

	groups []int32 // scratch
}

// newTable returns an empty table for keys of those types.
func newTable(types []columnar.Type, calls []Call, account *budget.Account) *table {
	t := &table{types: types, account: account}
	if len(types) > 0 {
		t.keys = keys.NewGrouper(types, account)
	}
	for _, c := range calls {
		t.calls = append(t.calls, c.Function.New())
	}
	return t
}

// take groups the rows of b by the key columns and lets feed give each call its columns. An error that matches budget.ErrExceeded says that
// the keys do not fit: nothing was taken, but groups of empty states may have been made.
func (t *table) take(b columnar.Batch, key []columnar.Column, feed func(i int, a agg.Accumulator, groups []int32) error) error {
	n := b.Rows()
	if cap(t.groups) < n {
		t.groups = make([]int32, max(n, columnar.DefaultRows))
	}
	groups := t.groups[:n]
	if t.keys == nil {
		clear(groups)
	} else if err := t.keys.Find(key, b.Sel, n, groups); err != nil {
		return err
	}
	t.rows += n
	t.grow()
	for i, a := range t.calls {
		if err := feed(i, a, groups); err != nil {
			return err
		}
	}
	t.count()
	return nil
}

// grow makes states for all groups.
func (t *table) grow() {
	for _, a := range t.calls {
		a.Grow(t.len())
	}
}

// count counts what the states take. What exists is counted in any case; a refusal is remembered.
func (t *table) count() {
	size, outside := int64(0), int64(0)
	for _, a := range t.calls {
		size += int64(a.Size())
		outside += int64(a.Outside())
	}
	if t.forced {
		size += int64(t.keys.Size())
		outside += int64(t.keys.Size())
		t.isFull = true
	}
	switch more := size - t.counted; {
	case more <= 0:
		t.account.Release(-more)
	case !t.account.TryGrow(more):
		t.account.Force(more)
		t.isFull = true
	}
	if outside != t.outside {
		t.account.Mapped(outside - t.outside)
	}
	t.counted, t.outside = size, outside
}

// len returns the number of groups.
func (t *table) len() int {
	if t.keys == nil {
		return 1
	}
	return t.keys.Len()
}

// size returns the bytes that the table takes.
func (t *table) size() int64 {
	if t.keys == nil || t.forced {
		return t.counted
	}
	return t.counted + int64(t.keys.Size())
}

// step returns how many groups make a batch.
func (t *table) step() int {
	n := int64(t.len())
	return int(min(columnar.DefaultRows, max(1, batchBytes*n/max(1, t.size()))))
}

// keyColumns returns the keys of the groups from from to to.
func (t *table) keyColumns(from, to int) []columnar.Column {
	if t.keys == nil {
		return nil
	}
	return t.keys.Keys(from, to)
}

// partials returns the groups from from to to as a batch of keys and states.
func (t *table) partials(schema *columnar.Schema, from, to int) (columnar.Batch, error) {
	columns := t.keyColumns(from, to)
	for _, a := range t.calls {
		state, err := a.State(from, to)
		if err != nil {
			return columnar.Batch{}, err
		}
		columns = append(columns, state...)
	}
	return columnar.Batch{Schema: schema, Columns: columns, Len: to - from}, nil
}

// results returns the groups from from to to as a batch of keys and results.
func (t *table) results(schema *columnar.Schema, from, to int) (columnar.Batch, error) {
	columns := t.keyColumns(from, to)
	for i, a := range t.calls {
		c, err := a.Result(from, to)
		if err != nil {
			return columnar.Batch{}, fmt.Errorf("column %s: %w", schema.Fields[len(schema.Fields)-len(t.calls)+i].Name, err)
		}
		columns = append(columns, c)
	}
	return columnar.Batch{Schema: schema, Columns: columns, Len: to - from}, nil
}

// reset forgets all groups and keeps some memory for as many.
func (t *table) reset() {
	if t.forced {
		t.free()
		return
	}
	if t.keys != nil {
		t.keys.Reset()
	}
	for _, a := range t.calls {
		a.Reset()
	}
	t.count()
	t.rows, t.isFull = 0, false
}

// free gives all memory back. The table can be used again.
func (t *table) free() {
	if t.keys != nil {
		t.keys.Free()
	}
	for _, a := range t.calls {
		a.Reset()
		a.Free()
	}
	t.account.Release(t.counted)
	t.account.Mapped(-t.outside)
	t.counted, t.outside, t.rows, t.isFull = 0, 0, 0, false
	if t.forced {
		t.forced = false
		t.keys = keys.NewGrouper(t.types, t.account)
	}
}

// force lets the empty table take keys whether there is memory or not, until it is emptied again.
func (t *table) force() {
	t.free()
	t.forced = true
	t.keys = keys.NewGrouper(t.types, nil)
}

// leastRows is how few rows are tried before they are taken without asking: the operator could not go on otherwise.
const leastRows = 64

// input is rows on their way into a table that may fill up on the way.
type input struct {
	rest columnar.Batch
	step int // rows given to the table at once; 0: all
}

// next returns the next piece of the input, whose rows number at least one.
func (in *input) next() columnar.Batch {
	if in.step == 0 || in.step >= in.rest.Rows() {
		return in.rest
	}
	return in.rest.Slice(0, in.step)
}

// took says that a piece has been taken.
func (in *input) took(n int) {
	if n == in.rest.Rows() {
		in.rest = columnar.Batch{}
		return
	}
	in.rest = in.rest.Slice(n, in.rest.Rows()-n)
}

// refused decides what to do after the table refused a piece of n rows: nil means try again, with fewer rows or after the table has been
// emptied.
func (in *input) refused(t *table, n int, err error) error {
	if !errors.Is(err, budget.ErrExceeded) {
		return err
	}
	if t.rows > 0 {
		return nil
	}
	t.free()
	if n <= leastRows {
		t.force()
		return nil
	}
	in.step = max(leastRows, n/4)
	return nil
}
