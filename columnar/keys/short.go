package keys

import "github.com/millrace/millrace/columnar"

// shortRows packs rows whose encoding is at most inlineBytes long straight into the two words of a byte table, without a buffer: keys like
// a few flags and codes.
type shortRows struct {
	possible bool // a row of empty strings would be short, and no column is wide or nested
	skip     int  // chunks to encode without a try, after one that had longer rows

	at   [chunk]uint64 // bits written of a row
	a, b [chunk]uint64 // one column's words
}

// shortRetry is how many chunks are not tried after one that failed.
const shortRetry = 16

// packShort writes the words of the rows from position from on. It returns false, and nothing of use, when a row is longer.
func (r *rowCoder) packShort(cols []columnar.Column, sel []int32, from int, a, b []uint64) bool {
	s := &r.short
	if !s.possible {
		return false
	}
	if s.skip > 0 {
		s.skip--
		return false
	}
	at := s.at[:len(a)]
	for k := range at {
		a[k], b[k], at[k] = 0, 0, uint64(8*r.mask)
	}
	for i := range cols {
		rows, view := window(&cols[i], sel, from, len(a))
		null := func(k int) { a[k] |= 1 << i }
		if view.Offsets != nil {
			s.addStrings(&view, rows, a, b, null)
		} else {
			s.addWords(r.load(&view, rows, len(a), null), uint64(8*fixedWidth(view.Type)), a, b)
		}
	}
	longest := uint64(0)
	for k, bits := range at {
		longest = max(longest, bits)
		b[k] |= (bits/8 + 1) << lengthShift
	}
	if longest > 8*inlineBytes {
		s.skip = shortRetry
		return false
	}
	return true
}

// addStrings adds the length and bytes of each string.
func (s *shortRows) addStrings(col *columnar.Column, sel []int32, a, b []uint64, null func(k int)) {
	first, second, at := s.a[:len(a)], s.b[:len(a)], s.at[:len(a)]
	stringWords(col.Offsets, col.Data, sel, first, second)
	if col.HasNulls() {
		for k := range first {
			if col.IsNull(rowAt(sel, k)) {
				first[k], second[k] = 0, 1<<lengthShift
				null(k)
			}
		}
	}
	for k, v := range first {
		w, n := second[k]&(1<<lengthShift-1), second[k]>>lengthShift-1
		low, high := v<<8|n, v>>56|w<<8
		shift := at[k]
		// A shift by 64 or more, or by a negative number, which is a large one, gives 0.
		a[k] |= low << shift
		b[k] |= low>>(64-shift) | low<<(shift-64) | high<<shift
		at[k] = shift + 8 + 8*n // a long string's mark is larger than inlineBytes
	}
}

// addWords adds values of that many bits.
func (s *shortRows) addWords(values []uint64, width uint64, a, b []uint64) {
	at := s.at[:len(values)]
	for k, v := range values {
		shift := at[k]
		a[k] |= v << shift
		b[k] |= v>>(64-shift) | v<<(shift-64)
		at[k] = shift + width
	}
}
