package partition

import "github.com/millrace/millrace/columnar"

// Partitioner spreads the rows of batches over channels.
type Partitioner interface {
	// Partition sets sel[c] to the positions in b's columns of the rows that go to channel c, ascending, for len(sel) channels. Only rows
	// that count are looked at. What sel held is overwritten; what it holds afterwards belongs to the Partitioner, is only to be read, and
	// is valid until the next call. len(sel) stays the same over all calls.
	Partition(b columnar.Batch, sel [][]int32) error
}

// rowsOf returns the positions of the rows of b that count. buf is used for them if b has no selection, and returned grown.
func rowsOf(b columnar.Batch, buf []int32) (rows, grown []int32) {
	if b.Sel != nil {
		return b.Sel, buf
	}
	for i := len(buf); i < b.Len; i++ {
		buf = append(buf, int32(i))
	}
	return buf[:b.Len], buf
}

// scatter turns a channel for each row into positions for each channel. It is a counting sort: one pass counts, one places.
type scatter struct {
	channels []uint32 // by row that counts
	counts   []int32
	rows     []int32 // of all channels, one channel behind the other
}

// room makes place for n rows and returns where their channels are to be written.
func (s *scatter) room(n int) []uint32 {
	if cap(s.channels) < n {
		s.channels, s.rows = make([]uint32, n), make([]int32, n)
	}
	s.channels, s.rows = s.channels[:n], s.rows[:n]
	return s.channels
}

// place writes the positions of the rows whose channels are in place.
func (s *scatter) place(b columnar.Batch, sel [][]int32) {
	if len(s.counts) != len(sel) {
		s.counts = make([]int32, len(sel))
	}
	clear(s.counts)
	for _, c := range s.channels {
		s.counts[c]++
	}
	at := int32(0)
	for c, n := range s.counts {
		sel[c] = s.rows[at : at+n : at+n]
		s.counts[c] = at
		at += n
	}
	if b.Sel == nil {
		for i, c := range s.channels {
			s.rows[s.counts[c]] = int32(i)
			s.counts[c]++
		}
		return
	}
	for i, c := range s.channels {
		s.rows[s.counts[c]] = b.Sel[i]
		s.counts[c]++
	}
}
