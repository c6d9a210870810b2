package agg

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// cpuTime is the processor time that the process has taken; on a shared machine it says more than the wall clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const benchBatches = 64

// benchFunction adds batches of random values to random groups.
func benchFunction(b *testing.B, f Function, groups int, column func(r *rand.Rand) columnar.Column) {
	r := rand.New(rand.NewPCG(1, 2))
	ids, cols := make([][]int32, benchBatches), make([][]columnar.Column, benchBatches)
	for k := range ids {
		ids[k] = make([]int32, columnar.DefaultRows)
		for i := range ids[k] {
			ids[k][i] = r.Int32N(int32(groups))
		}
		if len(f.Input) > 0 {
			cols[k] = []columnar.Column{column(r)}
		}
	}
	acc := f.New()
	defer acc.Free()
	acc.Grow(groups)
	add := func() {
		for k := range ids {
			if err := acc.Add(ids[k], cols[k], nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	add()
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		add()
	}
	rows := float64(b.N) * benchBatches * columnar.DefaultRows
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(rows/(cpuTime()-start).Seconds(), "rows/cpu-s")
}

func floats(r *rand.Rand) columnar.Column {
	values := make([]float64, columnar.DefaultRows)
	for i := range values {
		values[i] = r.Float64()
	}
	return columnar.Of(columnar.Float64Type, values, columnar.Bitmap{})
}

func ints(r *rand.Rand) columnar.Column {
	values := make([]int64, columnar.DefaultRows)
	for i := range values {
		values[i] = r.Int64N(1000)
	}
	return columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})
}

func texts(r *rand.Rand) columnar.Column {
	b := columnar.NewBuilder(columnar.StringType, columnar.DefaultRows)
	for range columnar.DefaultRows {
		b.AppendString(fmt.Sprint("text ", r.IntN(1000)))
	}
	return b.Finish()
}

func BenchmarkCount(b *testing.B) {
	for _, groups := range []int{1e3, 1e6} {
		b.Run(fmt.Sprintf("groups=%.0e", float64(groups)), func(b *testing.B) { benchFunction(b, CountRows(), groups, nil) })
	}
}

func BenchmarkSum(b *testing.B) {
	for _, groups := range []int{1, 1e3, 1e6} {
		name := fmt.Sprintf("groups=%.0e", float64(groups))
		b.Run("float64/"+name, func(b *testing.B) { benchFunction(b, must1(SumOf(columnar.Float64Type)), groups, floats) })
		b.Run("int64/"+name, func(b *testing.B) { benchFunction(b, must1(SumOf(columnar.Int64Type)), groups, ints) })
	}
}

func BenchmarkOthers(b *testing.B) {
	const groups = 1000
	run := func(f Function, column func(r *rand.Rand) columnar.Column) {
		b.Run(f.Name+"/"+f.Input[0].Type.String(), func(b *testing.B) { benchFunction(b, f, groups, column) })
	}
	run(must1(MaxOf(columnar.Int64Type)), ints)
	run(must1(MaxOf(columnar.Float64Type)), floats)
	run(must1(MaxOf(columnar.StringType)), texts)
	run(must1(AvgOf(columnar.Int64Type)), ints)
	run(LastOf(columnar.StringType), texts)
	run(must1(CountDistinctOf(columnar.Int64Type)), ints)
	run(must1(ApproxDistinctOf(columnar.Int64Type)), ints)
	run(must1(QuantileOf(columnar.Float64Type, 0.5)), floats)
	run(must1(TopKOf(columnar.Int64Type, 10)), ints)
}
