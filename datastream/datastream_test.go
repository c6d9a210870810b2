package datastream_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/window"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type trade struct {
	Share string
	Price int64
}

type running struct {
	Share string
	Value int64
}

func trades(n int) []trade {
	r := rand.New(rand.NewPCG(3, 5))
	names := []string{"mill", "race", "wheel", "stone", "grain"}
	out := make([]trade, n)
	for i := range out {
		out[i] = trade{names[r.IntN(len(names))], r.Int64N(1000)}
	}
	return out
}

// bySequence groups records by share, each group in order.
func bySequence(all []running) map[string][]int64 {
	out := map[string][]int64{}
	for _, x := range all {
		out[x.Share] = append(out[x.Share], x.Value)
	}
	return out
}

// At one task the values come in the order of the records; at more, those of each key do.
func TestRolling(t *testing.T) {
	in := trades(9000)
	var sums, most []running
	sum, top := map[string]int64{}, map[string]int64{}
	for _, x := range in {
		sum[x.Share] += x.Price
		top[x.Share] = max(top[x.Share], x.Price)
		sums = append(sums, running{x.Share, sum[x.Share]})
		most = append(most, running{x.Share, top[x.Share]})
	}
	for name, o := range map[string]runner.Options{
		"1 task": {Parallelism: 1}, "2 tasks": {Parallelism: 2}, "7 tasks": {Parallelism: 7}, "7 tasks, pipelined": {Parallelism: 7, Pipelined: true},
	} {
		t.Run(name, func(t *testing.T) {
			var gotSums, gotMost *dataset.Result[running]
			_, err := runner.Run(t.Context(), func(job *plan.Job) {
				ordered := datastream.FromSlice(job, in, plan.Parallelism(1)) // one producer: the order of a key's records is known
				keyed := datastream.KeyBy(ordered, func(x trade) string { return x.Share })
				gotSums = datastream.Collect(datastream.Aggregate(keyed, agg.Sum(func(x trade) int64 { return x.Price }),
					func(share string, sum int64) running { return running{share, sum} }))
				reduced := datastream.Reduce(keyed, func(a, b trade) trade { return trade{a.Share, max(a.Price, b.Price)} })
				gotMost = datastream.Collect(datastream.Map(reduced, func(x trade) running { return running{x.Share, x.Price} }))
			}, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ want, got []running }{{sums, gotSums.Records()}, {most, gotMost.Records()}} {
				if o.Parallelism == 1 && !slices.Equal(c.got, c.want) {
					t.Error("at one task the order differs")
				}
				if diff := gocmp.Diff(bySequence(c.want), bySequence(c.got)); diff != "" {
					t.Errorf("sequences differ (-want +got):\n%.2000s", diff)
				}
			}
		})
	}
}

func TestStages(t *testing.T) {
	words := []string{"a mill race", "", "a water mill", "stone"}
	var want []string
	for _, w := range slices.Concat(words, words) {
		for f := range strings.FieldsSeq(w) {
			if f != "a" {
				want = append(want, strings.ToUpper(f))
			}
		}
	}
	slices.Sort(want)
	for _, tasks := range []int{1, 2, 7} {
		var got *dataset.Result[string]
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			lines := datastream.Union(datastream.FromSlice(job, words), datastream.From(dataset.FromSlice(job, words)))
			all := datastream.FlatMap(lines, func(line string) iter.Seq[string] { return strings.FieldsSeq(line) })
			kept := datastream.Filter(all, func(w string) bool { return w != "a" })
			got = dataset.Collect(datastream.Map(kept, strings.ToUpper).DataSet())
		}, runner.Options{Parallelism: tasks})
		if err != nil {
			t.Fatal(err)
		}
		records := slices.Sorted(slices.Values(got.Records()))
		if !slices.Equal(records, want) {
			t.Errorf("%d tasks: got %v, want %v", tasks, records, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		keyed := datastream.KeyBy(datastream.FromSlice(job, trades(3)), func(x trade) *string { return &x.Share })
		datastream.Collect(datastream.Reduce(keyed, func(a, _ trade) trade { return a }))
	})
	if err == nil || !strings.Contains(err.Error(), "datastream_test.go:") || !strings.Contains(err.Error(), "KeyBy: key type *string is a pointer") {
		t.Errorf("error %v", err)
	}
}

// A stream that is used before there is one is a mistake that names the line, not a panic somewhere else.
func TestUsedTooEarly(t *testing.T) {
	of := func(s datastream.Stream[trade]) datastream.Keyed[string, trade] {
		return datastream.KeyBy(s, func(x trade) string { return x.Share })
	}
	for name, c := range map[string]struct {
		build func(*plan.Job)
		want  string
	}{
		"late data": {func(job *plan.Job) {
			var late datastream.Stream[trade]
			w := datastream.LateData(datastream.Window(of(datastream.FromSlice(job, trades(3))), window.Tumbling(time.Second)), &late)
			datastream.Collect(datastream.Filter(late, func(trade) bool { return true }))
			datastream.Collect(datastream.ReduceWindows(w, func(a, _ trade) trade { return a }, plan.UID("windows")))
		}, "Filter: its input, of datastream_test.go"},
		"late data by key": {func(job *plan.Job) {
			var late datastream.Stream[trade]
			datastream.LateData(datastream.Window(of(datastream.FromSlice(job, trades(3))), window.Tumbling(time.Second)), &late)
			datastream.Collect(datastream.Reduce(of(late), func(a, _ trade) trade { return a }))
		}, "is not there yet; it is when something has been computed of the windows"},
		"nothing": {func(job *plan.Job) {
			datastream.Collect(datastream.Union(datastream.FromSlice(job, trades(3)), datastream.Stream[trade]{}))
		}, "Union: its input is a variable that nothing has been put into"},
		"another job": {func(job *plan.Job) {
			other := datastream.FromSlice(plan.NewJob("other"), trades(3))
			datastream.Collect(datastream.Union(datastream.FromSlice(job, trades(3)), other))
		}, "Read, belongs to another job"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runner.Run(t.Context(), c.build)
			if runner.ExitCode(err) != runner.ExitUsage || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "datastream_test.go:") {
				t.Errorf("got %v", err)
			}
		})
	}
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "datastream_test.go:") || !strings.Contains(text, "Map: its input is a variable") {
			t.Errorf("without any job it panics with %s", text)
		}
	}()
	datastream.Map(datastream.Stream[trade]{}, func(x trade) trade { return x })
}
