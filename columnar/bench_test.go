package columnar_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/millrace/millrace/columnar"
)

func reportRows(b *testing.B, n int) {
	rows := float64(b.N) * float64(n)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/rows, "ns/row")
}

// benchWords are of 1 to 14 bytes.
func benchWords(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("%014d", r.Int64N(1e14))[:1+r.IntN(14)]
	}
	return words
}

func textColumn(words []string) Column {
	var t TextBuffer
	for _, w := range words {
		t.Append(w)
	}
	c, err := t.Finish(StringType)
	if err != nil {
		panic(err)
	}
	return c
}

func BenchmarkTextBuffer(b *testing.B) {
	words := benchWords(DefaultRows)
	var t TextBuffer
	b.ReportAllocs()
	for b.Loop() {
		for _, w := range words {
			t.Append(w)
		}
		if _, err := t.Finish(StringType); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, len(words))
}

func BenchmarkBuilder(b *testing.B) {
	words := benchWords(DefaultRows)
	numbers := make([]int64, DefaultRows)
	text, fixed := textColumn(words), Of(Int64Type, numbers, Bitmap{})
	sel := make([]int32, DefaultRows)
	for i, r := range rand.New(rand.NewPCG(1, 2)).Perm(DefaultRows) {
		sel[i] = int32(r)
	}
	run := func(name string, t Type, fill func(*Builder)) {
		b.Run(name, func(b *testing.B) {
			bb := NewBuilder(t, DefaultRows)
			b.ReportAllocs()
			for b.Loop() {
				fill(bb)
				bb.Finish()
			}
			reportRows(b, DefaultRows)
		})
	}
	run("AppendString", StringType, func(bb *Builder) {
		for _, w := range words {
			bb.AppendString(w)
		}
	})
	run("AppendFixed", Int64Type, func(bb *Builder) {
		for _, v := range numbers {
			AppendFixed(bb, v)
		}
	})
	run("Append/string/sel", StringType, func(bb *Builder) { bb.Append(text, sel) })
	run("Append/string", StringType, func(bb *Builder) { bb.Append(text, nil) })
	run("Append/int64/sel", Int64Type, func(bb *Builder) { bb.Append(fixed, sel) })
	nulls := fixed
	nulls.Valid = NewBitmap(DefaultRows)
	run("Append/int64/nulls/sel", Int64Type, func(bb *Builder) { bb.Append(nulls, sel) })
	run("Append/int64/nulls", Int64Type, func(bb *Builder) { bb.Append(nulls, nil) })
	run("Append/int64", Int64Type, func(bb *Builder) { bb.Append(fixed, nil) })
}
