package datastream_test

import (
	"context"
	"fmt"
	"sync"
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
	"github.com/millrace/millrace/stream/watermark"
)

// tick is a made record: its number is its time, in milliseconds.
type tick struct {
	Key int64
	N   int64
}

const ticks = 60_000

// made gives n ticks of 53 keys, split for many tasks, shuffled a little in time.
func made(job *plan.Job, n int64) datastream.Stream[tick] {
	s := datastream.Read(job, generate.Source[tick]{Rows: n, SplitRows: n / 8, At: func(i int64) tick { return tick{i % 53, i ^ 7} }})
	return datastream.EventTime(s, func(t tick) time.Time { return time.UnixMilli(t.N) }, watermark.Bounded(time.Second))
}

func keyOf(t tick) int64 { return t.Key }

// burst sums up the ticks of a key within each second of event time; a timer at its end gives the sum. It keeps a map by second.
type burst struct {
	Sums state.Map[int64, int64]
}

var even = datastream.NewTag[tick]("even")

func (b *burst) OnRecord(ctx *datastream.Context[int64, string], t tick) error {
	second := t.N / 1000
	n, _ := b.Sums.Get(second)
	b.Sums.Put(second, n+t.N)
	ctx.SetTimer(time.Unix(second+1, 0))
	if t.N%2 == 0 {
		datastream.EmitSide(ctx, even, t)
	}
	return nil
}

func (b *burst) OnTimer(ctx *datastream.Context[int64, string], at time.Time) error {
	second := at.Unix() - 1
	n, _ := b.Sums.Get(second)
	b.Sums.Delete(second)
	ctx.Emit(fmt.Sprintf("%d at %d: %d", ctx.Key(), second, n))
	return nil
}

// meeting counts both sides' records of a key.
type meeting struct{ Left, Right state.Value[int64] }

func (m *meeting) OnLeft(ctx *datastream.Context[int64, string], _ tick) error {
	return m.count(ctx, &m.Left)
}

func (m *meeting) OnRight(ctx *datastream.Context[int64, string], _ tick) error {
	return m.count(ctx, &m.Right)
}

func (m *meeting) count(ctx *datastream.Context[int64, string], of *state.Value[int64]) error {
	n, _ := of.Get()
	of.Set(n + 1)
	ctx.SetTimer(time.UnixMilli(1 << 40))
	return nil
}

func (m *meeting) OnTimer(ctx *datastream.Context[int64, string], _ time.Time) error {
	l, _ := m.Left.Get()
	r, _ := m.Right.Get()
	ctx.Emit(fmt.Sprint(ctx.Key(), l, r))
	return nil
}

// tagger counts rules and records; in the end it says what rules it knows.
type tagger struct {
	Rules datastream.Rules[int64, int64] `broadcast:"rules"`
	Seen  state.Value[int64]             `state:"seen"`
}

func (g *tagger) OnRecord(ctx *datastream.Context[int64, string], _ tick) error {
	n, _ := g.Seen.Get()
	g.Seen.Set(n + 1)
	ctx.SetTimer(time.UnixMilli(1 << 40))
	return nil
}

func (g *tagger) OnBroadcast(_ *datastream.Output[string], t tick) error {
	n, _ := g.Rules.Get(t.Key)
	g.Rules.Put(t.Key, n+t.N)
	return nil
}

func (g *tagger) OnTimer(ctx *datastream.Context[int64, string], _ time.Time) error {
	n, _ := g.Seen.Get()
	rule, _ := g.Rules.Get(ctx.Key())
	ctx.Emit(fmt.Sprint(ctx.Key(), n, g.Rules.Len(), rule))
	return nil
}

func asked(unordered bool) func(job *plan.Job) []*dataset.Result[string] {
	return func(job *plan.Job) []*dataset.Result[string] {
		s := datastream.AsyncSettings{RequestSettings: datastream.RequestSettings{Unordered: unordered, Capacity: 32}}
		answers := datastream.Async(made(job, 4000), func(ctx context.Context, t tick) (string, error) {
			if t.N%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			return fmt.Sprint(t), ctx.Err()
		}, s, plan.UID("async"))
		return []*dataset.Result[string]{datastream.Collect(answers)}
	}
}

// recovering are jobs with state of all kinds.
var recovering = map[string]func(job *plan.Job) []*dataset.Result[string]{
	"process": func(job *plan.Job) []*dataset.Result[string] {
		s := datastream.Process(datastream.KeyBy(made(job, ticks), keyOf), func() *burst { return &burst{} }, plan.UID("burst"))
		side := datastream.Map(datastream.Side(s, even), func(t tick) string { return fmt.Sprint(t) })
		return []*dataset.Result[string]{datastream.Collect(s), datastream.Collect(side)}
	},
	"process both": func(job *plan.Job) []*dataset.Result[string] {
		both := datastream.Connect(datastream.KeyBy(made(job, ticks), keyOf), datastream.KeyBy(made(job, ticks/2), keyOf))
		return []*dataset.Result[string]{datastream.Collect(datastream.ProcessBoth(both, func() *meeting { return &meeting{} }, plan.UID("meeting")))}
	},
	"rules": func(job *plan.Job) []*dataset.Result[string] {
		rules := datastream.Global(made(job, ticks/4))
		s := datastream.ProcessWithRules(datastream.KeyBy(made(job, ticks), keyOf), rules, func() *tagger { return &tagger{} }, plan.UID("tagger"))
		return []*dataset.Result[string]{datastream.Collect(s)}
	},
	"interval join": func(job *plan.Job) []*dataset.Result[string] {
		l, r := datastream.KeyBy(made(job, ticks/4), keyOf), datastream.KeyBy(made(job, ticks/4), keyOf)
		s := datastream.IntervalJoin(l, r, -60*time.Millisecond, 200*time.Millisecond, func(l, r tick) string { return fmt.Sprint(l, r) }, plan.UID("join"))
		return []*dataset.Result[string]{datastream.Collect(s)}
	},
	"rolling": func(job *plan.Job) []*dataset.Result[string] {
		sums := datastream.Aggregate(datastream.KeyBy(made(job, ticks), keyOf), agg.Count[tick](), func(k, n int64) string { return fmt.Sprint(k, n) }, plan.UID("count"))
		return []*dataset.Result[string]{datastream.Collect(sums)}
	},
	"async ordered":   asked(false),
	"async unordered": asked(true),
}

// Run to its end without checkpoints, with them, and killed in between, a job gives the same records, each once.
func TestRecovery(t *testing.T) {
	for name, build := range recovering {
		t.Run(name, func(t *testing.T) {
			results := func(o runner.Options) [][]string {
				t.Helper()
				var got []*dataset.Result[string]
				if _, err := runner.Run(t.Context(), func(job *plan.Job) { got = build(job) }, o); err != nil {
					t.Fatal(err)
				}
				out := make([][]string, len(got))
				for i, r := range got {
					out[i] = r.Records()
				}
				return out
			}
			want := results(runner.Options{Parallelism: 2})
			for seed := range uint64(4) {
				killer := disturb.NewKiller(seed, int(seed), 200)
				for i, got := range results(killer.Options(1 + int(seed%3))) {
					equal(t, fmt.Sprintf("seed %d, result %d", seed, i), got, want[i])
				}
			}
		})
	}
}

// equal fails the test when records are not those wanted, as often as wanted.
func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	times := map[string]int{}
	for _, w := range want {
		times[w]++
	}
	for _, g := range got {
		times[g]--
	}
	shown := 0
	for record, n := range times {
		if n != 0 && shown < 5 {
			t.Errorf("%s: %q came %d times too few", what, record, n)
			shown++
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d records, want %d", what, len(got), len(want))
	}
}

// Stopped with a savepoint and gone on from it with another number of tasks, a job gives the same records, each once.
func TestRescale(t *testing.T) {
	stops := 0
	defer func() {
		if stops == 0 {
			t.Error("no job was stopped")
		}
	}()
	for name, build := range recovering {
		t.Run(name, func(t *testing.T) {
			var got []*dataset.Result[string]
			run := func(o runner.Options) {
				t.Helper()
				if _, err := runner.Run(t.Context(), func(job *plan.Job) { got = build(job) }, o); err != nil {
					t.Fatal(err)
				}
			}
			run(runner.Options{Parallelism: 2})
			var want [][]string
			for _, r := range got {
				want = append(want, r.Records())
			}
			folder, from := "file://"+t.TempDir(), ""
			for i, tasks := range []int{1, 4, 3, 2} {
				o := runner.Options{Parallelism: tasks, Name: "rescaled"}
				o.Streaming.Always, o.Streaming.From = true, from
				o.Streaming.Checkpoints.Interval = 5 * time.Millisecond
				var stopped sync.WaitGroup
				ctx, cancel := context.WithCancel(t.Context())
				if i < 3 {
					o.Running = func(c runner.Controls) {
						stopped.Go(func() {
							time.Sleep(10 * time.Millisecond)
							if cp, err := c.Stop(ctx, folder, false); err == nil {
								from = cp.URL
								stops++
							}
						})
					}
				}
				run(o)
				time.AfterFunc(100*time.Millisecond, cancel) // it may have come to its end before
				stopped.Wait()
				cancel()
			}
			for i, r := range got {
				equal(t, fmt.Sprintf("result %d", i), r.Records(), want[i])
			}
		})
	}
}
