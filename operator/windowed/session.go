package windowed

import (
	"slices"
	"sort"

	"github.com/millrace/millrace/stream/window"
)

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
			w.retract(c, mergedAt(c))
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

// mergedAt is when a session is taken back because it becomes another's part.
func mergedAt(c *cell) window.Timing {
	if c.onTime {
		return window.Late
	}
	return window.Early
}
