package windowed

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/state"
)

// workspace holds the windows that a batch, or some timers, touch: their cells as structs (cell.go; session.go merges them), and what they hold as
// groups of accumulators. A group is never emptied; a window that is purged gets a new one. Rows to be added wait until somebody asks for a group,
// firings until somebody changes one (firing.go). At the end all goes back to where it came from, the store (stored.go).
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
