package windowed

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/window"
)

// workspace holds the windows that a batch, or some timers, touch: their cells as structs, and what they hold as groups of accumulators. A
// group is never emptied; a window that is purged gets a new one. Rows to be added wait until somebody asks for a group.
type workspace struct {
	o      *PerKey
	layout *layout
	coder  *state.Coder

	batch    columnar.Batch // in work; without rows for timers
	input    int
	selected bool                // keys are rows of the batch
	open     [][]*cell           // by key number
	whole    []bool              // by key number: all its windows are loaded
	builders []*columnar.Builder // cells loaded, not yet in groups
	loads    []*cell

	states []agg.Accumulator // of what windows hold, by stored call
	shown  []agg.Accumulator // of what was given last, by call
	groups int
	shows  int
	adds   []int32 // groups of rows to be added
	rows   []int32 // of the batch

	fires     []fireOf
	fired     []*columnar.Builder // keys, by firing
	scratch   []agg.Accumulator   // by call
	namespace []byte
	cellar    state.Cellar
}

// cell is a window of a key in work.
type cell struct {
	key    int32 // number
	row    int   // of the key, for the store
	window window.Interval

	group   int32
	shown   int32 // 0: nothing was given yet
	firings int64
	fresh   int64 // rows since it fired
	rows    int64
	latest  int64 // time of a row
	onTime  bool  // it has fired at its end or after
	slots   []int64

	stored  []window.Interval // under what it lies in the store
	gone    bool
	merged  bool
	pending bool // a firing of its group waits
	wakes   []wakeAt
	begun   bool // its end has a timer
}

type wakeAt struct {
	at      int64
	byClock bool
}

// wake implements window.Moment's Wake.
func (c *cell) wake(at int64, byClock bool) {
	if w := (wakeAt{at, byClock}); !slices.Contains(c.wakes, w) {
		c.wakes = append(c.wakes, w)
	}
}

// fireOf is a firing whose results are still to be computed.
type fireOf struct {
	pane  paneOf
	index int64
	time  int64
	group int32
	shown bool // the group is one of what was shown: a retraction
	cell  *cell
}

func newWorkspace(o *PerKey, l *layout) *workspace {
	w := &workspace{o: o, layout: l, coder: state.NewCoder(l.fields)}
	for _, f := range l.fields {
		w.builders = append(w.builders, columnar.NewBuilder(f.Type, 0))
	}
	for _, f := range o.output.Fields[:o.spec.keys()] {
		w.fired = append(w.fired, columnar.NewBuilder(f.Type, 0))
	}
	for _, c := range l.stored {
		w.states = append(w.states, c.Function.New())
	}
	for _, c := range o.calls {
		w.shown, w.scratch = append(w.shown, c.Function.New()), append(w.scratch, c.Function.New())
	}
	return w
}

func (w *workspace) close() {
	for _, all := range [][]agg.Accumulator{w.states, w.shown, w.scratch} {
		for _, a := range all {
			a.Free()
		}
	}
}

// begin starts work on a batch, whose keys the store has selected.
func (w *workspace) begin(b columnar.Batch, input int) {
	w.batch, w.input, w.selected = b, input, true
	w.reset()
}

// beginTimers starts work on timers.
func (w *workspace) beginTimers() {
	w.batch, w.selected = columnar.Batch{}, false
	w.reset()
}

func (w *workspace) reset() {
	w.open, w.whole = w.open[:0], w.whole[:0]
	for _, all := range [][]agg.Accumulator{w.states, w.shown} {
		for _, a := range all {
			a.Reset()
			a.Grow(1)
		}
	}
	w.groups, w.shows = 1, 1 // group 0 is empty for ever
}

// newGroup returns an empty group.
func (w *workspace) newGroup() int32 {
	w.groups++
	for _, a := range w.states {
		a.Grow(w.groups)
	}
	return int32(w.groups - 1)
}

// openKey makes the key of a row known by its number, with all its windows if they are wanted. Numbers come in order.
func (w *workspace) openKey(number int32, row int, whole bool) error {
	if int(number) < len(w.open) {
		return nil
	}
	w.open, w.whole = append(w.open, nil), append(w.whole, whole)
	w.open[number] = append(w.open[number], &cell{key: number, row: row, gone: true, merged: true}) // says where the key is
	if !whole {
		return nil
	}
	w.o.store.Use(row)
	var failed error
	err := w.o.cells.Scan(func(namespace, value []byte) bool {
		_, failed = w.load(number, row, spanOf(namespace), value)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

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

// find returns an open window of a key.
func (w *workspace) find(number int32, span window.Interval) *cell {
	for _, c := range w.open[number] {
		if c.window == span && !c.gone {
			return c
		}
	}
	return nil
}

// window returns a window of a key, a new one if there is none.
func (w *workspace) window(number int32, span window.Interval) (*cell, error) {
	if c := w.find(number, span); c != nil {
		return c, w.loaded()
	}
	row := w.open[number][0].row
	if !w.whole[number] {
		w.o.store.Use(row)
		w.namespace = putSpan(w.namespace, span)
		value, ok, err := w.o.cells.Get(w.namespace)
		if err != nil {
			return nil, err
		}
		if ok {
			c, err := w.load(number, row, span, value)
			if err != nil {
				return nil, err
			}
			return c, w.loaded()
		}
	}
	if err := w.loaded(); err != nil {
		return nil, err
	}
	return w.newCell(number, span), nil
}

func (w *workspace) newCell(number int32, span window.Interval) *cell {
	c := &cell{
		key: number, row: w.open[number][0].row, window: span, group: w.newGroup(), latest: math.MinInt64,
		slots: make([]int64, w.o.trigger.Slots()),
	}
	w.open[number] = append(w.open[number], c)
	return c
}

// session returns the session that a row's belongs to, after merging those that it joins; nil when that is over already. Sessions of a key lie
// in order, and none touches another.
func (w *workspace) session(number int32, span window.Interval) (*cell, error) {
	if err := w.loaded(); err != nil {
		return nil, err
	}
	open := w.open[number]
	from := 1 + sort.Search(len(open)-1, func(i int) bool { return open[1+i].window.End >= span.Start })
	to := from
	for to < len(open) && open[to].window.Start <= span.End {
		span = span.Cover(open[to].window)
		to++
	}
	switch {
	case from == to && !w.o.windows.Assigner.ByClock && span.Expiry(w.o.lateness) <= w.o.mark:
		return nil, nil
	case from == to:
		c := w.newCell(number, span)
		open = w.open[number]
		copy(open[from+1:], open[from:])
		open[from] = c
		return c, nil
	case to == from+1 && open[from].window == span:
		return open[from], nil
	}
	c := open[from]
	err := w.merge(slices.Clone(open[from:to]), span)
	w.open[number] = slices.Delete(open, from+1, to)
	return c, err
}

// merge makes one session of several, or a longer one of one: the first of them.
func (w *workspace) merge(joined []*cell, span window.Interval) error {
	into := joined[0]
	waits := len(joined) > 1
	from := make([][]int64, len(joined))
	for i, c := range joined {
		from[i] = c.slots
		waits = waits || c.pending || c.shown != 0
		if c.shown != 0 {
			w.retract(c)
		}
	}
	if waits {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(joined) > 1 {
		if err := w.mergeGroups(joined); err != nil {
			return err
		}
	}
	into.window, into.onTime, into.begun, into.wakes, into.slots = span, false, false, nil, make([]int64, w.o.trigger.Slots())
	for _, c := range joined[1:] {
		into.fresh, into.rows, into.latest = into.fresh+c.fresh, into.rows+c.rows, max(into.latest, c.latest)
		into.firings = max(into.firings, c.firings)
		into.stored = append(into.stored, c.stored...)
	}
	moment := w.o.moment(into)
	w.o.trigger.OnMerge(&moment, into.slots, from)
	return nil
}

// mergeGroups merges what the others hold into the group of the first.
func (w *workspace) mergeGroups(joined []*cell) error {
	into, from := make([]int32, len(joined)-1), make([]int32, len(joined)-1)
	for i, c := range joined[1:] {
		into[i], from[i] = joined[0].group, c.group
	}
	return mergeGroups(w.states, w.states, into, from)
}

// add puts a row of the batch into a window.
func (w *workspace) add(c *cell, row int, at int64) error {
	if c.pending {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.adds, w.rows = append(w.adds, c.group), append(w.rows, int32(row))
	c.fresh++
	c.rows++
	c.latest = max(c.latest, at)
	return nil
}

// added adds the rows that wait.
func (w *workspace) added() error {
	if len(w.adds) == 0 {
		return nil
	}
	if w.layout.row != nil {
		if err := w.states[0].Add(w.adds, []columnar.Column{w.rowColumn()}, w.rows); err != nil {
			return err
		}
	} else {
		for i, c := range w.o.calls {
			if c.input != w.input {
				continue
			}
			if err := w.states[i].Add(w.adds, pick(w.batch, c.Inputs), w.rows); err != nil {
				return err
			}
		}
	}
	w.adds, w.rows = w.adds[:0], w.rows[:0]
	return nil
}

// rowColumn returns the batch's rows as windows hold them.
func (w *workspace) rowColumn() columnar.Column {
	b := w.batch
	times := b.Time
	if times == nil || w.o.windows.Assigner.ByClock {
		times = make([]int64, b.Len)
		for i := range times {
			times[i] = w.o.now + 1
		}
	}
	values := make([]float64, b.Len)
	if c := w.o.spec.Inputs[w.input].Evict; c >= 0 {
		values = columnar.Values[float64](b.Columns[c])
	}
	children := []columnar.Column{columnar.Of(columnar.Int64Type, times, columnar.Bitmap{}), columnar.Of(columnar.Float64Type, values, columnar.Bitmap{})}
	return columnar.Column{Type: *w.layout.row, Len: b.Len, Children: append(children, pick(b, w.layout.reads)...)}
}

// timerCell returns the window that a timer of the store's current key is for; nil when it is gone.
func (w *workspace) timerCell(span window.Interval) (*cell, error) {
	key := w.o.store.Key()
	number := make([]int32, 1)
	if err := w.o.keys.Find(key, nil, 1, number); err != nil {
		return nil, err
	}
	n := number[0]
	if int(n) == len(w.open) {
		w.open = append(w.open, []*cell{{key: n, row: int(n), gone: true, merged: true}})
		w.whole = append(w.whole, false)
	}
	if c := w.find(n, span); c != nil {
		return c, nil
	}
	w.namespace = putSpan(w.namespace, span)
	value, ok, err := w.o.cells.Get(w.namespace)
	if err != nil || !ok {
		return nil, err
	}
	return w.load(n, int(n), span, value)
}

// fire has a window's result computed, and the last one taken back where that is wanted.
func (w *workspace) fire(c *cell, p paneOf, purge bool) error {
	if c.shown != 0 {
		w.retract(c)
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

// retract has the last result of a window given once more, to be taken back.
func (w *workspace) retract(c *cell) {
	p := paneOf{window: c.window, timing: window.Early, retracts: true}
	if c.onTime {
		p.timing = window.Late
	}
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
