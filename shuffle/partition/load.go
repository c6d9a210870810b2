package partition

import "github.com/millrace/millrace/columnar"

// LoadAware is a Partitioner that looks at how far behind the consumers are. The writer it belongs to gives it the means once, before any rows,
// and has room as long as any channel has.
type LoadAware interface {
	Partitioner
	// Watch gives the function that says how many rows wait in a channel.
	Watch(backlog func(channel int) int)
}

// Load sends rows to the channel in which the fewest wait: each batch in pieces, so that it does not all go to one (FLIP-339). Channels that are
// as far take turns.
type Load struct {
	backlog func(channel int) int
	next    int // the channel that comes first among those that are as far
	wait    []int
	scatter scatter
}

// pieceRows is how many rows go to the same channel together: few against a batch, many against the cost of looking.
const pieceRows = 512

// Watch implements LoadAware.
func (l *Load) Watch(backlog func(channel int) int) { l.backlog = backlog }

// Partition implements Partitioner. Without Watch it takes turns.
func (l *Load) Partition(b columnar.Batch, sel [][]int32) error {
	l.look(len(sel))
	channels := l.scatter.room(b.Rows())
	for len(channels) > 0 {
		n, c := min(pieceRows, len(channels)), l.least()
		for i := range channels[:n] {
			channels[i] = uint32(c)
		}
		l.wait[c] += n
		channels = channels[n:]
	}
	l.scatter.place(b, sel)
	return nil
}

// look asks how many rows wait in each channel.
func (l *Load) look(channels int) {
	if len(l.wait) != channels {
		l.wait = make([]int, channels)
	}
	if l.backlog == nil {
		return
	}
	for c := range l.wait {
		l.wait[c] = l.backlog(c)
	}
}

// least returns the channel in which the fewest rows wait.
func (l *Load) least() int {
	best := l.next
	for i := range l.wait {
		if c := (l.next + i) % len(l.wait); l.wait[c] < l.wait[best] {
			best = c
		}
	}
	l.next = (best + 1) % len(l.wait)
	return best
}
