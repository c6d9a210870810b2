package main

// group is a slot of a groupTable: a key with count(*), sum(v1) and sum(v2). An empty slot has n = 0.
type group[K comparable] struct {
	key  K
	hash uint64
	n    int64
	v1   int64
	v2   float64
}

// groupTable is a hash table with linear probing, never more than half full. The slot is taken from the
// hash's lower bits; its upper ones are left for partitioning.
type groupTable[K comparable] struct {
	slots []group[K] // a power of two
	used  int
}

func newGroupTable[K comparable](groups int) *groupTable[K] {
	size := 64
	for size < 2*groups {
		size *= 2
	}
	return &groupTable[K]{slots: make([]group[K], size)}
}

// add merges g into the group of its key.
func (t *groupTable[K]) add(g *group[K]) {
	mask := uint64(len(t.slots) - 1)
	for i := g.hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.n == 0:
			*s = *g
			t.used++
			if 2*t.used > len(t.slots) {
				t.grow()
			}
			return
		case s.key == g.key:
			s.n += g.n
			s.v1 += g.v1
			s.v2 += g.v2
			return
		}
	}
}

func (t *groupTable[K]) grow() {
	old := groupTable[K]{slots: t.slots}
	t.slots, t.used = make([]group[K], 2*len(t.slots)), 0
	t.merge(&old)
}

// merge adds the groups of another table.
func (t *groupTable[K]) merge(o *groupTable[K]) {
	for i := range o.slots {
		if o.slots[i].n > 0 {
			t.add(&o.slots[i])
		}
	}
}

// reset empties the table and keeps its size.
func (t *groupTable[K]) reset() {
	clear(t.slots)
	t.used = 0
}
