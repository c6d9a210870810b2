package windowed

import (
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
		compareRuns(r, j, ref, func(events []event) {
			for _, e := range events { // late rows fire one by one
				ref.process([]event{e})
			}
		})
	})
}
