// Package eventtime is the operator that gives rows their event time and makes watermarks of it.
//
// The time stands in the first column, made by the user's function before; of a punctuated strategy the marks stand in the second. These
// columns are dropped. A watermark.Tracker keeps a generator for each split of the source at the head of the chain, or one for the task; what
// it knows of each split goes into checkpoints, and comes back to the task that is given the split.
//
// Stability: engine-private.
package eventtime

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

// Spec says what the operator does.
type Spec struct {
	Strategy watermark.Strategy
	Columns  int  // that say the time: the time, the mark; 0: the time is that of processing
	BySplit  bool // the chain begins with a source
}

// Operator gives rows their time. It has one input; it ends the watermarks from before it and makes new ones. Side output 0 are the records
// whose time lies far in the future, if the strategy puts them aside.
type Operator struct {
	spec    Spec
	env     *stream.Env
	tracker *watermark.Tracker
	output  *columnar.Schema
	keep    []int // the columns of the output
	latest  int64 // of ingestion
	times   []int64
	rows    []int32
	aside   []int32
}

// New returns the operator.
func New(spec Spec) *Operator { return &Operator{spec: spec} }

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	o.rows = []int32{} // a selection of no rows is not nil
	in := env.Inputs[0]
	for i := o.spec.Columns; i < len(in.Fields); i++ {
		o.keep = append(o.keep, i)
	}
	o.output = in.Select(o.keep)
	o.tracker = watermark.NewTracker(o.spec.Strategy, o.spec.BySplit, o.now())
	o.look()
	return nil
}

// now is the processing time.
func (o *Operator) now() time.Time { return o.env.Clock.Now() }

// look finds out who is idle, and has itself called when that changes.
func (o *Operator) look() {
	next := o.tracker.Pass(o.now())
	if o.spec.Columns == 0 {
		next = o.now().Add(ingestionStep)
	}
	if o.env.SetAlarm != nil {
		o.env.SetAlarm(next)
	}
}

// ingestionStep is how often the watermark of ingestion time moves while nothing comes.
const ingestionStep = 200 * time.Millisecond

// ingested returns the time of what comes now. It does not go back when the clock does.
func (o *Operator) ingested() int64 {
	o.latest = max(o.latest, o.now().UnixMicro())
	return o.latest
}

// Process implements stream.Operator.
func (o *Operator) Process(_ int, b columnar.Batch, out stream.Output) error {
	now := o.now()
	stamped := b.Project(o.output, o.keep)
	if o.spec.Columns == 0 {
		o.times = constant(o.times, b.Len, o.ingested())
		stamped.Time = o.times
		out.Emit(stamped)
		return nil
	}
	stamped.Time = columnar.Values[int64](b.Columns[0])
	if o.spec.Strategy.Future != watermark.Trust {
		var err error
		if stamped, err = o.bound(stamped, now, out); err != nil {
			return err
		}
	}
	o.observe(b, stamped, now)
	o.look()
	out.Emit(stamped)
	return nil
}

// observe shows the tracker the times, or the marks, of the rows that count.
func (o *Operator) observe(b, stamped columnar.Batch, now time.Time) {
	times := stamped.Time
	if o.spec.Columns > 1 {
		times = o.marks(b)
	} else if stamped.Sel != nil {
		o.times = o.times[:0]
		for _, r := range stamped.Sel {
			o.times = append(o.times, times[r])
		}
		times = o.times
	}
	if stamped.Rows() > 0 {
		o.tracker.Observe(times, now)
	}
}

// marks returns the marks of the rows that count; rows without one have NoTime.
func (o *Operator) marks(b columnar.Batch) []int64 {
	column := &b.Columns[1]
	all := columnar.Values[int64](*column)
	o.times = o.times[:0]
	for i := range b.Rows() {
		r := b.Row(i)
		if column.IsNull(r) {
			o.times = append(o.times, columnar.NoTime)
			continue
		}
		o.times = append(o.times, all[r])
	}
	return o.times
}

// bound does what the strategy wants done with rows whose time lies far in the future.
func (o *Operator) bound(b columnar.Batch, now time.Time, out stream.Output) (columnar.Batch, error) {
	most := now.Add(o.spec.Strategy.MaxForward).UnixMicro()
	o.rows, o.aside = o.rows[:0], o.aside[:0]
	for i := range b.Rows() {
		r := int32(b.Row(i))
		if b.Time[r] > most {
			o.aside = append(o.aside, r)
		} else {
			o.rows = append(o.rows, r)
		}
	}
	if len(o.aside) == 0 {
		return b, nil
	}
	o.env.Metrics.Count("far_future", int64(len(o.aside)))
	switch o.spec.Strategy.Future {
	case watermark.Cap:
		b.Time = append([]int64{}, b.Time...)
		for _, r := range o.aside {
			b.Time[r] = most
		}
		return b, nil
	case watermark.Aside:
		far := b
		far.Sel, b.Sel = o.aside, o.rows
		return b, out.EmitSide(0, far)
	default:
		at := time.UnixMicro(b.Time[o.aside[0]]).UTC()
		return b, fmt.Errorf("an event time of %s lies more than %s after the processing time", at.Format(time.RFC3339), o.spec.Strategy.MaxForward)
	}
}

// constant returns n times v, in s if there is room.
func constant(s []int64, n int, v int64) []int64 {
	if cap(s) < n {
		s = make([]int64, n)
	}
	s = s[:n]
	for i := range s {
		s[i] = v
	}
	return s
}

// EmitsFresh says whether batches may be kept: the times of ingestion, and of marks, lie in memory that is used again.
func (o *Operator) EmitsFresh(input bool) bool {
	return input && o.spec.Columns > 0 && o.spec.Strategy.Future != watermark.Aside
}

// EndInput implements stream.Operator.
func (*Operator) EndInput(int, stream.Output) error { return nil }

// Close implements stream.Operator.
func (*Operator) Close() error { return nil }

// Mark implements stream.Marker.
func (o *Operator) Mark() (stream.Watermark, bool) {
	if o.spec.Columns == 0 { // ingestion: time passes by itself
		return stream.Watermark(o.ingested() - 1), false
	}
	return o.tracker.Mark(o.now())
}

// HoldSplits implements stream.Splitter: a split that nobody has begun to read may have rows of any time.
func (o *Operator) HoldSplits(hold bool) { o.tracker.Hold(hold) }

// Alarm implements stream.Alarmed: a time-out has passed.
func (o *Operator) Alarm(time.Time, stream.Output) error {
	o.look()
	return nil
}

// AddSplit implements stream.Splitter. Without BySplit the rows of all splits have one generator: an operator between has mixed them.
func (o *Operator) AddSplit(id string) {
	if !o.spec.BySplit {
		return
	}
	o.tracker.Add(id, o.now())
	o.look()
}

// UseSplit implements stream.Splitter.
func (o *Operator) UseSplit(id string) {
	if o.spec.BySplit {
		o.tracker.Use(id, o.now())
	}
}

// EndSplit implements stream.Splitter.
func (o *Operator) EndSplit(id string) {
	if !o.spec.BySplit {
		return
	}
	o.tracker.End(id, o.now())
	o.look()
}

// Splits returns the watermark of each split, and which of them hold the task's back: for status, and for alignment.
func (o *Operator) Splits() []watermark.Split { return o.tracker.Splits() }

// PauseSplits says which splits are not read for a while, because others are behind.
func (o *Operator) PauseSplits(ids []string) {
	o.tracker.Pause(ids, o.now())
	o.look()
}

// Strategy returns how watermarks are made.
func (o *Operator) Strategy() watermark.Strategy { return o.spec.Strategy }

// splitTable describes what is kept of the splits.
var splitTable = state.Table{
	Name: "splits", Kind: "watermarks", Distribution: state.Union,
	Namespace: []columnar.Field{{Name: "split", Type: columnar.StringType}},
	Values:    []columnar.Field{{Name: "watermark", Type: columnar.Int64Type}},
}

// Tables implements stream.Stateful.
func (*Operator) Tables([]*columnar.Schema) ([]state.Table, error) {
	return []state.Table{splitTable}, nil
}

// Restore implements stream.Stateful.
func (o *Operator) Restore(_ int, b columnar.Batch) error {
	marks := columnar.Values[int64](b.Columns[1])
	for i := range b.Rows() {
		r := b.Row(i)
		o.tracker.Restore(b.Columns[0].Text(r), stream.Watermark(marks[r]))
	}
	return nil
}

// Snapshot implements stream.Stateful.
func (o *Operator) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	bb := columnar.NewBatchBuilder(splitTable.Schema(), 0)
	for _, s := range o.tracker.Splits() {
		if s.Mark != math.MinInt64 {
			bb.Column(0).AppendString(s.ID)
			columnar.AppendFixed(bb.Column(1), int64(s.Mark))
			bb.Added(1)
		}
	}
	return frozen{bb.Finish()}, nil
}

// frozen is the splits as they were.
type frozen struct{ rows columnar.Batch }

func (frozen) Tables() []state.Table { return []state.Table{splitTable} }

func (f frozen) Read(context.Context, int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		if f.rows.Len > 0 {
			yield(state.Rows{Batch: f.rows}, nil)
		}
	}
}

func (frozen) Release() {}
