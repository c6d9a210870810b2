package shuffle

import (
	"slices"

	"github.com/millrace/millrace/stream"
)

// aligner merges the marks of several channels into those of one stream: it decides and does nothing else.
//
// Watermarks are merged as stream.Merge says. A barrier is complete when it has come on every channel that has not ended; a channel on which
// it has come is blocked until then (Carbone et al. 2015, section 4.2), unless blocks is false: then what follows the barrier is let
// through, and a checkpoint may hold it twice.
type aligner struct {
	merge   *stream.Merge
	barred  []bool // by channel: the barrier has come
	ended   []bool
	blocks  bool
	barrier stream.Barrier      // being aligned, or aligned and not yet unblocked; ID 0: none
	aligned bool                // it has come everywhere
	past    stream.CheckpointID // barriers up to this one are over
	out     []stream.Mark       // what follows from the marks taken, in order
}

func newAligner(channels int, blocks bool) *aligner {
	return &aligner{merge: stream.NewMerge(channels), barred: make([]bool, channels), ended: make([]bool, channels), blocks: blocks}
}

// next takes the next mark of the merged stream away.
func (a *aligner) next() (stream.Mark, bool) {
	if len(a.out) == 0 {
		return stream.Mark{}, false
	}
	m := a.out[0]
	a.out = slices.Delete(a.out, 0, 1)
	return m, true
}

func (a *aligner) emit(m stream.Mark, is bool) {
	if is {
		a.out = append(a.out, m)
	}
}

// isBlocked says whether nothing is to be taken from the channel.
func (a *aligner) isBlocked(channel int) bool { return a.barred[channel] && (a.blocks || a.aligned) }

// hasCome says whether the barrier of a checkpoint has come on a channel.
func (a *aligner) hasCome(channel int, cp stream.CheckpointID) bool {
	return a.barrier.ID == cp && a.barred[channel]
}

// rows says that rows have come on a channel.
func (a *aligner) rows(channel int) { a.emit(a.merge.Rows(channel)) }

// take takes a mark that has come on a channel.
func (a *aligner) take(channel int, m stream.Mark) {
	if m.Kind == stream.BarrierMark {
		a.bar(channel, m.Barrier)
		return
	}
	a.emit(a.merge.Take(channel, m))
}

// bar takes a barrier. One that is newer than what is being aligned takes its place: the older checkpoint has been given up.
func (a *aligner) bar(channel int, b stream.Barrier) {
	if b.ID <= a.past || b.ID < a.barrier.ID {
		return
	}
	if b.ID > a.barrier.ID {
		a.unblock(a.barrier.ID)
		a.barrier = b
	}
	a.barred[channel] = true
	a.align()
}

// end says that a channel has ended.
func (a *aligner) end(channel int) {
	a.ended[channel] = true
	if slices.Contains(a.ended, false) { // the end of all is the gate's to tell
		a.emit(a.merge.End(channel))
	}
	a.align()
}

// unblock goes on behind the barriers up to that checkpoint.
func (a *aligner) unblock(cp stream.CheckpointID) {
	a.past = max(a.past, cp)
	if a.barrier.ID > cp {
		return
	}
	a.barrier, a.aligned = stream.Barrier{}, false
	clear(a.barred)
}

// align looks whether the barrier has come everywhere. When all channels have ended there is none to wait for.
func (a *aligner) align() {
	if a.barrier.ID == 0 || a.aligned || !slices.Contains(a.ended, false) {
		return
	}
	for i, ended := range a.ended {
		if !ended && !a.barred[i] {
			return
		}
	}
	a.aligned = true
	a.out = append(a.out, stream.Mark{Kind: stream.BarrierMark, Barrier: a.barrier})
}
