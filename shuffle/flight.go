package shuffle

import (
	"cmp"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/stream"
)

// Flown is rows, or a mark, that a checkpoint found on their way, and the channel they were in: the number of a producer.
type Flown struct {
	Channel int
	Item
}

// Flight is what belongs to a checkpoint though the consumer's part of it was cut before it came to them: rows, and the watermarks between
// them, that lie ahead of the checkpoint's barrier in the channels of a gate. What is there already is known at once; the rest is noted as
// producers put it in, until their barrier, whether the consumer takes it in the meantime or not. This is the recording of channels of Chandy
// and Lamport 1985: consumers do all of it, so a producer's barrier goes behind its rows as ever, and rows lie in one place.
//
// Batches are shared with the channels: nobody changes them. Credits bound what is in a channel, but not what goes through it until its barrier
// comes, and all of that stays as long as the flight does: so it is counted, and where there is no memory for it the flight has failed, with
// nothing in it. The consumer's goroutine alone calls its methods.
type Flight struct {
	again    []Flown // of an earlier checkpoint, not taken yet
	channels []recorded
	err      error // of again
}

// recorded is a channel whose barrier had not come when the consumer was cut.
type recorded struct {
	channel
	*recording
}

// recording is what is put into a queue ahead of a barrier. The queue's mutex guards it.
type recording struct {
	until  stream.CheckpointID
	items  []Item
	memory *budget.Account // of the flight, which counts what items hold
	done   bool
	err    error // why there is nothing, though it is done
}

// add takes what comes next. Of watermarks without rows between them the last one says it all; that a channel is idle is not noted: after a
// failure its producer finds out anew.
func (r *recording) add(i Item) {
	switch n := len(r.items); {
	case r.done || i.Mark.Kind == stream.IdleMark:
	case i.Mark.Kind == stream.BarrierMark:
		r.done = i.Mark.Barrier.ID >= r.until
	case i.Mark.Kind == stream.WatermarkMark && n > 0 && r.items[n-1].Mark.Kind == stream.WatermarkMark:
		r.items[n-1] = i
	default:
		if r.err = hold(r.memory, i); r.err != nil {
			r.items, r.done = nil, true
			return
		}
		r.items = append(r.items, i)
	}
}

// hold counts what an item keeps in memory.
func hold(memory *budget.Account, i Item) error { return memory.Grow(int64(footprint(i.Batch))) }

// record begins to note what is ahead of a checkpoint's barrier.
func (q *queue) record(cp stream.CheckpointID, memory *budget.Account) *recording {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := &recording{until: cp, memory: memory}
	for _, i := range q.items {
		r.add(i)
	}
	q.recording = r
	if r.done || q.ended || q.unwanted {
		q.endRecording()
	}
	return r
}

// note adds to the recording, if there is one. The caller holds mu, as it does for the next.
func (q *queue) note(i Item) {
	if q.recording == nil {
		return
	}
	q.recording.add(i)
	if q.recording.done {
		q.endRecording()
	}
}

// endRecording lets go of it, because all has come that it is for.
func (q *queue) endRecording() {
	if q.recording != nil {
		q.recording.done = true
		q.recording = nil
	}
}

// hasSeen says whether a barrier, of that checkpoint or a later one, has been put in.
func (q *queue) hasSeen(cp stream.CheckpointID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.barrier >= cp
}

// IsComplete says whether the barrier has come in all channels, or they have ended. A flight that has failed says so too.
func (f *Flight) IsComplete() bool {
	if f.Err() != nil {
		return true
	}
	for _, c := range f.channels {
		c.mu.Lock()
		done := c.done
		c.mu.Unlock()
		if !done {
			return false
		}
	}
	return true
}

// Err says why the flight has failed: there was no memory for it. Drop is to follow.
func (f *Flight) Err() error {
	err := f.err
	for _, c := range f.channels {
		c.mu.Lock()
		err = cmp.Or(err, c.err)
		c.mu.Unlock()
	}
	return err
}

// Drop ends the recording, because nobody wants it any more.
func (f *Flight) Drop() {
	for _, c := range f.channels {
		c.mu.Lock()
		if c.queue.recording == c.recording {
			c.endRecording()
		}
		c.mu.Unlock()
	}
}

// Items returns what a complete flight has: first what was to be put through again, then channel after channel. Watermarks of two runs do not
// go together, as channels mean other producers: when there is something of an earlier checkpoint there are none.
func (f *Flight) Items() []Flown {
	out := f.again
	for _, c := range f.channels {
		for _, i := range c.items {
			if len(f.again) == 0 || i.Mark.Kind == stream.NoMark {
				out = append(out, Flown{Channel: c.number, Item: i})
			}
		}
	}
	return out
}

// again is what is put through again before anything else: what an earlier run of the job had on its way when it was cut. Its event time is
// that of its own channels and no longer, because the splits that producers read may have changed hands since.
type again struct {
	items []Flown
	merge *stream.Merge
}

// next returns what comes next, if there is something.
func (a *again) next() (Item, bool) {
	for len(a.items) > 0 {
		i := a.items[0]
		a.items[0] = Flown{}
		a.items = a.items[1:]
		if i.Mark.Kind == stream.NoMark {
			return i.Item, true
		}
		if m, changed := a.merge.Take(i.Channel, i.Mark); changed {
			return Item{Mark: m}, true
		}
	}
	return Item{}, false
}

// rows returns what is left without its marks.
func (a *again) rows() (out []Flown) {
	for _, i := range a.items {
		if i.Mark.Kind == stream.NoMark {
			out = append(out, i)
		}
	}
	return out
}

// HasSeen implements Aligner.
func (g *pipeGate) HasSeen(cp stream.CheckpointID) bool {
	if g.aligner.barrier.ID >= cp {
		return true
	}
	for _, c := range g.channels {
		if c.hasSeen(cp) {
			return true
		}
	}
	return false
}

// Record implements Aligner.
func (g *pipeGate) Record(cp stream.CheckpointID, memory *budget.Account) *Flight {
	f := &Flight{again: g.again.rows()}
	for _, i := range f.again {
		f.err = cmp.Or(f.err, hold(memory, i.Item))
	}
	for _, c := range g.channels {
		if !g.aligner.hasCome(c.number, cp) {
			f.channels = append(f.channels, recorded{c, c.record(cp, memory)})
		}
	}
	return f
}

// Restore implements Aligner.
func (g *pipeGate) Restore(items []Flown, channels int) {
	g.again = again{items: items, merge: stream.NewMerge(channels)}
}
