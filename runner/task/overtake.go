package task

import (
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// haste is how a task changes over from an aligned to an unaligned cut (FLIP-76): when a barrier has had to wait for too long, the task does
// without waiting. As soon as a barrier lies anywhere in its inputs it takes in nothing more, lets the chain run empty, into outputs that have
// no room too, and is cut. What barriers have not passed yet is in flight (shuffle.Flight), and belongs to the checkpoint.
//
// Its time runs from the moment at which the coordinator told of the checkpoint, not from a barrier's arrival: so all tasks lose patience
// together, and a barrier is not held up anew at each stage.
//
// What is in flight is held until it has been written, and counted. When there is no memory for what lies in the inputs, the task waits after
// all; when there is none for what comes later, the checkpoint is given up, and barriers are waited for until one is complete. So rows in
// flight never take more than the budget of exchanges, as finite buffers see to in Flink.
type haste struct {
	deadline time.Time // when the task does without waiting; zero: it never does
	isLate   bool      // that is over
	isShort  bool      // a flight has failed, and no checkpoint has been completed since
	flying   *flying   // the last cut, if what was in flight is not all known yet
}

// flying is a cut without its rows in flight.
type flying struct {
	cut     Cut
	rests   []columnar.Batch // by input: taken from the gate, and not by the chain
	flights []*shuffle.Flight
}

// await begins to wait for barriers of a checkpoint; a negative patience has no end.
func (t *Task) await(patience time.Duration) {
	t.cut.haste.deadline, t.cut.haste.isLate = time.Time{}, false
	if patience >= 0 && !t.cut.haste.isShort {
		t.cut.haste.deadline = t.clock.Now().Add(patience)
	}
}

// isOvertaking says whether the task is to be cut as soon as nothing is on its way in the chain, though it may not have all barriers, and though
// its outputs may lack room.
func (t *Task) isOvertaking() bool {
	h := &t.cut.haste
	if t.cut.barrier.ID == 0 || h.deadline.IsZero() {
		return false
	}
	if !h.isLate {
		h.isLate = !t.clock.Now().Before(h.deadline)
	}
	return h.isLate && t.isReached()
}

// isReached says whether a barrier is there to be let past. Inputs whose rows cannot be divided anew must have given theirs.
func (t *Task) isReached() bool {
	cp := t.cut.barrier.ID
	open, seen := false, t.reading
	for i := range t.inputs {
		in := &t.inputs[i]
		if in.Gate == nil {
			continue
		}
		open = true
		if in.cut == cp {
			seen = true
			continue
		}
		gate, ok := in.Gate.(shuffle.Aligner)
		if !ok || in.Aligned {
			return false
		}
		seen = seen || gate.HasSeen(cp)
	}
	return seen || !open
}

// record begins to note what a cut at the barrier that is waited for has in flight. nil: there is no memory for it, and the barrier is waited for
// however long it takes.
func (t *Task) record() *flying {
	f := &flying{rests: make([]columnar.Batch, len(t.inputs)), flights: make([]*shuffle.Flight, len(t.inputs))}
	if t.config.InFlight != nil {
		f.cut.memory = t.config.InFlight()
	}
	for i := range t.inputs {
		in := &t.inputs[i]
		if in.Gate == nil || in.cut == t.cut.barrier.ID {
			continue
		}
		f.rests[i] = in.rest
		f.flights[i] = in.Gate.(shuffle.Aligner).Record(t.cut.barrier.ID, f.cut.memory)
	}
	if f.err() != nil {
		f.drop()
		t.await(-1)
		t.chain.cutting = false
		return nil
	}
	return f
}

// overtake completes a cut that did not wait for all barriers, as soon as they have come.
func (t *Task) overtake(c Cut, f *flying) {
	c.Unaligned, c.memory = true, f.cut.memory
	f.cut = c
	t.cut.haste.flying = f
	t.land()
}

// err says why one of the flights has failed.
func (f *flying) err() error {
	for _, flight := range f.flights {
		if flight != nil && flight.Err() != nil {
			return flight.Err()
		}
	}
	return nil
}

// end ends what is being noted.
func (f *flying) end() {
	for _, flight := range f.flights {
		if flight != nil {
			flight.Drop()
		}
	}
}

// drop gives the cut up.
func (f *flying) drop() {
	f.end()
	f.cut.Release()
}

// land gives a cut on whose rows in flight are all known.
func (t *Task) land() {
	f := t.cut.haste.flying
	if f == nil {
		return
	}
	if err := f.err(); err != nil {
		f.end()
		t.cut.haste.flying, t.cut.haste.isShort = nil, true
		f.cut.Err = errors.Join(f.cut.Err, fmt.Errorf("keeping rows in flight for checkpoint %d: %w", f.cut.Barrier.ID, err))
		t.config.Cut(f.cut)
		return
	}
	for _, flight := range f.flights {
		if flight != nil && !flight.IsComplete() {
			return
		}
	}
	t.cut.haste.flying = nil
	f.cut.InFlight = make([][]shuffle.Flown, len(f.flights))
	for i, flight := range f.flights {
		if flight == nil {
			continue
		}
		if f.rests[i].Rows() > 0 {
			f.cut.InFlight[i] = append(f.cut.InFlight[i], shuffle.Flown{Item: shuffle.Item{Batch: f.rests[i]}})
		}
		f.cut.InFlight[i] = append(f.cut.InFlight[i], flight.Items()...)
	}
	t.config.Cut(f.cut)
}

// ground gives up a cut, of that checkpoint or one before, whose rows in flight are not all known.
func (t *Task) ground(cp stream.CheckpointID) {
	f := t.cut.haste.flying
	if f == nil || f.cut.Barrier.ID > cp {
		return
	}
	t.cut.haste.flying = nil
	f.drop()
}
