package streamtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// after is a moment so many seconds after noon.
func after(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// results are what a job under test gives, in several outputs.
type results map[string]*dataset.Result[string]

// disturb plays a script undisturbed and disturbed; each time the job gives what is wanted.
func disturb(t *testing.T, script *streamtest.Script, build func(*plan.Job) results, want map[string][]string) {
	t.Helper()
	var got results
	err := script.Disturb(t.Context(), func(job *plan.Job) { got = build(job) }, func(where string) {
		for name, records := range got {
			if diff := streamtest.Diff(want[name], records.Records()); diff != "" {
				t.Errorf("%s %s:\n%s", where, name, diff)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sum(p window.Pane[string], n int64) string {
	return fmt.Sprintf("%s %s-%s %d", p.Key, p.Start.Format("04:05"), p.End.Format("04:05"), n)
}

// sums has the sums of prices by shop and window, and the records that were too late for any.
func sums(s datastream.Stream[sale], a window.Assigner, options ...window.Option) results {
	var late datastream.Stream[sale]
	w := datastream.LateData(datastream.Window(datastream.KeyBy(s, shop), a, options...), &late)
	all := datastream.AggregateWindows(w, agg.Sum(price), sum, plan.UID("sums"))
	return results{"sums": datastream.Collect(all), "late": texts(late)}
}

// texts collects records as text.
func texts(s datastream.Stream[sale]) *dataset.Result[string] {
	return datastream.Collect(datastream.Map(s, func(s sale) string { return fmt.Sprint(s) }))
}

func price(s sale) int64 { return s.Price }
func shop(s sale) string { return s.Shop }

// Late records within the allowed lateness fire their window again, others are put aside.
func TestTumbling(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(5), sale{"a", 1}, sale{"b", 10})
	in.Emit(after(3), sale{"a", 2})
	in.Watermark(after(10))
	in.Emit(after(9), sale{"a", 4})
	in.Watermark(after(15))
	in.Emit(after(9), sale{"a", 8})
	in.Emit(after(14), sale{"b", 20})
	disturb(t, &script, func(job *plan.Job) results {
		return sums(in.Read(job), window.Tumbling(10*time.Second), window.AllowedLateness(5*time.Second))
	}, map[string][]string{
		"sums": {"a 00:00-00:10 3", "b 00:00-00:10 10", "a 00:00-00:10 7", "b 00:10-00:20 20"}, "late": {"{a 8}"},
	})
}

// A record between two sessions makes one of them.
func TestSessions(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(0), sale{"a", 1})
	in.Emit(after(8), sale{"a", 2})
	in.Watermark(after(4))
	in.Emit(after(4), sale{"a", 4}, sale{"b", 8})
	in.Watermark(after(13))
	in.Emit(after(20), sale{"a", 16})
	disturb(t, &script, func(job *plan.Job) results {
		return sums(in.Read(job), window.Session(5*time.Second))
	}, map[string][]string{"sums": {"a 00:00-00:13 7", "b 00:04-00:09 8", "a 00:20-00:25 16"}})
}

// silence tells of shops that have sold nothing for ten seconds.
type silence struct {
	Last state.Value[time.Time] `state:"last"`
	Sum  state.Value[int64]     `state:"sum"`
}

func (s *silence) OnRecord(ctx *datastream.Context[string, string], r sale) error {
	if last, ok := s.Last.Get(); ok {
		ctx.DeleteTimer(last.Add(10 * time.Second))
	}
	n, _ := s.Sum.Get()
	s.Sum.Set(n + r.Price)
	s.Last.Set(ctx.Time())
	ctx.SetTimer(ctx.Time().Add(10 * time.Second))
	return nil
}

func (s *silence) OnTimer(ctx *datastream.Context[string, string], at time.Time) error {
	n, _ := s.Sum.Get()
	ctx.Emit(fmt.Sprintf("%s %s %d", ctx.Key(), at.UTC().Format("04:05"), n))
	s.Sum.Clear()
	s.Last.Clear()
	return nil
}

func silences(in *streamtest.Input[sale]) func(*plan.Job) results {
	return func(job *plan.Job) results {
		return results{"": datastream.Collect(datastream.Process(datastream.KeyBy(in.Read(job), shop), func() *silence { return &silence{} }, plan.UID("silence")))}
	}
}

func TestTimers(t *testing.T) {
	var script streamtest.Script
	script.Parallelism = 2
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(0), sale{"a", 1}, sale{"b", 1})
	in.Emit(after(5), sale{"a", 2})
	in.Watermark(after(11))
	in.Emit(after(14), sale{"a", 4})
	in.Watermark(after(30))
	in.Emit(after(40), sale{"a", 8})
	disturb(t, &script, silences(in), map[string][]string{"": {"b 00:10 1", "a 00:24 7", "a 00:50 8"}})
}

// What time has not come to does not happen when a script stops.
func TestStop(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(0), sale{"a", 1})
	in.Emit(after(5), sale{"b", 2})
	in.Watermark(after(12))
	script.Stop()
	disturb(t, &script, silences(in), map[string][]string{"": {"a 00:10 1"}})
}

// Two inputs meet; each has its own event time, and the slower one counts.
func TestTwoInputs(t *testing.T) {
	var script streamtest.Script
	left, right := streamtest.NewInput[sale](&script, "left"), streamtest.NewInput[sale](&script, "right")
	left.Emit(after(1), sale{"a", 1})
	left.Watermark(after(60))
	script.Crash()
	right.Emit(after(2), sale{"a", 2})
	right.Emit(after(30), sale{"a", 30})
	disturb(t, &script, func(job *plan.Job) results {
		joined := datastream.IntervalJoin(datastream.KeyBy(left.Read(job), shop), datastream.KeyBy(right.Read(job), shop), -5*time.Second, 5*time.Second,
			func(l, r sale) string { return fmt.Sprint(l.Price, r.Price) }, plan.UID("join"))
		return results{"": datastream.Collect(joined)}
	}, map[string][]string{"": {"1 2"}})
}

// The program may make event time itself.
func TestOwnWatermarks(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[int64](&script, "seconds")
	for _, second := range []int64{1, 13, 3} {
		in.Emit(time.Time{}, second)
		script.Checkpoint()
	}
	disturb(t, &script, func(job *plan.Job) results {
		timed := datastream.EventTime(in.Read(job), func(s int64) time.Time { return after(int(s)) }, watermark.Bounded(2*time.Second), plan.UID("time"))
		w := datastream.Window(datastream.KeyBy(timed, func(int64) string { return "all" }), window.Tumbling(10*time.Second))
		sums := datastream.AggregateWindows(w, agg.Sum(func(s int64) int64 { return s }), sum, plan.UID("sums"))
		return results{"": datastream.Collect(sums)}
	}, map[string][]string{"": {"all 00:00-00:10 1", "all 00:10-00:20 13"}})
}

// In one task, records come in order.
func TestInOrder(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[int64](&script, "numbers")
	in.Emit(noon, 3, 1, 2)
	script.Crash()
	in.Emit(noon, 1)
	var got *dataset.Result[int64]
	if err := script.Run(t.Context(), func(job *plan.Job) { got = datastream.Collect(in.Read(job)) }); err != nil {
		t.Fatal(err)
	}
	if diff := streamtest.DiffInOrder([]int64{3, 1, 2, 1}, got.Records()); diff != "" {
		t.Error(diff)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) OnRecord(*datastream.Output[int64], int64) error { return errBroken }

func TestFailures(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[int64](&script, "numbers")
	in.Emit(noon, 1)
	script.Checkpoint()
	build := func(job *plan.Job) {
		datastream.Collect(datastream.ProcessEach(in.Read(job), func() broken { return broken{} }))
	}
	if err := script.Run(t.Context(), build); !errors.Is(err, errBroken) {
		t.Errorf("a broken job gives %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	unread := func(job *plan.Job) { datastream.Collect(datastream.FromSlice(job, []int64{1})) }
	if err := script.Run(ctx, unread); err == nil || !strings.Contains(err.Error(), "numbers") {
		t.Errorf("a job that does not read the input gives %v", err)
	}
}

func TestDiff(t *testing.T) {
	if diff := streamtest.Diff([]int{1, 2, 2, 3}, []int{2, 3, 4, 1}); diff != "- 2\n+ 4" {
		t.Errorf("bags differ by %q", diff)
	}
	if diff := streamtest.Diff([]int{1, 2}, []int{2, 1}); diff != "" {
		t.Errorf("equal bags differ by %q", diff)
	}
	for _, c := range []struct {
		got  []int
		want string
	}{{[]int{1, 2}, ""}, {[]int{1}, "record 2 of 2 is missing:\n- 2"}, {[]int{1, 3}, "record 2 differs:\n- 2\n+ 3"}, {[]int{1, 2, 3}, "record 3 is more than the 2 wanted:\n+ 3"}} {
		if diff := streamtest.DiffInOrder([]int{1, 2}, c.got); diff != c.want {
			t.Errorf("%v differs by %q", c.got, diff)
		}
	}
}
