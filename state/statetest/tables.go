package statetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
)

// schema is the tables that a store under test has: each kind of state, with and without a time to live.
var (
	number  = []columnar.Field{{Name: "n", Type: columnar.Int64Type}, {Name: "x", Type: columnar.Float64Type}}
	text    = []columnar.Field{{Name: "text", Type: columnar.StringType, Nullable: true}}
	name    = []columnar.Field{{Name: "name", Type: columnar.StringType}}
	place   = []columnar.Field{{Name: "position", Type: columnar.Int64Type}}
	timeKey = []columnar.Field{{Name: "window", Type: columnar.Int64Type}}
)

func tablesFor(key []columnar.Field) []state.Table {
	return []state.Table{
		{Name: "fixed", Kind: "value", Keys: key, Values: number},
		{Name: "text", Kind: "value", Keys: key, Values: text},
		{Name: "map", Kind: "map", Keys: key, Namespace: name, Values: number},
		{Name: "list", Kind: "list", Keys: key, Namespace: place, Values: text},
		{Name: "fixed_ttl", Kind: "value", Keys: key, Values: number, TTL: 10 * time.Second},
		{Name: "text_ttl", Kind: "value", Keys: key, Values: text, TTL: 20 * time.Second},
		{Name: "map_ttl", Kind: "map", Keys: key, Namespace: name, Values: text, TTL: 5 * time.Second},
	}
}

// opened is a store with its tables.
type opened struct {
	state.Store
	forms  []*state.Form
	cells  []state.Cells
	plain  state.Timers
	scoped state.Timers // with a namespace
}

func openAll(t testing.TB, s state.Store, key []columnar.Field) *opened {
	t.Helper()
	o := &opened{Store: s}
	for _, table := range tablesFor(key) {
		c, err := s.Open(table)
		if err != nil {
			t.Fatal(err)
		}
		form, err := state.FormOf(table)
		if err != nil {
			t.Fatal(err)
		}
		o.cells, o.forms = append(o.cells, c), append(o.forms, form)
	}
	var err error
	if o.plain, err = s.OpenTimers("timers"); err != nil {
		t.Fatal(err)
	}
	if o.scoped, err = s.OpenTimers("window timers", timeKey...); err != nil {
		t.Fatal(err)
	}
	return o
}

// stringKey and intKey are the keys that stores are tested with.
var (
	stringKey = []columnar.Field{{Name: "user", Type: columnar.StringType}}
	intKey    = []columnar.Field{{Name: "id", Type: columnar.Int64Type}}
	pairKey   = []columnar.Field{{Name: "id", Type: columnar.Int32Type, Nullable: true}, {Name: "name", Type: columnar.StringType}}
)

// keyColumns returns key columns of the given fields for numbers: some strings are long.
func keyColumns(fields []columnar.Field, numbers []int) []columnar.Column {
	cols := make([]columnar.Column, len(fields))
	for i, f := range fields {
		b := columnar.NewBuilder(f.Type, len(numbers))
		for _, n := range numbers {
			switch {
			case f.Nullable && n%5 == 0:
				b.AppendNulls(1)
			case f.Type.Kind == columnar.String:
				b.AppendString(keyText(n))
			case f.Type.Kind == columnar.Int32:
				columnar.AppendFixed(b, int32(n/3))
			default:
				columnar.AppendFixed(b, int64(n))
			}
		}
		cols[i] = b.Finish()
	}
	return cols
}

func keyText(n int) string {
	s := fmt.Sprintf("key-%d", n)
	switch n % 7 {
	case 3:
		s += "-which-is-longer-than-a-row-has-room-for"
	case 6:
		s += string(bytes.Repeat([]byte("long"), 1500))
	}
	return s
}

// numberCell returns the cell of number columns.
func numberCell(n int64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(n)), 0x3ff8000000000000)
}

var textCoder = state.NewCoder(text)

// textCell returns the cell of a string of that length.
func textCell(length int, seed byte) []byte {
	b := columnar.NewBuilder(columnar.StringType, 1)
	b.AppendBytes(bytes.Repeat([]byte{'a' + seed%26}, length))
	return textCoder.Append(nil, []columnar.Column{b.Finish()}, 0)
}

// dump returns what was frozen, a line for each row, sorted within the tables, after looking at the order of key groups.
func dump(t testing.TB, f state.Frozen, groups state.Groups) [][]string {
	t.Helper()
	var all [][]string
	for i, table := range f.Tables() {
		form, err := state.FormOf(table)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		last := -1
		for rows, err := range f.Read(context.Background(), i) {
			if err != nil {
				t.Fatal(err)
			}
			if rows.Group < last || !groups.Has(rows.Group) {
				t.Fatalf("table %q: rows of key group %d after those of %d, in %s", table.Name, rows.Group, last, groups)
			}
			last = rows.Group
			if rows.Batch.Rows() == 0 {
				t.Fatalf("table %q: a batch without rows", table.Name)
			}
			err := form.Each(rows.Batch, func(e *state.Entry) error {
				if g := groups.Of(e.Hash); g != rows.Group {
					return fmt.Errorf("a row of key group %d among those of %d", g, rows.Group)
				}
				lines = append(lines, fmt.Sprintf("%d %x %x %x %d", rows.Group, e.Key, e.Namespace, e.Cell, e.Written))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(lines)
		all = append(all, lines)
	}
	return all
}

// restore gives what was frozen to a store, as far as its key groups go.
func restore(t testing.TB, from state.Frozen, to state.Store, groups state.Groups) {
	t.Helper()
	for i, table := range from.Tables() {
		for rows, err := range from.Read(context.Background(), i) {
			if err != nil {
				t.Fatal(err)
			}
			if !groups.Has(rows.Group) {
				continue
			}
			if err := to.Restore(table.Name, rows.Batch); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// hashOf returns the hash of a key.
func hashOf(cols []columnar.Column, i int) uint64 {
	var h [1]uint64
	keys.Hash(cols, []int32{int32(i)}, 1, h[:])
	return h[0]
}
