package partition

import "github.com/millrace/millrace/columnar"

// Spread gives every channel the same number of rows, give or take one over all batches: each batch is cut into pieces, and the channels
// that get the longer ones take turns. Its zero value is ready.
type Spread struct {
	next int // the channel whose turn it is
	all  []int32
}

// Partition implements Partitioner.
func (s *Spread) Partition(b columnar.Batch, sel [][]int32) error {
	var rows []int32
	rows, s.all = rowsOf(b, s.all)
	least, longer := len(rows)/len(sel), len(rows)%len(sel)
	for i := range sel {
		n := least
		if i < longer {
			n++
		}
		sel[(s.next+i)%len(sel)] = rows[:n:n]
		rows = rows[n:]
	}
	s.next = (s.next + longer) % len(sel)
	return nil
}

// Forward sends all rows to one channel.
type Forward struct {
	Channel int
	all     []int32
}

// Partition implements Partitioner.
func (f *Forward) Partition(b columnar.Batch, sel [][]int32) error {
	clear(sel)
	sel[f.Channel], f.all = rowsOf(b, f.all)
	return nil
}

// Broadcast sends all rows to all channels. Its zero value is ready.
type Broadcast struct{ all []int32 }

// Partition implements Partitioner.
func (f *Broadcast) Partition(b columnar.Batch, sel [][]int32) error {
	var rows []int32
	rows, f.all = rowsOf(b, f.all)
	for c := range sel {
		sel[c] = rows
	}
	return nil
}
