package windowed

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// onHeap gives a job stores in memory.
func (j *job) onHeap() *job {
	j.stores = func(task *testTask) func([]columnar.Field) (state.Store, error) {
		return func(keys []columnar.Field) (state.Store, error) {
			return heap.New(heap.Config{Keys: keys, Groups: task.groups, Memory: task.env.Memory})
		}
	}
	return j
}

func TestPerKeyAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		spec := drawWindows(r)
		spec.Trigger = window.EventTime()
		spec.Mode = rapid.SampledFrom([]window.Mode{window.Accumulating, window.Discarding, window.Retracting}).Draw(r, "mode")
		if rapid.Bool().Draw(r, "sessions") {
			spec.Assigner = window.Session(time.Duration(rapid.IntRange(1, 30).Draw(r, "gap")) * time.Microsecond)
		}
		ref := newReference(spec)
		ref.sorted = true
		j := (&job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)), clock: &clock{}}).onHeap()
		j.sorted = true
		compareRuns(r, j, ref, func(events []event) {
			for _, e := range events { // late rows fire one by one
				ref.process([]event{e})
			}
		})
	})
}

// When the watermark has come to a window's end and the lateness, and not before, nothing of it is left.
func TestNothingIsLeft(t *testing.T) {
	for name, w := range scripted {
		if k := w.Assigner.Kind; w.Assigner.ByClock || k != window.KindSliding && k != window.KindSession {
			continue
		}
		t.Run(name, func(t *testing.T) {
			j := (&job{t: t, spec: testSpec(t, w), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}}).onHeap()
			j.start(1)
			last := window.Interval{Start: 10, End: 20}
			if w.Assigner.Kind == window.KindSession {
				last = window.SessionOf(12, w.Assigner.Gap.Microseconds())
			}
			j.process(0, []event{{1, 12, 1}, {2, 12, 2}})
			end := last.Expiry(w.Lateness.Microseconds())
			j.advance(end-1, false)
			if n := j.kept(); n == 0 {
				t.Error("nothing is left before its time")
			}
			j.advance(end, false)
			j.pass(time.UnixMicro(1 << 40)) // timers of the clock go when they ring
			if n := j.kept(); n > 0 {
				t.Errorf("%d rows of state are left", n)
			}
			j.stop()
		})
	}
}

// kept returns the number of rows of keyed state that the first task has.
func (j *job) kept() int {
	j.t.Helper()
	f, err := j.tasks[0].op.(stream.Stateful).Snapshot(1)
	if err != nil {
		j.t.Fatal(err)
	}
	defer f.Release()
	n := 0
	for i, table := range f.Tables() {
		for rows, err := range f.Read(j.t.Context(), i) {
			if err != nil {
				j.t.Fatal(err)
			}
			if table.Distribution == state.Keyed {
				n += rows.Batch.Rows()
			}
		}
	}
	return n
}
