package datastream_test

import (
	"fmt"
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

// BenchmarkPhases runs jobs of 2 tasks that count and sum up by key over sliding windows of 10 s by 2 s, in one phase and in two, as streams, source and
// exchange included. reduce has a function of the user's for it.
func BenchmarkPhases(b *testing.B) {
	const rows = 8 << 20
	for _, c := range []struct {
		name       string
		pages, hot uint64
		user       bool
	}{
		{"hot=90%", 100_000, 90, false},
		{"pages=1e3", 1000, 0, false},
		{"pages=1e4", 10_000, 0, false},
		{"pages=3e4", 30_000, 0, false},
		{"pages=1e5", 100_000, 0, false},
		{"pages=1e9", 1_000_000_000, 0, false},
		{"reduce/hot=90%", 100_000, 90, true},
		{"reduce/pages=1e3", 1000, 0, true},
		{"reduce/pages=1e5", 100_000, 0, true},
	} {
		for _, p := range phases {
			b.Run(fmt.Sprintf("%s/%s", c.name, p.name), func(b *testing.B) {
				build := func(job *plan.Job) {
					in := datastream.Read(job, generate.Source[hit]{Rows: rows, SplitRows: rows / 2, At: func(i int64) hit { return hitOf(c.pages, c.hot)(i % (rows / 2)) }})
					timed := datastream.EventTime(in, func(h hit) time.Time { return time.UnixMicro(h.At) }, watermark.Bounded(100*time.Millisecond))
					w := datastream.Window(datastream.KeyBy(timed, func(h hit) int64 { return h.Page }), window.Sliding(10*time.Second, 2*time.Second))
					datastream.Write(totals(w, c.user, p.option), blackhole.Sink[hit]{})
				}
				o := runner.Options{Parallelism: 2}
				o.Streaming.Always = true
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if _, err := runner.Run(b.Context(), build, o); err != nil {
						b.Fatal(err)
					}
					n += rows
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
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
