package subject

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/window"
)

// counts gives, for each reading, how many there were of its sensor.
func counts(s datastream.Stream[Reading], uid string) datastream.Stream[Counted] {
	sensors := datastream.KeyBy(s, sensor)
	return datastream.Aggregate(sensors, agg.Count[Reading](), func(k, n int64) Counted { return Counted{k, n} }, plan.UID(uid))
}

// rolling counts the readings of each sensor, and writes each count.
func (s Size) rolling(out string) func(*plan.Job) {
	return func(job *plan.Job) { Write(counts(s.Readings(job), "counts"), out, "counts") }
}

// stages has keyed functions with state, one behind the other.
func (s Size) stages(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		rows := datastream.Map(s.Readings(job), func(r Reading) Counted { return Counted{r.Sensor % s.Keys, r.Value} })
		first := datastream.Process(datastream.KeyBy(rows, func(c Counted) int64 { return 1 + c.Key }), NewTally, plan.UID("first"))
		second := datastream.Process(datastream.KeyBy(first, func(c Counted) int64 { return 1 + c.N%13 }), NewTally, plan.UID("second"))
		Write(second, out, "second")
	}
}

// windows counts in tumbling and sliding windows of event time, and in sessions.
func (s Size) windows(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sensors := datastream.KeyBy(s.timed(job, 1), sensor)
		line := func(p window.Pane[int64], n int64) string { return fmt.Sprint(p.Key, p.Span, n) }
		for i, a := range []window.Assigner{window.Tumbling(10 * time.Second), window.Sliding(20*time.Second, 5*time.Second), window.Session(9 * time.Second)} {
			name := []string{"tumbling", "sliding", "session"}[i]
			panes := datastream.AggregateWindows(datastream.Window(sensors, a), agg.Count[Reading](), line, plan.UID(name))
			datastream.Write(panes, file.Sink[string]{Path: out + "/" + name, Format: text.Lines{}}, plan.UID(name+" out"))
		}
	}
}

// later has timers of both kinds.
func (s Size) later(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		held := datastream.Process(datastream.KeyBy(s.timed(job, 1), sensor), func() *delay { return &delay{alarm: s.Alarm} }, plan.UID("delay"))
		Write(held, out, "later")
	}
}

// sinks writes what it reads, counts of it, and what a function with state makes of those: to three sinks.
func (s Size) sinks(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		all := s.timed(job, 1)
		Write(all, out, "all")
		counted := counts(all, "count")
		Write(counted, out, "counts")
		Write(datastream.Process(datastream.KeyBy(counted, func(c Counted) int64 { return c.N % 3 }), NewTally, plan.UID("tally")), out, "tallied")
	}
}

// join has two sources.
func (s Size) join(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		l, r := datastream.KeyBy(s.timed(job, 2), sensor), datastream.KeyBy(s.timed(job, 3), sensor)
		type pair struct{ L, R Reading }
		pairs := datastream.IntervalJoin(l, r, -5*time.Second, 9*time.Second, func(l, r Reading) pair { return pair{l, r} }, plan.UID("join"))
		lines := datastream.Map(pairs, func(p pair) string { return fmt.Sprint(p.L, p.R) })
		datastream.Write(lines, file.Sink[string]{Path: out + "/pairs", Format: text.Lines{}}, plan.UID("pairs"))
	}
}

// copied copies readings into files that go on over several checkpoints.
func (s Size) copied(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		datastream.Write(s.Readings(job), file.Sink[Reading]{Path: out + "/copy", Format: json.Format[Reading]{}, Rolling: s.Roll}, plan.UID("copy"))
	}
}
