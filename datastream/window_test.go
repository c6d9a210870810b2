package datastream_test

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// bid is a record with a time.
type bid struct {
	Auction int64
	Price   int64
	At      time.Time
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bidAt makes the i-th bid: a hundred a second, out of order by up to three seconds.
func bidAt(i int64) bid {
	return bid{i % 13, i * 7919 % 1000, noon.Add(time.Duration(i)*10*time.Millisecond - time.Duration(i*31%300)*10*time.Millisecond)}
}

const bids = 20_000

// spanned is a result of a window.
type spanned struct {
	Auction int64
	window.Span
	N     int64
	Price int64
}

func (s spanned) String() string {
	return fmt.Sprintf("%d %s-%s %d %d", s.Auction, s.Start.Format("15:04:05"), s.End.Format("15:04:05"), s.N, s.Price)
}

// keyedBids is the bids by auction, with event time.
func keyedBids(job *plan.Job) datastream.Keyed[int64, bid] {
	in := datastream.Read(job, generate.Source[bid]{Rows: bids, SplitRows: bids / 4, At: bidAt})
	timed := datastream.EventTime(in, func(b bid) time.Time { return b.At }, watermark.Bounded(3*time.Second))
	return datastream.KeyBy(timed, func(b bid) int64 { return b.Auction })
}

// wantWindows computes count and highest price of sliding windows.
func wantWindows(size, slide time.Duration) []spanned {
	grid := window.Sliding(size, slide).Grid()
	type key struct {
		auction int64
		window.Interval
	}
	all := map[key]*spanned{}
	for i := range int64(bids) {
		b := bidAt(i)
		for _, w := range grid.Windows(nil, b.At.UnixMicro()) {
			k := key{b.Auction, w}
			if all[k] == nil {
				all[k] = &spanned{Auction: b.Auction, Span: window.Span{Start: time.UnixMicro(w.Start).UTC(), End: time.UnixMicro(w.End).UTC()}}
			}
			all[k].N++
			all[k].Price = max(all[k].Price, b.Price)
		}
	}
	var out []spanned
	for _, s := range all {
		out = append(out, *s)
	}
	return out
}

func sorted[T fmt.Stringer](records []T) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = r.String()
	}
	slices.Sort(out)
	return out
}

// ways are how each job of these tests is run.
func ways() map[string]runner.Options {
	out := map[string]runner.Options{}
	for _, tasks := range []int{1, 2, 7} {
		o := runner.Options{Parallelism: tasks}
		out[fmt.Sprintf("batch, %d tasks", tasks)] = o
		o.Streaming.Always = true
		o.Streaming.Checkpoints.Interval = 5 * time.Millisecond
		out[fmt.Sprintf("stream, %d tasks", tasks)] = o
	}
	return out
}

// runAll runs a job in all ways and compares what it collects.
func runAll[T fmt.Stringer](t *testing.T, want []string, build func(*plan.Job) *dataset.Result[T]) {
	t.Helper()
	for name, o := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var got *dataset.Result[T]
			if _, err := runner.Run(t.Context(), func(job *plan.Job) { got = build(job) }, o); err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
				t.Errorf("windows differ (-want +got):\n%.3000s", diff)
			}
		})
	}
}

func summaries(w datastream.Windowed[int64, bid], options ...plan.Option) datastream.Stream[spanned] {
	return datastream.SummarizeWindows(w, func(p window.Pane[int64], s *spanned) { s.Auction, s.Span = p.Key, p.Span }, []agg.Part[spanned, bid]{
		agg.Into(func(s *spanned) *int64 { return &s.N }, agg.Count[bid]()),
		agg.Into(func(s *spanned) *int64 { return &s.Price }, agg.Max(func(b bid) int64 { return b.Price })),
	}, append(options, plan.UID("windows"))...)
}

func TestWindows(t *testing.T) {
	for name, c := range map[string]struct{ size, slide time.Duration }{
		"tumbling": {10 * time.Second, 10 * time.Second}, "sliding": {10 * time.Second, 4 * time.Second}, "with gaps": {2 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			want := sorted(wantWindows(c.size, c.slide))
			runAll(t, want, func(job *plan.Job) *dataset.Result[spanned] {
				return datastream.Collect(summaries(datastream.Window(keyedBids(job), window.Sliding(c.size, c.slide))))
			})
		})
	}
}

// TestWindowsByKey runs tumbling windows on the path for all windows, as whole-window functions and as aggregates.
func TestWindowsByKey(t *testing.T) {
	want := sorted(wantWindows(10*time.Second, 10*time.Second))
	t.Run("trigger", func(t *testing.T) {
		runAll(t, want, func(job *plan.Job) *dataset.Result[spanned] {
			w := datastream.Window(keyedBids(job), window.Tumbling(10*time.Second), window.Firing(window.AtWatermark()))
			return datastream.Collect(summaries(w))
		})
	})
	t.Run("apply", func(t *testing.T) {
		runAll(t, want, func(job *plan.Job) *dataset.Result[spanned] {
			w := datastream.Window(keyedBids(job), window.Tumbling(10*time.Second))
			return datastream.Collect(datastream.WindowApply(w, func(p window.Pane[int64], all iter.Seq[bid]) iter.Seq[spanned] {
				return func(yield func(spanned) bool) {
					s := spanned{Auction: p.Key, Span: p.Span}
					for b := range all {
						s.N++
						s.Price = max(s.Price, b.Price)
					}
					yield(s)
				}
			}, plan.UID("windows")))
		})
	})
}

// wantSessions computes the sessions of auctions, in which bids of every minute's first seconds are.
func wantSessions(records []bid, gap time.Duration) []spanned {
	slices.SortFunc(records, func(a, b bid) int { return cmp.Or(cmp.Compare(a.Auction, b.Auction), a.At.Compare(b.At)) })
	var out []spanned
	for _, b := range records {
		if n := len(out); n > 0 && out[n-1].Auction == b.Auction && !b.At.After(out[n-1].End) {
			s := &out[n-1]
			s.N, s.Price, s.End = s.N+1, max(s.Price, b.Price), b.At.Add(gap)
			continue
		}
		out = append(out, spanned{b.Auction, window.Span{Start: b.At, End: b.At.Add(gap)}, 1, b.Price})
	}
	return out
}

func TestSessions(t *testing.T) {
	visible := func(b bid) bool { return b.At.Second()%10 < 2+int(b.Auction)%3 }
	var records []bid
	for i := range int64(bids) {
		if b := bidAt(i); visible(b) {
			records = append(records, b)
		}
	}
	want := sorted(wantSessions(records, time.Second))
	for name, a := range map[string]window.Assigner{
		"static": window.Session(time.Second), "dynamic": window.SessionBy(func(bid) time.Duration { return time.Second }),
	} {
		t.Run(name, func(t *testing.T) {
			runAll(t, want, func(job *plan.Job) *dataset.Result[spanned] {
				in := datastream.Read(job, generate.Source[bid]{Rows: bids, SplitRows: bids / 4, At: bidAt})
				some := datastream.Filter(in, visible)
				timed := datastream.EventTime(some, func(b bid) time.Time { return b.At }, watermark.Bounded(3*time.Second))
				return datastream.Collect(summaries(datastream.Window(datastream.KeyBy(timed, func(b bid) int64 { return b.Auction }), a)))
			})
		})
	}
}

// pair is two bids of one window.
type pair struct{ Left, Right int64 }

func (p pair) String() string { return fmt.Sprint(p.Left, p.Right) }

func TestJoinWindows(t *testing.T) {
	second := func(b bid) int64 { return b.At.Unix() }
	var want []pair
	perSecond := map[[2]int64][2][]int64{}
	for i := range int64(2000) {
		b := bidAt(i)
		k := [2]int64{b.Auction, second(b)}
		sides := perSecond[k]
		sides[i%2] = append(sides[i%2], i)
		perSecond[k] = sides
	}
	for _, sides := range perSecond {
		for _, l := range sides[0] {
			for _, r := range sides[1] {
				want = append(want, pair{l, r})
			}
		}
	}
	type numbered struct {
		I int64
		B bid
	}
	runAll(t, sorted(want), func(job *plan.Job) *dataset.Result[pair] {
		keyed := func(parity int64) datastream.Keyed[int64, numbered] {
			in := datastream.Read(job, generate.Source[numbered]{Rows: 2000, SplitRows: 500, At: func(i int64) numbered { return numbered{i, bidAt(i)} }})
			some := datastream.Filter(in, func(n numbered) bool { return n.I%2 == parity })
			timed := datastream.EventTime(some, func(n numbered) time.Time { return n.B.At }, watermark.Bounded(3*time.Second))
			return datastream.KeyBy(timed, func(n numbered) int64 { return n.B.Auction })
		}
		return datastream.Collect(datastream.JoinWindows(keyed(0), keyed(1), window.Tumbling(time.Second),
			func(l, r numbered) pair { return pair{l.I, r.I} }, plan.UID("join")))
	})
}

// TestLateData has records that are too late for all their windows become a stream of their own. The filter has a parallelism of its own, so
// that there is one watermark for all splits, which are batches of one record: by themselves none would be late.
func TestLateData(t *testing.T) {
	var got *dataset.Result[spanned]
	var late *dataset.Result[bid]
	in := []bid{{1, 10, noon}, {1, 20, noon.Add(time.Second)}, {1, 30, noon.Add(time.Hour)}, {1, 40, noon.Add(2 * time.Second)}}
	o := runner.Options{Parallelism: 1}
	o.Streaming.Always = true
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		stream := datastream.Read(job, generate.Source[bid]{Rows: int64(len(in)), SplitRows: 1, At: func(i int64) bid { return in[i] }})
		stream = datastream.Filter(stream, func(bid) bool { return true }, plan.Parallelism(1))
		timed := datastream.EventTime(stream, func(b bid) time.Time { return b.At }, watermark.Monotonous())
		var tooLate datastream.Stream[bid]
		w := datastream.LateData(datastream.Window(datastream.KeyBy(timed, func(b bid) int64 { return b.Auction }), window.Tumbling(time.Minute)), &tooLate)
		got = datastream.Collect(summaries(w))
		late = datastream.Collect(tooLate)
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"1 12:00:00-12:01:00 2 20", "1 13:00:00-13:01:00 1 30"}, sorted(got.Records())); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(in[3:], late.Records()); diff != "" {
		t.Error(diff)
	}
}

func TestWindowMistakes(t *testing.T) {
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		k := keyedBids(job)
		datastream.Collect(summaries(datastream.Window(k, window.Tumbling(0))))
		datastream.Collect(summaries(datastream.Window(k, window.SessionBy(func(string) time.Duration { return 0 }))))
		datastream.Collect(summaries(datastream.Window(k, window.Session(time.Second)), plan.InTwoPhases()))
	})
	for _, want := range []string{"cannot be computed in two phases: the windows do not consist of slices", "window_test.go:", "windows of 0s every 0s", "the windows have a func(string) time.Duration"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
