package datastream_test

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// phases are the ways in which windows are computed.
var phases = []struct {
	name   string
	option plan.Option
}{{"one phase", plan.InOnePhase()}, {"two phases", plan.InTwoPhases()}}

// splitBids is the bids by auction, in four splits that all take the same time.
func splitBids(job *plan.Job) datastream.Keyed[int64, bid] {
	const part = many / 4
	in := datastream.Read(job, generate.Source[bid]{Rows: many, SplitRows: part, At: func(i int64) bid {
		b := bidAt(i % part)
		b.Price += i / part * 10
		return b
	}})
	timed := datastream.EventTime(in, func(b bid) time.Time { return b.At }, watermark.Bounded(3*time.Second))
	return datastream.KeyBy(timed, func(b bid) int64 { return b.Auction })
}

// TestPhases computes windows in one and in two phases, by the engine's aggregates and by the user's, in all ways.
func TestPhases(t *testing.T) {
	sliding := window.Sliding(10*time.Second, 2*time.Second)
	var got *dataset.Result[spanned]
	job := func(option plan.Option) func(*plan.Job) {
		return func(job *plan.Job) {
			highest := datastream.ReduceWindows(datastream.Window(splitBids(job), sliding), func(a, b bid) bid {
				if a.Price < b.Price || a.Price == b.Price && a.At.Before(b.At) {
					return b
				}
				return a
			}, option, plan.UID("highest"))
			all := summaries(datastream.Window(splitBids(job), sliding), option)
			got = datastream.Collect(datastream.Union(all, datastream.Map(highest, func(b bid) spanned {
				return spanned{Auction: b.Auction, Span: window.Span{Start: b.At, End: b.At}, Price: b.Price}
			})))
		}
	}
	if _, err := runner.Run(t.Context(), job(plan.InOnePhase()), runner.Options{Parallelism: 1}); err != nil {
		t.Fatal(err)
	}
	want := sorted(got.Records())
	for _, p := range phases {
		t.Run(p.name, func(t *testing.T) {
			runAll(t, want, func(j *plan.Job) *dataset.Result[spanned] {
				job(p.option)(j)
				return got
			})
		})
	}
}

// TestKilledPhases kills tasks at random turns, with checkpoints that wait for their barriers and with such that do not.
func TestKilledPhases(t *testing.T) {
	sliding := window.Sliding(10*time.Second, 2*time.Second)
	want := undisturbed(t, sliding)
	for _, patience := range []time.Duration{0, -1} {
		t.Run(fmt.Sprintf("alignment timeout %s", patience), func(t *testing.T) {
			for seed := range uint64(4) {
				var got *dataset.Result[spanned]
				killer := disturb.NewKiller(seed, 3, 200)
				o := killer.Options(1 + int(seed%3))
				o.Streaming.Checkpoints.AlignmentTimeout = patience
				if _, err := runner.Run(t.Context(), windowJob(sliding, &got, plan.InTwoPhases()), o); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
					t.Fatalf("seed %d: windows differ (-want +got):\n%.2000s", seed, diff)
				}
			}
		})
	}
}

// TestPhasesShareSavepoints stops a job with a savepoint and goes on in the other way, again and again.
func TestPhasesShareSavepoints(t *testing.T) {
	sliding := window.Sliding(10*time.Second, 2*time.Second)
	want := undisturbed(t, sliding)
	var got *dataset.Result[spanned]
	var option plan.Option
	stops := disturb.Rescale(t, func(job *plan.Job) { windowJob(sliding, &got, option)(job) }, runner.Options{Name: "phases"},
		func(run int, _ *runner.Options) { option = phases[run%2].option }, 2, 4, 1, 3, 1, 2)
	if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
		t.Errorf("after %d stops windows differ (-want +got):\n%.2000s", stops, diff)
	}
}

// paned is a result of a script.
type paned struct {
	Key     int64
	Start   time.Time
	Count   int64
	Sum     int64
	Highest int64
}

// element is a record of a script.
type element struct {
	Key   int64
	Value int64
}

// drawScript draws records and watermarks. Disturbed, crashes and changes of the number of tasks come between them.
func drawScript(r *rapid.T) func(disturbed bool, script *streamtest.Script, in *streamtest.Input[element]) {
	type step struct {
		at       []time.Time
		records  []element
		mark     time.Time
		disturbs int
	}
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	var steps []step
	now := 0
	for range rapid.IntRange(1, 12).Draw(r, "steps") {
		s := step{disturbs: rapid.IntRange(0, 8).Draw(r, "disturbance")}
		for range rapid.IntRange(0, 20).Draw(r, "records") {
			s.at = append(s.at, second(now+rapid.IntRange(-30, 15).Draw(r, "at")))
			s.records = append(s.records, element{rapid.Int64Range(0, 4).Draw(r, "key"), rapid.Int64Range(-5, 100).Draw(r, "value")})
		}
		now += rapid.IntRange(0, 12).Draw(r, "pass")
		s.mark = second(now - rapid.IntRange(0, 5).Draw(r, "delay"))
		steps = append(steps, s)
	}
	return func(disturbed bool, script *streamtest.Script, in *streamtest.Input[element]) {
		for _, s := range steps {
			for i, e := range s.records {
				in.Emit(s.at[i], e)
			}
			switch {
			case disturbed && s.disturbs == 1:
				script.Checkpoint()
			case disturbed && s.disturbs == 2:
				script.Crash()
			case disturbed && s.disturbs == 3:
				script.Rescale(1 + len(s.records)%4)
			}
			in.Watermark(s.mark)
		}
	}
}

// TestPhasesByScript plays scripts of records, some of them late, in one phase by one task, undisturbed, and in two phases by three tasks, with crashes
// and changes of their number. How often a window fires late depends on how rows meet in batches; what it comes to does not.
func TestPhasesByScript(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seconds := func(name string, lo, hi int) time.Duration {
			return time.Duration(rapid.IntRange(lo, hi).Draw(r, name)) * time.Second
		}
		a := window.Sliding(seconds("size", 1, 20), seconds("slide", 1, 20)).Offset(seconds("offset", -20, 20))
		mode := rapid.SampledFrom([]window.Mode{window.Accumulating, window.Discarding}).Draw(r, "mode")
		lateness := seconds("lateness", 0, 20)
		write := drawScript(r)
		play := func(tasks int, disturbed bool, option plan.Option) map[string]paned {
			script := streamtest.Script{Parallelism: tasks}
			in := streamtest.NewInput[element](&script, "elements")
			write(disturbed, &script, in)
			var got *dataset.Result[paned]
			err := script.Run(t.Context(), func(job *plan.Job) {
				w := datastream.Window(datastream.KeyBy(in.Read(job), func(e element) int64 { return e.Key }), a, window.AllowedLateness(lateness), window.Panes(mode))
				value := func(e element) int64 { return e.Value }
				got = datastream.Collect(datastream.SummarizeWindows(w, func(p window.Pane[int64], s *paned) { s.Key, s.Start = p.Key, p.Start }, []agg.Part[paned, element]{
					agg.Into(func(p *paned) *int64 { return &p.Count }, agg.Count[element]()),
					agg.Into(func(p *paned) *int64 { return &p.Sum }, agg.Sum(value)),
					agg.Into(func(p *paned) *int64 { return &p.Highest }, agg.Max(value)),
				}, option, plan.UID("windows")))
			})
			if err != nil {
				r.Fatal(err)
			}
			return settled(got.Records(), mode)
		}
		want := play(1, false, plan.InOnePhase())
		if diff := gocmp.Diff(want, play(3, true, plan.InTwoPhases())); diff != "" {
			r.Fatalf("%v: windows differ (-one phase +two):\n%s", a, diff)
		}
	})
}

// settled is what the panes of each window of a key come to.
func settled(panes []paned, mode window.Mode) map[string]paned {
	out := map[string]paned{}
	for _, p := range panes {
		at := fmt.Sprint(p.Key, " ", p.Start.Format("04:05"))
		was, known := out[at]
		switch {
		case !known:
		case mode == window.Discarding:
			p.Count, p.Sum, p.Highest = p.Count+was.Count, p.Sum+was.Sum, max(p.Highest, was.Highest)
		case was.Count > p.Count:
			p = was
		}
		out[at] = p
	}
	return out
}
