package windowed

import (
	"encoding/binary"
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/stream/window"
)

// load takes a cell in.
func (w *workspace) load(number int32, row int, span window.Interval, value []byte) (*cell, error) {
	if err := w.coder.Decode(value, w.builders); err != nil {
		return nil, err
	}
	c := &cell{key: number, row: row, window: span, stored: []window.Interval{span}, begun: true}
	w.loads = append(w.loads, c)
	w.open[number] = append(w.open[number], c)
	return c, nil
}

// loaded puts what cells hold into groups.
func (w *workspace) loaded() error {
	n := len(w.loads)
	if n == 0 {
		return nil
	}
	cols := make([]columnar.Column, len(w.builders))
	for i, b := range w.builders {
		cols[i] = b.Finish()
	}
	groups, shown, showing := make([]int32, n), []int32{}, []int32{}
	integers := func(column, row int) int64 { return columnar.Values[int64](cols[column])[row] }
	for i, c := range w.loads {
		c.firings, c.fresh, c.rows = integers(firingsColumn, i), integers(freshColumn, i), integers(rowsColumn, i)
		c.latest, c.onTime = integers(latestColumn, i), cols[onTimeColumn].Bits.Get(i)
		c.slots = slotsOf(cols[slotsColumn].Bytes(i))
		groups[i] = int32(w.groups + i)
		c.group = groups[i]
		if cols[shownColumn].Bits.Get(i) {
			c.shown = int32(w.shows)
			w.shows++
			shown, showing = append(shown, c.shown), append(showing, int32(i))
		}
	}
	w.groups += n
	w.loads = w.loads[:0]
	if err := mergeColumns(w.states, w.layout.stored, w.groups, groups, cols[firstState:], nil); err != nil {
		return err
	}
	if !w.layout.retain {
		return nil
	}
	return mergeColumns(w.shown, w.o.calls, w.shows, shown, cols[w.layout.shown:], showing)
}

// mergeColumns merges rows of state columns into groups, of n in all.
func mergeColumns(into []agg.Accumulator, calls []call, n int, groups []int32, cols []columnar.Column, sel []int32) error {
	at := 0
	for i, a := range into {
		width := len(calls[i].Function.State)
		a.Grow(n)
		if err := a.Merge(groups, cols[at:at+width], sel); err != nil {
			return err
		}
		at += width
	}
	return nil
}

// end computes what waits and puts the windows back into the store.
func (w *workspace) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	var live []*cell
	for _, key := range w.open {
		for _, c := range key {
			switch {
			case c.merged:
			case c.gone:
				if err := w.remove(c); err != nil {
					return err
				}
			default:
				live = append(live, c)
			}
		}
	}
	if len(live) == 0 {
		return nil
	}
	cols, err := w.columns(live)
	if err != nil {
		return err
	}
	w.coder.Encode(cols, nil, len(live), &w.cellar)
	for k, c := range live {
		if err := w.put(c, w.cellar.At(k)); err != nil {
			return err
		}
	}
	return nil
}

func (w *workspace) useCell(c *cell) error {
	if w.selected {
		w.o.store.Use(c.row)
		return nil
	}
	return w.o.store.UseKey(w.o.keys.Keys(c.row, c.row+1), 0)
}

// remove deletes a window.
func (w *workspace) remove(c *cell) error {
	if err := w.useCell(c); err != nil {
		return err
	}
	for _, span := range c.stored {
		w.namespace = putSpan(w.namespace, span)
		if err := w.o.cells.Delete(w.namespace); err != nil {
			return err
		}
	}
	return nil
}

// put stores a window and its timers.
func (w *workspace) put(c *cell, value []byte) error {
	if err := w.useCell(c); err != nil {
		return err
	}
	for _, span := range c.stored {
		if span == c.window {
			continue
		}
		w.namespace = putSpan(w.namespace, span)
		if err := w.o.cells.Delete(w.namespace); err != nil {
			return err
		}
	}
	w.namespace = putSpan(w.namespace, c.window)
	if err := w.o.cells.Put(w.namespace, value); err != nil {
		return err
	}
	if !c.begun {
		if w.o.windows.Assigner.ByClock {
			c.wake(c.window.Last(), true)
			c.wake(math.MaxInt64, false)
		} else {
			c.wake(c.window.Expiry(w.o.lateness), false)
		}
	}
	for _, at := range c.wakes {
		timers := w.o.events
		if at.byClock {
			timers = w.o.clocks
		}
		if err := timers.Set(at.at, w.namespace); err != nil {
			return err
		}
	}
	return nil
}

// columns returns cells as rows.
func (w *workspace) columns(live []*cell) ([]columnar.Column, error) {
	n := len(live)
	groups, shown := make([]int32, n), make([]int32, n)
	for i := range firstState {
		w.builders[i] = columnar.NewBuilder(w.layout.fields[i].Type, n)
	}
	var slots []byte
	for k, c := range live {
		groups[k], shown[k] = c.group, c.shown
		columnar.AppendFixed(w.builders[firingsColumn], c.firings)
		columnar.AppendFixed(w.builders[freshColumn], c.fresh)
		columnar.AppendFixed(w.builders[rowsColumn], c.rows)
		columnar.AppendFixed(w.builders[latestColumn], c.latest)
		w.builders[onTimeColumn].AppendBool(c.onTime)
		w.builders[shownColumn].AppendBool(c.shown != 0)
		slots = slots[:0]
		for _, s := range c.slots {
			slots = binary.LittleEndian.AppendUint64(slots, uint64(s))
		}
		w.builders[slotsColumn].AppendBytes(slots)
	}
	var out []columnar.Column
	for _, b := range w.builders[:firstState] {
		out = append(out, b.Finish())
	}
	states, err := gatherAll(w.states, groups)
	if err != nil {
		return nil, err
	}
	for _, call := range states {
		out = append(out, call...)
	}
	if !w.layout.retain {
		return out, nil
	}
	if states, err = gatherAll(w.shown, shown); err != nil {
		return nil, err
	}
	for _, call := range states {
		out = append(out, call...)
	}
	return out, nil
}

// slotsOf returns what a trigger keeps, as it was stored.
func slotsOf(p []byte) []int64 {
	out := make([]int64, len(p)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(p[8*i:]))
	}
	return out
}
