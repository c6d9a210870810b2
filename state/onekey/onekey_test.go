package onekey_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/onekey"
	"github.com/millrace/millrace/state/statetest"
)

func TestConformance(t *testing.T) {
	statetest.RunOneKey(t, func(t testing.TB, cfg statetest.Config) state.OneKey {
		t.Helper()
		s, err := onekey.New(onekey.Config{Keys: cfg.Keys, Memory: cfg.Memory, Clock: cfg.Clock})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

var (
	key   = []columnar.Field{{Name: "id", Type: columnar.Int64Type}}
	items = state.Table{
		Name: "items", Kind: "list", Keys: key,
		Namespace: []columnar.Field{{Name: "position", Type: columnar.Int64Type}}, Values: []columnar.Field{{Name: "text", Type: columnar.BinaryType}},
	}
	count = state.Table{Name: "count", Kind: "value", Keys: key, Values: []columnar.Field{{Name: "n", Type: columnar.Int64Type}}}
)

func ids(values ...int64) []columnar.Column {
	return []columnar.Column{columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})}
}

func TestBudget(t *testing.T) {
	b := budget.New(1 << 20)
	s, err := onekey.New(onekey.Config{Keys: key, Memory: b.Account("state")})
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Open(items)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Select(ids(1, 2), nil, 2); err != nil {
		t.Fatal(err)
	}
	fill := func() (n int) {
		for n = range 1_000_000 {
			if err := cells.Put([]byte{byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, 100)); err != nil {
				if !errors.Is(err, budget.ErrExceeded) {
					t.Fatal(err)
				}
				break
			}
		}
		return n
	}
	s.Use(0)
	first := fill()
	s.Use(1)
	if again := fill(); again != first || first < 1000 {
		t.Errorf("%d cells of the first key, %d of the second", first, again)
	}
	if _, err := s.Freeze(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil || b.Used() != 0 {
		t.Errorf("%d bytes are left, %v", b.Used(), err)
	}
}

func BenchmarkUseGetPut(b *testing.B) {
	s, err := onekey.New(onekey.Config{Keys: key})
	if err != nil {
		b.Fatal(err)
	}
	cells, err := s.Open(count)
	if err != nil {
		b.Fatal(err)
	}
	values := make([]int64, 8192)
	for i := range values {
		values[i] = int64(i / 8)
	}
	cols := ids(values...)
	rows := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Select(cols, nil, len(values)); err != nil {
			b.Fatal(err)
		}
		for i := range values {
			s.Use(i)
			var next [8]byte
			if cell, ok, _ := cells.Get(nil); ok {
				copy(next[:], cell)
			}
			next[0]++
			if err := cells.Put(nil, next[:]); err != nil {
				b.Fatal(err)
			}
		}
		rows += len(values)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
