package keys

import (
	"math/bits"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
)

// wordTable numbers the distinct words of one column of at most 8 bytes a value. Open addressing, a power of two of slots of 16 bytes at
// most half full; a slot's place is in the high bits of the hash. Probing goes by cache lines of four slots: see wordSlotAt.
type wordTable struct {
	slots array[wordSlot]
	keys  array[uint64] // by group; the null group's is 0
	n     int           // groups
	shift uint8         // 64 - log2(slots)
	limit int           // groups at which the slots grow
	null  int32         // the group of null, -1 while there is none
	err   error         // why an insert failed; the call in progress returns it

	words, hashes [chunk]uint64
	loaded        int64 // keeps the loads of touchWords alive
}

// wordSlot is empty when group is 0; else the group is one less.
type wordSlot struct {
	key   uint64
	group int64
}

// minSlots is how many slots a table begins with.
const minSlots = 1 << 9

func newWordTable(acct *budget.Account) *wordTable {
	return &wordTable{slots: array[wordSlot]{acct: acct}, keys: array[uint64]{acct: acct}, null: -1}
}

// reader returns a table with the same content and scratch of its own.
func (t *wordTable) reader() *wordTable {
	return &wordTable{slots: t.slots, keys: t.keys, n: t.n, shift: t.shift, limit: t.limit, null: t.null}
}

// roomFor returns the groups that a table of so many slots takes: a quarter while it is small, where a key off its first place costs a
// mispredicted branch and nothing else counts; half later, when memory does.
func roomFor(slots int) int {
	if slots <= touchSlots {
		return slots / 4
	}
	return slots / 2
}

// grow makes room for one group more: the slots double in place and are filled again from the keys, whose hashes are cheap.
func (t *wordTable) grow() error {
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
func (t *wordTable) reserve(n int) error {
	if err := t.keys.grow(n); err != nil || n <= t.limit {
		return err
	}
	return t.resize(slotsFor(n, roomFor))
}

// slotsFor returns the slots of which room says that n groups fit.
func slotsFor(n int, room func(slots int) int) int {
	slots := minSlots
	for room(slots) < n {
		slots *= 2
	}
	return slots
}

// resize makes the slots so many, more than before.
func (t *wordTable) resize(slots int) error {
	if err := t.slots.grow(slots); err != nil {
		return err
	}
	clear(t.slots.all[:slots])
	t.shift, t.limit = shiftFor(slots), roomFor(slots)
	for g, key := range t.keys.all[:t.n] {
		if int32(g) == t.null {
			continue
		}
		t.place(key, g)
	}
	return nil
}

// place puts a group into the first free slot for its key.
func (t *wordTable) place(key uint64, group int) {
	slots := t.table()
	home := word(key) >> (t.shift & 63)
	i := home
	for step := uint64(1); slots[i].group != 0; step++ {
		i = wordSlotAt(home, step, uint64(len(slots)-1))
	}
	slots[i] = wordSlot{key, int64(group) + 1}
}

// wordSlotAt returns the slot to look at after step others: first the four of home's cache line, beginning with home and the other one of its
// pair, then those of the next line in the same order.
func wordSlotAt(home, step, mask uint64) uint64 { return (home+step&^3)&mask ^ step&3 }

// shiftFor returns by how much a hash is shifted to give one of so many slots, a power of two.
func shiftFor(slots int) uint8 { return uint8(64 - bits.TrailingZeros(uint(slots))) }

// find writes the groups of the rows of col. Unknown keys become groups when insert is set, else -1.
func (t *wordTable) find(col *columnar.Column, sel []int32, out []int32, insert bool) error {
	if t.limit == 0 {
		if err := t.grow(); err != nil {
			return err
		}
	}
	for from := 0; from < len(out); from += chunk {
		part := out[from:min(from+chunk, len(out))]
		rows, c := window(col, sel, from, len(part))
		loadWords(&c, rows, t.words[:len(part)])
		if c.HasNulls() {
			t.probeNullable(&c, rows, part, insert)
		} else {
			t.probe(part, insert)
		}
		if err := t.err; err != nil {
			t.err = nil
			return err
		}
	}
	return nil
}

// table returns the slots.
func (t *wordTable) table() []wordSlot { return t.slots.all[:1<<(64-t.shift)] }

// probe looks up the words loaded. A key is nearly always in the first or second slot: which one is decided without a branch.
func (t *wordTable) probe(out []int32, insert bool) {
	words, hashes := t.words[:len(out)], t.hashes[:len(out)]
	for k, w := range words {
		hashes[k] = word(w)
	}
	slots, shift := t.table(), t.shift
	if len(slots) > touchSlots {
		t.loaded = touchWords(slots, hashes, shift)
	}
	mask := uint64(len(slots) - 1)
	for k, w := range words {
		i := hashes[k] >> (shift & 63)
		first, second := &slots[i&mask], &slots[(i^1)&mask]
		group, next := first.group, second.group
		if second.key != w {
			next = 0
		}
		if first.key != w {
			group = next
		}
		if group == 0 && (insert || first.group != 0 && second.group != 0) {
			group = int64(t.one(w, insert)) + 1
			slots, shift = t.table(), t.shift
			mask = uint64(len(slots) - 1)
		}
		out[k] = int32(group - 1)
	}
}

// touchSlots is the number of slots above which the slots of a whole chunk are loaded in a loop of its own first: the cache misses then
// overlap, however the branches of the probing loop are predicted.
const touchSlots = 1 << 13

func touchWords(slots []wordSlot, hashes []uint64, shift uint8) (sum int64) {
	for _, h := range hashes {
		sum |= slots[h>>(shift&63)].group
	}
	return sum
}

// probeNullable is probe for a column that may have nulls, a word at a time.
func (t *wordTable) probeNullable(col *columnar.Column, sel []int32, out []int32, insert bool) {
	for k := range out {
		if !col.IsNull(rowAt(sel, k)) {
			out[k] = t.one(t.words[k], insert)
			continue
		}
		if t.null < 0 && insert {
			t.null = t.add(0)
		}
		out[k] = t.null
	}
}

// one looks up one word.
func (t *wordTable) one(w uint64, insert bool) int32 {
	slots := t.table()
	mask := uint64(len(slots) - 1)
	home := word(w) >> (t.shift & 63)
	for step := uint64(0); ; step++ {
		i := wordSlotAt(home, step, mask)
		s := &slots[i]
		if s.group == 0 {
			if insert {
				return t.insert(w, i)
			}
			return -1
		}
		if s.key == w {
			return int32(s.group - 1)
		}
	}
}

// insert makes a group of w, which has none, and returns it; -1 when there is no memory. Slot i is the first free one for it.
func (t *wordTable) insert(w, i uint64) int32 {
	shift := t.shift
	g := t.add(w)
	switch {
	case g < 0:
	case shift != t.shift:
		t.place(w, int(g))
	default:
		t.slots.all[i] = wordSlot{w, int64(g) + 1}
	}
	return g
}

// add makes a group that no slot refers to yet.
func (t *wordTable) add(w uint64) int32 {
	if t.n >= t.limit || t.n >= len(t.keys.all) {
		if t.err == nil {
			t.err = t.grow()
		}
		if t.err != nil {
			return -1
		}
	}
	t.keys.all[t.n] = w
	t.n++
	return int32(t.n - 1)
}

// column returns the keys of the groups in [from, to).
func (t *wordTable) column(typ columnar.Type, from, to int) columnar.Column {
	var valid columnar.Bitmap
	if null := int(t.null); null >= from && null < to {
		valid = allBut(to-from, null-from)
	}
	return storeWords(typ, t.keys.all[from:to], valid)
}

// allBut returns n set bits but one.
func allBut(n, but int) columnar.Bitmap {
	m := columnar.NewBitmap(n)
	for i := range n {
		m.SetTo(i, i != but)
	}
	return m
}

func (t *wordTable) len() int  { return t.n }
func (t *wordTable) size() int { return t.slots.size() + t.keys.size() }

// reset forgets all groups; a table with room for many more than it held gives its memory back.
func (t *wordTable) reset() {
	few := t.n < t.limit/16
	t.n, t.null = 0, -1
	if few {
		t.free()
		return
	}
	clear(t.slots.all)
}

func (t *wordTable) free() {
	t.slots.free()
	t.keys.free()
	t.n, t.null, t.limit, t.shift = 0, -1, 0, 0
}
