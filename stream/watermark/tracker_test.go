package watermark

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/stream"
)

var strategies = map[string]Strategy{
	"bounded":    Bounded(5 * time.Microsecond),
	"monotonous": Monotonous(),
	"idle":       Bounded(5 * time.Microsecond).Idle(time.Minute),
	"punctuated": Punctuated(func(int64) (time.Time, bool) { return time.Time{}, false }),
	"custom":     Custom(func() Generator { return &tenth{} }),
}

// tenth is a generator of a user's: it trusts every tenth of a time, and goes back.
type tenth struct{ last int64 }

func (g *tenth) Observe(times []int64) { g.last = times[len(times)-1] }

func (g *tenth) Mark() stream.Watermark { return stream.Watermark(g.last / 10) }

// TestTracker runs the scripts of testdata. Each line is a call, and the watermark after it: "add a", "use a", "rows 1 2 3", "end a",
// "pass 30s", "restore a 17", "pause a b".
func TestTracker(t *testing.T) {
	datadriven.RunTest(t, "testdata/tracker", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		now := time.Unix(1000, 0)
		tracker := NewTracker(strategies[d.Cmd], d.HasArg("splits"), now)
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			words := strings.Fields(line)
			switch words[0] {
			case "add":
				tracker.Add(words[1], now)
			case "use":
				tracker.Use(words[1], now)
			case "end":
				tracker.End(words[1], now)
			case "restore":
				tracker.Restore(words[1], stream.Watermark(numbers(t, words[2:])[0]))
			case "pause":
				tracker.Pause(words[1:], now)
			case "rows":
				tracker.Observe(numbers(t, words[1:]), now)
			case "pass":
				by, err := time.ParseDuration(words[1])
				if err != nil {
					t.Fatal(err)
				}
				now = now.Add(by)
				if next := tracker.Pass(now); !next.IsZero() {
					fmt.Fprintf(&out, "look again in %s; ", next.Sub(now))
				}
			default:
				t.Fatalf("what is %q?", line)
			}
			w, idle := tracker.Mark(now)
			fmt.Fprintf(&out, "%s: %s", strings.TrimSpace(line), text(w))
			if idle {
				out.WriteString(" idle")
			}
			var holds []string
			for _, s := range tracker.Splits() {
				if s.Holds {
					holds = append(holds, s.ID)
				}
			}
			if d.HasArg("splits") && len(holds) > 0 {
				fmt.Fprintf(&out, ", held by %s", strings.Join(holds, " "))
			}
			out.WriteString("\n")
		}
		return out.String()
	})
}

func text(w stream.Watermark) string {
	switch w {
	case stream.NoWatermark:
		return "none"
	case stream.EndOfTime:
		return "end"
	default:
		return strconv.FormatInt(int64(w), 10)
	}
}

func numbers(t *testing.T, words []string) []int64 {
	t.Helper()
	out := make([]int64, len(words))
	for i, w := range words {
		var err error
		if out[i], err = strconv.ParseInt(w, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// The watermark is the minimum over splits, each greatest time less delay and tick, and never goes back.
func TestMinimumNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, before := time.Unix(0, 0), stream.NoWatermark
		tracker := NewTracker(Bounded(7*time.Microsecond), true, now)
		greatest := map[string]int64{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "split")
			times := rapid.SliceOfN(rapid.Int64Range(-100, 100), 1, 5).Draw(t, "times")
			tracker.Use(id, now)
			tracker.Observe(times, now)
			for _, at := range times {
				if g, ok := greatest[id]; !ok || at > g {
					greatest[id] = at
				}
			}
			least := int64(1 << 40)
			for _, g := range greatest {
				least = min(least, g-7-1)
			}
			got, _ := tracker.Mark(now)
			if want := max(before, stream.Watermark(least)); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			before = got
		}
	})
}

func TestAhead(t *testing.T) {
	splits := []Split{{ID: "slow", Mark: 100}, {ID: "near", Mark: 110}, {ID: "far", Mark: 111}, {ID: "new", Mark: stream.NoWatermark}, {ID: "idle", Mark: 200, Idle: true}}
	if got := Ahead(splits, 100, 10*time.Microsecond); !slices.Equal(got, []string{"far"}) {
		t.Errorf("paused %v", got)
	}
	if got := Ahead(splits, stream.NoWatermark, 10*time.Microsecond); len(got) > 0 {
		t.Errorf("paused %v before anything is known", got)
	}
	extremes := []Split{{ID: "end", Mark: stream.EndOfTime}}
	if got := Ahead(extremes, -1<<62, time.Second); !slices.Equal(got, []string{"end"}) {
		t.Errorf("paused %v", got)
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []Strategy{
		Bounded(-1), Monotonous().Idle(-1), Monotonous().Align("g", 0), Monotonous().FarFuture(Cap, 0), Punctuated[int](nil),
	} {
		if s.Validate() == nil {
			t.Errorf("%s is valid", s)
		}
	}
	good := Bounded(5*time.Second).Idle(time.Minute).Align("g", time.Hour).FarFuture(Aside, time.Hour)
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if got, want := good.String(), "bounded 5s, idle after 1m0s, within 1h0m0s of group g, aside if 1h0m0s ahead"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
