package windowed

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
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
		j.start(rapid.IntRange(1, 4).Draw(r, "tasks"))
		now := rapid.Int64Range(-100, 100).Draw(r, "begin")
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			if rapid.IntRange(0, 3).Draw(r, "what") > 0 {
				events := drawEvents(r, now)
				for _, e := range events { // late rows fire one by one
					ref.process([]event{e})
				}
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
	})
}
