package sim_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/sim"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// underTest are the jobs.
func underTest() []sim.Job {
	return []sim.Job{
		{"rolling", rolling}, {"stages", stages}, {"windows", windows}, {"later", later}, {"sinks", sinks}, {"join", join}, {"copy", copied},
	}
}

type reading struct{ Sensor, Value int64 }

type counted struct{ Key, N int64 }

// Every job reads its readings in about a minute.
const (
	readings = 600
	perStage = 60 // seconds
)

// source gives readings, in splits that are more than there are tasks.
func source(job *plan.Job) datastream.Stream[reading] {
	return datastream.Read(job, generate.Source[reading]{Rows: readings, SplitRows: readings / 16, Rate: readings / perStage, At: func(i int64) reading {
		return reading{i * 2654435761 % 97, i}
	}})
}

// partitions is in how many splits timed readings come.
const partitions = 4

// timed gives readings as partitions of a log do: in each, event time goes on by a second from one to the next.
func timed(job *plan.Job, rows int64) datastream.Stream[reading] {
	per := rows / partitions
	all := datastream.Read(job, generate.Source[reading]{Rows: rows, SplitRows: per, Rate: float64(rows) / perStage, At: func(i int64) reading {
		return reading{i * 2654435761 % 13, i % per}
	}})
	return datastream.EventTime(all, func(r reading) time.Time { return time.Unix(r.Value, 0) }, watermark.Bounded(2*time.Second))
}

func sensor(r reading) int64 { return r.Sensor }

func write[T any](s datastream.Stream[T], out, name string) {
	datastream.Write(s, file.Sink[T]{Path: out + "/" + name, Format: json.Format[T]{}}, plan.UID(name+" out"))
}

// rolling counts the readings of each sensor, and writes each count.
func rolling(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sensors := datastream.KeyBy(source(job), sensor)
		counts := datastream.Aggregate(sensors, agg.Count[reading](), func(k, n int64) counted { return counted{k, n} }, plan.UID("counts"))
		write(counts, out, "counts")
	}
}

// tally numbers the records of its key. What it writes does not depend on their order.
type tally struct {
	N    state.Value[int64] `state:"n"`
	Tens state.List[int64]  `state:"tens"`
}

func (t *tally) OnRecord(ctx *datastream.Context[int64, counted], _ counted) error {
	n, _ := t.N.Get()
	t.N.Set(n + 1)
	t.Tens.Add(n)
	ctx.Emit(counted{ctx.Key(), n + 1})
	if n%10 == 9 {
		var sum int64
		for v := range t.Tens.All() {
			sum += v
		}
		t.Tens.Clear()
		ctx.Emit(counted{-ctx.Key(), sum})
	}
	return nil
}

// stages has keyed functions with state, one behind the other.
func stages(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		rows := datastream.Map(source(job), func(r reading) counted { return counted{r.Sensor % 7, r.Value} })
		first := datastream.Process(datastream.KeyBy(rows, func(c counted) int64 { return 1 + c.Key }), func() *tally { return &tally{} }, plan.UID("first"))
		second := datastream.Process(datastream.KeyBy(first, func(c counted) int64 { return 1 + c.N%5 }), func() *tally { return &tally{} }, plan.UID("second"))
		write(second, out, "second")
	}
}

// windows counts in tumbling and sliding windows of event time, and in sessions.
func windows(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sensors := datastream.KeyBy(timed(job, readings), sensor)
		line := func(p window.Pane[int64], n int64) string { return fmt.Sprint(p.Key, p.Span, n) }
		for i, a := range []window.Assigner{window.Tumbling(10 * time.Second), window.Sliding(20*time.Second, 5*time.Second), window.Session(9 * time.Second)} {
			name := []string{"tumbling", "sliding", "session"}[i]
			panes := datastream.AggregateWindows(datastream.Window(sensors, a), agg.Count[reading](), line, plan.UID(name))
			datastream.Write(panes, file.Sink[string]{Path: out + "/" + name, Format: text.Lines{}}, plan.UID(name+" out"))
		}
	}
}

// delay hands each record on some time later, by an alarm, but at the end of time at the latest.
type delay struct {
	Held state.List[int64] `state:"held"`
}

func (d *delay) OnRecord(ctx *datastream.Context[int64, counted], r reading) error {
	d.Held.Add(r.Value)
	ctx.SetAlarm(time.Now().Add(3 * time.Second))
	ctx.SetTimer(time.UnixMilli(1 << 45))
	return nil
}

func (d *delay) OnAlarm(ctx *datastream.Context[int64, counted], _ time.Time) error {
	return d.flush(ctx)
}

func (d *delay) OnTimer(ctx *datastream.Context[int64, counted], _ time.Time) error {
	return d.flush(ctx)
}

func (d *delay) flush(ctx *datastream.Context[int64, counted]) error {
	for v := range d.Held.All() {
		ctx.Emit(counted{ctx.Key(), v})
	}
	d.Held.Clear()
	return nil
}

// later has timers of both kinds.
func later(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		write(datastream.Process(datastream.KeyBy(timed(job, readings), sensor), func() *delay { return &delay{} }, plan.UID("delay")), out, "later")
	}
}

// sinks writes what it reads, counts of it, and what a function with state makes of those: to three sinks.
func sinks(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		all := timed(job, readings)
		write(all, out, "all")
		counts := datastream.Aggregate(datastream.KeyBy(all, sensor), agg.Count[reading](), func(k, n int64) counted { return counted{k, n} }, plan.UID("count"))
		write(counts, out, "counts")
		tallied := datastream.Process(datastream.KeyBy(counts, func(c counted) int64 { return c.N % 3 }), func() *tally { return &tally{} }, plan.UID("tally"))
		write(tallied, out, "tallied")
	}
}

// join has two sources.
func join(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		l, r := datastream.KeyBy(timed(job, readings/2), sensor), datastream.KeyBy(timed(job, readings/3), sensor)
		type pair struct{ L, R reading }
		pairs := datastream.IntervalJoin(l, r, -5*time.Second, 9*time.Second, func(l, r reading) pair { return pair{l, r} }, plan.UID("join"))
		lines := datastream.Map(pairs, func(p pair) string { return fmt.Sprint(p.L, p.R) })
		datastream.Write(lines, file.Sink[string]{Path: out + "/pairs", Format: text.Lines{}}, plan.UID("pairs"))
	}
}

// copied copies readings into files that go on over several checkpoints.
func copied(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sink := file.Sink[reading]{Path: out + "/copy", Format: json.Format[reading]{}, Rolling: file.Rolling{Size: 1 << 10, Every: 15 * time.Second}}
		datastream.Write(source(job), sink, plan.UID("copy"))
	}
}
