package datastream_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/blackhole"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// hit is a record of the benchmark: 100,000 a second, out of order by up to a tenth of one.
type hit struct {
	Page  int64
	Bytes int64
	At    int64 // microseconds
}

// mixed makes numbers that look random of others.
func mixed(i int64) uint64 {
	x := uint64(i) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>29
}

// hitOf makes the i-th record, for that many pages, with a share of hot percent for the first.
func hitOf(pages, hot uint64) func(int64) hit {
	return func(i int64) hit {
		x := mixed(i)
		h := hit{Page: int64(x>>20%pages) + 1, Bytes: int64(x % 1000), At: i*10 - int64(x>>40%100_000)}
		if x>>8%100 < hot {
			h.Page = 0
		}
		return h
	}
}

// BenchmarkPhases runs jobs of 2 tasks that count and sum up by key over sliding windows of 10 s by 2 s, as streams, source and exchange included: in one
// phase and in two, in turn, so that their ratio holds on a busy machine. An operation is eight million rows of each. reduce has a function of the
// user's for it, and batch is not a stream.
func BenchmarkPhases(b *testing.B) {
	const rows = 8 << 20
	for _, c := range []struct {
		name              string
		pages, hot        uint64
		isUser, isBounded bool
	}{
		{"hot=90%", 100_000, 90, false, false},
		{"pages=1e3", 1000, 0, false, false},
		{"pages=1e4", 10_000, 0, false, false},
		{"pages=3e4", 30_000, 0, false, false},
		{"pages=1e5", 100_000, 0, false, false},
		{"pages=1e9", 1_000_000_000, 0, false, false},
		{"reduce/hot=90%", 100_000, 90, true, false},
		{"reduce/pages=1e3", 1000, 0, true, false},
		{"reduce/pages=1e5", 100_000, 0, true, false},
		{"batch/hot=90%", 100_000, 90, false, true},
		{"batch/pages=1e5", 100_000, 0, false, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := runner.Options{Parallelism: 2}
			o.Streaming.Always = !c.isBounded
			var took, cpu [2]time.Duration
			var sent [2]int64 // rows and states that went through the exchange
			n := 0
			for b.Loop() {
				for i, p := range phases {
					build := func(job *plan.Job) {
						at := hitOf(c.pages, c.hot)
						in := datastream.Read(job, generate.Source[hit]{Rows: rows, SplitRows: rows / 2, At: func(i int64) hit { return at(i % (rows / 2)) }})
						timed := datastream.EventTime(in, func(h hit) time.Time { return time.UnixMicro(h.At) }, watermark.Bounded(100*time.Millisecond))
						w := datastream.Window(datastream.KeyBy(timed, func(h hit) int64 { return h.Page }), window.Sliding(10*time.Second, 2*time.Second))
						datastream.Write(totals(w, c.isUser, p.option), blackhole.Sink[hit]{})
					}
					start, used := time.Now(), cpuTime(b)
					summary, err := runner.Run(b.Context(), build, o)
					if err != nil {
						b.Fatal(err)
					}
					before := summary.Stages[0].Operators
					sent[i] += before[len(before)-1].RowsOut
					took[i] += time.Since(start)
					cpu[i] += cpuTime(b) - used
				}
				n += rows
			}
			for i, name := range []string{"one", "two"} {
				b.ReportMetric(float64(n)/took[i].Seconds(), name+"-rows/s")
				b.ReportMetric(float64(cpu[i].Nanoseconds())/float64(n), name+"-cpu-ns/row")
				b.ReportMetric(float64(sent[i])/float64(n), name+"-sent/row")
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "two/one")
			b.ReportMetric(float64(cpu[1])/float64(cpu[0]), "cpu-two/one")
		})
	}
}

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// totals counts and sums up by the engine's aggregates, or by a function of the user's.
func totals(w datastream.Windowed[int64, hit], user bool, option plan.Option) datastream.Stream[hit] {
	if user {
		return datastream.ReduceWindows(w, func(a, b hit) hit {
			a.Bytes += b.Bytes
			return a
		}, option, plan.UID("totals"))
	}
	return datastream.SummarizeWindows(w, func(p window.Pane[int64], h *hit) { h.Page = p.Key }, []agg.Part[hit, hit]{
		agg.Into(func(h *hit) *int64 { return &h.At }, agg.Count[hit]()),
		agg.Into(func(h *hit) *int64 { return &h.Bytes }, agg.Sum(func(h hit) int64 { return h.Bytes })),
	}, option, plan.UID("totals"))
}
