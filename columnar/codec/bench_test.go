package codec_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// line is the flat record of the benchmarks.
type line struct {
	Order    int64
	Quantity float64
	Price    float64
	Flag     string
	Status   string
	Shipped  time.Time
	Number   int32
}

func lines(n int) []line {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]line, n)
	for i := range out {
		out[i] = line{r.Int64(), r.Float64(), r.Float64(), "RETURNED"[:1+r.IntN(8)], "OPEN", time.UnixMicro(r.Int64N(1e15)).UTC(), r.Int32()}
	}
	return out
}

func words(n, length int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%0*d", length, r.IntN(1e6))[:length]
	}
	return out
}

func reportRows(b *testing.B, n int) {
	b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/(float64(b.N)*float64(n)), "ns/row")
}

func benchmarkEncode[T any](b *testing.B, values []T) {
	b.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		b.Fatal(err)
	}
	e := c.Encoder()
	b.ReportAllocs()
	for b.Loop() {
		for i := range values {
			e.Append(values[i])
		}
		if _, err := e.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, len(values))
}

func BenchmarkEncode(b *testing.B) {
	n := columnar.DefaultRows
	b.Run("string8", func(b *testing.B) { benchmarkEncode(b, words(n, 8)) })
	b.Run("string3", func(b *testing.B) { benchmarkEncode(b, words(n, 3)) })
	b.Run("int64", func(b *testing.B) { benchmarkEncode(b, make([]int64, n)) })
	b.Run("struct7", func(b *testing.B) { benchmarkEncode(b, lines(n)) })
	b.Run("slices", func(b *testing.B) {
		values := make([][]int64, n)
		for i := range values {
			values[i] = []int64{1, 2, 3}
		}
		benchmarkEncode(b, values)
	})
	b.Run("maps", func(b *testing.B) { benchmarkEncode(b, mapValues(n)) })
}

func mapValues(n int) []map[string]int64 {
	values := make([]map[string]int64, n)
	for i := range values {
		values[i] = map[string]int64{"one": 1, "two": 2, "three": 3}
	}
	return values
}

// BenchmarkSelect measures the way of a key selector: a function and an append behind an interface.
func BenchmarkSelect(b *testing.B) {
	values := lines(columnar.DefaultRows)
	s, err := codec.Select(func(l line) string { return l.Flag })
	if err != nil {
		b.Fatal(err)
	}
	x := s.New()
	b.ReportAllocs()
	for b.Loop() {
		for i := range values {
			x.Append(values[i])
		}
		if _, err := x.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, len(values))
}

func benchmarkDecode[T any](b *testing.B, batch columnar.Batch) {
	b.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		b.Fatal(err)
	}
	d, err := c.Decoder(batch.Schema)
	if err != nil {
		b.Fatal(err)
	}
	var dst []T
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = d.Decode(batch, dst); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, batch.Rows())
}

func everySecond(n int) []int32 {
	sel := make([]int32, 0, n/2)
	for i := 0; i < n; i += 2 {
		sel = append(sel, int32(i))
	}
	return sel
}

func BenchmarkDecode(b *testing.B) {
	n := columnar.DefaultRows
	text, structs := batchOf(b, words(n, 8)), batchOf(b, lines(n))
	b.Run("string8", func(b *testing.B) { benchmarkDecode[string](b, text) })
	b.Run("int64", func(b *testing.B) { benchmarkDecode[int64](b, batchOf(b, make([]int64, n))) })
	b.Run("struct7", func(b *testing.B) { benchmarkDecode[line](b, structs) })
	selected := structs
	selected.Sel = everySecond(n)
	b.Run("struct7/selected", func(b *testing.B) { benchmarkDecode[line](b, selected) })
	b.Run("maps", func(b *testing.B) { benchmarkDecode[map[string]int64](b, batchOf(b, mapValues(n))) })
	b.Run("rows", func(b *testing.B) { benchmarkDecode[columnar.Row](b, structs) })
	b.Run("pointers", func(b *testing.B) { benchmarkDecode[*int64](b, batchOf(b, make([]*int64, n))) })
}
