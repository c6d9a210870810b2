package datastream_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
)

// at is the event time of a trade: its price, in seconds.
func at(x trade) time.Time { return time.Unix(x.Price, 0) }

func timed(job *plan.Job, in []trade) datastream.Stream[trade] {
	return datastream.EventTime(datastream.FromSlice(job, in), at, watermark.Bounded(1000*time.Second))
}

// volume sums up a share's prices and gives the sum at time 2000; large prices go aside.
type volume struct{ Sum state.Value[int64] }

var large = datastream.NewTag[trade]("large")

func (v *volume) OnRecord(ctx *datastream.Context[string, running], x trade) error {
	if x.Price > 900 {
		datastream.EmitSide(ctx, large, x)
	}
	n, _ := v.Sum.Get()
	v.Sum.Set(n + x.Price)
	ctx.SetTimer(time.Unix(2000, 0))
	return nil
}

func (v *volume) OnTimer(ctx *datastream.Context[string, running], _ time.Time) error {
	n, _ := v.Sum.Get()
	ctx.Emit(running{ctx.Key(), n})
	return nil
}

// tradeOfBoth is two trades that an interval join brings together.
type tradeOfBoth struct{ Left, Right trade }

var parallel = map[string]runner.Options{
	"1 task": {Parallelism: 1}, "3 tasks": {Parallelism: 3}, "3 tasks, pipelined": {Parallelism: 3, Pipelined: true},
}

// run runs a program in several ways, and looks at what it gave after each.
func run(t *testing.T, build func(job *plan.Job) func(t *testing.T)) {
	t.Helper()
	for name, o := range parallel {
		t.Run(name, func(t *testing.T) {
			var check func(t *testing.T)
			if _, err := runner.Run(t.Context(), func(job *plan.Job) { check = build(job) }, o); err != nil {
				t.Fatal(err)
			}
			check(t)
		})
	}
}

// same fails the test when the records are not those wanted, in any order.
func same[T any](t *testing.T, got *dataset.Result[T], want []T) {
	t.Helper()
	text := func(all []T) []string {
		out := make([]string, len(all))
		for i, x := range all {
			out[i] = fmt.Sprintf("%+v", x)
		}
		slices.Sort(out)
		return out
	}
	if g, w := text(got.Records()), text(want); !slices.Equal(g, w) {
		t.Errorf("%d records, want %d:\n%.1000v\nwant\n%.1000v", len(g), len(w), g, w)
	}
}

func TestProcess(t *testing.T) {
	in := trades(5000)
	sums := map[string]int64{}
	var most []trade
	for _, x := range in {
		sums[x.Share] += x.Price
		if x.Price > 900 {
			most = append(most, x)
		}
	}
	var want []running
	for share, n := range sums {
		want = append(want, running{share, n})
	}
	run(t, func(job *plan.Job) func(t *testing.T) {
		keyed := datastream.KeyBy(timed(job, in), func(x trade) string { return x.Share })
		volumes := datastream.Process(keyed, func() *volume { return &volume{} }, plan.UID("volume"))
		got, side := datastream.Collect(volumes), datastream.Collect(datastream.Side(volumes, large))
		return func(t *testing.T) {
			t.Helper()
			same(t, got, want)
			same(t, side, most)
		}
	})
}

// last remembers the last price of the left side, and counts the right side's records.
type both struct{ Left, Right state.Value[int64] }

func (b *both) OnLeft(ctx *datastream.Context[string, running], x trade) error {
	n, _ := b.Left.Get()
	b.Left.Set(n + x.Price)
	ctx.SetTimer(time.Unix(5000, 0))
	return nil
}

func (b *both) OnRight(ctx *datastream.Context[string, running], share string) error {
	n, _ := b.Right.Get()
	b.Right.Set(n + 1)
	ctx.SetTimer(time.Unix(5000, 0))
	return nil
}

func (b *both) OnTimer(ctx *datastream.Context[string, running], _ time.Time) error {
	l, _ := b.Left.Get()
	r, _ := b.Right.Get()
	ctx.Emit(running{ctx.Key(), 1000*l + r})
	return nil
}

func TestProcessBoth(t *testing.T) {
	in, names := trades(2000), []string{"mill", "race", "mill", "none"}
	sums := map[string]int64{}
	for _, x := range in {
		sums[x.Share] += 1000 * x.Price
	}
	for _, n := range names {
		sums[n]++
	}
	var want []running
	for share, n := range sums {
		want = append(want, running{share, n})
	}
	run(t, func(job *plan.Job) func(t *testing.T) {
		left := datastream.KeyBy(timed(job, in), func(x trade) string { return x.Share })
		right := datastream.KeyBy(datastream.FromSlice(job, names), func(n string) string { return n })
		got := datastream.Collect(datastream.ProcessBoth(datastream.Connect(left, right), func() *both { return &both{} }))
		return func(t *testing.T) { t.Helper(); same(t, got, want) }
	})
}

// above passes the trades above the limit of their share.
type above struct {
	Limits datastream.Rules[string, int64] `broadcast:"limits"`
}

func (a *above) OnRecord(ctx *datastream.Output[trade], x trade) error {
	if by, ok := a.Limits.Get(x.Share); ok && x.Price > by {
		ctx.Emit(x)
	}
	return nil
}

func (a *above) OnBroadcast(_ *datastream.Output[trade], by running) error {
	a.Limits.Put(by.Share, by.Value)
	return nil
}

// aboveByKey is above for a keyed stream.
type aboveByKey struct {
	above
	Limits datastream.Rules[string, int64]
}

func (a *aboveByKey) OnRecord(ctx *datastream.Context[string, trade], x trade) error {
	if by, ok := a.Limits.Get(ctx.Key()); ok && x.Price > by {
		ctx.Emit(x)
	}
	return nil
}

func (a *aboveByKey) OnBroadcast(_ *datastream.Output[trade], by running) error {
	a.Limits.Put(by.Share, by.Value)
	return nil
}

func TestProcessWithRules(t *testing.T) {
	in := trades(3000)
	limits := []running{{"mill", 500}, {"race", 900}, {"stone", 2000}}
	var want []trade
	for _, x := range in {
		if x.Share == "mill" && x.Price > 500 || x.Share == "race" && x.Price > 900 {
			want = append(want, x)
		}
	}
	run(t, func(job *plan.Job) func(t *testing.T) {
		rules, records := datastream.FromSlice(job, limits), datastream.FromSlice(job, in)
		keyed := datastream.KeyBy(records, func(x trade) string { return x.Share })
		byKey := datastream.Collect(datastream.ProcessWithRules(keyed, rules, func() *aboveByKey { return &aboveByKey{} }))
		plain := datastream.Collect(datastream.ProcessEachWithRules(records, rules, func() *above { return &above{} }))
		return func(t *testing.T) {
			t.Helper()
			same(t, byKey, want)
			same(t, plain, want)
		}
	})
}

func TestIntervalJoin(t *testing.T) {
	in := trades(600)
	left, right := in[:300], in[300:]
	var want []tradeOfBoth
	for _, l := range left {
		for _, r := range right {
			if d := r.Price - l.Price; l.Share == r.Share && d >= -5 && d <= 20 {
				want = append(want, tradeOfBoth{l, r})
			}
		}
	}
	run(t, func(job *plan.Job) func(t *testing.T) {
		share := func(x trade) string { return x.Share }
		l, r := datastream.KeyBy(timed(job, left), share), datastream.KeyBy(timed(job, right), share)
		got := datastream.Collect(datastream.IntervalJoin(l, r, -5*time.Second, 20*time.Second, func(l, r trade) tradeOfBoth { return tradeOfBoth{l, r} }))
		return func(t *testing.T) { t.Helper(); same(t, got, want) }
	})
}

func TestAsync(t *testing.T) {
	in := trades(700)
	var want []running
	for _, x := range in {
		want = append(want, running{x.Share, 2 * x.Price})
	}
	run(t, func(job *plan.Job) func(t *testing.T) {
		var results []*dataset.Result[running]
		for _, unordered := range []bool{false, true} {
			ask := func(ctx context.Context, x trade) (running, error) {
				select {
				case <-time.After(time.Duration(x.Price%3) * time.Millisecond):
				case <-ctx.Done():
				}
				return running{x.Share, 2 * x.Price}, ctx.Err()
			}
			s := datastream.AsyncSettings{RequestSettings: datastream.RequestSettings{Unordered: unordered, Capacity: 50}}
			results = append(results, datastream.Collect(datastream.Async(timed(job, in), ask, s)))
		}
		return func(t *testing.T) {
			t.Helper()
			same(t, results[0], want)
			same(t, results[1], want)
		}
	})
}

// Mistakes are found when the job is built, with the user's line.
func TestProcessMistakes(t *testing.T) {
	for _, c := range []struct {
		build func(job *plan.Job)
		want  string
	}{
		{func(job *plan.Job) {
			datastream.Collect(datastream.ProcessEach(datastream.FromSlice(job, trades(1)), func() *stateWithoutKeys { return &stateWithoutKeys{} }))
		}, "has no keys"},
		{func(job *plan.Job) {
			datastream.Collect(datastream.Side(datastream.FromSlice(job, trades(1)), large))
		}, "has no side outputs"},
		{func(job *plan.Job) {
			s := datastream.ProcessEach(datastream.FromSlice(job, trades(1)), func() *above { return nil })
			datastream.Collect(datastream.Side(s, large))
			datastream.Collect(datastream.Side(s, datastream.NewTag[string]("large")))
		}, "records of type datastream_test.trade and of type string"},
		{func(job *plan.Job) {
			k := datastream.KeyBy(datastream.FromSlice(job, trades(1)), func(x trade) string { return x.Share })
			datastream.Collect(datastream.IntervalJoin(k, k, time.Second, 0, func(l, _ trade) trade { return l }))
		}, "begins at 1s, after its end"},
		{func(job *plan.Job) {
			s := datastream.AsyncSettings{RequestSettings: datastream.RequestSettings{Capacity: -1}}
			datastream.Collect(datastream.Async(datastream.FromSlice(job, trades(1)), func(context.Context, trade) (trade, error) { return trade{}, nil }, s))
		}, "capacity is negative"},
	} {
		_, err := runner.Run(t.Context(), c.build, runner.Options{})
		if err == nil || !strings.Contains(err.Error(), "process_test.go:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

type stateWithoutKeys struct{ N state.Value[int64] }

func (*stateWithoutKeys) OnRecord(*datastream.Output[trade], trade) error { return nil }

// All nodes without a UID are named together, and all that have another's.
func TestUIDs(t *testing.T) {
	job := plan.NewJob("test")
	k := datastream.KeyBy(datastream.FromSlice(job, trades(1)), func(x trade) string { return x.Share })
	datastream.Process(k, func() *volume { return &volume{} })
	datastream.Process(k, func() *volume { return &volume{} }, plan.UID("volume"))
	datastream.Process(k, func() *volume { return &volume{} }, plan.UID("volume"))
	datastream.IntervalJoin(k, k, 0, time.Second, func(l, _ trade) trade { return l })
	datastream.Reduce(k, func(a, _ trade) trade { return a })
	missing, shared := job.MissingUIDs(), job.SharedUIDs()
	if missing == nil || shared == nil {
		t.Fatalf("missing: %v, shared: %v", missing, shared)
	}
	for _, want := range []string{"Process\n", "IntervalJoin\n", "Rolling"} {
		if !strings.Contains(missing.Error(), want) {
			t.Errorf("%q is missing in: %v", want, missing)
		}
	}
	if want := `its UID "volume" is also that of process_test.go`; strings.Count(shared.Error(), "UID") != 1 || !strings.Contains(shared.Error(), want) {
		t.Errorf("%q is missing in: %v", want, shared)
	}
}

// Data that ends may have state without a UID; two of one UID are told apart no better when it runs as a stream.
func TestSharedUIDs(t *testing.T) {
	for _, c := range []struct {
		uids     []string
		isStream bool
		code     int
	}{
		{[]string{"a", "b"}, true, runner.ExitComplete},
		{[]string{"", ""}, true, runner.ExitComplete},
		{[]string{"a", "a"}, true, runner.ExitUsage},
		{[]string{"a", "generate-source-1"}, true, runner.ExitUsage},
		{[]string{"a", "a"}, false, runner.ExitComplete},
	} {
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			k := datastream.KeyBy(datastream.FromSlice(job, trades(1)), func(x trade) string { return x.Share })
			for _, uid := range c.uids {
				datastream.Collect(datastream.Process(k, func() *volume { return &volume{} }, plan.UID(uid)))
			}
		}, runner.Options{Streaming: runner.Streaming{Always: c.isStream}})
		if got := runner.ExitCode(err); got != c.code {
			t.Errorf("UIDs %q, as a stream: %t: code %d, want %d: %v", c.uids, c.isStream, got, c.code, err)
		}
	}
}
