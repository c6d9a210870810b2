package windowed

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/window"
)

// fresh is the late rows of a batch in one slice, as states of their keys.
type fresh struct {
	slice  *slice
	keys   []columnar.Column
	states [][]columnar.Column
	groups []int32 // in the slice's table, of windows that do not overlap
	part   *part   // of windows that do
}

// takeLate puts rows into a slice of which a window has fired, and remembers them for firing it again.
func (o *Sliced) takeLate(s *slice, input int, b columnar.Batch, sel []int32) error {
	t := o.tables.get()
	defer o.tables.put(t)
	if err := o.add(t, input, b, sel); err != nil {
		return err
	}
	n := t.keys.Len()
	states, err := t.all()
	if err != nil {
		return err
	}
	f := fresh{slice: s, keys: t.keys.Keys(0, n), states: states}
	if o.overlaps {
		err = o.addPart(&f, n)
	} else {
		if s.table == nil {
			s.table = o.tables.get()
		}
		var groups []int32
		groups, err = o.tables.merge(s.table, f.keys, f.states, nil, n)
		f.groups = slices.Clone(groups)
	}
	o.fresh = append(o.fresh, f)
	return err
}

// addPart adds late rows to a slice as a part, and to the pane when the slice is in it.
func (o *Sliced) addPart(f *fresh, n int) error {
	s := f.slice
	if err := o.freeze(s); err != nil { // it was restored
		return err
	}
	x, err := o.pane.freeze(s.start, f.keys, f.states, n)
	if err != nil {
		return err
	}
	f.part = x
	s.parts = append(s.parts, x)
	if s.start >= o.from && s.start < o.to {
		return o.pane.push(x)
	}
	return nil
}

// refire emits the windows again that have late rows: those that have fired and are still kept.
func (o *Sliced) refire() error {
	defer func() { o.fresh = o.fresh[:0] }()
	if o.lateness == 0 {
		return nil
	}
	if !o.overlaps {
		for i := range o.fresh {
			if err := o.refireSlice(&o.fresh[i]); err != nil {
				return err
			}
		}
		return nil
	}
	starts := map[int64]bool{}
	for _, f := range o.fresh {
		for w := o.firstWindow(f.slice.start); w.Start <= f.slice.start && w.Last() <= o.mark; w = next(w, o.grid.Slide) {
			if w.Expiry(o.lateness) > o.mark {
				starts[w.Start] = true
			}
		}
	}
	if len(starts) == 0 {
		return nil
	}
	return o.refireWindows(slices.Sorted(maps.Keys(starts)))
}

// next returns the window a slide later.
func next(w window.Interval, slide int64) window.Interval {
	return window.Interval{Start: w.Start + slide, End: w.End + slide}
}

// refireSlice fires a window that overlaps no other.
func (o *Sliced) refireSlice(f *fresh) error {
	s := f.slice
	index := make([]int64, len(f.groups))
	for k, g := range f.groups {
		if s.refires == nil {
			s.refires = map[int32]int64{}
		}
		n, ok := s.refires[g]
		if !ok && int(g) < s.onTime {
			n = 1
		}
		index[k], s.refires[g] = n, n+1
	}
	states := f.states
	if o.spec.Windows.Mode == window.Accumulating {
		var err error
		if states, err = gatherAll(s.table.states, f.groups); err != nil {
			return err
		}
	}
	o.scratch.reset(len(f.groups))
	for i, a := range o.scratch.states {
		if err := a.Merge(upTo(len(f.groups)), states[i], nil); err != nil {
			return err
		}
	}
	w := o.firstWindow(s.start)
	return o.emitLate(w, f.keys, index, nil)
}

// reset gives the table's accumulators empty states for n groups. Its keys are not used.
func (t *table) reset(n int) {
	for _, a := range t.states {
		a.Reset()
		a.Grow(n)
	}
}

// emitLate puts the results in scratch, of keys, into the queue: those of sel, or all.
func (o *Sliced) emitLate(w window.Interval, keys []columnar.Column, index []int64, sel []int32) error {
	n := len(index)
	results, err := o.scratch.results(0, n)
	if err != nil {
		return err
	}
	b := columnar.Batch{Schema: o.output, Len: n, Sel: sel}
	m := marks{rows: n} // columns of their own: they wait in the queue
	columns := m.columns(paneOf{window: w, timing: window.Late, index: index}, n)
	b.Columns = append(append(append(b.Columns, keys...), columns...), results...)
	b.Time = m.times[:n]
	o.queue = append(o.queue, b)
	return nil
}

// match is the rows of a part that are of keys with late rows.
type match struct {
	part   *part
	groups []int32 // among those keys
	rows   []int32
	fresh  bool
}

// refireWindows fires overlapping windows, by start, for the keys with late rows in them.
func (o *Sliced) refireWindows(starts []int64) error {
	from, to := o.find(starts[0]), o.find(starts[len(starts)-1]+o.grid.Size)
	for _, s := range o.slices[from:to] { // those restored
		if err := o.freeze(s); err != nil {
			return err
		}
	}
	ids, of, keys := o.lateKeys()
	matches := o.match(of, o.slices[from:to])
	for _, start := range starts {
		w := window.Interval{Start: start, End: start + o.grid.Size}
		if err := o.refireWindow(w, ids, keys, matches); err != nil {
			return err
		}
	}
	return nil
}

// lateKeys returns the ids of keys with late rows, by id one more than the position among them, and the keys.
func (o *Sliced) lateKeys() (ids, of []int32, keys []columnar.Column) {
	of = make([]int32, o.pane.index.Len())
	builders := make([]*columnar.Builder, o.spec.keys())
	for c := range builders {
		builders[c] = columnar.NewBuilder(o.output.Fields[c].Type, 0)
	}
	for _, f := range o.fresh {
		rows := []int32{}
		for row, id := range f.part.ids {
			if of[id] == 0 {
				ids, rows = append(ids, id), append(rows, int32(row))
				of[id] = int32(len(ids))
			}
		}
		for c, b := range builders {
			b.Append(f.keys[c], rows)
		}
	}
	for _, b := range builders {
		keys = append(keys, b.Finish())
	}
	return ids, of, keys
}

// match finds the rows of those keys in slices.
func (o *Sliced) match(of []int32, in []*slice) []match {
	isFresh := map[*part]bool{}
	for _, f := range o.fresh {
		isFresh[f.part] = true
	}
	var out []match
	for _, s := range in {
		for _, x := range s.parts {
			m := match{part: x, fresh: isFresh[x]}
			for row, id := range x.ids {
				if g := of[id]; g > 0 {
					m.groups, m.rows = append(m.groups, g-1), append(m.rows, int32(row))
				}
			}
			if len(m.groups) > 0 {
				out = append(out, m)
			}
		}
	}
	return out
}

// refireWindow fires one overlapping window.
func (o *Sliced) refireWindow(w window.Interval, ids []int32, keys []columnar.Column, matches []match) error {
	o.scratch.reset(len(ids))
	late, before := make([]bool, len(ids)), make([]bool, len(ids))
	for _, m := range matches {
		if m.part.slice < w.Start || m.part.slice >= w.End {
			continue
		}
		for _, g := range m.groups {
			late[g] = late[g] || m.fresh
			before[g] = before[g] || !m.fresh
		}
		if !m.fresh && o.spec.Windows.Mode == window.Discarding {
			continue
		}
		for i, a := range o.scratch.states {
			if err := a.Merge(m.groups, m.part.states[i], m.rows); err != nil {
				return err
			}
		}
	}
	refires := o.refires[w.End]
	if refires == nil {
		refires = map[int32]int64{}
		o.refires[w.End] = refires
	}
	sel, index := []int32{}, make([]int64, len(ids))
	for g, id := range ids {
		if !late[g] {
			continue
		}
		n, ok := refires[id]
		if !ok && before[g] {
			n = 1
		}
		index[g], refires[id] = n, n+1
		sel = append(sel, int32(g))
	}
	return o.emitLate(w, keys, index, sel)
}
