package windowed

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// PerKey aggregates windows of any kind, a window of a key at a time. What a window holds, its aggregates' states or its rows, is a cell of
// keyed state, whose namespace is the window; when it is to be looked at again says a timer. For a batch, or a few hundred timers, the cells
// are loaded into accumulators once, and put back in the end (see workspace).
type PerKey struct {
	spec     Spec
	windows  window.Spec // count windows are global ones with a trigger
	trigger  window.Trigger
	lateness int64
	calls    []call
	buffers  bool // windows hold rows

	env    *stream.Env
	output *columnar.Schema
	store  state.Store
	cells  state.Cells
	events state.Timers // of event time
	clocks state.Timers // of processing time
	work   *workspace
	keys   *keys.Grouper // of the batch

	mark     int64
	now      int64 // the processing time that has passed: the last whole tick
	restored bool
	held     *held
	late     []int32
	queue    []columnar.Batch
}

// newPerKey returns the operator.
func newPerKey(s Spec) *PerKey {
	o := &PerKey{spec: s, windows: s.Windows, calls: s.calls(), lateness: s.Windows.Lateness.Microseconds(), mark: math.MinInt64}
	a := s.Windows.Assigner
	switch {
	case a.Kind == window.KindCount && a.Count == a.Every:
		o.windows = window.Spec{Assigner: window.Global(), Trigger: window.Purging(window.Count(a.Count)), Mode: s.Windows.Mode}
	case a.Kind == window.KindCount:
		o.windows = window.Spec{
			Assigner: window.Global(), Trigger: window.Count(a.Every), Evictor: window.LastRows(a.Count), Mode: s.Windows.Mode,
		}
	}
	o.trigger = o.windows.Trigger.For(o.windows.Assigner)
	o.buffers = !o.windows.Evictor.IsZero()
	return o
}

// The tables of a PerKey, by number.
const (
	windowsTable = iota
	eventsTable
	clocksTable
	perKeyMark
)

// spanFields are the namespace of a window.
var spanFields = []columnar.Field{{Name: "start", Type: columnar.TimestampType}, {Name: "end", Type: columnar.TimestampType}}

// putSpan returns a window as a namespace, in the encoding of state.Ordered.
func putSpan(dst []byte, w window.Interval) []byte {
	dst = binary.BigEndian.AppendUint64(dst[:0], uint64(w.Start)^1<<63)
	return binary.BigEndian.AppendUint64(dst, uint64(w.End)^1<<63)
}

// spanOf returns the window that a namespace is.
func spanOf(namespace []byte) window.Interval {
	return window.Interval{
		Start: int64(binary.BigEndian.Uint64(namespace) ^ 1<<63), End: int64(binary.BigEndian.Uint64(namespace[8:]) ^ 1<<63),
	}
}

// Tables implements stream.Stateful.
func (o *PerKey) Tables(in []*columnar.Schema) ([]state.Table, error) {
	keys := o.spec.keyFields(in)
	return []state.Table{
		{Name: "windows", Kind: "windows", Keys: keys, Namespace: spanFields, Values: newLayout(o, in).fields},
		state.TimersOf("event", keys, spanFields...),
		state.TimersOf("processing", keys, spanFields...),
		{Name: "watermark", Kind: "watermarks", Distribution: state.Union, Values: []columnar.Field{{Name: "watermark", Type: columnar.Int64Type}}},
	}, nil
}

// Open implements stream.Operator.
func (o *PerKey) Open(env *stream.Env) error {
	o.env, o.output = env, o.spec.output(env.Inputs)
	tables, err := o.Tables(env.Inputs)
	if err != nil {
		return err
	}
	if o.store, err = env.NewStore(o.spec.keyFields(env.Inputs)); err != nil {
		return fmt.Errorf("opening the state of windows: %w", err)
	}
	if o.cells, err = o.store.Open(tables[windowsTable]); err != nil {
		return err
	}
	if o.events, err = o.store.OpenTimers("event", spanFields...); err != nil {
		return err
	}
	if o.clocks, err = o.store.OpenTimers("processing", spanFields...); err != nil {
		return err
	}
	o.keys = keys.NewGrouper(types(o.spec.keyFields(env.Inputs)), env.Memory)
	o.work = newWorkspace(o, newLayout(o, env.Inputs))
	return nil
}

// isDue says whether timers are: after a restore, and where time is that of processing.
func (o *PerKey) isDue() bool {
	if at, ok := o.events.Earliest(); ok && at <= o.mark {
		return true
	}
	at, ok := o.clocks.Earliest()
	return ok && at <= o.now
}

// tell takes the processing time, which does not go back.
func (o *PerKey) tell() { o.now = max(o.now, o.env.Clock.Now().UnixMicro()-1) }

// Process implements stream.Operator.
func (o *PerKey) Process(input int, b columnar.Batch, out stream.Output) error {
	o.tell()
	if b.Rows() == 0 {
		return nil
	}
	if o.isDue() {
		o.held = &held{input, b}
		return nil
	}
	return o.take(input, b, out)
}

// take puts rows into their windows.
func (o *PerKey) take(input int, b columnar.Batch, out stream.Output) error {
	byClock := o.windows.Assigner.ByClock
	if b.Time == nil && o.windows.Assigner.IsTimed() && !byClock {
		return errNoTime
	}
	n, width := b.Rows(), o.spec.keys()
	numbers := make([]int32, n)
	o.keys.Reset()
	if err := o.keys.Find(b.Columns[:width], b.Sel, n, numbers); err != nil {
		return fmt.Errorf("numbering the keys of a batch: %w", err)
	}
	if err := o.store.Select(b.Columns[:width], b.Sel, n); err != nil {
		return err
	}
	w := o.work
	w.begin(b, input)
	for i, k := range numbers {
		if err := w.openKey(k, i, o.windows.Assigner.Kind != window.KindSliding); err != nil {
			return err
		}
	}
	o.late = o.late[:0]
	var spans []window.Interval
	for i, k := range numbers {
		r := b.Row(i)
		at := o.now + 1
		if !byClock {
			if at = columnar.NoTime; b.Time != nil {
				at = b.Time[r]
			}
		}
		var err error
		if spans, err = o.takeRow(spans[:0], w, k, r, at); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	o.setAlarm()
	if len(o.late) == 0 {
		return nil
	}
	return lateRows(o.env, o.spec.Inputs[input], input, b, o.late, out)
}

// takeRow puts a row into its windows; spans is scratch.
func (o *PerKey) takeRow(spans []window.Interval, w *workspace, key int32, row int, at int64) ([]window.Interval, error) {
	a := o.windows.Assigner
	switch a.Kind {
	case window.KindSession:
		gap := a.Gap.Microseconds()
		if c := o.spec.Inputs[w.input].Gap; c >= 0 {
			gap = columnar.Values[int64](w.batch.Columns[c])[row]
		}
		c, err := w.session(key, window.SessionOf(at, gap))
		if err != nil {
			return spans, err
		}
		if c == nil {
			o.late = append(o.late, int32(row))
			return spans, nil
		}
		return spans, o.add(w, c, row, at)
	case window.KindSliding:
		spans = a.Grid().Windows(spans, at)
	default:
		spans = append(spans, window.Everything)
	}
	taken := len(spans) == 0
	for _, span := range spans {
		if !a.ByClock && span.Expiry(o.lateness) <= o.mark {
			continue
		}
		taken = true
		c, err := w.window(key, span)
		if err != nil {
			return spans, err
		}
		if err := o.add(w, c, row, at); err != nil {
			return spans, err
		}
	}
	if !taken {
		o.late = append(o.late, int32(row))
	}
	return spans, nil
}

// add adds a row to a window and does what the trigger says.
func (o *PerKey) add(w *workspace, c *cell, row int, at int64) error {
	if err := w.add(c, row, at); err != nil {
		return err
	}
	m := o.moment(c)
	if v := o.spec.Inputs[w.input].Value; v >= 0 {
		m.Value = columnar.Values[float64](w.batch.Columns[v])[row]
	}
	if d := o.trigger.OnRow(&m, at, c.slots); d != 0 {
		return o.fire(w, c, d, false, m.Watermark)
	}
	return nil
}

// moment is what the trigger sees of a window.
func (o *PerKey) moment(c *cell) window.Moment {
	return window.Moment{Window: c.window, Watermark: o.mark, Now: o.now, Wake: c.wake}
}

// fire gives a window's result. watermark is where event time stands for the decision: that of the timer, if one made it.
func (o *PerKey) fire(w *workspace, c *cell, d window.Decision, byTimer bool, watermark int64) error {
	isOver := watermark >= c.window.Last()
	isLast := c.window.Expiry(o.lateness) <= o.mark
	if o.windows.Assigner.ByClock {
		isOver = o.now >= c.window.Last()
		isLast = isOver
	}
	timing := window.Early
	if isOver {
		timing = window.Late
		if byTimer && !c.onTime {
			timing = window.OnTime
		}
		c.onTime = true
	}
	if c.rows == 0 || c.fresh == 0 && timing != window.OnTime {
		return nil
	}
	return w.fire(c, paneOf{window: c.window, timing: timing, last: isLast}, d&window.Purge != 0)
}

// Advance implements stream.Timed. Where the input ends anyway, nothing fires before.
func (o *PerKey) Advance(w stream.Watermark, _ stream.Output) error {
	o.tell()
	if w == stream.EndOfTime || o.env.IsStreaming {
		o.mark = max(o.mark, int64(w))
	}
	return nil
}

// Alarm implements stream.Alarmed.
func (o *PerKey) Alarm(now time.Time, _ stream.Output) error {
	o.now = max(o.now, now.UnixMicro()-1)
	return nil
}

// EndInput implements stream.Operator.
func (*PerKey) EndInput(int, stream.Output) error { return nil }

// Resume implements stream.Resumer: it emits what has fired, and lets timers fire that are due.
func (o *PerKey) Resume(out stream.Output) (bool, error) {
	for {
		switch {
		case len(o.queue) > 0:
			if out.Room() == 0 {
				return true, nil
			}
			out.Emit(o.ready())
		case o.isDue():
			if out.Room() == 0 {
				return true, nil
			}
			if err := o.wake(); err != nil {
				return false, err
			}
		case o.held != nil:
			h := o.held
			o.held = nil
			if err := o.take(h.input, h.batch, out); err != nil {
				return false, err
			}
		default:
			o.setAlarm()
			return false, nil
		}
	}
}

// ready takes the queue as one batch: what timers made is emitted in the call that took them, or a checkpoint could come in between.
func (o *PerKey) ready() columnar.Batch {
	queue := o.queue
	o.queue = nil
	if len(queue) == 1 {
		return queue[0]
	}
	bb := columnar.NewBatchBuilder(o.output, 0)
	for _, b := range queue {
		bb.Append(b, nil)
	}
	return bb.Finish()
}

// setAlarm has Alarm called for the next timer of processing time.
func (o *PerKey) setAlarm() {
	if o.env.SetAlarm == nil {
		return
	}
	if at, ok := o.clocks.Earliest(); ok {
		o.env.SetAlarm(time.UnixMicro(at + 1))
	} else {
		o.env.SetAlarm(time.Time{})
	}
}

// timersAtOnce is how many timers are taken before what they make is put back and emitted.
const timersAtOnce = 512

// due is a timer that has been taken.
type due struct {
	at      int64
	byClock bool
	cell    *cell
}

// wake lets some timers fire: those of event time first.
func (o *PerKey) wake() error {
	o.keys.Reset()
	w := o.work
	w.beginTimers()
	var all []due
	for _, from := range []struct {
		timers  state.Timers
		until   int64
		byClock bool
	}{{o.events, o.mark, false}, {o.clocks, o.now, true}} {
		for len(all) < timersAtOnce {
			at, namespace, ok, err := from.timers.Next(from.until)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			c, err := w.timerCell(spanOf(namespace))
			if err != nil {
				return err
			}
			if c != nil {
				all = append(all, due{at, from.byClock, c})
			}
		}
	}
	if err := w.loaded(); err != nil {
		return err
	}
	for _, d := range all {
		if err := o.onTimer(w, d); err != nil {
			return err
		}
	}
	return w.end()
}

// onTimer asks the trigger about a window, and ends windows that are over.
func (o *PerKey) onTimer(w *workspace, d due) error {
	c := d.cell
	if c.gone {
		return nil
	}
	m := o.moment(c)
	if d.byClock {
		m.Now = d.at
	} else {
		m.Watermark = d.at
	}
	if decision := o.trigger.OnTime(&m, c.slots); decision != 0 {
		if err := o.fire(w, c, decision, true, m.Watermark); err != nil {
			return err
		}
	}
	expired := !d.byClock && d.at >= c.window.Expiry(o.lateness)
	if o.windows.Assigner.ByClock {
		expired = d.byClock && d.at >= c.window.Last() || !d.byClock && d.at == math.MaxInt64
	}
	if !expired {
		return nil
	}
	if c.fresh > 0 {
		if err := o.fire(w, c, 0, true, m.Watermark); err != nil {
			return err
		}
	}
	c.gone = true
	return nil
}

// Restore implements stream.Stateful.
func (o *PerKey) Restore(i int, b columnar.Batch) error {
	switch i {
	case windowsTable:
		return o.store.Restore("windows", b)
	case eventsTable:
		return o.store.Restore("event", b)
	case clocksTable:
		if o.env.SetAlarm != nil {
			o.env.SetAlarm(o.env.Clock.Now())
		}
		return o.store.Restore("processing", b)
	default:
		for _, mark := range columnar.Values[int64](b.Columns[0]) {
			if !o.restored || mark < o.mark {
				o.mark, o.restored = mark, true
			}
		}
		return nil
	}
}

// Snapshot implements stream.Stateful.
func (o *PerKey) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	cells, err := o.store.Freeze()
	if err != nil {
		return nil, err
	}
	tables, err := o.Tables(o.env.Inputs)
	if err != nil {
		cells.Release()
		return nil, err
	}
	mark := columnar.Batch{Schema: tables[perKeyMark].Schema(), Len: 1}
	mark.Columns = []columnar.Column{columnar.Of(columnar.Int64Type, []int64{o.mark}, columnar.Bitmap{})}
	return frozenCells{cells, tables[perKeyMark], mark}, nil
}

// EmitsFresh says that batches may be kept.
func (*PerKey) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *PerKey) Close() error {
	if o.store == nil {
		return nil
	}
	if o.keys != nil {
		o.keys.Free()
	}
	if o.work != nil {
		o.work.close()
	}
	return o.store.Close()
}
