package partition

import "github.com/millrace/millrace/columnar"

// Rescale spreads rows evenly over the channels that are a task's share of all: with more consumers than producers each producer has some of
// its own, with fewer it has one.
type Rescale struct {
	from, to int // the share
	spread   Spread
}

// NewRescale returns the partitioner of the producer task, of tasks, for so many channels.
func NewRescale(task, tasks, channels int) *Rescale {
	from := task * channels / tasks
	return &Rescale{from: from, to: max(from+1, (task+1)*channels/tasks)}
}

// Partition implements Partitioner.
func (r *Rescale) Partition(b columnar.Batch, sel [][]int32) error {
	clear(sel)
	return r.spread.Partition(b, sel[r.from:r.to])
}
