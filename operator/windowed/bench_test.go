package windowed

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// counted is an output that counts rows.
type counted struct{ rows int }

func (o *counted) Emit(b columnar.Batch) { o.rows += b.Rows() }

func (*counted) EmitSide(int, columnar.Batch) error { return nil }

func (*counted) Room() int { return 1 }

// source makes batches of 100,000 events per second of event time, out of order by up to a second.
type source struct {
	random *rand.Rand
	keys   int64
	n      int64
	batch  columnar.Batch
}

const perSecond = 100_000

func newSource(keys int64) *source {
	s := &source{random: rand.New(rand.NewPCG(1, 2)), keys: keys}
	s.batch = batchOf(make([]event, columnar.DefaultRows))
	return s
}

// now is how much event time has passed.
func (s *source) now() time.Duration { return time.Duration(s.n) * time.Second / perSecond }

// next returns the next batch and the watermark behind it.
func (s *source) next() (columnar.Batch, int64) {
	ks, vs := columnar.Values[int64](s.batch.Columns[0]), columnar.Values[int64](s.batch.Columns[1])
	for i := range s.batch.Len {
		ks[i], vs[i] = s.random.Int64N(s.keys), s.random.Int64N(1000)
		s.batch.Time[i] = s.n*(1_000_000/perSecond) - s.random.Int64N(1_000_000)
		s.n++
	}
	return s.batch, s.n*(1_000_000/perSecond) - 1_000_001
}

// benchSpec is count and max by key.
func benchSpec(b *testing.B, a window.Assigner) Spec {
	b.Helper()
	most, err := agg.MaxOf(columnar.Int64Type)
	if err != nil {
		b.Fatal(err)
	}
	return Spec{Windows: window.New(a), Inputs: []Input{{Keys: 1, Gap: -1, Value: -1, Evict: -1, Late: -1, Calls: []Call{
		{Function: agg.CountRows()}, {Function: most, Inputs: []int{1}},
	}}}}
}

// newSliced opens an operator of count and max by key.
func newSliced(b *testing.B, a window.Assigner) *Sliced {
	b.Helper()
	op := New(benchSpec(b, a)).(*Sliced)
	env := optest.NewEnv(b, 0, eventSchema)
	env.IsStreaming = true
	if err := op.Open(env); err != nil {
		b.Fatal(err)
	}
	return op
}

// give has the operator take a batch and the watermark behind it.
func (o *Sliced) give(b *testing.B, batch columnar.Batch, mark int64, out stream.Output) {
	run(b, o, o.Process(0, batch, out), out)
	run(b, o, o.Advance(stream.Watermark(mark), out), out)
}

// skip moves the watermark and the pane without emitting anything.
func (o *Sliced) skip(b *testing.B, mark int64) {
	o.mark = mark
	for w, over := o.nextWindow(); over; w, over = o.nextWindow() {
		if o.overlaps {
			if err := o.slide(w); err != nil {
				b.Fatal(err)
			}
		}
		o.fired = w.Last()
	}
	if err := o.clean(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSliced measures count and max by key over a stream of 100,000 events a second, emission included.
func BenchmarkSliced(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int64
		a    window.Assigner
		warm time.Duration // of event time
	}{
		{"tumbling=1m/keys=1e3", 1000, window.Tumbling(time.Minute), 2 * time.Minute},
		{"sliding=1h,1s/keys=1e3", 1000, window.Sliding(time.Hour, time.Second), 61 * time.Minute},
		{"sliding=10s,2s/keys=1e3", 1000, window.Sliding(10*time.Second, 2*time.Second), time.Minute},
		{"tumbling=1m/keys=1e6", 1_000_000, window.Tumbling(time.Minute), 2 * time.Minute},
		{"sliding=1m,1s/keys=1e6", 1_000_000, window.Sliding(time.Minute, time.Second), 2 * time.Minute},
	} {
		b.Run(c.name, func(b *testing.B) {
			op := newSliced(b, c.a)
			s, out := newSource(c.keys), &counted{}
			for s.now() < c.warm {
				batch, mark := s.next()
				op.give(b, batch, mark, out)
			}
			source := sourceTime(s, 200)
			out.rows = 0
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				batch, mark := s.next()
				op.give(b, batch, mark, out)
				rows += columnar.DefaultRows
			}
			took := b.Elapsed() - time.Duration(int64(source)*int64(b.N))
			b.ReportMetric(float64(rows)/took.Seconds(), "rows/s")
			b.ReportMetric(float64(took.Nanoseconds())/float64(rows), "ns/row")
			if out.rows > 0 {
				b.ReportMetric(float64(out.rows)/float64(rows), "emitted/row")
				b.ReportMetric(float64(took.Nanoseconds())/float64(out.rows), "ns/emitted")
			}
			if err := op.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPartial measures the first of two steps, for count and max by key, and what it makes of rows: "single" is that they pass as states of
// their own.
func BenchmarkPartial(b *testing.B) {
	for _, c := range []struct {
		name   string
		keys   int64
		passes bool
	}{
		{"keys=1e3", 1000, false}, {"keys=1e4", 10_000, false}, {"keys=3e4", 30_000, false}, {"keys=1e6", 1_000_000, false}, {"single", 1_000_000, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			op := NewPartial(benchSpec(b, window.Sliding(10*time.Second, 2*time.Second)))
			env := optest.NewEnv(b, 0, eventSchema)
			env.IsStreaming = true
			if err := op.Open(env); err != nil {
				b.Fatal(err)
			}
			s, out := newSource(c.keys), &counted{}
			source := sourceTime(s, 200)
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				op.trial = trial{}
				if c.passes {
					op.trial.pass = passedRows
				}
				batch, mark := s.next()
				if err := op.Process(0, batch, out); err != nil {
					b.Fatal(err)
				}
				if err := op.Advance(stream.Watermark(mark), out); err != nil {
					b.Fatal(err)
				}
				rows += columnar.DefaultRows
			}
			took := b.Elapsed() - time.Duration(int64(source)*int64(b.N))
			b.ReportMetric(float64(took.Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(float64(out.rows)/float64(rows), "states/row")
			if err := op.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkSlidingCost compares a window of an hour by a second with a tumbling one of a minute, over the same batches in turn: what a row costs
// with few keys, and what an emitted row costs with a million keys, most of which a second has no rows of. An operation is a minute of event time.
// With a million keys the hour is 340 million cells of slices, and takes 12 GB.
func BenchmarkSlidingCost(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int64
		long time.Duration
		unit string
		per  func(rows, emitted int) int
	}{
		{"1h/keys=1e3", 1000, time.Hour, "row", func(rows, _ int) int { return rows }},
		{"10m/keys=1e6", 1_000_000, 10 * time.Minute, "emitted", func(_, emitted int) int { return emitted }},
		{"1h/keys=1e6", 1_000_000, time.Hour, "emitted", func(_, emitted int) int { return emitted }},
	} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && c.keys > 1000 && c.long == time.Hour {
				b.Skip("takes 12 GB")
			}
			tumbling, sliding := newSliced(b, window.Tumbling(time.Minute)), newSliced(b, window.Sliding(c.long, time.Second))
			s := newSource(c.keys)
			for s.now() < c.long+time.Minute {
				batch, mark := s.next()
				for _, op := range []*Sliced{tumbling, sliding} {
					run(b, op, op.Process(0, batch, &counted{}), &counted{})
					op.skip(b, mark)
				}
			}
			rows := 0
			var took [2]time.Duration
			var out [2]counted
			for b.Loop() {
				for end := s.now() + time.Minute; s.now() < end; {
					batch, mark := s.next()
					for i, op := range []*Sliced{tumbling, sliding} {
						start := time.Now()
						op.give(b, batch, mark, &out[i])
						took[i] += time.Since(start)
					}
					rows += batch.Len
				}
			}
			cost := func(i int) float64 { return float64(took[i].Nanoseconds()) / float64(c.per(rows, out[i].rows)) }
			b.ReportMetric(cost(0), "tumbling-ns/"+c.unit)
			b.ReportMetric(cost(1), "sliding-ns/"+c.unit)
			b.ReportMetric(cost(1)/cost(0), "sliding/tumbling")
			for _, op := range []*Sliced{tumbling, sliding} {
				if err := op.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sourceTime measures a batch of the source.
func sourceTime(s *source, n int) time.Duration {
	start := time.Now()
	other := *s
	for range n {
		other.next()
	}
	return time.Since(start) / time.Duration(n)
}

func run(b *testing.B, op stream.Resumer, err error, out stream.Output) {
	b.Helper()
	for more := true; more && err == nil; {
		more, err = op.Resume(out)
	}
	if err != nil {
		b.Fatal(err)
	}
}
