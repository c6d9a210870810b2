package join

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// BenchmarkTake copies random rows of a million, of an integer and a short string, from where they are packed and from their batches.
func BenchmarkTake(b *testing.B) {
	s := columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.Int64Type}, columnar.Field{Name: "region", Type: columnar.StringType})
	const parts = 128
	var batches []columnar.Batch
	for i := range parts {
		key, region := make([]int64, columnar.DefaultRows), columnar.NewBuilder(columnar.StringType, columnar.DefaultRows)
		for k := range key {
			key[k] = int64(i*len(key) + k)
			region.AppendString(fmt.Sprintf("region %d", key[k]%25))
		}
		batches = append(batches, columnar.Batch{
			Schema: s, Len: len(key), Columns: []columnar.Column{columnar.Of(columnar.Int64Type, key, columnar.Bitmap{}), region.Finish()},
		})
	}
	p := newPacked(s, batches, parts*columnar.DefaultRows, nil)
	defer p.free()
	rng := rand.New(rand.NewPCG(1, 2))
	var packedAt, batchAt [64][]columnar.Place
	for i := range packedAt {
		for range columnar.DefaultRows {
			row := rng.Uint32N(parts * columnar.DefaultRows)
			packedAt[i] = append(packedAt[i], columnar.Place{Row: row})
			batchAt[i] = append(batchAt[i], columnar.Place{Batch: row / columnar.DefaultRows, Row: row % columnar.DefaultRows})
		}
	}
	run := func(name string, from source, places [64][]columnar.Place) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			start, i := cpuTime(), 0
			for b.Loop() {
				from.Take(places[i%len(places)])
				i++
			}
			b.ReportMetric(float64(i*columnar.DefaultRows)/(cpuTime()-start).Seconds(), "rows/cpu-s")
		})
	}
	run("packed", p, packedAt)
	run("batches", columnar.NewInterleaver(s, batches), batchAt)
}

// cpuTime returns the processor time that the process has taken.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
