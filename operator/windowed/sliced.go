package windowed

import (
	"errors"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// Sliced aggregates sliding and tumbling windows by slices. It has one input, or several that share the windows. Results carry the end of
// their window less a tick.
type Sliced struct {
	spec  Spec
	calls []call
	slicing

	env    *stream.Env
	output *columnar.Schema
	tables *tables
	cells  *stateCells // nil: rows are no states
	pane   *pane       // nil when windows do not overlap
	slices []*slice    // by start
	from   int64       // the window in the pane: its start and end
	to     int64

	mark    int64 // the watermark: what is late is judged by it
	then    int64 // the watermark that follows, when what a restored operator owes is paid
	fired   int64 // windows whose last time is not after it have fired
	counted int64 // bytes in the account
	calm    int   // batches since they were counted

	restored *restored
	cutter   cutter
	fresh    []fresh // late rows of this batch, by slice
	firing   *firing
	queue    []columnar.Batch
	held     *held
	refires  map[int64]map[int32]int64 // of overlapping windows that fired late: by end and id how often
	marks    marks
	scratch  *table // for results of late panes
}

// slice is the rows of a stretch of time. Slices of windows that do not overlap are the windows.
type slice struct {
	start  int64
	table  *table  // nil once it is frozen
	parts  []*part // what is frozen
	onTime int     // groups of the table that were there when the window fired on time
	// refires is how often groups of the table fired that did so late.
	refires map[int32]int64
}

// firing is a window whose results are being emitted.
type firing struct {
	window  window.Interval
	slice   *slice // of windows that do not overlap
	next, n int    // groups, or ids
}

// held is a batch that waits until what a restored operator owes is paid.
type held struct {
	input int
	batch columnar.Batch
}

func newSlices(s Spec) *Sliced {
	o := &Sliced{spec: s, calls: s.calls(), slicing: newSlicing(s.Windows)}
	o.mark, o.then, o.fired, o.to = math.MinInt64, math.MinInt64, math.MinInt64, math.MinInt64
	o.refires = map[int64]map[int32]int64{}
	return o
}

// Open implements stream.Operator.
func (o *Sliced) Open(env *stream.Env) error {
	o.env = env
	o.output = o.spec.output(env.Inputs)
	keys := types(o.spec.keyFields(env.Inputs))
	o.tables = &tables{types: keys, calls: o.calls, account: env.Memory}
	o.scratch = o.tables.get()
	if o.spec.States {
		o.cells = newStateCells(o.calls)
	}
	if o.overlaps {
		o.pane = newPane(keys, o.calls, env.Memory)
	}
	return nil
}

// errNoTime is given for rows without an event time.
var errNoTime = errors.New("a row has no event time: give the stream EventTime, or windows in processing time")

// Process implements stream.Operator.
func (o *Sliced) Process(input int, b columnar.Batch, out stream.Output) error {
	o.settle()
	if b.Rows() == 0 {
		return nil
	}
	if o.owes() {
		o.held = &held{input, b}
		return nil
	}
	return o.take(input, b, out)
}

// take puts rows into their slices.
func (o *Sliced) take(input int, b columnar.Batch, out stream.Output) error {
	o.fired = max(o.fired, o.mark) // nothing is owed, so what is over has fired
	buckets, err := o.cut(b)
	if err != nil {
		return err
	}
	for i := range buckets {
		if err := o.takeSlice(input, b, &buckets[i], out); err != nil {
			return err
		}
	}
	if o.calm++; o.calm >= calmBatches {
		o.count()
	}
	if len(o.fresh) == 0 {
		return nil
	}
	return o.refire()
}

// calmBatches is how many batches may pass before memory is counted.
const calmBatches = 32

// cut returns the rows of the batch by slice.
func (o *Sliced) cut(b columnar.Batch) ([]bucket, error) {
	if o.spec.Windows.Assigner.ByClock {
		now := o.env.Clock.Now().UnixMicro()
		o.mark = max(o.mark, now-1)
		start, ok := o.sliceOf(max(now, o.mark+1))
		if !ok {
			return nil, nil
		}
		o.wake(start)
		return []bucket{{start: start, sel: b.Sel}}, nil
	}
	if b.Time == nil {
		return nil, errNoTime
	}
	return o.cutter.cut(b, o.length, o.isGapless(), o.sliceOf)
}

// wake has Alarm called when the first window with a slice is over.
func (o *Sliced) wake(start int64) {
	if o.env.SetAlarm != nil && len(o.slices) == 0 {
		o.env.SetAlarm(time.UnixMicro(o.firstWindow(start).End))
	}
}

// takeSlice puts the rows of a bucket into their slice.
func (o *Sliced) takeSlice(input int, b columnar.Batch, k *bucket, out stream.Output) error {
	if o.lastWindow(k.start).Expiry(o.lateness) <= o.mark {
		return lateRows(o.env, o.spec.Inputs[input], input, b, k.sel, out)
	}
	s := o.sliceAt(k.start)
	if o.firstWindow(k.start).Last() <= o.mark {
		return o.takeLate(s, input, b, k.sel)
	}
	if s.table == nil {
		s.table = o.tables.get()
	}
	return o.add(s.table, input, b, k.sel)
}

// add takes rows into a table: those of sel, or all.
func (o *Sliced) add(t *table, input int, b columnar.Batch, sel []int32) error {
	if o.cells != nil {
		return o.tables.mix(t, o.cells, o.spec.keys(), b, sel)
	}
	return o.tables.add(t, input, o.spec.keys(), b, sel)
}

// sliceAt returns the slice of that start, a new one if there is none.
func (o *Sliced) sliceAt(start int64) *slice {
	i := o.find(start)
	if i < len(o.slices) && o.slices[i].start == start {
		return o.slices[i]
	}
	o.slices = append(o.slices, nil)
	copy(o.slices[i+1:], o.slices[i:])
	o.slices[i] = &slice{start: start}
	return o.slices[i]
}

// find returns the position of the first slice that does not begin before start.
func (o *Sliced) find(start int64) int {
	n := len(o.slices)
	if n > 0 && o.slices[n-1].start < start {
		return n
	}
	return sort.Search(n, func(i int) bool { return o.slices[i].start >= start })
}

// Advance implements stream.Timed. Resume fires the windows. Where the input ends anyway, nothing fires before, so that nothing is late.
func (o *Sliced) Advance(w stream.Watermark, _ stream.Output) error {
	o.settle()
	switch {
	case w != stream.EndOfTime && (o.spec.Windows.Assigner.ByClock || !o.env.IsStreaming):
	case o.owes():
		o.then = max(o.then, int64(w))
	default:
		o.mark = max(o.mark, int64(w))
	}
	return nil
}

// Alarm implements stream.Alarmed: processing time has passed.
func (o *Sliced) Alarm(now time.Time, _ stream.Output) error {
	o.settle()
	if o.spec.Windows.Assigner.ByClock {
		o.mark = max(o.mark, now.UnixMicro()-1)
	}
	return nil
}

// EndInput implements stream.Operator: what is there has been fired at the end of time.
func (*Sliced) EndInput(int, stream.Output) error { return nil }

// Resume implements stream.Resumer: it emits late panes, then fires window after window.
func (o *Sliced) Resume(out stream.Output) (bool, error) {
	for {
		switch {
		case len(o.queue) > 0:
			if out.Room() == 0 {
				return true, nil
			}
			out.Emit(o.queue[0])
			o.queue = o.queue[1:]
		case o.firing != nil:
			if out.Room() == 0 {
				return true, nil
			}
			if err := o.emit(out); err != nil {
				return false, err
			}
		case o.held != nil && !o.owes():
			h := o.held
			o.held = nil
			if err := o.take(h.input, h.batch, out); err != nil {
				return false, err
			}
		default:
			more, err := o.fireNext()
			if err != nil || !more && o.then <= o.mark {
				return false, err
			}
			if !more {
				o.mark = o.then
			}
		}
	}
}

// owes says whether a window is over that has not fired.
func (o *Sliced) owes() bool {
	if o.then > o.mark {
		return true
	}
	if o.fired >= o.mark {
		return false
	}
	_, ok := o.nextWindow()
	return ok || o.firing != nil
}

// nextWindow returns the next window to fire: the first with a slice that is over and has not fired.
func (o *Sliced) nextWindow() (window.Interval, bool) {
	i := sort.Search(len(o.slices), func(i int) bool { return o.lastWindow(o.slices[i].start).Last() > o.fired })
	if i == len(o.slices) {
		return window.Interval{}, false
	}
	w := o.firstWindow(o.slices[i].start)
	if w.Last() <= o.fired {
		w = o.grid.FirstAfter(o.fired + 1)
	}
	return w, w.Last() <= o.mark
}

// fireNext begins to fire the next window. False: there is none, and what is over has been dropped.
func (o *Sliced) fireNext() (bool, error) {
	if w, ok := o.nextWindow(); ok && o.fired < o.mark {
		return true, o.fire(w)
	}
	o.fired = max(o.fired, o.mark)
	return false, o.clean()
}

// fire begins to fire a window.
func (o *Sliced) fire(w window.Interval) error {
	o.firing = &firing{window: w}
	if !o.overlaps {
		s := o.slices[o.find(w.Start)]
		o.firing.slice, o.firing.n = s, s.table.keys.Len()
		return nil
	}
	if err := o.slide(w); err != nil {
		return err
	}
	o.firing.n = o.pane.index.Len()
	return o.pane.prepare()
}

// slide moves the pane to a window.
func (o *Sliced) slide(w window.Interval) error {
	if err := o.pane.popBefore(w.Start); err != nil {
		return err
	}
	for i := o.find(max(o.to, w.Start)); i < len(o.slices) && o.slices[i].start < w.End; i++ {
		s := o.slices[i]
		if err := o.freeze(s); err != nil {
			return err
		}
		for _, x := range s.parts {
			if err := o.pane.push(x); err != nil {
				return err
			}
		}
	}
	o.from, o.to = w.Start, w.End
	return nil
}

// freeze makes a part of a slice that grows.
func (o *Sliced) freeze(s *slice) error {
	if s.table == nil {
		return nil
	}
	n := s.table.keys.Len()
	states, err := s.table.all()
	if err != nil {
		return err
	}
	x, err := o.pane.freeze(s.start, s.table.keys.Keys(0, n), states, n)
	if err != nil {
		return err
	}
	s.parts = append(s.parts, x)
	o.tables.put(s.table)
	s.table = nil
	return nil
}

// clean drops what no window needs any more, and sets the alarm for the next one.
func (o *Sliced) clean() error {
	n := sort.Search(len(o.slices), func(i int) bool { return o.lastWindow(o.slices[i].start).Expiry(o.lateness) > o.mark })
	if o.overlaps && n > 0 {
		if err := o.pane.popBefore(o.slices[n-1].start + 1); err != nil {
			return err
		}
	}
	for _, s := range o.slices[:n] {
		if s.table != nil {
			o.tables.put(s.table)
		}
		for _, x := range s.parts {
			o.pane.drop(x)
		}
	}
	if n > 0 {
		o.slices = append(o.slices[:0], o.slices[n:]...)
	}
	for end := range o.refires {
		if (window.Interval{End: end}).Expiry(o.lateness) <= o.mark {
			delete(o.refires, end)
		}
	}
	if o.restored != nil && o.fired >= o.restored.most {
		o.restored.close()
		o.restored = nil
	}
	if o.spec.Windows.Assigner.ByClock && o.env.SetAlarm != nil {
		at := time.Time{}
		if w, _ := o.nextWindow(); w != (window.Interval{}) {
			at = time.UnixMicro(w.End)
		}
		o.env.SetAlarm(at)
	}
	if n > 0 {
		o.count()
	}
	if o.overlaps {
		return o.pane.compact(o.rename)
	}
	return nil
}

// rename has the ids of all parts, and of what is known of late panes, renamed.
func (o *Sliced) rename(rename func(*part)) {
	for _, s := range o.slices {
		for _, x := range s.parts {
			rename(x)
		}
	}
	for end, refires := range o.refires {
		old := &part{}
		counts := make([]int64, 0, len(refires))
		for id, n := range refires {
			old.ids, counts = append(old.ids, id), append(counts, n)
		}
		rename(old)
		renamed := make(map[int32]int64, len(refires))
		for k, id := range old.ids {
			renamed[id] = counts[k]
		}
		o.refires[end] = renamed
	}
}

// count counts the memory that is held.
func (o *Sliced) count() {
	o.calm = 0
	size := int64(0)
	for _, s := range slices.Backward(o.slices) {
		if s.table == nil && o.restored == nil { // those before are frozen
			break
		}
		if s.table != nil {
			size += s.table.size()
		}
	}
	for _, t := range o.tables.free {
		size += t.size()
	}
	if o.pane != nil {
		size += o.pane.size()
	}
	recount(o.env.Memory, &o.counted, size)
}

// Close implements stream.Operator.
func (o *Sliced) Close() error {
	if o.tables == nil {
		return nil
	}
	for _, s := range o.slices {
		if s.table != nil {
			s.table.close()
		}
	}
	o.scratch.close()
	o.tables.close()
	if o.pane != nil {
		o.pane.close()
	}
	if o.restored != nil {
		o.restored.close()
	}
	o.env.Memory.Release(o.counted)
	o.counted, o.tables = 0, nil
	return nil
}
