package window

import (
	"math"
	"slices"
)

// Decision is what a trigger wants done with a window.
type Decision uint8

// The decisions. Purge comes with Fire.
const (
	Fire Decision = 1 << iota
	Purge
)

// Moment is what a trigger sees when it decides.
type Moment struct {
	Window    Interval
	Watermark int64
	Now       int64   // processing time, in microseconds
	Value     float64 // of the row, for Delta
	// Wake asks for OnTime when the watermark, or the processing time, has come to at. It may be asked for again and again.
	Wake func(at int64, byClock bool)
}

// isOver says whether the watermark has passed the window's end.
func (m *Moment) isOver() bool { return m.Watermark >= m.Window.Last() }

// Slots returns how many integers the trigger keeps for a window.
func (t Trigger) Slots() int {
	n := 0
	switch t.Kind {
	case atEventTime, atProcessingTime, atCount, atWatermark, once:
		n = 1
	case everyProcessingTime, atDelta:
		n = 2
	case everyEventTime:
		n = 3
	case allOf:
		n = len(t.Of)
	default:
	}
	for _, c := range t.Of {
		n += c.Slots()
	}
	return n
}

// parts returns the slots of the trigger's own, and calls f with each child and the child's.
func (t Trigger) parts(state []int64, f func(i int, c Trigger, state []int64)) {
	at := t.Slots()
	for i, c := range slices.Backward(t.Of) {
		n := c.Slots()
		at -= n
		f(i, c, state[at:at+n])
	}
}

// child returns child i and its slots.
func (t Trigger) child(i int, state []int64) (Trigger, []int64) {
	at := t.Slots()
	for k := len(t.Of) - 1; ; k-- {
		n := t.Of[k].Slots()
		at -= n
		if k == i {
			return t.Of[k], state[at : at+n]
		}
	}
}

// OnRow decides after a row with that event time was put into the window.
func (t Trigger) OnRow(m *Moment, at int64, state []int64) Decision {
	switch t.Kind {
	case atEventTime:
		if m.isOver() {
			state[0] = 1
			return Fire
		}
		m.Wake(m.Window.Last(), false)
	case atProcessingTime:
		state[0] = 0
		m.Wake(m.Window.Last(), true)
	case atCount:
		if state[0]++; state[0] >= t.Count {
			state[0] = 0
			return Fire
		}
	case everyEventTime:
		if m.isOver() {
			return Fire
		}
		m.Wake(m.Window.Last(), false)
		t.arm(m, at, state, false)
	case everyProcessingTime:
		t.arm(m, m.Now, state, true)
	case atDelta:
		return t.change(m.Value, state)
	case atWatermark:
		if !m.isOver() {
			m.Wake(m.Window.Last(), false)
			return t.again(0, state, func(c Trigger, s []int64) Decision { return c.OnRow(m, at, s) })
		}
		state[0] = 1
		return t.again(1, state, func(c Trigger, s []int64) Decision { return c.OnRow(m, at, s) })
	default:
		return t.combine(state, func(c Trigger, s []int64) Decision { return c.OnRow(m, at, s) })
	}
	return 0
}

// OnTime decides after the watermark or the processing time has moved.
func (t Trigger) OnTime(m *Moment, state []int64) Decision {
	switch t.Kind {
	case atEventTime:
		return first(&state[0], m.isOver())
	case atProcessingTime:
		return first(&state[0], m.Now >= m.Window.Last())
	case everyEventTime:
		if m.isOver() {
			return first(&state[2], true)
		}
		return t.tick(m.Watermark, state)
	case everyProcessingTime:
		return t.tick(m.Now, state)
	case atWatermark:
		if d := first(&state[0], m.isOver()); d != 0 {
			return d
		}
		phase := 0
		if m.isOver() {
			phase = 1
		}
		return t.again(phase, state, func(c Trigger, s []int64) Decision { return c.OnTime(m, s) })
	default:
		return t.combine(state, func(c Trigger, s []int64) Decision { return c.OnTime(m, s) })
	}
}

// first fires when it is time and it has not fired before.
func first(done *int64, isTime bool) Decision {
	if !isTime || *done != 0 {
		return 0
	}
	*done = 1
	return Fire
}

// arm sets the first tick after a row, if there is none to come.
func (t Trigger) arm(m *Moment, at int64, state []int64, byClock bool) {
	if state[0] == 0 {
		state[0], state[1] = 1, t.after(at)
	}
	m.Wake(state[1], byClock)
}

// tick fires when the tick has come. The next row sets the next one: without rows there is nothing new to give.
func (Trigger) tick(now int64, state []int64) Decision {
	if state[0] == 0 || now < state[1] {
		return 0
	}
	state[0] = 0
	return Fire
}

// after returns the first multiple of the trigger's period after at.
func (t Trigger) after(at int64) int64 {
	every := t.Every.Microseconds()
	if next := at - floorMod(at, every) + every; next > at {
		return next
	}
	return math.MaxInt64
}

// change fires when the value is far from the last one that made it fire.
func (t Trigger) change(value float64, state []int64) Decision {
	has, last := state[0] != 0, math.Float64frombits(uint64(state[1]))
	if has && !(math.Abs(value-last) > t.Delta) {
		return 0
	}
	state[0], state[1] = 1, int64(math.Float64bits(value))
	if !has {
		return 0
	}
	return Fire
}

// again asks child i, and has it begin anew when it fires.
func (t Trigger) again(i int, state []int64, ask func(Trigger, []int64) Decision) Decision {
	c, s := t.child(i, state)
	d := ask(c, s)
	if d != 0 {
		c.reset(s)
	}
	return d
}

// combine asks the children of a composite and makes one decision of theirs.
func (t Trigger) combine(state []int64, ask func(Trigger, []int64) Decision) Decision {
	var all Decision
	switch t.Kind {
	case purging:
		c, s := t.child(0, state)
		if d := ask(c, s); d != 0 {
			return Fire | Purge
		}
	case repeated:
		return t.again(0, state, ask)
	case once:
		c, s := t.child(0, state)
		if d := ask(c, s); d != 0 && state[0] == 0 {
			state[0] = 1
			return d
		}
	case anyOf:
		t.parts(state, func(_ int, c Trigger, s []int64) { all |= ask(c, s) })
		if all != 0 {
			t.reset(state)
		}
	case allOf:
		fired := 0
		t.parts(state, func(i int, c Trigger, s []int64) {
			if d := ask(c, s); d != 0 {
				state[i] |= int64(d)
			}
			if state[i] != 0 {
				fired++
				all |= Decision(state[i])
			}
		})
		if fired < len(t.Of) {
			return 0
		}
		t.reset(state)
	default:
	}
	return all
}

// reset has the trigger begin anew. That the watermark has passed stays known.
func (t Trigger) reset(state []int64) {
	switch t.Kind {
	case atCount:
		state[0] = 0
	case allOf:
		clear(state[:len(t.Of)])
	default:
	}
	t.parts(state, func(_ int, c Trigger, s []int64) { c.reset(s) })
}

// OnMerge makes the state of a merged window, whose interval m has, of those of the windows merged. into is zero.
func (t Trigger) OnMerge(m *Moment, into []int64, from [][]int64) {
	switch t.Kind {
	case atEventTime, atWatermark:
		if m.isOver() {
			into[0] = greatest(from, 0)
		} else {
			m.Wake(m.Window.Last(), false)
		}
	case atProcessingTime:
		m.Wake(m.Window.Last(), true)
	case atCount:
		for _, s := range from {
			into[0] += s[0]
		}
	case once:
		into[0] = greatest(from, 0)
	case everyEventTime, everyProcessingTime:
		t.mergeTicks(m, into, from)
	case atDelta:
		copy(into, from[len(from)-1])
	case allOf:
		for i := range t.Of {
			into[i] = greatest(from, i)
		}
	default:
	}
	t.parts(into, func(i int, c Trigger, s []int64) {
		children := make([][]int64, len(from))
		for k := range from {
			_, children[k] = t.child(i, from[k])
		}
		c.OnMerge(m, s, children)
	})
}

// mergeTicks keeps the earliest tick.
func (t Trigger) mergeTicks(m *Moment, into []int64, from [][]int64) {
	for _, s := range from {
		if s[0] != 0 && (into[0] == 0 || s[1] < into[1]) {
			into[0], into[1] = 1, s[1]
		}
	}
	if into[0] != 0 {
		m.Wake(into[1], t.Kind == everyProcessingTime)
	}
	if t.Kind == everyEventTime && !m.isOver() {
		m.Wake(m.Window.Last(), false)
	}
}

func greatest(states [][]int64, slot int) int64 {
	best := int64(0)
	for _, s := range states {
		best = max(best, s[slot])
	}
	return best
}
