package partition

import (
	"math/rand/v2"

	"github.com/millrace/millrace/columnar"
)

// Shuffle sends each row to a channel at random.
type Shuffle struct {
	random  *rand.Rand
	scatter scatter
}

// NewShuffle returns a partitioner that draws from random, which is its own.
func NewShuffle(random *rand.Rand) *Shuffle { return &Shuffle{random: random} }

// Partition implements Partitioner.
func (s *Shuffle) Partition(b columnar.Batch, sel [][]int32) error {
	channels := s.scatter.room(b.Rows())
	for i := range channels {
		channels[i] = s.random.Uint32N(uint32(len(sel)))
	}
	s.scatter.place(b, sel)
	return nil
}
