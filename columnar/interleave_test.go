package columnar_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
)

func TestInterleave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := batches.Schema(t, 4)
		sources := make([]columnar.Batch, rapid.IntRange(0, 4).Draw(t, "batches"))
		for i := range sources {
			sources[i] = batches.Batch(t, schema, 30)
			sources[i].Sel = nil
		}
		places, want := drawPlaces(t, schema, sources)
		v := columnar.NewInterleaver(schema, sources)
		got := v.Take(places)
		if text := batches.Text(got); !slices.Equal(text, want) {
			t.Fatalf("got\n%q\nwant\n%q", text, want)
		}
		if n := v.Fit(places, 1<<30); n != len(places) {
			t.Fatalf("%d of %d rows fit 1 GiB", n, len(places))
		}
	})
}

// drawPlaces draws places, with those of no batch, and what they read as.
func drawPlaces(t *rapid.T, schema *columnar.Schema, sources []columnar.Batch) ([]columnar.Place, []string) {
	nulls := columnar.NewBatchBuilder(schema, 1)
	for i := range schema.Fields {
		nulls.Column(i).AppendNulls(1)
	}
	nulls.Added(1)
	missing := batches.Text(nulls.Finish())[0]
	var places []columnar.Place
	var want []string
	for range rapid.IntRange(0, 60).Draw(t, "places") {
		k := rapid.IntRange(-1, len(sources)-1).Draw(t, "batch")
		if k < 0 || sources[k].Len == 0 {
			places, want = append(places, columnar.Place{Batch: columnar.NoBatch}), append(want, missing)
			continue
		}
		row := rapid.IntRange(0, sources[k].Len-1).Draw(t, "row")
		places = append(places, columnar.Place{Batch: uint32(k), Row: uint32(row)})
		want = append(want, batches.RowText(sources[k], row))
	}
	return places, want
}

func TestInterleaveFit(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType})
	bb := columnar.NewBatchBuilder(schema, 3)
	for _, n := range []int{100, 10, 1000} {
		bb.Column(0).AppendBytes(make([]byte, n))
	}
	bb.Added(3)
	v := columnar.NewInterleaver(schema, []columnar.Batch{bb.Finish()})
	places := []columnar.Place{{Row: 0}, {Row: 1}, {Row: 2}}
	for bytes, want := range map[int]int{0: 1, 103: 1, 104: 1, 118: 2, 1121: 2, 1122: 3} {
		if got := v.Fit(places, bytes); got != want {
			t.Errorf("%d rows fit %d bytes, want %d", got, bytes, want)
		}
	}
}

// BenchmarkInterleave takes random rows of a million records of 100 bytes, the least that a sort does with a row.
func BenchmarkInterleave(b *testing.B) {
	schema := columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.StringType}, columnar.Field{Name: "value", Type: columnar.StringType},
		columnar.Field{Name: "n", Type: columnar.Int64Type})
	r := rand.New(rand.NewPCG(1, 2))
	var sources []columnar.Batch
	for range 128 {
		bb := columnar.NewBatchBuilder(schema, columnar.DefaultRows)
		for i := range columnar.DefaultRows {
			bb.Column(0).AppendString(fmt.Sprintf("%010d", r.Uint32()))
			bb.Column(1).AppendBytes(make([]byte, 90))
			columnar.AppendFixed(bb.Column(2), int64(i))
		}
		bb.Added(columnar.DefaultRows)
		sources = append(sources, bb.Finish())
	}
	places := make([]columnar.Place, columnar.DefaultRows)
	for i := range places {
		places[i] = columnar.Place{Batch: r.Uint32N(128), Row: r.Uint32N(columnar.DefaultRows)}
	}
	v := columnar.NewInterleaver(schema, sources)
	b.ReportAllocs()
	for b.Loop() {
		for i := range places { // new rows each time, or the cache has them
			places[i].Row = (places[i].Row*5 + 1) % columnar.DefaultRows
		}
		v.Take(places)
	}
	b.ReportMetric(float64(b.N)*float64(len(places))/b.Elapsed().Seconds(), "rows/s")
}
