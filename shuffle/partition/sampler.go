package partition

import (
	"math"
	"math/rand/v2"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Sampler keeps the sort keys of a uniform sample of all rows it is shown, of fixed size. It looks at few rows only: how many to skip until
// the next that enters the sample is drawn at once (Li, "Reservoir-sampling algorithms of time complexity O(n(1+log(N/n)))", 1994,
// algorithm L).
type Sampler struct {
	key     SortKey
	encoder *keys.SortEncoder
	rand    *rand.Rand
	size    int
	sample  [][]byte
	skip    int64   // rows to pass over
	w       float64 // the largest of size uniform random numbers, so far
	rows    []int32
}

// NewSampler returns a sampler of rows of that schema that keeps size keys.
func NewSampler(schema *columnar.Schema, key SortKey, size int, r *rand.Rand) *Sampler {
	s := &Sampler{key: key, encoder: key.encoder(schema), rand: r, size: size, w: 1}
	s.leap()
	return s
}

// leap draws how many rows to pass over.
func (s *Sampler) leap() {
	s.w *= math.Exp(math.Log(s.random()) / float64(s.size))
	s.skip = int64(min(math.Log(s.random())/math.Log1p(-s.w), math.MaxInt64/2))
}

// random returns a number above 0 and at most 1.
func (s *Sampler) random() float64 { return 1 - s.rand.Float64() }

// Add shows the rows of b that count.
func (s *Sampler) Add(b columnar.Batch) {
	if s.size == 0 {
		return
	}
	s.rows = s.rows[:0]
	n := int64(b.Rows())
	at := min(int64(s.size-len(s.sample)), n)
	for i := range at {
		s.rows = append(s.rows, int32(b.Row(int(i))))
	}
	for ; s.skip < n-at; s.leap() {
		at += s.skip
		s.rows = append(s.rows, int32(b.Row(int(at))))
		at++
	}
	s.skip -= n - at
	if len(s.rows) == 0 {
		return
	}
	encoded := s.encoder.Encode(s.key.pick(b), s.rows, len(s.rows))
	for i := range s.rows {
		s.keep(append([]byte(nil), encoded.Bytes(i)...))
	}
}

func (s *Sampler) keep(key []byte) {
	if len(s.sample) < s.size {
		s.sample = append(s.sample, key)
		return
	}
	s.sample[s.rand.IntN(s.size)] = key
}

// Keys returns the sample, in no order: all rows' keys while there were no more than its size. It belongs to the Sampler.
func (s *Sampler) Keys() [][]byte { return s.sample }
