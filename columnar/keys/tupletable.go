package keys

import (
	"github.com/millrace/millrace/internal/budget"
)

// tuple is a row encoding of up to 24 bytes, zero padded, as three words.
type tuple struct{ a, b, c uint64 }

const tupleBytes = 24

func (t tuple) hash() uint64 { return combine(pair(t.a, t.b), t.c) }

// tupleTable numbers distinct tuples: several key columns of fixed widths. Open addressing, a power of two of slots of 32 bytes at most half
// full; a slot's place is in the high bits of the hash. Probing goes by pairs of slots, which are cache lines: the slot, the other one of its
// pair, then those of the next pair in the same order.
type tupleTable struct {
	slots array[tupleSlot]
	keys  array[tuple] // by group
	n     int          // groups
	shift uint8        // 64 - log2(slots)
	limit int          // groups at which the slots grow
	err   error        // why an insert failed; the call in progress returns it

	a, b, c, hashes [chunk]uint64
	loaded          int64 // keeps the loads of touchTuples alive
}

// tupleSlot is empty when group is 0; else the group is one less.
type tupleSlot struct {
	tuple
	group int64
}

func newTupleTable(acct *budget.Account) *tupleTable {
	return &tupleTable{slots: array[tupleSlot]{acct: acct}, keys: array[tuple]{acct: acct}}
}

// reader returns a table with the same content and scratch of its own.
func (t *tupleTable) reader() *tupleTable {
	return &tupleTable{slots: t.slots, keys: t.keys, n: t.n, shift: t.shift, limit: t.limit}
}

// table returns the slots.
func (t *tupleTable) table() []tupleSlot { return t.slots.all[:1<<(64-t.shift)] }

// grow makes room for one group more: the slots double in place and are filled again from the keys.
func (t *tupleTable) grow() error {
	if t.n >= len(t.keys.all) {
		if err := t.keys.grow(t.n + 1 + t.n/2); err != nil {
			return err
		}
	}
	if t.n < t.limit {
		return nil
	}
	if t.limit == 0 {
		return t.resize(minSlots)
	}
	return t.resize(2 * len(t.table()))
}

// reserve makes room for n groups in all.
func (t *tupleTable) reserve(n int) error {
	if err := t.keys.grow(n); err != nil || n <= t.limit {
		return err
	}
	return t.resize(slotsFor(n, roomFor))
}

// resize makes the slots so many, more than before.
func (t *tupleTable) resize(slots int) error {
	if err := t.slots.grow(slots); err != nil {
		return err
	}
	clear(t.slots.all[:slots])
	t.shift, t.limit = shiftFor(slots), roomFor(slots)
	for g, key := range t.keys.all[:t.n] {
		t.place(key, g)
	}
	return nil
}

// place puts a group into the first free slot for its key.
func (t *tupleTable) place(key tuple, group int) {
	slots := t.table()
	mask := uint64(len(slots) - 1)
	i := key.hash() >> (t.shift & 63)
	for slots[i].group != 0 {
		if i ^= 1; slots[i].group != 0 {
			i = (i ^ 1 + 2) & mask
		}
	}
	slots[i] = tupleSlot{key, int64(group) + 1}
}

// probe looks up the tuples in a, b and c. Unknown ones become groups when insert is set, else -1. See wordTable.probe.
func (t *tupleTable) probe(out []int32, insert bool) error {
	if t.limit == 0 {
		if err := t.grow(); err != nil {
			return err
		}
	}
	as, bs, cs, hashes := t.a[:len(out)], t.b[:len(out)], t.c[:len(out)], t.hashes[:len(out)]
	for k := range hashes {
		hashes[k] = tuple{as[k], bs[k], cs[k]}.hash()
	}
	slots, shift := t.table(), t.shift
	if len(slots) > touchSlots {
		t.loaded = touchTuples(slots, hashes, shift)
	}
	mask := uint64(len(slots) - 1)
	for k := range out {
		a, b, c := as[k], bs[k], cs[k]
		i := hashes[k] >> (shift & 63)
		first, second := &slots[i&mask], &slots[(i^1)&mask]
		group, next := first.group, second.group
		if (second.a^a)|(second.b^b)|(second.c^c) != 0 {
			next = 0
		}
		if (first.a^a)|(first.b^b)|(first.c^c) != 0 {
			group = next
		}
		if group == 0 && (insert || first.group != 0 && second.group != 0) {
			group = int64(t.one(tuple{a, b, c}, insert)) + 1
			slots, shift = t.table(), t.shift
			mask = uint64(len(slots) - 1)
		}
		out[k] = int32(group - 1)
	}
	err := t.err
	t.err = nil
	return err
}

func touchTuples(slots []tupleSlot, hashes []uint64, shift uint8) (sum int64) {
	for _, h := range hashes {
		sum |= slots[h>>(shift&63)].group
	}
	return sum
}

// one looks up one tuple.
func (t *tupleTable) one(key tuple, insert bool) int32 {
	slots := t.table()
	mask := uint64(len(slots) - 1)
	i := key.hash() >> (t.shift & 63)
	for odd := uint64(0); ; odd ^= 1 {
		s := &slots[i]
		switch {
		case s.group == 0 && insert:
			return t.insert(key)
		case s.group == 0:
			return -1
		case s.tuple == key:
			return int32(s.group - 1)
		}
		i = (i ^ 1 + 2*odd) & mask
	}
}

// insert makes a group of key, which has none, and returns it; -1 when there is no memory.
func (t *tupleTable) insert(key tuple) int32 {
	if t.n >= t.limit || t.n >= len(t.keys.all) {
		if t.err == nil {
			t.err = t.grow()
		}
		if t.err != nil {
			return -1
		}
	}
	t.place(key, t.n)
	t.keys.all[t.n] = key
	t.n++
	return int32(t.n - 1)
}

func (t *tupleTable) len() int  { return t.n }
func (t *tupleTable) size() int { return t.slots.size() + t.keys.size() }

// reset forgets all groups; a table with room for many more than it held gives its memory back.
func (t *tupleTable) reset() {
	few := t.n < t.limit/16
	t.n = 0
	if few {
		t.free()
		return
	}
	clear(t.slots.all)
}

func (t *tupleTable) free() {
	t.slots.free()
	t.keys.free()
	t.n, t.limit, t.shift = 0, 0, 0
}
