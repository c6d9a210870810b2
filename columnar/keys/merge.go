package keys

import (
	"bytes"
	"math"
)

// Run is a sorted sequence of rows that knows their sort keys: a spilled run, a partition's stream, a slice.
type Run interface {
	// Next moves to the next row, at first to the first one. It returns false at the end.
	Next() (bool, error)
	// Key returns the sort key of the current row; it is valid until Next.
	Key() []byte
	// Prefix returns the first 8 bytes of the key as Entry.Prefix has them.
	Prefix() uint64
}

// Merge merges sorted runs by a tree of losers (Knuth, The Art of Computer Programming 3, 5.4.1): about log2(runs) comparisons a row,
// most of them of 8 bytes.
//
//	m, err := keys.NewMerge(runs)
//	for err == nil && m.More() {
//		use(runs[m.Run()])
//		err = m.Next()
//	}
type Merge[R Run] struct {
	runs     []R
	prefixes []uint64
	done     []bool
	losers   []int32 // losers[0] is the winner; losers[i] lost at inner node i of a complete binary tree
}

// NewMerge moves all runs to their first rows and returns their merge. Where keys are equal, rows of runs with lower indexes come first:
// a stable merge. An error is one of a run's Next.
func NewMerge[R Run](runs []R) (*Merge[R], error) {
	m := &Merge[R]{runs: runs, prefixes: make([]uint64, len(runs)), done: make([]bool, len(runs)), losers: make([]int32, max(len(runs), 1))}
	for i := range runs {
		if err := m.advance(i); err != nil {
			return nil, err
		}
	}
	if len(runs) > 0 {
		m.losers[0] = m.play(1)
	}
	return m, nil
}

// play fills the tree below node and returns the winner. Node i has the children 2i and 2i+1; the leaf of run r is node len(runs)+r.
func (m *Merge[R]) play(node int) int32 {
	if node >= len(m.runs) {
		return int32(node - len(m.runs))
	}
	a, b := m.play(2*node), m.play(2*node+1)
	if m.less(b, a) {
		a, b = b, a
	}
	m.losers[node] = b
	return a
}

func (m *Merge[R]) advance(i int) error {
	more, err := m.runs[i].Next()
	if err != nil {
		return err
	}
	if more {
		m.prefixes[i] = m.runs[i].Prefix()
	} else {
		m.done[i], m.prefixes[i] = true, math.MaxUint64
	}
	return nil
}

// less says whether run a comes before run b. A run that is done comes after all others; its prefix is the greatest one.
func (m *Merge[R]) less(a, b int32) bool {
	if x, y := m.prefixes[a], m.prefixes[b]; x != y {
		return x < y
	}
	return m.lessByKey(a, b)
}

// lessByKey is less for equal prefixes.
func (m *Merge[R]) lessByKey(a, b int32) bool {
	if m.done[a] || m.done[b] {
		return !m.done[a] && m.done[b] || m.done[a] == m.done[b] && a < b
	}
	c := bytes.Compare(m.runs[a].Key(), m.runs[b].Key())
	return c < 0 || c == 0 && a < b
}

// More says whether there is a row: the current one of the run that Run names.
func (m *Merge[R]) More() bool { return len(m.runs) > 0 && !m.done[m.losers[0]] }

// Run returns the index of the run whose current row is the next of the merge.
func (m *Merge[R]) Run() int { return int(m.losers[0]) }

// Next moves that run on. After an error the merge is not to be used.
func (m *Merge[R]) Next() error {
	winner := m.losers[0]
	if err := m.advance(int(winner)); err != nil {
		return err
	}
	for node := (len(m.runs) + int(winner)) / 2; node > 0; node /= 2 {
		if m.less(m.losers[node], winner) {
			m.losers[node], winner = winner, m.losers[node]
		}
	}
	m.losers[0] = winner
	return nil
}
