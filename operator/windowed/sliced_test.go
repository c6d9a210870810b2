package windowed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/stream/window"
)

// drawWindows draws sliding or tumbling windows.
func drawWindows(t *rapid.T) window.Spec {
	us := func(name string, lo, hi int) time.Duration {
		return time.Duration(rapid.IntRange(lo, hi).Draw(t, name)) * time.Microsecond
	}
	a := window.Sliding(us("size", 1, 40), us("slide", 1, 40)).Offset(us("offset", -50, 50))
	if rapid.Bool().Draw(t, "tumbling") {
		a.Slide = a.Size
	}
	return window.New(a, window.AllowedLateness(us("lateness", 0, 60)*time.Duration(rapid.IntRange(0, 1).Draw(t, "late"))),
		window.Panes(rapid.SampledFrom([]window.Mode{window.Accumulating, window.Discarding}).Draw(t, "mode")))
}

// drawEvents draws a batch around a time.
func drawEvents(t *rapid.T, now int64) []event {
	out := make([]event, rapid.IntRange(1, 12).Draw(t, "rows"))
	spread := rapid.SampledFrom([]int64{0, 5, 60, 400}).Draw(t, "spread")
	for i := range out {
		out[i] = event{
			key: rapid.Int64Range(0, 5).Draw(t, "key"), at: now + rapid.Int64Range(-spread, 10).Draw(t, "at"),
			value: rapid.Int64Range(0, 9).Draw(t, "value"),
		}
	}
	return out
}

// withoutLast leaves out whether panes are the last. After a restart in the middle of a firing more may be known of that than without.
func withoutLast(panes []string) []string {
	out := make([]string, len(panes))
	for i, p := range panes {
		out[i] = strings.Replace(p, " last:", ":", 1)
	}
	return out
}

func compareSets(t interface {
	Helper()
	Fatalf(string, ...any)
}, want, got []string,
) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("panes differ (-want +got):\n%s", diff)
	}
}

func TestSlicedAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		spec := drawWindows(r)
		ref := newReference(spec)
		j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)), clock: &clock{}}
		compareRuns(r, j, ref, ref.process)
	})
}

// compareRuns gives a job and the reference the same batches and watermarks, with restarts of the job, and compares the panes. batch is how the
// reference takes a batch.
func compareRuns(r *rapid.T, j *job, ref *reference, batch func([]event)) {
	j.t.Helper()
	j.start(rapid.IntRange(1, 4).Draw(r, "tasks"))
	now := rapid.Int64Range(-100, 100).Draw(r, "begin")
	for range rapid.IntRange(1, 15).Draw(r, "steps") {
		if rapid.IntRange(0, 3).Draw(r, "what") > 0 {
			events := drawEvents(r, now)
			batch(events)
			j.process(0, events)
		} else {
			now += rapid.SampledFrom([]int64{1, 7, 30, 90}).Draw(r, "pass")
			mark := now - rapid.Int64Range(0, 20).Draw(r, "delay")
			if mark > ref.mark {
				ref.advance(mark)
				j.advance(mark, true)
			}
		}
		if rapid.IntRange(0, 3).Draw(r, "restart") == 0 {
			j.restart(rapid.IntRange(1, 7).Draw(r, "tasks then"))
		}
	}
	ref.advance(math.MaxInt64)
	j.stop()
	compareSets(r, withoutLast(ref.out), withoutLast(j.got))
	if j.late != ref.dropped {
		r.Fatalf("%d rows were late, want %d", j.late, ref.dropped)
	}
}

// TestSlidingLong has many keys come and go, so that ids are numbered anew, and windows of many slices.
func TestSlidingLong(t *testing.T) {
	for _, lateness := range []time.Duration{0, 50 * time.Microsecond} {
		t.Run(fmt.Sprint(lateness), func(t *testing.T) {
			spec := window.New(window.Sliding(100*time.Microsecond, 10*time.Microsecond), window.AllowedLateness(lateness))
			ref := newReference(spec)
			random := rand.New(rand.NewPCG(3, 4))
			j := &job{t: t, spec: testSpec(t, spec), random: random, clock: &clock{}}
			j.start(2)
			for step := range int64(60) {
				events := make([]event, 1000)
				for i := range events {
					events[i] = event{step*300 + random.Int64N(700), step*20 - random.Int64N(60), random.Int64N(100)}
				}
				ref.process(events)
				j.process(0, events)
				ref.advance(step*20 - 40)
				j.advance(step*20-40, true)
				if step%20 == 7 {
					j.restart(1 + int(step)%5)
				}
			}
			ref.advance(math.MaxInt64)
			j.stop()
			compareSets(t, ref.out, j.got)
		})
	}
}

// TestBatchIsNeverLate checks that where the input ends anyway nothing is late.
func TestBatchIsNeverLate(t *testing.T) {
	spec := window.New(window.Tumbling(10 * time.Microsecond))
	j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}, batch: true}
	j.start(1)
	j.process(0, []event{{1, 55, 1}})
	j.advance(60, false)
	j.process(0, []event{{1, 3, 2}})
	j.stop()
	compareSets(t, []string{"1 [50,60) #0 on time first last: 1 1 1 [1]", "1 [0,10) #0 on time first last: 1 2 2 [2]"}, j.got)
}

func TestProcessingTimeTumbling(t *testing.T) {
	spec := window.New(window.Tumbling(10 * time.Microsecond).ProcessingTime())
	j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{now: time.UnixMicro(1003)}}
	j.start(1)
	j.process(0, []event{{1, 0, 1}, {1, 0, 2}})
	j.pass(time.UnixMicro(1009))
	if len(j.got) > 0 {
		t.Fatal("fired early")
	}
	j.restart(2)
	j.pass(time.UnixMicro(1010))
	compareSets(t, []string{"1 [1000,1010) #0 on time first last: 2 3 2 [1 2]"}, j.got)
	j.process(0, []event{{1, 0, 4}})
	j.stop()
	compareSets(t, []string{"1 [1000,1010) #0 on time first last: 2 3 2 [1 2]", "1 [1010,1020) #0 on time first last: 1 4 4 [4]"}, j.got)
}

func TestRowsWithoutTime(t *testing.T) {
	j := &job{t: t, spec: testSpec(t, window.New(window.Tumbling(time.Second))), clock: &clock{}}
	j.start(1)
	b := batchOf([]event{{1, 2, 3}})
	b.Time = nil
	if err := j.tasks[0].op.Process(0, b, &taken{j, 1}); err == nil {
		t.Error("no error")
	}
	if err := j.tasks[0].op.Close(); err != nil {
		t.Error(err)
	}
}
