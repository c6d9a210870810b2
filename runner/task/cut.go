package task

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Cut is what a task leaves of itself at a barrier. Whoever has it releases the frozen states.
type Cut struct {
	Barrier    stream.Barrier
	States     []state.Frozen                 // by operator; nil: it has none
	Watermarks []stream.Watermark             // by operator
	Final      bool                           // the task has nothing left to do
	Prepared   []Prepared                     // not known to be committed, by checkpoint
	Writer     []byte                         // what the sink's writer must know again; nil: nothing
	Positions  map[string]connectors.Position // of a source's task, by split that is not read to its end
	Done       []string                       // splits that are
	Unaligned  bool                           // it did not wait for all barriers
	InFlight   [][]shuffle.Flown              // of an unaligned one, by input: what belongs to the checkpoint and had not been taken in
	Err        error                          // why the checkpoint cannot be; nil: it can

	memory *budget.Account // holds what is in flight
}

// Prepared is what a sink prepared for a checkpoint.
type Prepared struct {
	Checkpoint stream.CheckpointID
	Output     []connectors.Committable
}

// Release gives the frozen states and what is in flight up.
func (c Cut) Release() {
	c.memory.Close()
	for _, f := range c.States {
		if f != nil {
			f.Release()
		}
	}
}

// cut is what a task knows of checkpoints: aligned barriers, as in Carbone et al. 2015, section 4. A barrier that has come on all channels of
// all inputs, and, where the task reads a source or its producers have ended, has been triggered by the coordinator, cuts the task's stream
// when nothing is on its way in the chain. haste is what happens when that takes too long.
type cut struct {
	haste     haste
	barrier   stream.Barrier      // being waited for; ID 0: none
	triggered bool                // by the coordinator
	drained   bool                // event time has been ended for it
	stopped   stream.CheckpointID // nothing is read any more since; 0: it is
	final     bool                // the task has nothing left to do and waits to be released
	released  bool
	prepared  []Prepared // not known to be committed
	past      stream.CheckpointID
	positions source.Positions
	ended     []string // splits read to their end, whose operators do not know it yet
	taken     map[stream.CheckpointID]taken
}

// taken is what a checkpoint that is not known to be complete has of the source's splits.
type taken struct {
	positions map[string]connectors.Position
	done      []string
}

// holds says whether nothing is to be read of the source: a barrier comes next, or nothing.
func (c *cut) holds() bool { return c.stopped != 0 || c.barrier.ID != 0 && c.triggered }

// bar begins to wait for a barrier. One before it that is still waited for has been given up.
func (t *Task) bar(b stream.Barrier) {
	if b.ID <= t.cut.past || b.ID <= t.cut.barrier.ID {
		return
	}
	t.ground(b.ID)
	t.unblock(t.cut.barrier.ID)
	t.cut.barrier, t.cut.triggered = b, false
}

// unblock goes on behind the barriers up to that checkpoint.
func (t *Task) unblock(cp stream.CheckpointID) {
	for i := range t.inputs {
		in := &t.inputs[i]
		if a, ok := in.Gate.(shuffle.Aligner); ok {
			a.Unblock(cp)
		}
		if in.cut <= cp {
			in.cut = 0
		}
	}
	t.cut.past = max(t.cut.past, cp)
	if t.cut.barrier.ID <= cp {
		t.cut.barrier, t.cut.triggered = stream.Barrier{}, false
		t.await(-1)
	}
	t.chain.cutting = false
}

// isAligned says whether the barrier has come from everywhere.
func (t *Task) isAligned() bool {
	open := false
	for i := range t.inputs {
		if t.inputs[i].Gate == nil {
			continue
		}
		open = true
		if t.inputs[i].cut != t.cut.barrier.ID {
			return false
		}
	}
	return t.cut.triggered || open && !t.reading
}

// cutIfReady freezes the task when a barrier is due, and sends it on.
func (t *Task) cutIfReady() (bool, error) {
	if t.cut.barrier.ID == 0 {
		return false, nil
	}
	aligned := t.isAligned()
	if !aligned && !t.isOvertaking() {
		return false, nil
	}
	if head := t.chain.head(); t.cut.barrier.Drain && t.fetcher != nil && !t.cut.drained {
		if !head.takes(head.main) {
			return false, nil
		}
		t.cut.drained = true
		return true, t.chain.take(head, head.mainFeed, stream.Mark{Kind: stream.WatermarkMark, Watermark: stream.EndOfTime})
	}
	t.chain.cutting = !t.cut.barrier.Drain
	if !t.chain.isQuiet() || !t.chain.cutting && t.chain.holdsMarks() {
		return false, nil
	}
	if did, err := t.chain.flush(); did || err != nil {
		return did, err
	}
	if err := t.flushBad(); err != nil {
		return true, err
	}
	var f *flying
	if !aligned {
		if f = t.record(); f == nil {
			return true, nil
		}
	}
	b := t.cut.barrier
	c, err := t.freeze()
	if err != nil {
		c.Release()
		if f != nil {
			f.drop()
		}
		return true, err
	}
	if aligned {
		t.config.Cut(c)
	} else {
		t.overtake(c, f)
	}
	for _, o := range t.outputs {
		if err := o.Writer.Mark(stream.Mark{Kind: stream.BarrierMark, Barrier: b}); err != nil {
			return true, fmt.Errorf("exchanging a barrier: %w", err)
		}
	}
	if b.Stop {
		t.cut.stopped = b.ID
	}
	t.unblock(b.ID)
	return true, nil
}

// cutter is a sink's operator.
type cutter interface {
	// Cut makes durable what was written and returns what has to be committed, and what the writer must know again.
	Cut() (prepared []connectors.Committable, writer []byte, err error)
}

// freeze takes the operators' states. Without one of them there is no checkpoint; an error is a sink's that could not make durable what was
// written: it may have lost rows, so the task must not go on.
func (t *Task) freeze() (Cut, error) {
	c := Cut{Barrier: t.cut.barrier, Final: t.cut.final, States: make([]state.Frozen, len(t.chain.links))}
	for i, l := range t.chain.links {
		c.Watermarks = append(c.Watermarks, l.told)
		if l.stateful != nil {
			var err error
			if c.States[i], err = l.stateful.Snapshot(c.Barrier.ID); err != nil {
				c.Err = errors.Join(c.Err, l.wrap(fmt.Errorf("taking part in checkpoint %d: %w", c.Barrier.ID, err)))
			}
		}
		if s, ok := l.op.(cutter); ok {
			output, writer, err := s.Cut()
			if err != nil {
				return c, l.wrap(err)
			}
			c.Writer = writer
			t.cut.prepared = append(t.cut.prepared, Prepared{c.Barrier.ID, output})
		}
	}
	c.Prepared = slices.Clone(t.cut.prepared)
	c.Positions, c.Done = t.cut.positions.Snapshot()
	if t.cut.taken == nil {
		t.cut.taken = map[stream.CheckpointID]taken{}
	}
	t.cut.taken[c.Barrier.ID] = taken{c.Positions, c.Done}
	return c, nil
}

// complete tells those who want to know of a completed checkpoint.
func (t *Task) complete(cp stream.CheckpointID) error {
	t.cut.haste.isShort = false
	if at, ok := t.cut.taken[cp]; ok && t.fetcher != nil {
		t.fetcher.Completed(at.positions)
		t.cut.positions.Forget(at.done)
	}
	for id := range t.cut.taken {
		if id <= cp {
			delete(t.cut.taken, id)
		}
	}
	t.cut.prepared = slices.DeleteFunc(t.cut.prepared, func(p Prepared) bool { return p.Checkpoint <= cp })
	for _, l := range t.chain.links {
		if l.notified == nil {
			continue
		}
		if err := l.notified.Completed(cp); err != nil {
			return l.wrap(err)
		}
	}
	return nil
}

// abort stops waiting for a checkpoint's barriers.
func (t *Task) abort(cp stream.CheckpointID) error {
	t.ground(cp)
	if t.cut.past < cp {
		t.unblock(cp)
	}
	delete(t.cut.taken, cp)
	if t.cut.stopped == cp {
		t.cut.stopped = 0
	}
	for _, l := range t.chain.links {
		if l.notified == nil {
			continue
		}
		if err := l.notified.Aborted(cp); err != nil {
			return l.wrap(err)
		}
	}
	return nil
}
