package runner_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/vfs/mem"
)

// steer runs a job while do does something to it. do has ended when steer returns; running ends with the job.
func steer(t *testing.T, o runner.Options, build func(*plan.Job), do func(running context.Context, c runner.Controls)) error {
	t.Helper()
	running, ended := context.WithCancel(t.Context())
	var steering sync.WaitGroup
	o.Running = func(c runner.Controls) {
		steering.Go(func() { do(running, c) }) // waited for below
	}
	_, err := runner.Run(t.Context(), build, o)
	ended()
	steering.Wait()
	return err
}

// closing counts a key's records and says how many there were when the end of time has come.
type closing struct {
	N state.Value[int64] `state:"n"`
}

func (c *closing) OnRecord(ctx *datastream.Context[int64, total], _ sample) error {
	n, _ := c.N.Get()
	c.N.Set(n + 1)
	ctx.SetTimer(time.UnixMilli(1 << 40))
	return nil
}

func (c *closing) OnTimer(ctx *datastream.Context[int64, total], _ time.Time) error {
	n, _ := c.N.Get()
	ctx.Emit(total{ctx.Key(), n})
	return nil
}

// Stopped and drained, a job comes to the end of event time: all timers fire, once. Stopped without, none does; they do in the job that goes on.
func TestDrain(t *testing.T) {
	o := stored(t, mem.New("test"))
	var got *dataset.Result[total]
	var read [7]atomic.Int64 // by key
	build := func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Endless: true, Rate: 5000, At: func(i int64) sample { return sample{i % 7, i} }}, plan.UID("in"))
		in = datastream.Map(in, func(s sample) sample {
			read[s.Key].Add(1)
			return s
		})
		timed := datastream.EventTime(in, func(s sample) time.Time { return time.UnixMilli(s.Value) }, watermark.Monotonous(), plan.UID("time"))
		keyed := datastream.KeyBy(timed, func(s sample) int64 { return s.Key })
		got = datastream.Collect(datastream.Process(keyed, func() *closing { return &closing{} }, plan.UID("closing")))
	}
	stop := func(drain bool) (cp status.Checkpoint) {
		t.Helper()
		before := read[3].Load()
		err := steer(t, o, build, func(running context.Context, c runner.Controls) {
			until(running, c, func(status.Job) bool { return read[3].Load() > before+10 })
			var err error
			if cp, err = c.Stop(t.Context(), "mem:///savepoints", drain); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return cp
	}
	o.Streaming.From = stop(false).URL
	if n := len(got.Records()); n != 0 {
		t.Errorf("stopped without being drained, %d timers have fired", n)
	}
	stop(true)
	counts := map[int64]int64{}
	for _, r := range got.Records() {
		if counts[r.Key] != 0 {
			t.Errorf("the timer of %d has fired twice", r.Key)
		}
		counts[r.Key] = r.Sum
	}
	want := map[int64]int64{}
	for key := range read {
		want[int64(key)] = read[key].Load()
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("drained (-want +got):\n%s", diff)
	}
}

// Checkpoints go on when some sources have come to their end: a job that begins again from one has what they gave, and does not read them again.
func TestFinishedTasks(t *testing.T) {
	const short = 300
	o := stored(t, mem.New("test"))
	o.Streaming.Restart = runner.Restart{Strategy: runner.RestartFixed, Attempts: 1, Delay: time.Millisecond}
	var kill atomic.Bool
	o.Probe = func(control.Attempt) error {
		if kill.CompareAndSwap(true, false) {
			return disturb.ErrKilled
		}
		return nil
	}
	var ended, endless *dataset.Result[total]
	sums := func(in datastream.Stream[sample], uid string) *dataset.Result[total] {
		keyed := datastream.KeyBy(in, func(s sample) int64 { return s.Key })
		sum := agg.Sum(func(s sample) int64 { return s.Value })
		return datastream.Collect(datastream.Aggregate(keyed, sum, func(k, n int64) total { return total{k, n} }, plan.UID(uid)))
	}
	at := func(i int64) sample { return sample{i % 7, 1} }
	build := func(job *plan.Job) {
		ended = sums(datastream.Read(job, generate.Source[sample]{Rows: short, SplitRows: 100, At: at}, plan.UID("short")), "ended")
		endless = sums(datastream.Read(job, generate.Source[sample]{Endless: true, Rate: 5000, At: at}, plan.UID("long")), "endless")
	}
	err := steer(t, o, build, func(running context.Context, c runner.Controls) {
		until(running, c, func(j status.Job) bool { return hasEnded(t, o, j, "ended") })
		kill.Store(true)
		until(running, c, func(j status.Job) bool { return j.Restarts == 1 })
		before := c.Status().Checkpoints.Completed
		until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > before })
		if _, err := c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]total{"ended": ended.Records(), "endless": endless.Records()} {
		seen, most := map[total]bool{}, map[int64]int64{}
		for _, r := range got {
			if seen[r] {
				t.Fatalf("%s: %+v is there twice", name, r)
			}
			seen[r] = true
			most[r.Key] = max(most[r.Key], r.Sum)
		}
		n := int64(0)
		for _, sum := range most {
			n += sum
		}
		if n != int64(len(got)) || name == "ended" && n != short {
			t.Errorf("%s: %d results of %d records", name, len(got), n)
		}
	}
}

// hasEnded says whether the last complete checkpoint has an operator all of whose tasks had come to their end.
func hasEnded(t *testing.T, o runner.Options, j status.Job, uid string) bool {
	t.Helper()
	for _, cp := range j.Checkpoints.Last {
		if cp.State != status.Complete {
			continue
		}
		saved, err := runner.OpenSaved(t.Context(), o.Files, cp.URL)
		if err != nil {
			return false // there are newer ones
		}
		for _, p := range saved.Manifest.Operator(uid).Parts {
			if !p.Ended {
				return false
			}
		}
		return true
	}
	return false
}
