package keys

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Entry is a row to be sorted: the first 8 bytes of its sort key, big endian and padded with zeros, and where the key is.
type Entry struct {
	Prefix uint64
	Batch  uint32 // index of the column of keys
	Row    uint32 // row of that column
}

// AppendEntries adds an entry for each row of a column of sort keys, to be the column at index batch when [Sort] is called.
func AppendEntries(dst []Entry, key *columnar.Column, batch uint32) []Entry {
	dst = slices.Grow(dst, key.Len)
	for row := range key.Len {
		dst = append(dst, Entry{Prefix: Prefix(key.Bytes(row)), Batch: batch, Row: uint32(row)})
	}
	return dst
}

// Prefix returns the first 8 bytes of p as a number that compares as they do, zeros standing for missing ones.
func Prefix(p []byte) uint64 {
	if len(p) >= 8 {
		return binary.BigEndian.Uint64(p)
	}
	v := uint64(0)
	for i, c := range p {
		v |= uint64(c) << (56 - 8*i)
	}
	return v
}

// Sort orders entries by their keys, and where those are equal by batch and row: a stable sort, if the entries were made in that order.
// keys are the columns that Entry.Batch counts. It needs some tens of KiB of memory.
//
// The first 8 bytes are sorted by radix from the most significant digit, in place (American flag: McIlroy, Bostic, McIlroy, Engineering
// Radix Sort, 1993), with digits as wide as the number of entries asks for; large groups of equal prefixes go on with the next 8 bytes,
// small ones by comparing the rest of the keys.
func Sort(entries []Entry, keys []columnar.Column) {
	s := sorter{keys: keys}
	s.radix(entries, 64, s.byRest)
}

type sorter struct {
	keys  []columnar.Column
	depth int      // bytes of the keys known to be equal before the prefixes, in the group being sorted
	stack []uint32 // bucket counts of the radix calls in progress
}

// take returns n zeros from the top of the stack, which the caller cuts back to its height before.
func (s *sorter) take(n int) []uint32 {
	at := len(s.stack)
	s.stack = slices.Grow(s.stack, n)[:at+n]
	clear(s.stack[at:])
	return s.stack[at : at+n : at+n]
}

const (
	insertionMax = 24 // up to so many entries are sorted by insertion
	digitMax     = 8  // bits of a digit
	perBucket    = 8  // entries aimed at for a bucket
)

// radix sorts entries by the low width bits of their prefixes, above which these are equal; equal ones go to rest.
func (s *sorter) radix(entries []Entry, width int, rest func([]Entry)) {
	for len(entries) > insertionMax && width > 0 {
		digit := min(digitMax, max(4, bits.Len(uint(len(entries)/perBucket))), width)
		shift, height := width-digit, len(s.stack)
		ends := s.take(1 << digit)
		if fullest := count(entries, shift, ends); fullest < len(entries) {
			flag(entries, shift, ends, s.take(1<<digit))
			from := uint32(0)
			for _, end := range ends {
				if end-from > 1 {
					s.radix(entries[from:end], shift, rest)
				}
				from = end
			}
			s.stack = s.stack[:height]
			return
		}
		s.stack = s.stack[:height]
		width = min(shift, highestDifference(entries))
	}
	if width == 0 {
		rest(entries)
		return
	}
	insertion(entries)
	eachRun(entries, rest)
}

// count counts digits and returns the largest count.
func count(entries []Entry, shift int, counts []uint32) int {
	mask := uint64(len(counts) - 1)
	for i := range entries {
		counts[entries[i].Prefix>>(shift&63)&mask]++
	}
	return int(slices.Max(counts))
}

// flag moves each entry to the bucket of its digit and turns the counts into the buckets' ends; heads is scratch of the same length.
func flag(entries []Entry, shift int, counts, heads []uint32) {
	mask, at := uint64(len(counts)-1), uint32(0)
	for d, n := range counts {
		heads[d] = at
		at += n
		counts[d] = at
	}
	for d, end := range counts {
		for i := heads[d]; i < end; i = heads[d] {
			e := entries[i]
			to := e.Prefix >> (shift & 63) & mask
			for int(to) != d {
				j := heads[to]
				heads[to] = j + 1
				entries[j], e = e, entries[j]
				to = e.Prefix >> (shift & 63) & mask
			}
			entries[i] = e
			heads[d] = i + 1
		}
	}
}

// highestDifference returns the number of low bits of the prefixes that include all in which these differ.
func highestDifference(entries []Entry) int {
	first, diff := entries[0].Prefix, uint64(0)
	for i := range entries {
		diff |= entries[i].Prefix ^ first
	}
	return bits.Len64(diff)
}

// insertion sorts a few entries by prefix.
func insertion(entries []Entry) {
	for i := 1; i < len(entries); i++ {
		e, j := entries[i], i
		for ; j > 0 && entries[j-1].Prefix > e.Prefix; j-- {
			entries[j] = entries[j-1]
		}
		entries[j] = e
	}
}

// eachRun calls f for each run of more than one entry with equal prefixes.
func eachRun(entries []Entry, f func([]Entry)) {
	from := 0
	for i := 1; i <= len(entries); i++ {
		if i < len(entries) && entries[i].Prefix == entries[from].Prefix {
			continue
		}
		if i-from > 1 {
			f(entries[from:i])
		}
		from = i
	}
}

// byRest sorts entries whose prefixes are equal by what follows in the keys.
func (s *sorter) byRest(entries []Entry) {
	if len(entries) <= insertionMax {
		slices.SortFunc(entries, s.compareRest)
		return
	}
	same, shared := entries[0].Prefix, s.depth
	s.depth += 8
	longest := 0
	for i := range entries {
		key := s.key(entries[i])
		longest = max(longest, len(key))
		entries[i].Prefix = Prefix(key[min(s.depth, len(key)):])
	}
	if longest > s.depth {
		s.radix(entries, highestDifference(entries), s.byRest)
	} else {
		s.byLength(entries)
	}
	s.depth = shared
	for i := range entries {
		entries[i].Prefix = same
	}
}

// byLength sorts entries whose keys are equal but for zeros at the end: the shorter first, then as they came.
func (s *sorter) byLength(entries []Entry) {
	for i := range entries {
		entries[i].Prefix = uint64(len(s.key(entries[i])))
	}
	s.radix(entries, highestDifference(entries), s.byArrival)
}

// byArrival sorts entries with equal keys by batch and row.
func (s *sorter) byArrival(entries []Entry) {
	same := entries[0].Prefix
	for i := range entries {
		entries[i].Prefix = uint64(entries[i].Batch)<<32 | uint64(entries[i].Row)
	}
	s.radix(entries, highestDifference(entries), func([]Entry) {})
	for i := range entries {
		entries[i].Prefix = same
	}
}

func (s *sorter) key(e Entry) []byte { return s.keys[e.Batch].Bytes(int(e.Row)) }

// compareRest compares entries whose prefixes at s.depth are equal.
func (s *sorter) compareRest(x, y Entry) int {
	a, b := s.key(x), s.key(y)
	if c := bytes.Compare(a[min(s.depth, len(a)):], b[min(s.depth, len(b)):]); c != 0 {
		return c
	}
	// Zeros may have stood for bytes that one of them lacks.
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(x.Batch, y.Batch), cmp.Compare(x.Row, y.Row))
}
