package windowed

import (
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/stream/window"
)

// fireOf is a firing whose results are still to be computed.
type fireOf struct {
	pane  paneOf
	index int64
	time  int64
	group int32
	shown bool // the group is one of what was shown: a retraction
	cell  *cell
}

// fire has a window's result computed, and the last one taken back where that is wanted.
func (w *workspace) fire(c *cell, p paneOf, purge bool) error {
	if c.shown != 0 {
		w.retract(c, p.timing)
	}
	w.record(c, fireOf{pane: p, index: c.firings, time: w.timeOf(c), group: c.group, cell: c})
	c.firings++
	c.fresh, c.pending = 0, true
	if w.layout.retain || w.layout.row != nil {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if purge || w.o.windows.Mode == window.Discarding {
		c.group, c.rows, c.pending = w.newGroup(), 0, false
		if purge {
			c.shown = 0
		}
	}
	return nil
}

// retract has the last result of a window given once more, to be taken back at that time.
func (w *workspace) retract(c *cell, timing window.Timing) {
	p := paneOf{window: c.window, timing: timing, retracts: true}
	w.record(c, fireOf{pane: p, index: c.firings - 1, time: w.timeOf(c), group: c.shown, shown: true, cell: c})
	c.shown = 0
}

func (w *workspace) record(c *cell, f fireOf) {
	w.fires = append(w.fires, f)
	cols, row := w.batch.Columns, 0
	if w.selected {
		row = w.batch.Row(c.row)
	} else {
		cols = w.o.keys.Keys(c.row, c.row+1)
	}
	for i, b := range w.fired {
		b.AppendRange(cols[i], row, 1)
	}
}

// timeOf is the event time of a window's result: its last one, of the global window that of its last row.
func (w *workspace) timeOf(c *cell) int64 {
	if c.window == window.Everything {
		return c.latest
	}
	return c.window.Last()
}

// flush computes the results of the firings that wait.
func (w *workspace) flush() error {
	if err := w.added(); err != nil {
		return err
	}
	n := len(w.fires)
	if n == 0 {
		return nil
	}
	for _, a := range w.scratch {
		a.Reset()
		a.Grow(n)
	}
	var groups, at, shown, shownAt []int32
	for k, f := range w.fires {
		if f.shown {
			shown, shownAt = append(shown, f.group), append(shownAt, int32(k))
		} else {
			groups, at = append(groups, f.group), append(at, int32(k))
		}
	}
	if err := mergeGroups(w.scratch, w.shown, shownAt, shown); err != nil {
		return err
	}
	if w.layout.row == nil {
		if err := mergeGroups(w.scratch, w.states, at, groups); err != nil {
			return err
		}
	} else if err := w.compute(at); err != nil {
		return err
	}
	if w.layout.retain {
		if err := w.show(at); err != nil {
			return err
		}
	}
	return w.give()
}

// mergeGroups merges the states of groups of one set of accumulators into groups of another.
func mergeGroups(into, from []agg.Accumulator, groups, of []int32) error {
	if len(of) == 0 {
		return nil
	}
	states, err := gatherAll(from, of)
	if err != nil {
		return err
	}
	for i, a := range into {
		if err := a.Merge(groups, states[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// compute aggregates the rows that windows hold, but for those that the evictor drops.
func (w *workspace) compute(at []int32) error {
	for _, k := range at {
		f := &w.fires[k]
		states, err := agg.Gather(w.states[0], []int32{f.group})
		if err != nil {
			return err
		}
		list := states[0]
		row := list.Children[0].Children[0]
		from, to := int(list.Offsets[0]), int(list.Offsets[1])
		e := w.o.windows.Evictor
		kept := e.Kept(columnar.Values[int64](row.Children[0])[from:to], columnar.Values[float64](row.Children[1])[from:to])
		rows := make([]int32, 0, to-from)
		for i := range kept {
			kept[i] += int32(from)
		}
		for i := from; i < to; i++ {
			rows = append(rows, int32(i))
		}
		if !e.Late {
			rows = kept
		}
		groups := make([]int32, len(rows))
		for i := range groups {
			groups[i] = k
		}
		column := 2
		for i, c := range w.o.calls {
			n := len(c.Inputs)
			if err := w.scratch[i].Add(groups, row.Children[column:column+n], rows); err != nil {
				return err
			}
			column += n
		}
		if len(kept) == to-from {
			continue
		}
		c := f.cell
		c.group, c.rows = w.newGroup(), int64(len(kept))
		groups = groups[:0]
		for range kept {
			groups = append(groups, c.group)
		}
		if err := w.states[0].Add(groups, []columnar.Column{row}, kept); err != nil {
			return err
		}
	}
	return nil
}

// show remembers results that may have to be taken back.
func (w *workspace) show(at []int32) error {
	if len(at) == 0 {
		return nil
	}
	groups := make([]int32, len(at))
	for i, k := range at {
		groups[i] = int32(w.shows)
		w.fires[k].cell.shown = groups[i]
		w.shows++
	}
	for i, a := range w.shown {
		states, err := w.scratch[i].State(0, len(w.fires))
		if err != nil {
			return err
		}
		a.Grow(w.shows)
		if err := a.Merge(groups, states, at); err != nil {
			return err
		}
	}
	return nil
}

// globalSpan is how the start and end of a global window are written: the zero time.Time.
var globalSpan = time.Time{}.UnixMicro()

// give puts the results into the operator's queue.
func (w *workspace) give() error {
	n := len(w.fires)
	b := columnar.Batch{Schema: w.o.output, Len: n, Time: make([]int64, n)}
	for _, k := range w.fired {
		b.Columns = append(b.Columns, k.Finish())
	}
	start, end, index, timing := make([]int64, n), make([]int64, n), make([]int64, n), make([]uint8, n)
	first, last, retracts := columnar.NewBitmap(n), columnar.NewBitmap(n), columnar.NewBitmap(n)
	for k, f := range w.fires {
		start[k], end[k] = f.pane.window.Start, f.pane.window.End
		if f.pane.window == window.Everything {
			start[k], end[k] = globalSpan, globalSpan
		}
		index[k], timing[k], b.Time[k] = f.index, uint8(f.pane.timing), f.time
		first.SetTo(k, f.index == 0)
		last.SetTo(k, f.pane.last)
		retracts.SetTo(k, f.pane.retracts)
		f.cell.pending = false
	}
	none := columnar.Bitmap{}
	b.Columns = append(b.Columns,
		columnar.Of(columnar.TimestampType, start, none), columnar.Of(columnar.TimestampType, end, none),
		columnar.Of(columnar.Int64Type, index, none), columnar.Of(columnar.Type{Kind: columnar.Uint8}, timing, none),
		columnar.OfBools(first, n, none), columnar.OfBools(last, n, none), columnar.OfBools(retracts, n, none))
	for _, a := range w.scratch {
		c, err := a.Result(0, n)
		if err != nil {
			return err
		}
		b.Columns = append(b.Columns, c)
	}
	if w.layout.retain {
		b.Kind = w.kinds()
	}
	w.fires = w.fires[:0]
	w.o.queue = append(w.o.queue, b)
	return nil
}

// kinds are what the rows of retracting windows do in a changelog.
func (w *workspace) kinds() []columnar.RowKind {
	out := make([]columnar.RowKind, len(w.fires))
	for k, f := range w.fires {
		follows := k > 0 && w.fires[k-1].shown && w.fires[k-1].cell == f.cell
		precedes := k+1 < len(w.fires) && !w.fires[k+1].shown && w.fires[k+1].cell == f.cell
		switch {
		case f.shown && precedes:
			out[k] = columnar.UpdateBefore
		case f.shown:
			out[k] = columnar.Delete
		case follows:
			out[k] = columnar.UpdateAfter
		}
	}
	return out
}
