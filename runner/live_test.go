package runner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
)

type sample struct {
	Key   int64
	Value int64
}

type total struct {
	Key int64
	Sum int64
}

// rolled is a job of two exchanges with state in the second stage: sums by key, row by row.
func rolled(rows int64, got **dataset.Result[total]) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Rows: rows, SplitRows: rows / 16, At: func(i int64) sample { return sample{i % 97, i} }})
		keyed := datastream.KeyBy(in, func(s sample) int64 { return s.Key })
		sums := datastream.Aggregate(keyed, agg.Sum(func(s sample) int64 { return s.Value }), func(k, sum int64) total { return total{k, sum} }, plan.UID("sums"))
		*got = datastream.Collect(sums)
	}
}

// last returns the greatest sum of each key: the one after its last record.
func last(records []total) map[int64]int64 {
	out := map[int64]int64{}
	for _, r := range records {
		out[r.Key] = max(out[r.Key], r.Sum)
	}
	return out
}

func TestBoundedStream(t *testing.T) {
	const rows = 200_000
	want := map[int64]int64{}
	for i := range int64(rows) {
		want[i%97] += i
	}
	for _, tasks := range []int{1, 2, 7} {
		var got *dataset.Result[total]
		o := runner.Options{Parallelism: tasks}
		o.Streaming.Always = true
		o.Streaming.Checkpoints.Interval = 5 * time.Millisecond
		if _, err := runner.Run(t.Context(), rolled(rows, &got), o); err != nil {
			t.Fatal(err)
		}
		if n := len(got.Records()); n != rows {
			t.Fatalf("%d tasks: %d records, want %d", tasks, n, rows)
		}
		for k, sum := range last(got.Records()) {
			if sum != want[k] {
				t.Fatalf("%d tasks: sum of %d is %d, want %d", tasks, k, sum, want[k])
			}
		}
	}
}

// Killed at random turns of random tasks, the job gives each running sum exactly once.
func TestKilledStream(t *testing.T) {
	const rows = 200_000
	for seed := range uint64(8) {
		var got *dataset.Result[total]
		killer := disturb.NewKiller(seed, 3, 100)
		if _, err := runner.Run(t.Context(), rolled(rows, &got), killer.Options(1+int(seed%3))); err != nil {
			t.Fatal(err)
		}
		records := got.Records()
		if len(records) != rows {
			t.Fatalf("seed %d: %d records, want %d", seed, len(records), rows)
		}
		slices.SortFunc(records, func(a, b total) int { return int(a.Sum - b.Sum) })
		if n := killer.Left(); n > 0 {
			t.Errorf("seed %d: %d kills did not come", seed, n)
		}
	}
}

// running keeps the sum of a key in keyed state.
type running struct {
	Sum state.Value[int64] `state:"sum"`
}

func (r *running) OnRecord(ctx *datastream.Context[int64, total], s sample) error {
	sum, _ := r.Sum.Get()
	r.Sum.Set(sum + s.Value)
	ctx.Emit(total{s.Key, sum + s.Value})
	return nil
}

// stated is rolled by a function with keyed state.
func stated(rows int64, got **dataset.Result[total]) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Rows: rows, SplitRows: rows / 16, At: func(i int64) sample { return sample{i % 97, i} }})
		keyed := datastream.KeyBy(in, func(s sample) int64 { return s.Key })
		*got = datastream.Collect(datastream.Process(keyed, func() *running { return &running{} }, plan.UID("sums")))
	}
}

// Stopped with a savepoint and gone on from it at another parallelism, again and again, a job gives what it gives uninterrupted.
func TestRescaledStream(t *testing.T) {
	t.Run("rolling aggregate", func(t *testing.T) { rescale(t, rolled, inTurn(runner.StateHeap), 1, 4, 1, 3, 7, 2, 5, 1) })
	t.Run("heap", func(t *testing.T) { rescale(t, stated, inTurn(runner.StateHeap), 1, 4, 1, 3, 7, 2, 5, 1) })
	t.Run("lsm", func(t *testing.T) { rescale(t, stated, inTurn(runner.StateLSM), 1, 4, 1, 3, 7, 2, 5, 1) })
	t.Run("heap and lsm in turn", func(t *testing.T) {
		rescale(t, stated, inTurn(runner.StateHeap, runner.StateLSM), 1, 4, 1, 3, 7, 2, 5, 1)
	})
}

// inTurn has runs use back ends in turn.
func inTurn(backends ...runner.StateBackend) func(int, *runner.Options) {
	return func(run int, o *runner.Options) { o.Streaming.State = backends[run%len(backends)] }
}

// rescale runs a job as disturb.Rescale does.
func rescale(t *testing.T, build func(int64, **dataset.Result[total]) func(*plan.Job), prepare func(int, *runner.Options), tasks ...int) {
	t.Helper()
	const rows = 400_000
	want := map[int64]int64{}
	for i := range int64(rows) {
		want[i%97] += i
	}
	var got *dataset.Result[total]
	stops := disturb.Rescale(t, build(rows, &got), runner.Options{Name: "rescaled"}, prepare, tasks...)
	if n := len(got.Records()); n != rows {
		t.Fatalf("%d records after %d stops, want %d", n, stops, rows)
	}
	for k, sum := range last(got.Records()) {
		if sum != want[k] {
			t.Fatalf("sum of %d is %d, want %d", k, sum, want[k])
		}
	}
}
