package window_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/stream/window"
)

func drawGrid(t *rapid.T) window.Grid {
	return window.Grid{
		Size: rapid.Int64Range(1, 50).Draw(t, "size"), Slide: rapid.Int64Range(1, 50).Draw(t, "slide"), Offset: rapid.Int64Range(-80, 80).Draw(t, "offset"),
	}
}

// A window begins at t - floorMod(t - offset, slide), and every window with t in it is found.
func TestGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, at := drawGrid(t), rapid.Int64Range(-200, 200).Draw(t, "at")
		var want []window.Interval
		for start := int64(-500); start <= 500; start++ {
			if (start-g.Offset)%g.Slide == 0 && start <= at && at < start+g.Size {
				want = append(want, window.Interval{Start: start, End: start + g.Size})
			}
		}
		slices.Reverse(want)
		got := g.Windows(nil, at)
		if !slices.Equal(got, want) {
			t.Fatalf("windows %v, want %v", got, want)
		}
		if last, ok := g.LastOf(at); ok != (len(want) > 0) || ok && last != want[0] {
			t.Fatalf("the last is %v, %v", last, ok)
		}
		first := g.FirstAfter(at)
		if first.End <= at || first.End-g.Slide > at || (first.Start-g.Offset)%g.Slide != 0 || first.End-first.Start != g.Size {
			t.Fatalf("the first that ends after %d is %v", at, first)
		}
		for _, w := range want {
			if s := g.Slice(); (w.Start-g.Offset)%s != 0 || (w.End-g.Offset)%s != 0 {
				t.Fatalf("slices of %d cut %v", s, w)
			}
		}
	})
}

func TestIntervals(t *testing.T) {
	w := window.Interval{Start: 10, End: 20}
	if w.Last() != 19 || w.Expiry(5) != 24 || window.Everything.Expiry(5) != math.MaxInt64 || w.Expiry(math.MaxInt64) != math.MaxInt64 {
		t.Error("the last time or the expiry is wrong")
	}
	for _, c := range []struct {
		o    window.Interval
		want bool
	}{{window.Interval{Start: 20, End: 30}, true}, {window.Interval{Start: 0, End: 10}, true}, {window.Interval{Start: 21, End: 30}, false}} {
		if w.Touches(c.o) != c.want || c.o.Touches(w) != c.want {
			t.Errorf("%v touches %v: not %v", w, c.o, c.want)
		}
	}
	if window.SessionOf(5, -3) != (window.Interval{Start: 5, End: 6}) || window.SessionOf(math.MaxInt64-1, 100).End != math.MaxInt64 {
		t.Error("a session without gap, or at the end of time, is wrong")
	}
}

func TestSpecs(t *testing.T) {
	for _, bad := range []window.Spec{
		window.New(window.Tumbling(0)), window.New(window.Sliding(time.Second, time.Nanosecond)), window.New(window.Session(0)),
		window.New(window.SessionBy[int](nil)), window.New(window.CountTumbling(0)), window.New(window.CountSliding(3, 0)),
		window.New(window.Tumbling(time.Second), window.AllowedLateness(-1)),
		window.New(window.Tumbling(time.Second).ProcessingTime(), window.AllowedLateness(1)),
		window.New(window.Global(), window.Firing(window.Count(0))), window.New(window.Global(), window.Firing(window.And())),
		window.New(window.Global(), window.Firing(window.Delta[int](1, nil))), window.New(window.Global(), window.Evicting(window.LastRows(-1))),
		window.New(window.CountTumbling(2), window.Firing(window.Count(2))),
		window.New(window.Session(time.Second), window.Firing(window.Purging(window.Delta(1, func(int) float64 { return 0 })))),
	} {
		if bad.Validate() == nil {
			t.Errorf("%s is valid", bad)
		}
	}
	for text, s := range map[string]window.Spec{
		"tumbling 1m0s": window.New(window.Tumbling(time.Minute)),
		"sliding 1h0m0s every 1s from 5s, late by 1m0s, discarding": window.New(window.Sliding(time.Hour, time.Second).Offset(5*time.Second),
			window.AllowedLateness(time.Minute), window.Panes(window.Discarding)),
		"sessions with gaps of 30s, firing at watermark(every 5s, count 1)": window.New(window.Session(30*time.Second),
			window.Firing(window.AtWatermark().Early(window.ContinuousEventTime(5*time.Second)))),
		"of 3 rows every 2": window.New(window.CountSliding(3, 2)),
		"global, firing purging(or(count 5, delta 2)), keeping 7 rows": window.New(window.Global(),
			window.Firing(window.Purging(window.Or(window.Count(5), window.Delta(2, func(int) float64 { return 0 })))), window.Evicting(window.LastRows(7))),
	} {
		if got := s.String(); got != text {
			t.Errorf("%q, want %q", got, text)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Only sliding windows by default triggers, without evictors and retractions, are made of slices.
func TestSlices(t *testing.T) {
	has := []window.Spec{
		window.New(window.Tumbling(1000)), window.New(window.Sliding(2000, 1000), window.AllowedLateness(1500), window.Panes(window.Discarding)),
	}
	hasNot := []window.Spec{
		window.New(window.Session(1000)), window.New(window.Tumbling(1000), window.Firing(window.EventTime())),
		window.New(window.Tumbling(1000), window.Evicting(window.LastRows(1))), window.New(window.Tumbling(1000), window.Panes(window.Retracting)),
	}
	for _, s := range has {
		if !s.HasSlices() {
			t.Errorf("%s has no slices", s)
		}
	}
	for _, s := range hasNot {
		if s.HasSlices() {
			t.Errorf("%s has slices", s)
		}
	}
}

// Merging the state of windows is as if their rows had come into one.
func TestMergedCounts(t *testing.T) {
	trigger := window.And(window.Count(3), window.Or(window.Count(5), window.Count(4)))
	m := window.Moment{Window: window.Interval{Start: 0, End: 10}, Watermark: -1, Wake: func(int64, bool) {}}
	one, two, into := make([]int64, trigger.Slots()), make([]int64, trigger.Slots()), make([]int64, trigger.Slots())
	for range 2 {
		if trigger.OnRow(&m, 1, one) != 0 {
			t.Fatal("fired early")
		}
	}
	trigger.OnRow(&m, 2, two)
	trigger.OnMerge(&m, into, [][]int64{one, two})
	if d := trigger.OnRow(&m, 3, into); d&window.Fire == 0 {
		t.Errorf("%s: the fourth row decides %d", trigger, d)
	}
	if !strings.Contains(trigger.String(), "and(count 3, or(count 5, count 4))") {
		t.Error(trigger.String())
	}
}
