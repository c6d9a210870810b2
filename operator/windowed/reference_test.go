package windowed

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/window"
)

// event is a row of the tests.
type event struct {
	key   int64
	at    int64
	value int64
}

// reference is the Dataflow model's windows, a row and a window at a time, with event time triggers. Late rows fire once a batch.
type reference struct {
	spec    window.Spec
	mark    int64
	windows map[refKey]*refWindow
	out     []string
	dropped int
	order   int
	sorted  bool // values are listed in their order, not by slice
}

type refKey struct {
	key int64
	window.Interval
}

type refWindow struct {
	rows  []refRow
	fired int64
	fresh int // rows since it fired
	dirty bool
	shown string
}

type refRow struct {
	event
	order int
}

func newReference(s window.Spec) *reference {
	return &reference{spec: s, mark: math.MinInt64, windows: map[refKey]*refWindow{}}
}

func (r *reference) lateness() int64 { return r.spec.Lateness.Microseconds() }

// session takes a row into its session, which it may join of several.
func (r *reference) session(e event) {
	r.order++
	span := window.SessionOf(e.at, r.spec.Assigner.Gap.Microseconds())
	merged, joins := &refWindow{}, false
	for again := true; again; {
		again = false
		for k, x := range r.windows {
			if k.key == e.key && k.Touches(span) {
				if r.spec.Mode == window.Retracting && x.shown != "" && (k.Interval != span || len(merged.rows) > 0) {
					r.out = append(r.out, paneText(k.key, k.Interval, x.fired-1, window.Late, false, true, x.shown))
					x.shown = ""
				}
				span = span.Cover(k.Interval)
				merged.rows = append(merged.rows, x.rows...)
				merged.fresh += x.fresh
				merged.fired = max(merged.fired, x.fired)
				merged.shown = x.shown
				delete(r.windows, k)
				again, joins = true, true
			}
		}
	}
	if !joins && span.Expiry(r.lateness()) <= r.mark {
		r.dropped++
		return
	}
	merged.rows = append(merged.rows, refRow{e, r.order})
	merged.fresh++
	k := refKey{e.key, span}
	r.windows[k] = merged
	if span.Last() <= r.mark {
		r.fire(k, merged, window.Late)
	}
}

// process takes a batch.
func (r *reference) process(batch []event) {
	if r.spec.Assigner.Kind == window.KindSession {
		for _, e := range batch {
			r.session(e)
		}
		return
	}
	g := r.spec.Assigner.Grid()
	for _, e := range batch {
		r.order++
		all := g.Windows(nil, e.at)
		kept := false
		for _, w := range all {
			if w.Expiry(r.lateness()) <= r.mark {
				continue
			}
			kept = true
			k := refKey{e.key, w}
			x := r.windows[k]
			if x == nil {
				x = &refWindow{}
				r.windows[k] = x
			}
			x.rows = append(x.rows, refRow{e, r.order})
			x.fresh++
			x.dirty = w.Last() <= r.mark
		}
		if !kept && len(all) > 0 {
			r.dropped++
		}
	}
	for k, x := range r.windows {
		if x.dirty {
			r.fire(k, x, window.Late)
		}
	}
}

// advance moves the watermark.
func (r *reference) advance(mark int64) {
	before := r.mark
	r.mark = max(r.mark, mark)
	for k, x := range r.windows {
		if k.Last() > before && k.Last() <= r.mark {
			r.fire(k, x, window.OnTime)
		}
		if k.Expiry(r.lateness()) <= r.mark {
			delete(r.windows, k)
		}
	}
}

// fire gives a pane.
func (r *reference) fire(k refKey, x *refWindow, timing window.Timing) {
	rows := x.rows
	if r.spec.Mode == window.Discarding {
		x.rows = nil
	}
	if len(rows) == 0 {
		return
	}
	last := k.Expiry(r.lateness()) <= r.mark
	if r.spec.Mode == window.Retracting {
		if x.shown != "" {
			r.out = append(r.out, paneText(k.key, k.Interval, x.fired-1, window.Late, false, true, x.shown))
		}
		x.shown = r.results(rows)
	}
	r.out = append(r.out, paneText(k.key, k.Interval, x.fired, timing, last, false, r.results(rows)))
	x.fired++
	x.fresh, x.dirty = 0, false
}

// results are count, sum, max, average and all values by slice.
func (r *reference) results(rows []refRow) string {
	if len(rows) == 0 {
		return "nothing"
	}
	g := r.spec.Assigner.Grid()
	length := g.Slice()
	if g.Slide >= g.Size {
		length = g.Size
	}
	slice := func(x refRow) int64 {
		return window.Grid{Size: length, Slide: length, Offset: g.Offset}.LastStart(x.at)
	}
	rows = slices.Clone(rows)
	sort.SliceStable(rows, func(i, j int) bool {
		if !r.sorted && g.Slide < g.Size {
			if a, b := slice(rows[i]), slice(rows[j]); a != b {
				return a < b
			}
		}
		return rows[i].order < rows[j].order
	})
	sum, most := int64(0), int64(math.MinInt64)
	var all []int64
	for _, x := range rows {
		sum += x.value
		most = max(most, x.value)
		all = append(all, x.value)
	}
	if r.sorted {
		slices.Sort(all)
	}
	return fmt.Sprint(len(rows), sum, most, all)
}

func paneText(key int64, w window.Interval, index int64, timing window.Timing, last, retracts bool, results string) string {
	text := fmt.Sprintf("%d [%d,%d) #%d %s", key, w.Start, w.End, index, timing)
	if w == window.Everything {
		text = fmt.Sprintf("%d everything #%d %s", key, index, timing)
	}
	if index == 0 {
		text += " first"
	}
	if last {
		text += " last"
	}
	if retracts {
		text += " retracts"
	}
	return text + ": " + results
}

// paneTexts are the rows of results as the reference writes them.
func paneTexts(b columnar.Batch, sorted bool) []string {
	var out []string
	i64 := func(c, r int) int64 { return columnar.Values[int64](b.Columns[c])[r] }
	for i := range b.Rows() {
		r := b.Row(i)
		w := window.Interval{Start: i64(1, r), End: i64(2, r)}
		if w.Start == globalSpan && w.End == globalSpan {
			w = window.Everything
		}
		list := &b.Columns[11]
		var all []int64
		values := columnar.Values[int64](list.Children[0])
		for k := list.Offsets[r]; k < list.Offsets[r+1]; k++ {
			all = append(all, values[k])
		}
		if sorted {
			slices.Sort(all)
		}
		text := paneText(i64(0, r), w, i64(3, r), window.Timing(columnar.Values[uint8](b.Columns[4])[r]), b.Columns[6].Bits.Get(r),
			b.Columns[7].Bits.Get(r), fmt.Sprint(i64(8, r), i64(9, r), i64(10, r), all))
		if first := b.Columns[5].Bits.Get(r); first != (i64(3, r) == 0) {
			text += " but first is wrong"
		}
		if b.Time[r] != w.Last() && w != window.Everything {
			text += " but its time is wrong"
		}
		out = append(out, text)
	}
	return out
}
