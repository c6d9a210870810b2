package windowed

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
)

// table is keys and the states of their aggregates: a slice that still grows.
type table struct {
	keys   *keys.Grouper
	states []agg.Accumulator // by call
}

// tables makes tables, and takes back those that are done with, for their memory.
type tables struct {
	types   []columnar.Type
	calls   []call
	account *budget.Account
	free    []*table
	groups  []int32 // scratch
}

// mostFree is how many unused tables are kept.
const mostFree = 16

// get returns an empty table.
func (ts *tables) get() *table {
	if n := len(ts.free); n > 0 {
		t := ts.free[n-1]
		ts.free = ts.free[:n-1]
		return t
	}
	t := &table{keys: keys.NewGrouper(ts.types, ts.account)}
	for _, c := range ts.calls {
		t.states = append(t.states, c.Function.New())
	}
	return t
}

// put takes a table back.
func (ts *tables) put(t *table) {
	if len(ts.free) >= mostFree {
		t.close()
		return
	}
	t.keys.Reset()
	for _, a := range t.states {
		a.Reset()
	}
	ts.free = append(ts.free, t)
}

func (ts *tables) close() {
	for _, t := range ts.free {
		t.close()
	}
	ts.free = nil
}

func (t *table) close() {
	t.keys.Free()
	for _, a := range t.states {
		a.Free()
	}
}

// find returns the groups of n rows, new ones for new keys; they are valid until the next call.
func (ts *tables) find(t *table, cols []columnar.Column, sel []int32, n int) ([]int32, error) {
	if cap(ts.groups) < n {
		ts.groups = make([]int32, max(n, columnar.DefaultRows))
	}
	groups := ts.groups[:n]
	if err := t.keys.Find(cols, sel, n, groups); err != nil {
		return nil, fmt.Errorf("windows hold all their keys in memory: %w", err)
	}
	for _, a := range t.states {
		a.Grow(t.keys.Len())
	}
	return groups, nil
}

// add takes rows of an input into t: those of sel, or all.
func (ts *tables) add(t *table, input, width int, b columnar.Batch, sel []int32) error {
	n := b.Len
	if sel != nil {
		n = len(sel)
	}
	groups, err := ts.find(t, b.Columns[:width], sel, n)
	if err != nil {
		return err
	}
	for i, c := range ts.calls {
		if c.input != input {
			continue
		}
		if err := t.states[i].Add(groups, pick(b, c.Inputs), sel); err != nil {
			return err
		}
	}
	return nil
}

// merge takes states, by call, of keys into t.
func (ts *tables) merge(t *table, cols []columnar.Column, states [][]columnar.Column, sel []int32, n int) ([]int32, error) {
	groups, err := ts.find(t, cols, sel, n)
	if err != nil {
		return nil, err
	}
	for i, a := range t.states {
		if err := a.Merge(groups, states[i], sel); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// mix takes rows of which some are states, as the last column says, into t: those of sel, or all, in their order.
func (ts *tables) mix(t *table, cells *stateCells, width int, b columnar.Batch, sel []int32) error {
	last := &b.Columns[len(b.Columns)-1]
	if last.Offsets[0] == last.Offsets[b.Len] {
		return ts.add(t, 0, width, b, sel)
	}
	if sel == nil {
		sel = upTo(b.Len)
	}
	for len(sel) > 0 {
		n, areRows := 1, isRow(last, sel[0])
		for n < len(sel) && isRow(last, sel[n]) == areRows {
			n++
		}
		run := sel[:n]
		sel = sel[n:]
		if areRows {
			if err := ts.add(t, 0, width, b, run); err != nil {
				return err
			}
			continue
		}
		states, err := cells.decode(last, run)
		if err != nil {
			return err
		}
		groups, err := ts.find(t, b.Columns[:width], run, n)
		if err != nil {
			return err
		}
		for i, a := range t.states {
			if err := a.Merge(groups, states[i], nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// all returns the states of all groups, by call.
func (t *table) all() ([][]columnar.Column, error) {
	out := make([][]columnar.Column, len(t.states))
	for i, a := range t.states {
		var err error
		if out[i], err = a.State(0, t.keys.Len()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// size returns the bytes of the states; the keys are counted as they grow.
func (t *table) size() int64 {
	size := int64(0)
	for _, a := range t.states {
		size += int64(a.Size())
	}
	return size
}

// recount makes what is counted in an account size bytes instead of counted. What exists is counted in any case; false: the account refuses it.
func recount(account *budget.Account, counted *int64, size int64) bool {
	more := size - *counted
	*counted = size
	switch {
	case more <= 0:
		account.Release(-more)
	case !account.TryGrow(more):
		account.Force(more)
		return false
	}
	return true
}
