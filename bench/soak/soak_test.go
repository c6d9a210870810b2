package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeMinute writes a minute of output: six windows of two files each, with n clicks a window.
func writeMinute(t *testing.T, folder string, minute time.Time, n int) {
	t.Helper()
	dir := filepath.Join(folder, minute.Format(minuteLayout))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for part := range 2 {
		var b strings.Builder
		for w := range 6 {
			fmt.Fprintf(&b, "%d,%d,%d\n", minute.Unix()+int64(w)*10, part, n/2)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part-%d.csv", part)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTotals(t *testing.T) {
	folder := t.TempDir()
	for m := range settled + 3 {
		n := 100
		if m == 1 {
			n = 98
		}
		writeMinute(t, folder, begin.Add(time.Duration(m)*time.Minute), n)
	}
	if err := os.Remove(filepath.Join(folder, begin.Add(2*time.Minute).Format(minuteLayout), "part-1.csv")); err != nil {
		t.Fatal(err)
	}
	total := totals{want: 100, sums: map[int64]int64{}}
	if err := total.take(folder); err != nil {
		t.Fatal(err)
	}
	if total.windows != 6 || len(total.wrong) != 12 {
		t.Errorf("%d windows are right, %d wrong: %q", total.windows, len(total.wrong), total.wrong)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != settled {
		t.Errorf("%d folders are left, %v", len(left), err)
	}
}

func TestClicksAreOfTheirWindow(t *testing.T) {
	c := clicks{Rate: 20_000}
	for _, i := range []int64{0, 1, 199_999, 200_000, 7_400_000_001} {
		at := c.at(i).At
		if got, want := at.Sub(begin)/windowSize, time.Duration(i/200_000); got != want {
			t.Errorf("click %d is of window %d, not %d", i, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	samples := func(rss func(i int) float64) (out []sample) {
		for i := range 100 {
			out = append(out, sample{After: time.Duration(i) * time.Minute, Age: time.Duration(i%10) * time.Minute, Incarnation: 1 + i/10, RSS: int64(rss(i))})
		}
		return out
	}
	flat := func(i int) float64 { return 200e6 + 10e6*float64(i%3) }
	leaking := func(i int) float64 { return flat(i) + 0.6e6*float64(i) }
	for _, c := range []struct {
		name           string
		steady, killed func(int) float64
		wrong          int
		want           int
	}{
		{"flat", flat, flat, 0, 0},
		{"leak", leaking, flat, 0, 1},
		{"leak across processes", flat, leaking, 0, 1},
		{"lost a window", flat, flat, 1, 1},
	} {
		d := driver{
			steady: &subject{name: "steady", samples: samples(c.steady), incarnation: 1, output: totals{windows: 1, wrong: make([]string, c.wrong)}},
			killed: &subject{name: "killed", samples: samples(c.killed), incarnation: 10, output: totals{windows: 1}},
		}
		if got := d.problems(); len(got) != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestLines(t *testing.T) {
	s := &subject{name: "steady", output: totals{windows: 7}}
	x := sample{
		After: time.Hour, Incarnation: 3, Age: time.Minute, RSS: 1, Innards: innards{Heap: 2, Goroutines: 3}, Files: 4, CPU: 5 * time.Second, Rows: 6,
		Completed: 7, Failed: 8, Checkpoint: 9 * time.Millisecond, Bytes: 10, Output: 11, Checkpoints: 12, Scratch: 13, State: 14,
	}
	again := &subject{name: "steady"}
	if err := takeLine(x.line(s), map[string]*subject{"steady": again}); err != nil {
		t.Fatal(err)
	}
	if len(again.samples) != 1 || again.samples[0] != x || again.output.windows != 7 || again.incarnation != 3 {
		t.Errorf("read back as %+v", again)
	}
	for _, line := range []string{"", "steady,1", strings.Replace(x.line(s), "steady", "other", 1), strings.Replace(x.line(s), "3600", "x", 1)} {
		if takeLine(line, map[string]*subject{"steady": again}) == nil {
			t.Errorf("%q is a sample", line)
		}
	}
}

func TestSlope(t *testing.T) {
	if got := slope([]float64{1, 2, 4}, []float64{5, 7, 11}); math.Abs(got-2) > 1e-12 {
		t.Errorf("got %g", got)
	}
	if got := slope([]float64{1, 1}, []float64{5, 7}); got != 0 {
		t.Errorf("without width: %g", got)
	}
}
