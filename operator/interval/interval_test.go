package interval_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/operator/interval"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

var (
	key     = columnar.Field{Name: "key", Type: columnar.StringType}
	leftIn  = columnar.NewSchema(key, columnar.Field{Name: "id", Type: columnar.Int64Type}, columnar.Field{Name: "note", Type: columnar.StringType, Nullable: true})
	rightIn = columnar.NewSchema(key, columnar.Field{Name: "id", Type: columnar.Int64Type})
	schemas = []*columnar.Schema{leftIn, rightIn}
)

// row is a row of either side.
type row struct {
	side int
	key  string
	id   int64
	time int64
}

// step is rows of one side, or a watermark.
type step struct {
	rows      []row
	watermark int64 // where rows is nil
}

func batch(rows []row) columnar.Batch {
	s := schemas[rows[0].side]
	b := columnar.NewBatchBuilder(s, len(rows))
	var times []int64
	for _, r := range rows {
		b.Column(0).AppendString(r.key)
		columnar.AppendFixed(b.Column(1), r.id)
		if r.side == 0 {
			if r.id%3 == 0 {
				b.Column(2).AppendNulls(1)
			} else {
				b.Column(2).AppendString(fmt.Sprint("note ", r.id))
			}
		}
		b.Added(1)
		times = append(times, r.time)
	}
	out := b.Finish()
	out.Time = times
	return out
}

// reference joins the rows that are not late, each against all.
func reference(steps []step, lo, hi int64) []string {
	w := int64(stream.NoWatermark)
	var taken []row
	for _, s := range steps {
		if s.rows == nil {
			w = s.watermark
		}
		for _, r := range s.rows {
			if r.time > w {
				taken = append(taken, r)
			}
		}
	}
	var out []string
	for _, l := range taken {
		for _, r := range taken {
			if d := r.time - l.time; l.side == 0 && r.side == 1 && l.key == r.key && lo <= d && d <= hi {
				note := fmt.Sprint("note ", l.id)
				if l.id%3 == 0 {
					note = "null"
				}
				out = append(out, fmt.Sprintf("%d %s %d @%d", l.id, note, r.id, max(l.time, r.time)))
			}
		}
	}
	return out
}

func pairs(all []columnar.Batch) []string {
	var out []string
	for _, b := range all {
		for i := range b.Len {
			note := "null"
			if !b.Columns[1].IsNull(i) {
				note = b.Columns[1].Text(i)
			}
			out = append(out, fmt.Sprintf("%d %s %d @%d", columnar.Values[int64](b.Columns[0])[i], note, columnar.Values[int64](b.Columns[2])[i], b.Time[i]))
		}
	}
	return out
}

func play(t testing.TB, tasks []*optest.Task, steps []step) {
	t.Helper()
	for _, s := range steps {
		if s.rows == nil {
			for _, k := range tasks {
				k.Advance(stream.Watermark(s.watermark))
			}
			continue
		}
		b := batch(s.rows)
		hashes := make([]uint64, b.Len)
		keys.Hash(b.Columns[:1], nil, b.Len, hashes)
		for _, k := range tasks {
			mine := b
			mine.Sel = []int32{}
			for i, h := range hashes {
				if k.Env.Groups.Has(k.Env.Groups.Of(h)) {
					mine.Sel = append(mine.Sel, int32(i))
				}
			}
			k.Push(s.rows[0].side, mine)
		}
	}
}

func collect(tasks []*optest.Task) []string {
	var out []string
	for _, k := range tasks {
		out = append(out, pairs(k.Out)...)
	}
	return out
}

// script draws rows around a time that moves on, and watermarks behind it.
func script(r *rand.Rand, n int) []step {
	var steps []step
	now, id, w := int64(0), int64(0), int64(-1000)
	for range n {
		now += r.Int64N(10)
		if next := now - 15 + r.Int64N(10); r.IntN(3) == 0 && next > w {
			w = next
			steps = append(steps, step{watermark: w})
			continue
		}
		side := r.IntN(2)
		rows := []row{}
		for range 1 + r.IntN(8) {
			id++
			rows = append(rows, row{side, string(rune('a' + r.IntN(5))), id, now - 20 + r.Int64N(30)})
		}
		steps = append(steps, step{rows: rows})
	}
	return steps
}

func TestAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lo := rapid.Int64Range(-20, 20).Draw(r, "lo")
		hi := lo + rapid.Int64Range(0, 25).Draw(r, "width")
		steps := script(rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)), 60)
		k := optest.NewTask(t, interval.New(interval.Spec{Keys: 1, Lo: lo, Hi: hi}), schemas...)
		play(t, []*optest.Task{k}, steps)
		k.End()
		optest.CompareSets(t, pairs(k.Out), reference(steps, lo, hi))
	})
}

// Snapshots before every step go on elsewhere, in another number of tasks, as if nothing had been.
func TestSnapshots(t *testing.T) {
	const lo, hi = -7, 9
	steps := script(rand.New(rand.NewPCG(2, 3)), 40)
	spec := interval.Spec{Keys: 1, Lo: lo, Hi: hi}
	want := reference(steps, lo, hi)
	for at := range steps {
		for _, tasks := range []int{1, 3} {
			k := optest.NewTask(t, interval.New(spec), schemas...)
			play(t, []*optest.Task{k}, steps[:at])
			frozen := k.Snapshot()
			before := pairs(k.Out)
			play(t, []*optest.Task{k}, steps[at:]) // what was frozen does not see it
			next := optest.Restore(t, []state.Frozen{frozen}, func() stream.Operator { return interval.New(spec) }, tasks, schemas...)
			w := int64(stream.NoWatermark)
			for _, s := range steps[:at] {
				if s.rows == nil {
					w = s.watermark
				}
			}
			for _, k := range next {
				k.Advance(stream.Watermark(w)) // sources say it again
			}
			play(t, next, steps[at:])
			optest.CompareSets(t, slices.Concat(before, collect(next)), want)
		}
	}
}

// What is kept is bounded: when all rows have expired nothing is left.
func TestStateExpires(t *testing.T) {
	k := optest.NewTask(t, interval.New(interval.Spec{Keys: 1, Lo: -100, Hi: 100}), schemas...)
	for i := range int64(2000) {
		play(t, []*optest.Task{k}, []step{{rows: []row{{int(i % 2), fmt.Sprint("k", i%50), i, 10 * i}}}, {watermark: 10*i - 5}})
		if i < 100 || i%100 != 0 {
			continue
		}
		if n := rowsKept(t, k); n > 40 {
			t.Fatalf("%d rows are kept after %d", n, i)
		}
	}
	k.End()
	if n := rowsKept(t, k); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func rowsKept(t *testing.T, k *optest.Task) int {
	t.Helper()
	f := k.Snapshot()
	defer f.Release()
	n := 0
	for i, table := range f.Tables() {
		for rows, err := range f.Read(t.Context(), i) {
			if err != nil {
				t.Fatal(err)
			}
			if table.Kind == "rows" {
				n += rows.Batch.Rows()
			}
		}
	}
	return n
}

func TestLateRows(t *testing.T) {
	k := optest.NewTask(t, interval.New(interval.Spec{Keys: 1, Lo: -10, Hi: 10}), schemas...)
	play(t, []*optest.Task{k}, []step{
		{rows: []row{{0, "a", 1, 100}}}, {watermark: 104}, {rows: []row{{1, "a", 2, 104}}}, {rows: []row{{1, "a", 3, 105}}},
	})
	if got := pairs(k.Out); !slices.Equal(got, []string{"1 note 1 3 @105"}) {
		t.Errorf("%v", got)
	}
	if n := k.Env.Metrics.Values().User["late"]; n != 1 {
		t.Errorf("%d late rows are counted", n)
	}
}

func TestNoTime(t *testing.T) {
	k := optest.NewTask(t, interval.New(interval.Spec{Keys: 1}), schemas...)
	b := batch([]row{{0, "a", 1, 100}})
	b.Time = nil
	op := interval.New(interval.Spec{Keys: 1})
	if err := op.Open(k.Env); err != nil {
		t.Fatal(err)
	}
	if err := op.Process(0, b, nil); err == nil {
		t.Error("no error")
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
	if err := interval.New(interval.Spec{}).Close(); err != nil {
		t.Error(err)
	}
}

// A row with very many partners gives them in several batches.
func TestManyPartners(t *testing.T) {
	const n = 20000
	k := optest.NewTask(t, interval.New(interval.Spec{Keys: 1, Lo: -n, Hi: n}), schemas...)
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{0, "a", int64(i), int64(i)}
	}
	steps := []step{{rows: rows}, {rows: []row{{1, "a", 1, 5}, {1, "a", 2, 6}}}}
	play(t, []*optest.Task{k}, steps)
	optest.CompareSets(t, pairs(k.Out), reference(steps, -n, n))
	for _, b := range k.Out {
		if b.Len > columnar.DefaultRows {
			t.Errorf("a batch of %d rows", b.Len)
		}
	}
}

func BenchmarkInterval(b *testing.B) {
	const n = 4096
	r := rand.New(rand.NewPCG(1, 1))
	rows := [2][]row{}
	for i := range rows {
		for range n {
			rows[i] = append(rows[i], row{i, fmt.Sprint("key ", r.IntN(1000)), r.Int64(), 0})
		}
	}
	in := [2]columnar.Batch{batch(rows[0]), batch(rows[1])}
	k := optest.NewTask(b, interval.New(interval.Spec{Keys: 1, Lo: -100, Hi: 100}), schemas...)
	now := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range in {
			for c := range in[i].Time {
				in[i].Time[c] = now + int64(c)*1000/n
			}
			k.Push(i, in[i])
		}
		now += 1000
		k.Advance(stream.Watermark(now - 1))
		k.Out = k.Out[:0]
	}
	b.ReportMetric(float64(2*n*b.N)/b.Elapsed().Seconds(), "rows/s")
}
