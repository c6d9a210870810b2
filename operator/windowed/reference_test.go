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
}

type refRow struct {
	event
	order int
}

func newReference(s window.Spec) *reference {
	return &reference{spec: s, mark: math.MinInt64, windows: map[refKey]*refWindow{}}
}

func (r *reference) lateness() int64 { return r.spec.Lateness.Microseconds() }

// process takes a batch.
func (r *reference) process(batch []event) {
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
		rows = rows[len(rows)-x.fresh:]
	}
	last := k.Expiry(r.lateness()) <= r.mark
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
		if a, b := slice(rows[i]), slice(rows[j]); a != b && g.Slide < g.Size {
			return a < b
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
	return fmt.Sprint(len(rows), sum, most, all)
}

func paneText(key int64, w window.Interval, index int64, timing window.Timing, last, retracts bool, results string) string {
	text := fmt.Sprintf("%d [%d,%d) #%d %s", key, w.Start, w.End, index, timing)
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
func paneTexts(b columnar.Batch) []string {
	var out []string
	i64 := func(c, r int) int64 { return columnar.Values[int64](b.Columns[c])[r] }
	for i := range b.Rows() {
		r := b.Row(i)
		w := window.Interval{Start: i64(1, r), End: i64(2, r)}
		if w.End == 0 && w.Start == 0 {
			w = window.Everything
		}
		list := &b.Columns[11]
		var all []int64
		values := columnar.Values[int64](list.Children[0])
		for k := list.Offsets[r]; k < list.Offsets[r+1]; k++ {
			all = append(all, values[k])
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
