package streamtest_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/window"
)

// The time of a union is that of the input that is behind.
func TestUnion(t *testing.T) {
	var script streamtest.Script
	left, right := streamtest.NewInput[sale](&script, "left"), streamtest.NewInput[sale](&script, "right")
	left.Emit(after(1), sale{"a", 1})
	left.Watermark(after(60))
	right.Emit(after(5), sale{"a", 2})
	right.Watermark(after(8))
	right.Emit(after(9), sale{"a", 4})
	right.Watermark(after(20))
	script.Checkpoint() // what comes before it on any input has come to the windows
	right.Emit(after(3), sale{"a", 8})
	disturb(t, &script, func(job *plan.Job) results {
		return sums(datastream.Union(left.Read(job), right.Read(job)), window.Tumbling(10*time.Second))
	}, map[string][]string{"sums": {"a 00:00-00:10 7"}, "late": {"{a 8}"}})
}

// echo gives each record again ten seconds later, by a timer.
type echo struct{}

func (echo) OnRecord(ctx *datastream.Context[string, sale], _ sale) error {
	ctx.SetTimer(ctx.Time().Add(10 * time.Second))
	return nil
}

func (echo) OnTimer(ctx *datastream.Context[string, sale], _ time.Time) error {
	ctx.Emit(sale{"all", 1})
	return nil
}

// What a watermark causes comes before it, however much it is: nothing of it is late in the next window.
func TestEffectsComeBeforeTheWatermark(t *testing.T) {
	const shops = 40_000
	var script streamtest.Script
	in := streamtest.NewInput[sale](&script, "sales")
	all := make([]sale, shops)
	for i := range all {
		all[i].Shop = fmt.Sprint(i)
	}
	in.Emit(after(0), all...)
	in.Watermark(after(60))
	var got results
	err := script.Run(t.Context(), func(job *plan.Job) {
		got = sums(datastream.Process(datastream.KeyBy(in.Read(job), shop), func() echo { return echo{} }, plan.UID("echo")), window.Tumbling(time.Second))
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := streamtest.Diff([]string{fmt.Sprint("all 00:10-00:11 ", shops)}, got["sums"].Records()); diff != "" || len(got["late"].Records()) > 0 {
		t.Errorf("%d of %d are late; windows:\n%s", len(got["late"].Records()), shops, diff)
	}
}

// A record says itself how long its session waits for another.
func TestDynamicGaps(t *testing.T) {
	var script streamtest.Script
	in := streamtest.NewInput[sale](&script, "sales")
	in.Emit(after(5), sale{"a", 10})
	in.Emit(after(0), sale{"a", 3})
	in.Emit(after(14), sale{"a", 1})
	in.Watermark(after(14))
	in.Emit(after(16), sale{"a", 2})
	disturb(t, &script, func(job *plan.Job) results {
		return sums(in.Read(job), window.SessionBy(func(s sale) time.Duration { return time.Duration(s.Price) * time.Second }))
	}, map[string][]string{"sums": {"a 00:00-00:03 3", "a 00:05-00:15 11", "a 00:16-00:18 2"}})
}

// Panes say which of their window's firings they are, in all modes.
func TestPanes(t *testing.T) {
	firing := window.Firing(window.AtWatermark().Early(window.Count(2)))
	for mode, want := range map[window.Mode][]string{
		window.Accumulating: {"0 early first 3", "1 on time 7", "2 late 15"},
		window.Discarding:   {"0 early first 3", "1 on time 4", "2 late 8"},
		window.Retracting:   {"0 early first 3", "0 on time first retracts 3", "1 on time 7", "1 late retracts 7", "2 late 15"},
	} {
		t.Run(mode.String(), func(t *testing.T) {
			var script streamtest.Script
			in := streamtest.NewInput[sale](&script, "sales")
			in.Emit(after(1), sale{"a", 1}, sale{"a", 2})
			in.Emit(after(3), sale{"a", 4})
			in.Watermark(after(10))
			in.Emit(after(9), sale{"a", 8})
			in.Watermark(after(40))
			disturb(t, &script, func(job *plan.Job) results {
				w := datastream.Window(datastream.KeyBy(in.Read(job), shop), window.Tumbling(10*time.Second),
					window.AllowedLateness(20*time.Second), firing, window.Panes(mode))
				return results{"": datastream.Collect(datastream.AggregateWindows(w, agg.Sum(price), paneText, plan.UID("panes")))}
			}, map[string][]string{"": want})
		})
	}
}

func paneText(p window.Pane[string], n int64) string {
	text := fmt.Sprint(p.Index, " ", p.Timing)
	if p.IsFirst {
		text += " first"
	}
	if p.IsLast {
		text += " last"
	}
	if p.Retracts {
		text += " retracts"
	}
	return fmt.Sprint(text, " ", n)
}

func grouped(p window.Pane[string], left, right []sale) iter.Seq[string] {
	return func(yield func(string) bool) {
		yield(fmt.Sprintf("%s %s-%s %d %d", p.Key, p.Start.Format("04:05"), p.End.Format("04:05"), len(left), len(right)))
	}
}

// Records meet once in each window that they share; a group of two inputs has the records of both, or of one.
func TestWindowsOfTwo(t *testing.T) {
	var script streamtest.Script
	left, right := streamtest.NewInput[sale](&script, "left"), streamtest.NewInput[sale](&script, "right")
	left.Emit(after(4), sale{"a", 1})
	left.Emit(after(6), sale{"a", 2})
	right.Emit(after(12), sale{"a", 10})
	right.Emit(after(9), sale{"a", 20})
	right.Emit(after(9), sale{"b", 40})
	left.Watermark(after(20))
	right.Watermark(after(20))
	right.Emit(after(30), sale{"a", 80})
	disturb(t, &script, func(job *plan.Job) results {
		l, r := datastream.KeyBy(left.Read(job), shop), datastream.KeyBy(right.Read(job), shop)
		joined := datastream.JoinWindows(l, r, window.Sliding(10*time.Second, 5*time.Second), func(l, r sale) string { return fmt.Sprint(l.Price, r.Price) }, plan.UID("join"))
		grouped := datastream.CoGroupWindows(l, r, window.Session(5*time.Second), grouped, plan.UID("group"))
		return results{"join": datastream.Collect(joined), "group": datastream.Collect(grouped)}
	}, map[string][]string{
		"join":  {"1 20", "2 20", "2 20", "2 10"},
		"group": {"a 00:04-00:17 2 2", "b 00:09-00:14 0 1", "a 00:30-00:35 0 1"},
	})
}
