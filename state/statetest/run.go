package statetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
)

// Run tests a back end.
func Run(t *testing.T, open Open) {
	t.Helper()
	t.Run("random", func(t *testing.T) { random(t, open) })
	t.Run("many keys", func(t *testing.T) { manyKeys(t, open) })
	t.Run("many namespaces", func(t *testing.T) { manyNamespaces(t, open) })
	t.Run("read while writing", func(t *testing.T) { readWhileWriting(t, open) })
	t.Run("rescale", func(t *testing.T) { rescale(t, open) })
	t.Run("restores the reference", func(t *testing.T) { between(t, Reference, open) })
	t.Run("is restored by the reference", func(t *testing.T) { between(t, open, Reference) })
	t.Run("time to live", func(t *testing.T) { timeToLive(t, open) })
	t.Run("timers in order", func(t *testing.T) { timersInOrder(t, open) })
	t.Run("timers that move", func(t *testing.T) { timersThatMove(t, open) })
	t.Run("mistakes", func(t *testing.T) { mistakes(t, open) })
}

// Between tests that what is frozen in one back end is restored by another.
func Between(t *testing.T, from, to Open) {
	t.Helper()
	between(t, from, to)
}

func random(t *testing.T, open Open) {
	t.Helper()
	for name, key := range map[string][]columnar.Field{"string": stringKey, "int": intKey, "pair": pairKey} {
		for _, small := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s small=%v", name, small), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					m := &machine{t: rt, tb: t, open: open, key: key, now: time.UnixMicro(1e15), small: small}
					m.groups = rapid.SampledFrom([]state.Groups{state.Share(0, 1, 1), state.Share(0, 1, 16), state.Share(1, 3, 8)}).Draw(rt, "groups")
					m.space = rapid.SampledFrom([]int{3, 20, 500}).Draw(rt, "keys")
					m.run()
				})
			})
		}
	}
}

// fill puts something into all tables for n keys, the same for the same numbers and seed.
func fill(t testing.TB, s *opened, key []columnar.Field, groups state.Groups, n int, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var numbers []int
	for i := range n {
		if groups.Has(groups.Of(hashOf(keyColumns(key, []int{i}), 0))) {
			numbers = append(numbers, i)
		}
	}
	for part := range slices.Chunk(numbers, 1000) {
		cols := keyColumns(key, part)
		must(t, s.Select(cols, nil, len(part)))
		for i, number := range part {
			s.Use(i)
			for table := range s.cells {
				form := s.forms[table]
				var namespace []byte
				switch form.Table.Kind {
				case "map":
					namespace = []byte(fmt.Sprint("ns", number%10))
				case "list":
					namespace = positions(number % 5)
				}
				cell := numberCell(int64(number) + int64(seed))
				if len(form.Table.Values) == 1 {
					cell = textCell(number%50+int(seed), byte(number))
				}
				must(t, s.cells[table].Put(namespace, cell))
			}
			must(t, s.plain.Set(int64(number%100)*1000, nil))
			must(t, s.scoped.Set(r.Int64N(1e9), positions(number%3)))
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fixedClock() time.Time { return time.UnixMicro(1e15) }

// frozenDump freezes a store and returns its content.
func frozenDump(t testing.TB, s state.Store, groups state.Groups) [][]string {
	t.Helper()
	f, err := s.Freeze()
	must(t, err)
	defer f.Release()
	return dump(t, f, groups)
}

// manyKeys looks whether growing is right: tables grow, keys go, others come.
func manyKeys(t *testing.T, open Open) {
	t.Helper()
	const n = 20_000
	cfg := Config{Keys: intKey, Groups: state.Share(0, 1, 4), Clock: fixedClock}
	s := openAll(t, open(t, cfg), intKey)
	defer func() { must(t, s.Close()) }()
	values := s.cells[0]
	for round := range 3 {
		for from := 0; from < n; from += 1000 {
			numbers := make([]int, 1000)
			for i := range numbers {
				numbers[i] = round*n/2 + from + i
			}
			must(t, s.Select(keyColumns(intKey, numbers), nil, len(numbers)))
			for i, number := range numbers {
				s.Use(i)
				_, had, err := values.Get(nil)
				must(t, err)
				if want := round > 0 && from < n/2; had != want {
					t.Fatalf("round %d: key %d is there: %v", round, number, had)
				}
				must(t, values.Put(nil, numberCell(int64(number))))
			}
		}
		// The first half goes.
		var gone []int
		for i := range n / 2 {
			gone = append(gone, round*n/2+i)
		}
		must(t, s.Select(keyColumns(intKey, gone), nil, len(gone)))
		for i := range gone {
			s.Use(i)
			must(t, values.Delete(nil))
		}
		if got := s.Keys(); got < n/4 || got > n {
			t.Errorf("round %d: %d keys, of about %d", round, got, n/2)
		}
		rows := frozenDump(t, s, cfg.Groups)[0]
		if len(rows) != n/2 {
			t.Fatalf("round %d: %d rows were saved of %d", round, len(rows), n/2)
		}
	}
}

// manyNamespaces fills one key's map in several orders, and empties it.
func manyNamespaces(t *testing.T, open Open) {
	t.Helper()
	cfg := Config{Keys: stringKey, Groups: state.Share(0, 1, 2), Clock: fixedClock}
	s := openAll(t, open(t, cfg), stringKey)
	defer func() { must(t, s.Close()) }()
	must(t, s.Select(keyColumns(stringKey, []int{1, 2}), nil, 2))
	table := s.cells[2]
	const n = 5000
	for name, order := range map[string]func(i int) int{
		"ascending": func(i int) int { return i }, "descending": func(i int) int { return n - 1 - i }, "mixed": func(i int) int { return i * 2741 % n },
	} {
		s.Use(0)
		for i := range n {
			must(t, table.Put([]byte(fmt.Sprintf("%05d", order(i))), numberCell(int64(order(i)))))
		}
		next := 0
		must(t, table.Scan(func(namespace, cell []byte) bool {
			if string(namespace) != fmt.Sprintf("%05d", next) || string(cell) != string(numberCell(int64(next))) {
				t.Fatalf("%s: %s is %x, at place %d", name, namespace, cell, next)
			}
			next++
			return true
		}))
		if next != n {
			t.Fatalf("%s: %d cells of %d", name, next, n)
		}
		for i := range n {
			must(t, table.Delete([]byte(fmt.Sprintf("%05d", (i*1237+order(0))%n))))
			if _, _, ok, err := table.Last(); err != nil || ok != (i < n-1) {
				t.Fatalf("%s: a last one: %v, %v, after %d deletions", name, ok, err, i+1)
			}
		}
		if got := s.Keys(); got > 1 {
			t.Errorf("%s: %d keys are left", name, got)
		}
	}
}

// readWhileWriting reads what was frozen in another goroutine while all of it is overwritten.
func readWhileWriting(t *testing.T, open Open) {
	t.Helper()
	cfg := Config{Keys: stringKey, Groups: state.Share(0, 1, 16), Clock: fixedClock}
	s := openAll(t, open(t, cfg), stringKey)
	defer func() { must(t, s.Close()) }()
	for round := range 3 {
		fill(t, s, stringKey, cfg.Groups, 1500, uint64(round))
		f, err := s.Freeze()
		must(t, err)
		want := dump(t, f, cfg.Groups)
		done := make(chan [][]string)
		go func() {
			defer f.Release()
			done <- dump(t, f, cfg.Groups)
		}()
		fill(t, s, stringKey, cfg.Groups, 3000, uint64(round+10))
		for {
			if _, _, ok, err := s.scoped.Next(5e8); err != nil || !ok {
				must(t, err)
				break
			}
		}
		if diff := cmp.Diff(want, <-done); diff != "" {
			t.Fatalf("what was frozen has changed: %.2000s", diff)
		}
	}
}

// rescale moves state from some tasks to others, and looks whether it is the same.
func rescale(t *testing.T, open Open) {
	t.Helper()
	const maxGroups = 64
	for _, step := range [][2]int{{1, 4}, {4, 1}, {3, 7}} {
		t.Run(fmt.Sprintf("%d to %d", step[0], step[1]), func(t *testing.T) {
			var frozen []state.Frozen
			var want [][]string
			for task := range step[0] {
				groups := state.Share(task, step[0], maxGroups)
				s := openAll(t, open(t, Config{Keys: pairKey, Groups: groups, Clock: fixedClock}), pairKey)
				fill(t, s, pairKey, groups, 800, 3)
				f, err := s.Freeze()
				must(t, err)
				frozen = append(frozen, f)
				want = join(want, dump(t, f, groups))
				must(t, s.Close())
			}
			var got [][]string
			for task := range step[1] {
				groups := state.Share(task, step[1], maxGroups)
				s := openAll(t, open(t, Config{Keys: pairKey, Groups: groups, Clock: fixedClock}), pairKey)
				for _, f := range frozen {
					restore(t, f, s, groups)
				}
				got = join(got, frozenDump(t, s, groups))
				must(t, s.Close())
			}
			for _, f := range frozen {
				f.Release()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%.2000s", diff)
			}
		})
	}
}

// join adds the tables of another task.
func join(all, more [][]string) [][]string {
	if all == nil {
		return more
	}
	for i := range all {
		all[i] = append(all[i], more[i]...)
		slices.Sort(all[i])
	}
	return all
}

func between(t *testing.T, from, to Open) {
	t.Helper()
	cfg := Config{Keys: pairKey, Groups: state.Share(0, 1, 32), Clock: fixedClock}
	a := openAll(t, from(t, cfg), pairKey)
	fill(t, a, pairKey, cfg.Groups, 1000, 5)
	f, err := a.Freeze()
	must(t, err)
	b := openAll(t, to(t, cfg), pairKey)
	restore(t, f, b, cfg.Groups)
	if diff := cmp.Diff(dump(t, f, cfg.Groups), frozenDump(t, b, cfg.Groups)); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	f.Release()
	// Timers fire alike.
	for {
		at, namespace, ok, err := a.scoped.Next(1 << 62)
		must(t, err)
		at2, namespace2, ok2, err := b.scoped.Next(1 << 62)
		must(t, err)
		if at != at2 || string(namespace) != string(namespace2) || ok != ok2 {
			t.Fatalf("timer %d %x %v, and then %d %x %v", at, namespace, ok, at2, namespace2, ok2)
		}
		if !ok {
			break
		}
	}
	must(t, a.Close())
	must(t, b.Close())
}

// timeToLive looks at cells before and after their time, and whether sweeping gives all back.
func timeToLive(t *testing.T, open Open) {
	t.Helper()
	now := fixedClock()
	cfg := Config{Keys: intKey, Groups: state.Share(0, 1, 8), Clock: func() time.Time { return now }}
	s := openAll(t, open(t, cfg), intKey)
	defer func() { must(t, s.Close()) }()
	numbers := make([]int, 300)
	for i := range numbers {
		numbers[i] = i
	}
	must(t, s.Select(keyColumns(intKey, numbers), nil, len(numbers)))
	fixed, texts := s.cells[4], s.cells[6]
	for i := range numbers {
		s.Use(i)
		must(t, fixed.Put(nil, numberCell(int64(i))))
		must(t, texts.Put([]byte("a"), textCell(10, 1)))
		now = now.Add(time.Millisecond)
		must(t, texts.Put([]byte("b"), textCell(10, 2)))
	}
	s.Use(0)
	now = now.Add(5*time.Second - 300*time.Millisecond) // "a" of key 0 is just over
	if _, ok, err := texts.Get([]byte("a")); ok || err != nil {
		t.Error("an expired cell was returned", err)
	}
	if _, ok, err := texts.Get([]byte("b")); !ok || err != nil {
		t.Error("a cell is gone before its time", err)
	}
	f := frozenDump(t, s, cfg.Groups)
	if len(f[6]) != 599 || len(f[4]) != 300 {
		t.Errorf("%d and %d rows were saved", len(f[6]), len(f[4]))
	}
	now = now.Add(time.Minute)
	for more, calls := true, 0; more; calls++ {
		if calls > 10_000 {
			t.Fatal("sweeping does not end")
		}
		var err error
		more, err = s.Sweep(50)
		must(t, err)
	}
	if s.Keys() != 0 {
		t.Errorf("%d keys are left", s.Keys())
	}
	if f := frozenDump(t, s, cfg.Groups); len(f[4])+len(f[6]) != 0 {
		t.Error("expired rows were saved")
	}
}

// timersInOrder sets timers many times over and lets them fire.
func timersInOrder(t *testing.T, open Open) {
	t.Helper()
	cfg := Config{Keys: intKey, Groups: state.Share(0, 1, 16), Clock: fixedClock}
	s := openAll(t, open(t, cfg), intKey)
	defer func() { must(t, s.Close()) }()
	numbers := make([]int, 200)
	for i := range numbers {
		numbers[i] = i
	}
	must(t, s.Select(keyColumns(intKey, numbers), nil, len(numbers)))
	for range 3 {
		for i := range numbers {
			s.Use(i)
			must(t, s.plain.Set(int64(i%10)*100_000, nil))
			must(t, s.plain.Set(int64(i%10)*100_000_000, []byte("x")))
		}
	}
	seen, last := map[string]bool{}, int64(-1)
	for _, until := range []int64{-1, 450_000, 1e12} {
		for {
			at, namespace, ok, err := s.plain.Next(until)
			must(t, err)
			if !ok {
				break
			}
			id := fmt.Sprintf("%d %s %x", at, namespace, columnar.Values[int64](s.Key()[0]))
			if at < last || at > until || seen[id] {
				t.Fatalf("timer %s after one of %d, until %d; seen: %v", id, last, until, seen[id])
			}
			seen[id], last = true, at
		}
	}
	if len(seen) != 400 {
		t.Errorf("%d timers fired of 400", len(seen))
	}
	if at, ok := s.plain.Earliest(); ok {
		t.Errorf("a timer of %d is left", at)
	}
}

// timersThatMove sets a timer of each key again and again, later each time, and deletes the one before, as sessions do.
func timersThatMove(t *testing.T, open Open) {
	t.Helper()
	cfg := Config{Keys: intKey, Groups: state.Share(0, 1, 16), Clock: fixedClock}
	s := openAll(t, open(t, cfg), intKey)
	defer func() { must(t, s.Close()) }()
	numbers := make([]int, 300)
	for i := range numbers {
		numbers[i] = i
	}
	must(t, s.Select(keyColumns(intKey, numbers), nil, len(numbers)))
	const step = 1_000_003
	for round := range int64(40) {
		for i := range numbers {
			s.Use(i)
			if round > 0 {
				must(t, s.plain.Delete((round-1)*step+int64(i), nil))
			}
			if round > 0 && i == len(numbers)-1 {
				if at, ok := s.plain.Earliest(); !ok || at != round*step {
					t.Fatalf("round %d: the earliest is %d, %v", round, at, ok)
				}
			}
			must(t, s.plain.Set(round*step+int64(i), nil))
		}
	}
	for i := range numbers {
		at, _, ok, err := s.plain.Next(1 << 60)
		must(t, err)
		if want := 39*step + int64(i); !ok || at != want {
			t.Fatalf("timer %d is %d, %v; want %d", i, at, ok, want)
		}
	}
	// All of a time are gone, and one comes after it.
	for n := 60; n < 70; n++ {
		for i := range n {
			s.Use(i)
			must(t, s.plain.Set(int64(n)<<41+int64(i), nil))
		}
		for i := range n {
			s.Use(i)
			must(t, s.plain.Delete(int64(n)<<41+int64(i), nil))
		}
		want := int64(n)<<41 + 5000
		must(t, s.plain.Set(want, nil))
		if at, ok := s.plain.Earliest(); !ok || at != want {
			t.Errorf("after %d deletions the earliest is %d, %v; want %d", n, at, ok, want)
		}
		must(t, s.plain.Delete(want, nil))
	}
}

// mistakes looks at what must be refused.
func mistakes(t *testing.T, open Open) {
	t.Helper()
	cfg := Config{Keys: intKey, Groups: state.Share(1, 2, 8), Clock: fixedClock}
	raw := open(t, cfg)
	s := openAll(t, raw, intKey)
	defer func() { must(t, s.Close()) }()
	if _, err := raw.Open(tablesFor(intKey)[0]); err == nil {
		t.Error("two tables of one name were opened")
	}
	other := Config{Keys: intKey, Groups: state.Share(0, 2, 8), Clock: fixedClock}
	foreign := openAll(t, Reference(t, other), intKey)
	fill(t, foreign, intKey, other.Groups, 20, 1)
	f, err := foreign.Freeze()
	must(t, err)
	for rows, err := range f.Read(context.Background(), 0) {
		must(t, err)
		if err := s.Restore("fixed", rows.Batch); err == nil {
			t.Error("rows of another task's key group were restored")
		}
		if err := s.Restore("no such", rows.Batch); err == nil {
			t.Error("rows of an unknown table were restored")
		}
	}
	f.Release()
	if err := s.Select(keyColumns(stringKey, []int{1}), nil, 1); err == nil {
		t.Error("keys of another type were selected")
	}
}

// Budget tests that a store which keeps its state in memory says so when there is none left, is still there then, and gives all back.
func Budget(t *testing.T, open Open) {
	t.Helper()
	b := budget.New(3 << 20)
	cfg := Config{Keys: intKey, Groups: state.Share(0, 1, 16), Clock: fixedClock, Memory: b.Account("state")}
	s := openAll(t, open(t, cfg), intKey)
	var failed error
	n := 0
	for ; failed == nil && n < 1_000_000; n++ {
		must(t, s.UseKey(keyColumns(intKey, []int{n}), 0))
		if failed = s.cells[0].Put(nil, numberCell(int64(n))); failed == nil {
			failed = s.cells[1].Put(nil, textCell(100, byte(n)))
		}
	}
	if !errors.Is(failed, budget.ErrExceeded) {
		t.Fatalf("after %d keys: %v", n, failed)
	}
	if s.Size() > 3<<20 {
		t.Errorf("the store holds %d bytes of 3 MiB", s.Size())
	}
	f, err := s.Freeze()
	must(t, err)
	if rows := dump(t, f, cfg.Groups)[1]; len(rows) != n-1 {
		t.Errorf("%d rows of %d", len(rows), n-1)
	}
	must(t, s.Close())
	f.Release()
	if b.Used() != 0 {
		t.Errorf("%d bytes are left in the budget", b.Used())
	}
}
