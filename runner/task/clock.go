package task

import (
	"slices"
	"time"

	"github.com/millrace/millrace/stream"
)

// clock is what a link knows of time.
type clock struct {
	feeds    int // gates of all ports, and the operator before
	mainFeed int
	merge    *stream.Merge
	told     stream.Watermark // of which the operator has been told
	pending  []stream.Mark    // handed on when what the operator owes has come out
	marked   stream.Mark      // what a Marker said last
	alarm    time.Time        // when the operator wants to be called; zero: not at all
}

// isAdvancing says whether what the operator owes, if anything, is caused by time: timers that are due.
func (l *link) isAdvancing() bool { return len(l.pending) > 0 }

// holdsMarks says whether marks wait for results that are still to come.
func (c *chain) holdsMarks() bool {
	for _, l := range c.links {
		if len(l.pending) > 0 {
			return true
		}
	}
	return false
}

// take takes a mark of a feed.
func (c *chain) take(l *link, feed int, m stream.Mark) error {
	merged, changed := l.merge.Take(feed, m)
	if !changed {
		return nil
	}
	return c.advance(l, merged, true)
}

// advance tells an operator of a mark, and hands it on behind everything that it causes; the end of time is not handed on when the end of
// the input says it.
func (c *chain) advance(l *link, m stream.Mark, hand bool) error {
	isNews := m.Kind == stream.WatermarkMark && m.Watermark > l.told
	if isNews {
		l.told = m.Watermark
		l.env.Metrics.Watermark.Store(int64(m.Watermark))
	}
	if l.flusher != nil && (l.keeper == nil || !l.keeper.Keeps(m)) {
		c.running = l
		if err := l.flusher.Flush(&l.out); err != nil {
			return l.wrap(err)
		}
	}
	if !isNews || l.timed == nil {
		if hand {
			l.pending = append(l.pending, m)
			c.settle(l)
		}
		return nil
	}
	if !hand {
		m.Kind = stream.NoMark
	}
	l.pending = append(l.pending, m)
	return c.call(l, func() error { return l.timed.Advance(m.Watermark, &l.out) })
}

// settle hands marks on when nothing is owed: those whose effects have come out, and those that a Marker makes. The end of time waits for
// results that are still to come.
func (c *chain) settle(l *link) {
	if l.owing {
		return
	}
	waiting := l.waiter != nil && l.waiter.IsWaiting()
	l.pending = slices.DeleteFunc(l.pending, func(m stream.Mark) bool {
		if waiting && m.Watermark == stream.EndOfTime {
			return false
		}
		l.hand(m)
		return true
	})
	if l.marker == nil {
		return
	}
	w, idle := l.marker.Mark()
	switch m := l.marked; {
	case idle && m.Kind != stream.IdleMark:
		l.marked.Kind = stream.IdleMark
		l.out.mark(stream.Mark{Kind: stream.IdleMark})
	case !idle && (m.Kind == stream.IdleMark || w > m.Watermark):
		l.marked = stream.Mark{Kind: stream.WatermarkMark, Watermark: max(w, m.Watermark)}
		l.out.mark(l.marked)
	}
}

// hand gives a mark to the next operator. A Marker makes its own, up to the end of time.
func (l *link) hand(m stream.Mark) {
	if l.relay != nil && m.Kind != stream.NoMark {
		l.relay.Idle(m.Kind == stream.IdleMark)
	}
	if m.Kind == stream.NoMark || l.marker != nil && m.Watermark != stream.EndOfTime {
		return
	}
	l.out.mark(m)
}

// due returns the earliest time at which an operator of the chain wants to be called, and may; zero: none does.
func (c *chain) due() time.Time {
	var first time.Time
	for _, l := range c.links {
		if !l.alarm.IsZero() && l.isFree() && (first.IsZero() || l.alarm.Before(first)) {
			first = l.alarm
		}
	}
	return first
}

// ring calls an operator whose time has come and that may be called.
func (c *chain) ring(now time.Time) (bool, error) {
	for _, l := range c.links {
		if l.alarm.IsZero() || l.alarm.After(now) || !l.isFree() {
			continue
		}
		l.alarm = time.Time{}
		if l.alarmed == nil {
			continue
		}
		return true, c.call(l, func() error { return l.alarmed.Alarm(now, &l.out) })
	}
	return false, nil
}
