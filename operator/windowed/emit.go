package windowed

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// emit emits the next results of the window that fires.
func (o *Sliced) emit(out stream.Output) error {
	f := o.firing
	if f.next == f.n {
		o.finish()
		return nil
	}
	from, to := f.next, min(f.next+columnar.DefaultRows, f.n)
	f.next = to
	sel, some := o.emitted(from, to)
	if !some {
		return nil
	}
	b := columnar.Batch{Schema: o.output, Len: to - from, Sel: sel}
	mark := paneOf{window: f.window, timing: window.OnTime, first: true, last: f.window.Expiry(o.lateness) <= o.mark}
	var results []columnar.Column
	var err error
	if f.slice != nil {
		b.Columns = f.slice.table.keys.Keys(from, to)
		results, err = f.slice.table.results(from, to)
	} else {
		b.Columns = o.pane.index.Keys(from, to)
		results, err = o.pane.results(from, to)
	}
	if err != nil {
		return err
	}
	b.Columns = append(append(b.Columns, o.marks.columns(mark, b.Len)...), results...)
	b.Time = o.marks.times[:b.Len]
	out.Emit(b)
	return nil
}

// results returns the results of groups, by call.
func (t *table) results(from, to int) ([]columnar.Column, error) {
	out := make([]columnar.Column, len(t.states))
	for i, a := range t.states {
		var err error
		if out[i], err = a.Result(from, to); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// emitted returns which of the groups, or ids, have a result in the window that fires: nil for all; false when none has.
func (o *Sliced) emitted(from, to int) (sel []int32, some bool) {
	f := o.firing
	if o.restored != nil && o.restored.most >= f.window.Last() {
		return o.emittedAgain(from, to)
	}
	if f.slice != nil {
		return nil, true
	}
	live := o.pane.live[from:to]
	dead := 0
	for _, n := range live {
		if n == 0 {
			dead++
		}
	}
	if dead == 0 {
		return nil, true
	}
	sel = make([]int32, 0, len(live)-dead)
	for k, n := range live {
		if n > 0 {
			sel = append(sel, int32(k))
		}
	}
	return sel, len(sel) > 0
}

// emittedAgain is emitted after a restore, when keys may have fired before it.
func (o *Sliced) emittedAgain(from, to int) ([]int32, bool) {
	f := o.firing
	var keys []columnar.Column
	if f.slice != nil {
		keys = f.slice.table.keys.Keys(from, to)
	} else {
		keys = o.pane.index.Keys(from, to)
	}
	sel := []int32{}
	for k, fired := range o.restored.firedOf(keys, to-from) {
		if fired < f.window.Last() && (f.slice != nil || o.pane.live[from+k] > 0) {
			sel = append(sel, int32(k))
		}
	}
	return sel, len(sel) > 0
}

// finish ends the firing of a window.
func (o *Sliced) finish() {
	f := o.firing
	if f.slice != nil {
		f.slice.onTime = f.n
	}
	o.fired = f.window.Last()
	o.firing = nil
}

// EmitsFresh says that batches share columns.
func (*Sliced) EmitsFresh(bool) bool { return false }

// paneOf is which pane rows are of.
type paneOf struct {
	window      window.Interval
	timing      window.Timing
	index       []int64 // by row; nil: 0
	first, last bool    // first: all are, when index is nil
	retracts    bool
}

// marks makes the columns that say which pane rows are of. Those that are the same for all rows are used again.
type marks struct {
	rows              int // to make room for; 0: a full batch
	window            window.Interval
	start, end, times []int64
	zeros             []int64
	timings           [3][]uint8
	no, yes           columnar.Bitmap
}

// columns returns the columns for n rows of a pane. They are valid until the next call.
func (m *marks) columns(p paneOf, n int) []columnar.Column {
	m.grow(n)
	if p.window != m.window {
		m.window = p.window
		for i := range m.start {
			m.start[i], m.end[i], m.times[i] = p.window.Start, p.window.End, p.window.Last()
		}
	}
	index, first := m.zeros[:n], m.bools(p.first, n)
	if p.index != nil {
		index, first = p.index, firsts(p.index)
	}
	none := columnar.Bitmap{}
	return []columnar.Column{
		columnar.Of(columnar.TimestampType, m.start[:n], none), columnar.Of(columnar.TimestampType, m.end[:n], none),
		columnar.Of(columnar.Int64Type, index, none), columnar.Of(columnar.Type{Kind: columnar.Uint8}, m.timings[p.timing][:n], none),
		first, m.bools(p.last, n), m.bools(false, n),
	}
}

// grow makes room for n rows.
func (m *marks) grow(n int) {
	if n <= len(m.zeros) {
		return
	}
	if m.rows == 0 {
		n = min(max(n, 2*len(m.zeros)), columnar.DefaultRows)
	}
	m.start, m.end, m.times, m.zeros = make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for t := range m.timings {
		m.timings[t] = make([]uint8, n)
		for i := range m.timings[t] {
			m.timings[t][i] = uint8(t)
		}
	}
	m.no, m.yes = columnar.NewBitmap(n), columnar.NewBitmap(n)
	for i := range n {
		m.yes.Set(i)
	}
	m.window = window.Interval{}
}

func (m *marks) bools(v bool, n int) columnar.Column {
	if v {
		return columnar.OfBools(m.yes, n, columnar.Bitmap{})
	}
	return columnar.OfBools(m.no, n, columnar.Bitmap{})
}

// firsts says which of the panes are first ones.
func firsts(index []int64) columnar.Column {
	bits := columnar.NewBitmap(len(index))
	for i, n := range index {
		bits.SetTo(i, n == 0)
	}
	return columnar.OfBools(bits, len(index), columnar.Bitmap{})
}
