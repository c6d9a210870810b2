package streamtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// Windows by processing time hold what came while they were open, and fire when the clock passes their end.
func TestProcessingTimeWindows(t *testing.T) {
	script := streamtest.Script{Start: noon}
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(1000), sale{"a", 1}, sale{"b", 2})
	script.Pass(9 * time.Second)
	in.Emit(after(0), sale{"a", 4})
	script.Pass(time.Second)
	in.Emit(after(2000), sale{"a", 8})
	script.Pass(time.Minute)
	in.Emit(after(0), sale{"b", 16})
	script.Pass(8 * time.Second)
	script.Stop()
	disturb(t, &script, func(job *plan.Job) results {
		return sums(in.Read(job), window.Tumbling(10*time.Second).ProcessingTime())
	}, map[string][]string{"sums": {"a 00:00-00:10 5", "b 00:00-00:10 2", "a 00:10-00:20 8"}})
}

// A trigger by processing time gives early results.
func TestEarlyResults(t *testing.T) {
	script := streamtest.Script{Start: noon}
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(1), sale{"a", 1})
	script.Pass(5 * time.Second)
	script.Pass(5 * time.Second) // nothing has come
	in.Emit(after(2), sale{"a", 2})
	script.Pass(5 * time.Second)
	in.Emit(after(3), sale{"a", 4})
	in.Watermark(after(10))
	disturb(t, &script, func(job *plan.Job) results {
		early := window.AtWatermark().Early(window.ContinuousProcessingTime(5 * time.Second))
		return sums(in.Read(job), window.Tumbling(10*time.Second), window.Firing(early))
	}, map[string][]string{"sums": {"a 00:00-00:10 1", "a 00:00-00:10 3", "a 00:00-00:10 7"}})
}

// reminder tells of each sale ten seconds later, by the clock; several in the same moment are told of once.
type reminder struct {
	Sum state.Value[int64] `state:"sum"`
}

func (r *reminder) OnRecord(ctx *datastream.Context[string, string], s sale) error {
	n, _ := r.Sum.Get()
	r.Sum.Set(n + s.Price)
	at := ctx.Now().Add(10 * time.Second)
	ctx.SetAlarm(at)
	ctx.SetAlarm(at)
	return nil
}

func (r *reminder) OnAlarm(ctx *datastream.Context[string, string], at time.Time) error {
	n, _ := r.Sum.Get()
	ctx.Emit(fmt.Sprintf("%s %s %d", ctx.Key(), at.UTC().Format("04:05"), n))
	return nil
}

func reminders(in *streamtest.Input[sale]) func(*plan.Job) results {
	return func(job *plan.Job) results {
		keyed := datastream.KeyBy(in.Read(job), shop)
		return results{"": datastream.Collect(datastream.Process(keyed, func() *reminder { return &reminder{} }, plan.UID("reminders")))}
	}
}

// Timers by processing time are kept by key and time: two for the same are one. Those that become due while the job is down, after a crash or
// while it is rescaled, fire when it goes on, once. Disturb has both happen at each Pass.
func TestAlarms(t *testing.T) {
	script := streamtest.Script{Start: noon, Parallelism: 2}
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(0), sale{"a", 1}, sale{"b", 1}, sale{"a", 2})
	script.Pass(9999 * time.Millisecond)
	in.Emit(after(0), sale{"a", 4})
	script.Pass(time.Millisecond)
	in.Emit(after(0), sale{"b", 2})
	script.Pass(time.Hour) // two alarms of a, one of b are due at once
	script.Stop()
	disturb(t, &script, reminders(in), map[string][]string{"": {"a 00:10 7", "b 00:10 1", "a 00:19 7", "b 00:20 3"}})
}

// Set back, the machine's clock does not take processing time with it: it stands, and what was to come comes later.
func TestClockSetBack(t *testing.T) {
	script := streamtest.Script{Start: noon}
	in := streamtest.NewInput[sale](&script, "sales")
	script.Pass(time.Minute)
	in.Emit(after(0), sale{"a", 1})
	script.Pass(-30 * time.Second)
	in.Emit(after(0), sale{"b", 1})
	script.Pass(39 * time.Second)
	in.Emit(after(0), sale{"c", 1})
	script.Pass(10 * time.Second)
	script.Stop()
	var got *dataset.Result[string]
	if err := script.Run(t.Context(), func(job *plan.Job) { got = reminders(in)(job)[""] }); err != nil {
		t.Fatal(err)
	}
	if diff := streamtest.DiffInOrder([]string{"a 01:10 1", "b 01:10 1", "c 01:19 1"}, got.Records()); diff != "" {
		t.Error(diff)
	}
}

// first tells of the first sale of each shop in ten seconds.
type first struct {
	Seen state.Value[bool] `state:"seen,ttl=10s"`
}

func (f *first) OnRecord(ctx *datastream.Context[string, string], s sale) error {
	if _, seen := f.Seen.Get(); !seen {
		f.Seen.Set(true)
		ctx.Emit(fmt.Sprint(s))
	}
	return nil
}

// State lives as long as its time to live says, by the script's clock, whatever happens to the job.
func TestTimeToLive(t *testing.T) {
	script := streamtest.Script{Start: noon}
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(0), sale{"a", 1}, sale{"a", 2})
	script.Pass(9 * time.Second)
	in.Emit(after(0), sale{"a", 3}, sale{"b", 4})
	script.Pass(2 * time.Second)
	in.Emit(after(0), sale{"a", 5}, sale{"b", 6})
	disturb(t, &script, func(job *plan.Job) results {
		keyed := datastream.KeyBy(in.Read(job), shop)
		return results{"": datastream.Collect(datastream.Process(keyed, func() *first { return &first{} }, plan.UID("first")))}
	}, map[string][]string{"": {"{a 1}", "{b 4}", "{a 5}"}})
}

// A time far in the future, by the script's clock, is capped or put aside: what comes after it is not late by it.
func TestFarFuture(t *testing.T) {
	for policy, want := range map[watermark.Future]map[string][]string{
		watermark.Cap:   {"sums": {"a 00:00-00:10 5", "a 01:00-01:10 2"}, "far": nil},
		watermark.Aside: {"sums": {"a 00:00-00:10 5"}, "far": {"{a 2}"}},
	} {
		script := streamtest.Script{Start: noon}
		in := streamtest.NewInput[sale](&script, "sales")
		in.Emit(noon, sale{"a", 1})
		in.Emit(noon, sale{"a", 2})
		script.Pass(5 * time.Second)
		in.Emit(noon, sale{"a", 4})
		at := func(s sale) time.Time {
			if s.Price == 2 {
				return noon.AddDate(100, 0, 0)
			}
			return noon
		}
		strategy := watermark.Bounded(2*time.Minute).FarFuture(policy, time.Minute)
		disturb(t, &script, func(job *plan.Job) results {
			timed, far := in.Read(job), datastream.Stream[sale]{}
			if policy == watermark.Aside {
				timed, far = datastream.EventTimeAside(timed, at, strategy)
			} else {
				timed = datastream.EventTime(timed, at, strategy)
			}
			out := sums(timed, window.Tumbling(10*time.Second))
			if policy == watermark.Aside {
				out["far"] = texts(far)
			}
			return out
		}, want)
	}
}

// A source that is silent holds the other back until it is idle, by the script's clock.
func TestIdleSource(t *testing.T) {
	script := streamtest.Script{Start: noon}
	left, right := streamtest.NewInput[sale](&script, "left"), streamtest.NewInput[sale](&script, "right")
	left.Emit(noon, sale{"a", 1})
	right.Emit(noon, sale{"b", 2})
	left.Emit(noon, sale{"a", 20})
	script.Pass(59 * time.Second)
	left.Emit(noon, sale{"a", 21})
	script.Pass(time.Minute)
	left.Emit(noon, sale{"a", 22})
	script.Pass(time.Minute) // if it has crashed meanwhile, silence began anew
	left.Emit(noon, sale{"a", 23})
	script.Stop()
	at := func(s sale) time.Time { return after(int(s.Price)) }
	disturb(t, &script, func(job *plan.Job) results {
		own := func(in *streamtest.Input[sale]) datastream.Stream[sale] {
			return datastream.EventTime(in.Read(job), at, watermark.Monotonous().Idle(time.Minute))
		}
		return sums(datastream.Union(own(left), own(right)), window.Tumbling(10*time.Second))
	}, map[string][]string{"sums": {"a 00:00-00:10 1", "b 00:00-00:10 2"}})
}
