package agg

import (
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/internal/arena"
)

// outsideFrom is the size in bytes from which on states lie outside of the Go heap. Groups come at random: in the small pages of fresh heap
// memory nearly every row of a million groups misses the TLB.
const outsideFrom = 1 << 20

// states are the states of groups, zero at first. T is free of pointers.
type states[T any] struct {
	all    []T // by group
	region *arena.Region
}

// Grow implements Accumulator. New states are written even where the system has cleared them: a page that is read before it is written
// faults twice.
func (s *states[T]) Grow(n int) {
	if n > cap(s.all) {
		s.makeRoom(max(n, 2*cap(s.all)))
	}
	if old := len(s.all); n > old {
		s.all = s.all[:n]
		clear(s.all[old:])
	}
}

// makeRoom moves the states to where there is room for n.
func (s *states[T]) makeRoom(n int) {
	size := n * int(unsafe.Sizeof(*new(T)))
	if size < outsideFrom {
		s.all = append(make([]T, 0, n), s.all...)
		return
	}
	var err error
	inHeap := s.region == nil
	if inHeap {
		s.region, err = arena.NewRegion(nil, size)
	} else {
		err = s.region.Grow(size)
	}
	if err != nil {
		panic(fmt.Errorf("agg: memory for %d groups: %w", n, err)) // nothing is counted here, so nothing is refused: the system has no more
	}
	room := arena.View[T](s.region.Bytes())[:len(s.all)]
	if inHeap {
		copy(room, s.all)
	}
	s.all = room
}

// Size implements Accumulator.
func (s *states[T]) Size() int { return cap(s.all) * int(unsafe.Sizeof(*new(T))) }

// Outside implements Accumulator.
func (s *states[T]) Outside() int {
	if s.region == nil {
		return 0
	}
	return s.Size()
}

// Reset implements Accumulator. Room for many more groups than there were is given back.
func (s *states[T]) Reset() {
	if s.region != nil && len(s.all) < cap(s.all)/16 {
		s.Free()
		return
	}
	s.all = s.all[:0]
}

// Free implements Accumulator.
func (s *states[T]) Free() {
	if s.region != nil {
		s.region.Free()
	}
	s.region, s.all = nil, nil
}
