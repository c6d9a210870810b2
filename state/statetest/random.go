package statetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// machine runs random operations on a store and on the reference.
type machine struct {
	t      *rapid.T
	tb     testing.TB
	open   Open
	key    []columnar.Field
	groups state.Groups
	now    time.Time
	stores [2]*opened // the reference and the one under test
	frozen []frozen
	space  int // keys
	small  bool
	native *snapshots // nil: none are made
}

type frozen struct {
	view state.Frozen
	want [][]string
	at   time.Time
}

func (m *machine) config() Config {
	return Config{Keys: m.key, Groups: m.groups, Clock: func() time.Time { return m.now }}
}

func (m *machine) start() {
	m.stores[0] = openAll(m.tb, Reference(m.tb, m.config()), m.key)
	m.stores[1] = openAll(m.tb, m.open(m.tb, m.config()), m.key)
}

// owned returns a key of the groups that the store owns.
func (m *machine) owned() int {
	n := rapid.IntRange(0, m.space-1).Draw(m.t, "key")
	for ; ; n++ {
		if m.groups.Has(m.groups.Of(hashOf(keyColumns(m.key, []int{n}), 0))) {
			return n
		}
	}
}

// batch selects some keys, sometimes by a selection, and does something with each.
func (m *machine) batch() {
	var numbers []int
	for range rapid.IntRange(1, 12).Draw(m.t, "rows") {
		numbers = append(numbers, m.owned())
	}
	cols := keyColumns(m.key, numbers)
	var sel []int32
	n := len(numbers)
	if rapid.Bool().Draw(m.t, "selected") {
		for i := range numbers {
			if rapid.Bool().Draw(m.t, "in") {
				sel = append(sel, int32(i))
			}
		}
		n = len(sel)
		if n == 0 {
			return
		}
	}
	m.each(func(s *opened) string { return fmt.Sprint(s.Select(cols, sel, n)) })
	for range rapid.IntRange(0, 2*n).Draw(m.t, "operations") {
		i := rapid.IntRange(0, n-1).Draw(m.t, "row")
		if rapid.IntRange(0, 9).Draw(m.t, "by key") == 0 {
			row := i
			if sel != nil {
				row = int(sel[i])
			}
			m.each(func(s *opened) string { return fmt.Sprint(s.UseKey(cols, row)) })
		} else {
			m.each(func(s *opened) string { s.Use(i); return "" })
		}
		m.operation()
	}
}

// each does the same with both stores and compares what comes out.
func (m *machine) each(do func(s *opened) string) {
	m.t.Helper()
	want := do(m.stores[0])
	if got := do(m.stores[1]); got != want {
		m.t.Fatalf("got  %.300s\nwant %.300s", got, want)
	}
}

func (m *machine) namespace(table int) []byte {
	if len(m.stores[0].forms[table].Table.Namespace) == 0 {
		return nil
	}
	n := rapid.IntRange(0, 40).Draw(m.t, "namespace")
	if m.stores[0].forms[table].Table.Kind == "list" {
		return positions(n)
	}
	namespace := []byte(fmt.Sprintf("ns%d", n*n))
	if n > 35 && !m.small {
		namespace = append(namespace, bytes.Repeat([]byte("x"), 980)...)
	}
	return namespace
}

func positions(n int) []byte {
	b := columnar.NewBuilder(columnar.Int64Type, 1)
	columnar.AppendFixed(b, int64(n-20))
	o, err := state.NewOrdered(place)
	if err != nil {
		panic(err)
	}
	return o.Append(nil, []columnar.Column{b.Finish()}, 0)
}

func (m *machine) cell(table int) []byte {
	seed := rapid.Byte().Draw(m.t, "cell")
	if len(m.stores[0].forms[table].Table.Values) == 2 {
		return numberCell(int64(seed))
	}
	if seed < 8 {
		return []byte{1, 0, 0, 0, 0} // null
	}
	lengths := rapid.IntRange(0, 60)
	if !m.small {
		lengths = rapid.OneOf(rapid.IntRange(0, 60), rapid.IntRange(0, 3000), rapid.IntRange(3900, 20_000))
	}
	return textCell(lengths.Draw(m.t, "length"), seed)
}

// operation does something with the current key.
func (m *machine) operation() {
	table := rapid.IntRange(0, len(m.stores[0].cells)-1).Draw(m.t, "table")
	namespace := m.namespace(table)
	show := func(cell []byte, ok bool, err error) string { return fmt.Sprintf("%x %v %v", cell, ok, err) }
	switch rapid.SampledFrom([]string{"put", "put", "put", "get", "delete", "scan", "last", "clear", "key", "timer"}).Draw(m.t, "operation") {
	case "put":
		cell := m.cell(table)
		m.each(func(s *opened) string { return fmt.Sprint(s.cells[table].Put(namespace, cell)) })
		m.each(func(s *opened) string { return show(s.cells[table].Get(namespace)) })
	case "get":
		m.each(func(s *opened) string { return show(s.cells[table].Get(namespace)) })
	case "delete":
		m.each(func(s *opened) string { return fmt.Sprint(s.cells[table].Delete(namespace)) })
	case "scan":
		limit := rapid.IntRange(1, 50).Draw(m.t, "limit")
		m.each(func(s *opened) string {
			out := ""
			n := 0
			err := s.cells[table].Scan(func(ns, cell []byte) bool {
				out += fmt.Sprintf("%x=%x\n", ns, cell)
				n++
				return n < limit
			})
			return out + fmt.Sprint(err)
		})
	case "last":
		m.each(func(s *opened) string {
			ns, cell, ok, err := s.cells[table].Last()
			return fmt.Sprintf("%x %s", ns, show(cell, ok, err))
		})
	case "clear":
		m.each(func(s *opened) string { return fmt.Sprint(s.cells[table].Clear()) })
	case "key":
		m.each(func(s *opened) string {
			return fmt.Sprintf("%x", state.NewKeyCoder(m.key).Append(nil, s.Key(), 0))
		})
	case "timer":
		m.timer()
	}
}

// timer sets or deletes a timer of the current key. Times are near and far, so that all of a queue is used.
func (m *machine) timer() {
	at := rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 300_000), rapid.Int64Range(0, 60_000_000),
		rapid.SampledFrom([]int64{-1 << 63, 1<<63 - 1, -5})).Draw(m.t, "at")
	remove := rapid.IntRange(0, 3).Draw(m.t, "remove") == 0
	var namespace []byte
	scoped := rapid.Bool().Draw(m.t, "scoped")
	if scoped {
		namespace = positions(rapid.IntRange(0, 3).Draw(m.t, "window"))
	}
	m.each(func(s *opened) string {
		timers := s.plain
		if scoped {
			timers = s.scoped
		}
		if remove {
			return fmt.Sprint(timers.Delete(at, namespace))
		}
		return fmt.Sprint(timers.Set(at, namespace))
	})
}

// fire takes timers away up to a time.
func (m *machine) fire() {
	until := rapid.OneOf(rapid.Int64Range(0, 40), rapid.Int64Range(0, 400_000), rapid.Int64Range(0, 80_000_000), rapid.Just(int64(1<<63-1))).Draw(m.t, "until")
	scoped := rapid.Bool().Draw(m.t, "scoped")
	of := func(s *opened) state.Timers {
		if scoped {
			return s.scoped
		}
		return s.plain
	}
	for range rapid.IntRange(1, 30).Draw(m.t, "timers") {
		more := true
		m.each(func(s *opened) string {
			at, ok := of(s).Earliest()
			return fmt.Sprint(at, ok)
		})
		m.each(func(s *opened) string {
			at, ns, ok, err := of(s).Next(until)
			more = ok
			if !ok {
				return fmt.Sprint(ok, err)
			}
			return fmt.Sprintf("%d %x %v %x", at, ns, err, state.NewKeyCoder(m.key).Append(nil, s.Key(), 0))
		})
		if !more {
			return
		}
		if rapid.IntRange(0, 3).Draw(m.t, "then") == 0 {
			m.operation()
		}
	}
}

// pass lets time go on, and sweeps.
func (m *machine) pass() {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 6000).Draw(m.t, "milliseconds")) * time.Millisecond)
	if !rapid.Bool().Draw(m.t, "sweep") {
		return
	}
	cells := rapid.IntRange(1, 100).Draw(m.t, "cells")
	for _, s := range m.stores {
		for range rapid.IntRange(1, 20).Draw(m.t, "sweeps") {
			if _, err := s.Sweep(cells); err != nil {
				m.t.Fatal(err)
			}
		}
	}
}

// freeze keeps a view for later.
func (m *machine) freeze() {
	want, err := m.stores[0].Freeze()
	if err != nil {
		m.t.Fatal(err)
	}
	view, err := m.stores[1].Freeze()
	if err != nil {
		m.t.Fatal(err)
	}
	m.frozen = append(m.frozen, frozen{view, dump(m.tb, want, m.groups), m.now})
}

// thaw reads a view and releases it.
func (m *machine) thaw() {
	if len(m.frozen) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.frozen)-1).Draw(m.t, "view")
	f := m.frozen[i]
	if diff := cmp.Diff(f.want, dump(m.tb, f.view, m.groups)); diff != "" {
		m.t.Fatalf("what was frozen has changed: %.1000s", diff)
	}
	if m.native != nil {
		m.save(f)
	}
	f.view.Release()
	m.frozen = append(m.frozen[:i], m.frozen[i+1:]...)
}

// reopen moves the state under test to a new store.
func (m *machine) reopen() {
	f, err := m.stores[1].Freeze()
	if err != nil {
		m.t.Fatal(err)
	}
	to := openAll(m.tb, m.open(m.tb, m.config()), m.key)
	restore(m.tb, f, to, m.groups)
	f.Release()
	m.close(m.stores[1])
	m.stores[1] = to
}

func (m *machine) close(s *opened) {
	if err := s.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// finish compares all that is left.
func (m *machine) finish() {
	m.freeze()
	m.close(m.stores[1]) // what was frozen outlives the store
	for len(m.frozen) > 0 {
		m.thaw()
	}
}

func (m *machine) run() {
	m.start()
	steps := map[string]func(){
		"batch": m.batch, "batch again": m.batch, "batch once more": m.batch, "fire": m.fire, "pass": m.pass,
		"freeze": m.freeze, "thaw": m.thaw,
	}
	names := []string{"batch", "batch again", "batch once more", "fire", "pass", "freeze", "thaw"}
	for range rapid.IntRange(1, 40).Draw(m.t, "steps") {
		steps[rapid.SampledFrom(names).Draw(m.t, "step")]()
		if rapid.IntRange(0, 30).Draw(m.t, "reopen") == 0 {
			m.reopen()
		}
	}
	m.finish()
}
