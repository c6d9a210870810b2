package windowed

import (
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// BenchmarkPerKey measures count and max by key, on keyed state in memory, over the stream of BenchmarkSliced.
func BenchmarkPerKey(b *testing.B) {
	most, err := agg.MaxOf(columnar.Int64Type)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		keys int64
		w    window.Spec
	}{
		{"session=1s/keys=1e3", 1000, window.New(window.Session(time.Second))},
		{"session=1s/keys=1e6", 1_000_000, window.New(window.Session(time.Second))},
		{"tumbling=1m,early=100/keys=1e3", 1000, window.New(window.Tumbling(time.Minute), window.Firing(window.AtWatermark().Early(window.Count(100))))},
		{"count=100/keys=1e3", 1000, window.New(window.CountTumbling(100))},
	} {
		b.Run(c.name, func(b *testing.B) {
			op := New(Spec{Windows: c.w, Inputs: []Input{{Keys: 1, Gap: -1, Value: -1, Evict: -1, Late: -1, Calls: []Call{
				{Function: agg.CountRows()}, {Function: most, Inputs: []int{1}},
			}}}}).(*PerKey)
			env := optest.NewEnv(b, 0, eventSchema)
			env.IsStreaming, env.Clock = true, &clock{}
			env.NewStore = func(keys []columnar.Field) (state.Store, error) {
				return heap.New(heap.Config{Keys: keys, Groups: state.Groups{To: state.DefaultKeyGroups, Max: state.DefaultKeyGroups}, Memory: env.Memory})
			}
			if err := op.Open(env); err != nil {
				b.Fatal(err)
			}
			s, out := newSource(c.keys), &counted{}
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				batch, mark := s.next()
				run(b, op, op.Process(0, batch, out), out)
				run(b, op, op.Advance(stream.Watermark(mark), out), out)
				rows += columnar.DefaultRows
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			if err := op.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
