package keys

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

const benchBatches = 128

// cpuTime is the processor time that the process has taken; on a shared machine it says more than the wall clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs one round over perRound rows until the benchmark has enough.
func measure(b *testing.B, perRound int, round func()) {
	round()
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		round()
	}
	rows := float64(b.N) * float64(perRound)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(rows/(cpuTime()-start).Seconds(), "rows/cpu-s")
}

// zipfWords returns batches of words drawn by Zipf's law (s = 1.1) from 100,000 distinct ones, of 2 to 13 letters, the frequent ones
// shorter.
func zipfWords() []columnar.Column {
	const distinct = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, distinct)
	for i := range words {
		word := make([]byte, 2+r.IntN(4)+min(i/500, 4)+r.IntN(5))
		for k := range word {
			word[k] = 'a' + byte(r.IntN(26))
		}
		words[i] = string(word)
	}
	zipf := rand.NewZipf(r, 1.1, 1, uint64(distinct-1))
	batches := make([]columnar.Column, benchBatches)
	for k := range batches {
		b := columnar.NewBuilder(columnar.StringType, columnar.DefaultRows)
		for range columnar.DefaultRows {
			b.AppendString(words[zipf.Uint64()])
		}
		batches[k] = b.Finish()
	}
	return batches
}

func uniformInts(groups int) []columnar.Column {
	r := rand.New(rand.NewPCG(1, 2))
	batches := make([]columnar.Column, benchBatches)
	for k := range batches {
		values := make([]int64, columnar.DefaultRows)
		for i := range values {
			values[i] = r.Int64N(int64(groups)) * 1_000_003
		}
		batches[k] = columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})
	}
	return batches
}

// BenchmarkGrouper counts rows by key: ids from the Grouper and a dense array of counts, against Go's maps.
func BenchmarkGrouper(b *testing.B) {
	words := zipfWords()
	b.Run("string/zipf=100k", func(b *testing.B) { benchCounts(b, [][]columnar.Column{words}) })
	b.Run("string/zipf=100k/gomap", func(b *testing.B) { benchStringMap(b, words) })
	for _, groups := range []int{1e3, 1e6} {
		ints := uniformInts(groups)
		name := fmt.Sprintf("int64/groups=%.0e", float64(groups))
		b.Run(name, func(b *testing.B) { benchCounts(b, [][]columnar.Column{ints}) })
		b.Run(name+"/gomap", func(b *testing.B) { benchIntMap(b, ints) })
		small := make([]columnar.Column, len(ints))
		for k, c := range ints {
			values := make([]int32, c.Len)
			for i, v := range columnar.Values[int64](c) {
				values[i] = int32(v / 1_000_003 % 100)
			}
			small[k] = columnar.Of(columnar.Int32Type, values, columnar.Bitmap{})
		}
		b.Run("int64,int32/groups="+fmt.Sprintf("%.0e", float64(groups)), func(b *testing.B) { benchCounts(b, [][]columnar.Column{ints, small}) })
		b.Run("int64,int64/groups="+fmt.Sprintf("%.0e", float64(groups)), func(b *testing.B) { benchCounts(b, [][]columnar.Column{ints, ints}) })
	}
	texts := make([]columnar.Column, benchBatches)
	for k, c := range uniformInts(1e6) {
		text := columnar.NewBuilder(columnar.StringType, c.Len)
		for _, v := range columnar.Values[int64](c) {
			text.AppendString(fmt.Sprintf("https://example.org/%016x", v))
		}
		texts[k] = text.Finish()
	}
	b.Run("string36/groups=1e+06", func(b *testing.B) { benchCounts(b, [][]columnar.Column{texts}) })
	b.Run("string36/groups=1e+06/gomap", func(b *testing.B) { benchStringMap(b, texts) })
	flags := make([]columnar.Column, benchBatches)
	for k, c := range uniformInts(3) {
		text := columnar.NewBuilder(columnar.StringType, c.Len)
		for _, v := range columnar.Values[int64](c) {
			text.AppendString([]string{"A", "N", "R"}[v/1_000_003])
		}
		flags[k] = text.Finish()
	}
	b.Run("string1,string1/groups=3", func(b *testing.B) { benchCounts(b, [][]columnar.Column{flags, flags}) })
	b.Run("string,string/zipf=100k", func(b *testing.B) { benchCounts(b, [][]columnar.Column{words, words}) })
}

func benchCounts(b *testing.B, cols [][]columnar.Column) {
	types := make([]columnar.Type, len(cols))
	for i := range cols {
		types[i] = cols[i][0].Type
	}
	g := NewGrouper(types, nil)
	defer g.Free()
	var counts []int64
	out := make([]int32, columnar.DefaultRows)
	row := make([]columnar.Column, len(cols))
	measure(b, benchBatches*columnar.DefaultRows, func() {
		for k := range benchBatches {
			for i := range cols {
				row[i] = cols[i][k]
			}
			mustFind(b, g, row, nil, len(out), out)
			for len(counts) < g.Len() {
				counts = append(counts, 0)
			}
			for _, group := range out {
				counts[group]++
			}
		}
	})
}

func benchStringMap(b *testing.B, batches []columnar.Column) {
	counts := map[string]*int64{}
	measure(b, len(batches)*columnar.DefaultRows, func() {
		for k := range batches {
			for i := range batches[k].Len {
				word := batches[k].Text(i)
				if n := counts[word]; n != nil {
					*n++
				} else {
					one := int64(1)
					counts[word] = &one
				}
			}
		}
	})
}

func benchIntMap(b *testing.B, batches []columnar.Column) {
	counts := map[int64]int64{}
	measure(b, len(batches)*columnar.DefaultRows, func() {
		for k := range batches {
			for _, v := range columnar.Values[int64](batches[k]) {
				counts[v]++
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	out := make([]uint64, columnar.DefaultRows)
	for name, batches := range map[string][]columnar.Column{"string": zipfWords(), "int64": uniformInts(1e6)} {
		b.Run(name, func(b *testing.B) {
			measure(b, len(batches)*columnar.DefaultRows, func() {
				for k := range batches {
					Hash(batches[k:k+1], nil, len(out), out)
				}
			})
		})
	}
}
