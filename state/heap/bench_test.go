//go:build unix

package heap_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
)

var (
	intKey    = []columnar.Field{{Name: "id", Type: columnar.Int64Type}}
	stringKey = []columnar.Field{{Name: "user", Type: columnar.StringType}}
	wideKey   = []columnar.Field{{Name: "id", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 16}}}
	wide      = []columnar.Field{{Name: "v", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 64}}}
	number    = []columnar.Field{{Name: "n", Type: columnar.Int64Type}}
	text      = []columnar.Field{{Name: "s", Type: columnar.StringType}}
	window    = []columnar.Field{{Name: "end", Type: columnar.TimestampType}}
)

func newStore(b testing.TB, key []columnar.Field) state.Store {
	b.Helper()
	s, err := heap.New(heap.Config{Keys: key, Groups: state.Share(0, 1, state.DefaultKeyGroups)})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func openTable(b testing.TB, s state.Store, t state.Table) state.Cells {
	b.Helper()
	c, err := s.Open(t)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// keyBatch returns the columns of keys for numbers.
func keyBatch(key []columnar.Field, numbers []int64) []columnar.Column {
	bld := columnar.NewBuilder(key[0].Type, len(numbers))
	for _, n := range numbers {
		switch key[0].Type.Kind {
		case columnar.String:
			bld.AppendString(fmt.Sprintf("user-%d", n))
		case columnar.FixedBinary:
			bld.AppendBytes(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(n)), 7))
		default:
			columnar.AppendFixed(bld, n)
		}
	}
	return []columnar.Column{bld.Finish()}
}

// batches returns some batches of random keys below n.
func batches(key []columnar.Field, n int64) [][]columnar.Column {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]columnar.Column, 32)
	for i := range out {
		numbers := make([]int64, columnar.DefaultRows)
		for k := range numbers {
			numbers[k] = r.Int64N(n)
		}
		out[i] = keyBatch(key, numbers)
	}
	return out
}

// load puts a cell of n keys.
func load(b testing.TB, s state.Store, c state.Cells, key []columnar.Field, n int64, cell []byte) {
	b.Helper()
	for from := int64(0); from < n; from += columnar.DefaultRows {
		numbers := make([]int64, min(columnar.DefaultRows, n-from))
		for i := range numbers {
			numbers[i] = from + int64(i)
		}
		if err := s.Select(keyBatch(key, numbers), nil, len(numbers)); err != nil {
			b.Fatal(err)
		}
		for i := range numbers {
			s.Use(i)
			if err := c.Put(nil, cell); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkUpdate is Select, Use, Get and Put of a counter for each row.
func BenchmarkUpdate(b *testing.B) {
	for _, key := range [][]columnar.Field{intKey, stringKey} {
		for _, n := range []int64{1e3, 1e5, 1e6, 1e7} {
			b.Run(fmt.Sprintf("%s/keys=%.0e", key[0].Type, float64(n)), func(b *testing.B) {
				s := newStore(b, key)
				defer s.Close()
				c := openTable(b, s, state.Table{Name: "n", Keys: key, Values: number})
				load(b, s, c, key, n, make([]byte, 8))
				in := batches(key, n)
				update(b, s, c, in)
			})
		}
	}
}

func update(b *testing.B, s state.Store, c state.Cells, in [][]columnar.Column) {
	b.Helper()
	rows, next := 0, make([]byte, 8)
	b.ReportAllocs()
	began := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		cols := in[i%len(in)]
		if err := s.Select(cols, nil, columnar.DefaultRows); err != nil {
			b.Fatal(err)
		}
		for k := range columnar.DefaultRows {
			s.Use(k)
			cell, _, err := c.Get(nil)
			if err != nil {
				b.Fatal(err)
			}
			binary.LittleEndian.PutUint64(next, binary.LittleEndian.Uint64(cell)+1)
			if err := c.Put(nil, next); err != nil {
				b.Fatal(err)
			}
		}
		rows += columnar.DefaultRows
	}
	reportRows(b, rows, began)
}

// BenchmarkTyped is the same by a state.Value.
func BenchmarkTyped(b *testing.B) {
	type account struct {
		Total int64
		N     int64
		Last  int32
	}
	type processor struct {
		Account state.Value[account]
	}
	s := newStore(b, intKey)
	defer s.Close()
	p := &processor{}
	if _, err := state.Bind(p, intKey, s); err != nil {
		b.Fatal(err)
	}
	in := batches(intKey, 1e5)
	rows := 0
	b.ReportAllocs()
	began := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		if err := s.Select(in[i%len(in)], nil, columnar.DefaultRows); err != nil {
			b.Fatal(err)
		}
		for k := range columnar.DefaultRows {
			s.Use(k)
			a, _ := p.Account.Get()
			a.Total += int64(k)
			a.N++
			p.Account.Set(a)
		}
		rows += columnar.DefaultRows
	}
	reportRows(b, rows, began)
}

// BenchmarkWindows is Get and Put of a counter in one of two windows of the key, a timer set with each.
func BenchmarkWindows(b *testing.B) {
	for _, n := range []int64{1e3, 1e6} {
		b.Run(fmt.Sprintf("keys=%.0e", float64(n)), func(b *testing.B) {
			s := newStore(b, intKey)
			defer s.Close()
			c := openTable(b, s, state.Table{Name: "n", Keys: intKey, Namespace: window, Values: number})
			timers, err := s.OpenTimers("timers", window...)
			if err != nil {
				b.Fatal(err)
			}
			in := batches(intKey, n)
			rows := 0
			var namespace, next [8]byte
			b.ReportAllocs()
			began := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				if err := s.Select(in[i%len(in)], nil, columnar.DefaultRows); err != nil {
					b.Fatal(err)
				}
				for k := range columnar.DefaultRows {
					s.Use(k)
					namespace[7] = byte(k & 1)
					cell, ok, err := c.Get(namespace[:])
					if err != nil {
						b.Fatal(err)
					}
					if ok {
						copy(next[:], cell)
					} else if err := timers.Set(int64(k&1)*60_000_000, namespace[:]); err != nil {
						b.Fatal(err)
					}
					next[0]++
					if err := c.Put(namespace[:], next[:]); err != nil {
						b.Fatal(err)
					}
				}
				rows += columnar.DefaultRows
			}
			reportRows(b, rows, began)
		})
	}
}

// BenchmarkTimers sets timers in the order of time, as streams do, and fires them.
func BenchmarkTimers(b *testing.B) {
	s := newStore(b, intKey)
	defer s.Close()
	timers, err := s.OpenTimers("timers")
	if err != nil {
		b.Fatal(err)
	}
	in := batches(intKey, 1e5)
	rows, now := 0, int64(0)
	b.ReportAllocs()
	began := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		if err := s.Select(in[i%len(in)], nil, columnar.DefaultRows); err != nil {
			b.Fatal(err)
		}
		for k := range columnar.DefaultRows {
			s.Use(k)
			now += 10
			if err := timers.Set(now+1_000_000, nil); err != nil {
				b.Fatal(err)
			}
		}
		for ok := true; ok; {
			if _, _, ok, err = timers.Next(now); err != nil {
				b.Fatal(err)
			}
		}
		rows += columnar.DefaultRows
	}
	reportRows(b, rows, began)
}

// BenchmarkSnapshot reads all rows of a frozen state.
func BenchmarkSnapshot(b *testing.B) {
	for _, table := range []state.Table{
		{Name: "number", Keys: intKey, Values: number},
		{Name: "text", Keys: intKey, Values: text},
	} {
		b.Run(table.Name, func(b *testing.B) {
			s := newStore(b, intKey)
			defer s.Close()
			c := openTable(b, s, table)
			cell := make([]byte, 8)
			if table.Name == "text" {
				cell = append([]byte{20, 0, 0, 0}, make([]byte, 20)...)
			}
			const n = 1e6
			load(b, s, c, intKey, n, cell)
			rows := 0
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				f, err := s.Freeze()
				if err != nil {
					b.Fatal(err)
				}
				for r, err := range f.Read(context.Background(), 0) {
					if err != nil {
						b.Fatal(err)
					}
					rows += r.Batch.Rows()
				}
				f.Release()
			}
			reportRows(b, rows, began)
		})
	}
}
