package keys

import (
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// wordTable numbers the distinct words of one column of at most 8 bytes a value. Open addressing, linear probing, a power of two of
// slots of 16 bytes at most five eighths full; a slot's place is in the high bits of the hash.
type wordTable struct {
	slots []wordSlot
	shift uint8    // 64 - log2(len(slots))
	limit int      // groups at which the table grows
	keys  []uint64 // by group; the null group's is 0
	null  int32    // the group of null, -1 while there is none

	words, hashes [chunk]uint64
}

// wordSlot is empty when group is 0; else the group is one less.
type wordSlot struct {
	key   uint64
	group int64
}

const minSlots = 1 << 8

func newWordTable() *wordTable {
	t := &wordTable{null: -1}
	t.resize(minSlots)
	return t
}

// roomFor returns the groups that a table of so many slots takes: a quarter while it is small, where a key off its first place costs a
// mispredicted branch and nothing else counts; half later, when memory does.
func roomFor(slots int) int {
	if slots <= touchSlots {
		return slots / 4
	}
	return slots / 2
}

// resize makes a table of that many slots and fills it from the keys, whose hashes are cheap.
func (t *wordTable) resize(slots int) {
	t.slots = make([]wordSlot, slots)
	t.shift = uint8(64 - bits.TrailingZeros(uint(slots)))
	t.limit = roomFor(slots)
	mask := slots - 1
	for g, key := range t.keys {
		if int32(g) == t.null {
			continue
		}
		i := int(word(key) >> t.shift)
		for t.slots[i].group != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = wordSlot{key, int64(g) + 1}
	}
}

// find writes the groups of the rows of col. Unknown keys become groups when insert is set, else -1.
func (t *wordTable) find(col *columnar.Column, sel []int32, out []int32, insert bool) {
	for from := 0; from < len(out); from += chunk {
		part := out[from:min(from+chunk, len(out))]
		rows, c := window(col, sel, from, len(part))
		loadWords(&c, rows, t.words[:len(part)])
		if c.HasNulls() {
			t.probeNullable(&c, rows, part, insert)
		} else {
			t.probe(part, insert)
		}
	}
}

// probe looks up the words loaded.
func (t *wordTable) probe(out []int32, insert bool) {
	words, hashes := t.words[:len(out)], t.hashes[:len(out)]
	for k, w := range words {
		hashes[k] = word(w)
	}
	if len(t.slots) > touchSlots {
		touch(t.slots, hashes, t.shift)
	}
	slots, shift, mask := t.slots, t.shift, uint64(len(t.slots)-1)
	for k, w := range words {
		i := hashes[k] >> (shift & 63)
		first, second := &slots[i&mask], &slots[(i+1)&mask]
		group, next := first.group, second.group
		if second.key != w {
			next = 0
		}
		if first.key != w {
			group = next
		}
		if group == 0 {
			group = int64(t.one(w, insert)) + 1
			slots, shift, mask = t.slots, t.shift, uint64(len(t.slots)-1)
		}
		out[k] = int32(group - 1)
	}
}

// touchSlots is the number of slots above which probe loads the slots of a whole chunk in a loop of its own first: their cache misses
// then overlap, however the branches of the probing loop are predicted.
const touchSlots = 1 << 16

// touched keeps the loads of touch alive.
var touched int64

func touch(slots []wordSlot, hashes []uint64, shift uint8) {
	sum := int64(0)
	for _, h := range hashes {
		sum |= slots[h>>(shift&63)].group
	}
	if sum < 0 {
		touched = sum
	}
}

// probeNullable is probe for a column that may have nulls, a word at a time.
func (t *wordTable) probeNullable(col *columnar.Column, sel []int32, out []int32, insert bool) {
	for k := range out {
		if !col.IsNull(rowAt(sel, k)) {
			out[k] = t.one(t.words[k], insert)
			continue
		}
		if t.null < 0 && insert {
			t.null = int32(len(t.keys))
			t.keys = append(t.keys, 0)
		}
		out[k] = t.null
	}
}

func (t *wordTable) one(w uint64, insert bool) int32 {
	mask := uint64(len(t.slots) - 1)
	for i := word(w) >> (t.shift & 63); ; i = (i + 1) & mask {
		s := &t.slots[i]
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

// insert makes a group of w, whose empty slot is i, and returns it.
func (t *wordTable) insert(w, i uint64) int32 {
	g := len(t.keys)
	t.keys = append(t.keys, w)
	if g < t.limit {
		t.slots[i] = wordSlot{w, int64(g) + 1}
	} else {
		t.resize(2 * len(t.slots))
	}
	return int32(g)
}

// columns returns the keys of the groups in [from, to) as a column.
func (t *wordTable) columns(typ columnar.Type, from, to int) columnar.Column {
	var valid columnar.Bitmap
	if null := int(t.null); null >= from && null < to {
		valid = allBut(to-from, null-from)
	}
	return storeWords(typ, t.keys[from:to], valid)
}

// allBut returns n set bits but one.
func allBut(n, clear int) columnar.Bitmap {
	m := columnar.NewBitmap(n)
	for i := range n {
		m.SetTo(i, i != clear)
	}
	return m
}

func (t *wordTable) size() int { return 16*len(t.slots) + 8*cap(t.keys) }

// reset forgets all groups. A table that held few of the groups it has room for shrinks.
func (t *wordTable) reset() {
	few := len(t.keys) < t.limit/16
	t.keys, t.null = t.keys[:0], -1
	if few {
		t.keys = nil
		t.resize(minSlots)
		return
	}
	clear(t.slots)
}
