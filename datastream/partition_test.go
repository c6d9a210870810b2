package datastream_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// placed is a record and the task that had it.
type placed struct {
	N    int64
	Task int64
}

// whereabouts says which task a record comes to.
type whereabouts struct{ task int }

func (w *whereabouts) Open(t datastream.Task) error {
	w.task = t.Index
	return nil
}

func (w *whereabouts) OnRecord(ctx *datastream.Output[placed], n int64) error {
	ctx.Emit(placed{n, int64(w.task)})
	return nil
}

// tasksOf spreads n numbers of 2 senders over 4 tasks and returns how many each task had, and the tasks of each number.
func tasksOf(t *testing.T, n int64, o runner.Options, spread func(datastream.Stream[int64], ...plan.Option) datastream.Stream[int64]) (counts [4]int, tasks map[int64][]int) {
	t.Helper()
	var got *dataset.Result[placed]
	o.Parallelism = 4
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		in := datastream.From(dataset.Generate(job, n, func(i int64) int64 { return i }, plan.Parallelism(2)))
		out := spread(in, plan.Parallelism(4))
		got = datastream.Collect(datastream.ProcessEach(out, func() *whereabouts { return &whereabouts{} }, plan.Parallelism(4)))
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	tasks = map[int64][]int{}
	for _, p := range got.Records() {
		counts[p.Task]++
		tasks[p.N] = append(tasks[p.N], int(p.Task))
	}
	return counts, tasks
}

func TestPartitioners(t *testing.T) {
	const n = 40000
	type stream = datastream.Stream[int64]
	even := func(slack int) func(t *testing.T, counts [4]int) {
		return func(t *testing.T, counts [4]int) {
			t.Helper()
			for _, c := range counts {
				if c < n/4-slack || c > n/4+slack {
					t.Errorf("%v", counts)
				}
			}
		}
	}
	exactly := func(want ...int) func(t *testing.T, counts [4]int) {
		return func(t *testing.T, counts [4]int) {
			t.Helper()
			if !slices.Equal(counts[:], want) {
				t.Errorf("%v, want %v", counts, want)
			}
		}
	}
	for _, c := range []struct {
		name   string
		spread func(stream, ...plan.Option) stream
		check  func(t *testing.T, counts [4]int)
		copies int
	}{
		{"rebalance", datastream.Rebalance[int64], even(16), 1},
		{"rescale", datastream.Rescale[int64], even(n / 4), 1},
		{"shuffle", datastream.Shuffle[int64], even(500), 1},
		{"by load", datastream.RebalanceByLoad[int64], even(n), 1},
		{"broadcast", datastream.Broadcast[int64], exactly(n, n, n, n), 4},
		{"global", datastream.Global[int64], nil, 1},
		{"forward", datastream.Forward[int64], nil, 1},
		{"custom", func(s stream, o ...plan.Option) stream {
			return datastream.PartitionCustom(s, func(v int64) int32 { return int32(v % 3) }, o...)
		}, exactly((n+2)/3, (n+1)/3, n/3, 0), 1},
	} {
		for _, pipelined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/pipelined=%t", c.name, pipelined), func(t *testing.T) {
				counts, tasks := tasksOf(t, n, runner.Options{Pipelined: pipelined}, c.spread)
				if len(tasks) != n {
					t.Errorf("%d records, want %d", len(tasks), n)
				}
				for v, in := range tasks {
					if len(in) != c.copies {
						t.Fatalf("record %d came to the tasks %v", v, in)
					}
				}
				if c.check != nil {
					c.check(t, counts)
				}
			})
		}
	}
}

// slow counts records by task, and takes its time in one of them.
type slow struct {
	task   int
	counts *[4]atomic.Int64
}

func (s *slow) Open(t datastream.Task) error {
	s.task = t.Index
	return nil
}

func (s *slow) OnRecord(*datastream.Output[int64], int64) error {
	s.counts[s.task].Add(1)
	if s.task == 1 {
		for start := time.Now(); time.Since(start) < 10*time.Microsecond; { // a timer would take a millisecond
		}
	}
	return nil
}

// A task that is slow gets less to do.
func TestRebalanceByLoad(t *testing.T) {
	var counts [4]atomic.Int64
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		in := datastream.From(dataset.Generate(job, 1e6, func(i int64) int64 { return i }, plan.Parallelism(2)))
		spread := datastream.RebalanceByLoad(in, plan.Parallelism(4))
		datastream.Collect(datastream.ProcessEach(spread, func() *slow { return &slow{counts: &counts} }, plan.Parallelism(4)))
	}, runner.Options{Pipelined: true, Parallelism: 4})
	if err != nil {
		t.Fatal(err)
	}
	mine, others := counts[1].Load(), (counts[0].Load()+counts[2].Load()+counts[3].Load())/3
	if mine+3*others < 1e6-3 || mine > others*3/4 {
		t.Errorf("the slow task has %d records, the others %d on average", mine, others)
	}
}

// StartChain and DisableChaining cut chains, and functions are not fused across the cuts.
func TestChaining(t *testing.T) {
	double := func(v int64) int64 { return 2 * v }
	stages := func(options ...plan.Option) int {
		_, p, err := runner.Plan(t.Context(), func(job *plan.Job) {
			s := datastream.From(dataset.Generate(job, 10, func(i int64) int64 { return i }))
			s = datastream.Map(datastream.Map(datastream.Map(s, double), double, options...), double)
			datastream.Collect(s)
		}, runner.Options{Parallelism: 2})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.Outline().WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return len(p.Stages)
	}
	for _, c := range []struct {
		name    string
		options []plan.Option
		want    int
	}{{"freely", nil, 1}, {"start", []plan.Option{plan.StartChain()}, 2}, {"never", []plan.Option{plan.DisableChaining()}, 3}} {
		if got := stages(c.options...); got != c.want {
			t.Errorf("%s: %d stages, want %d", c.name, got, c.want)
		}
	}
}
