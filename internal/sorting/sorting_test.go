package sorting_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/sorting"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/vfs/mem"
)

var schema = columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.StringType}, columnar.Field{Name: "n", Type: columnar.Int64Type})

// records makes batches of random keys, few enough for many to be equal, numbered in order.
func records(r *rand.Rand, sizes []int) (out []columnar.Batch, want []string) {
	type record struct {
		key string
		n   int64
	}
	var all []record
	for _, size := range sizes {
		bb := columnar.NewBatchBuilder(schema, size)
		for range size {
			v := record{fmt.Sprintf("key %04d", r.IntN(300)), int64(len(all))}
			all = append(all, v)
			bb.Column(0).AppendString(v.key)
			columnar.AppendFixed(bb.Column(1), v.n)
		}
		bb.Added(size)
		out = append(out, bb.Finish())
	}
	slices.SortStableFunc(all, func(a, b record) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	for _, v := range all {
		want = append(want, fmt.Sprintf("%s %d", v.key, v.n))
	}
	return out, want
}

// TestRangesOfManySorted checks that ranges of what several sorters left, cut at their samples, are together all rows in order, whether
// they lie in memory or on disk.
func TestRangesOfManySorted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		in, want := records(r, rapid.SliceOfN(rapid.IntRange(0, 2000), 0, 8).Draw(rt, "sizes"))
		memory := budget.New(rapid.SampledFrom([]int64{1 << 30, 64 << 10, 1 << 10}).Draw(rt, "memory"))
		scratch, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: mem.New("scratch"), Path: "/"}}, Owner: "test", BlockBytes: 2 << 10})
		if err != nil {
			rt.Fatal(err)
		}
		sorters := rapid.IntRange(1, 3).Draw(rt, "sorters")
		var all []*sorting.Sorted
		var sample [][]byte
		for k := range sorters {
			s := sorting.New(t.Context(), sorting.Config{
				Schema: schema, Columns: []int{0}, Orders: []keys.Order{{}}, Memory: memory.Account("sort"), Spill: scratch, Name: "test",
			})
			from, to := k*len(in)/sorters, (k+1)*len(in)/sorters
			for _, b := range in[from:to] {
				if err := s.Add(b, rapid.Bool().Draw(rt, "fresh")); err != nil {
					rt.Fatal(err)
				}
			}
			sorted, err := s.Finish()
			if err != nil {
				rt.Fatal(err)
			}
			all = append(all, sorted)
			sample = append(sample, sorted.Sample(50)...)
		}
		slices.SortFunc(sample, bytes.Compare)
		var bounds [][]byte
		for range rapid.IntRange(0, 4).Draw(rt, "cuts") {
			if len(sample) > 0 {
				bounds = append(bounds, sample[r.IntN(len(sample))])
			}
		}
		slices.SortFunc(bounds, bytes.Compare)
		var got []string
		for i := range len(bounds) + 1 {
			var lower, upper []byte
			if i > 0 {
				lower = bounds[i-1]
			}
			if i < len(bounds) {
				upper = bounds[i]
			}
			got = append(got, read(rt, all, lower, upper)...)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got %d rows\n%.500q\nwant %d\n%.500q", len(got), got, len(want), want)
		}
		for _, s := range all {
			if err := s.Release(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		if memory.Used() != 0 {
			rt.Fatalf("%d bytes are still held", memory.Used())
		}
		if err := scratch.Close(t.Context()); err != nil {
			rt.Fatal(err)
		}
	})
}

func read(t *rapid.T, all []*sorting.Sorted, lower, upper []byte) (out []string) {
	m, err := sorting.Open(t.Context(), all, lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, ok, err := m.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		for i := range b.Len {
			out = append(out, fmt.Sprintf("%s %d", b.Columns[0].Text(i), columnar.Values[int64](b.Columns[1])[i]))
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}
