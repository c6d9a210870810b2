package keys

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// byteTable numbers distinct byte strings. Open addressing, linear probing, a power of two of slots of 24 bytes at most three
// quarters full; a slot's place is in the high bits of the hash.
//
//	slot of up to 15 bytes   a, b: the bytes, zero padded, length+1 in the last       group+1
//	slot of more             a: the hash   b: longMark, then the length              group+1
//	slot of null             a: 0   b: nullMark, then zeros                          group+1
//
// Two words compared tell short keys apart without another memory access; only a long key with equal hash and length is compared in the
// arena. No slot in use has b == 0. Growing needs no key bytes: the hash follows from the words.
type byteTable struct {
	slots   []byteSlot
	shift   uint8       // 64 - log2(len(slots))
	limit   int         // groups at which the table grows
	entries []byteWords // by group: a slot's words, but a is the position in the arena for a long one
	arena   []byte      // the long keys, one behind the other

	a, b, hashes [chunk]uint64
}

type byteSlot struct {
	a, b  uint64
	group int64
}

type byteWords struct{ a, b uint64 }

func (w byteWords) isLong() bool { return w.b>>lengthShift == longMark }

// long returns the bytes of a long entry.
func (t *byteTable) long(w byteWords) []byte {
	return t.arena[w.a : w.a+w.b&(1<<lengthShift-1)]
}

func newByteTable() *byteTable {
	t := &byteTable{}
	t.allocate(minSlots)
	return t
}

func (t *byteTable) allocate(slots int) {
	t.slots = make([]byteSlot, slots)
	t.shift = uint8(64 - bits.TrailingZeros(uint(slots)))
	t.limit = slots / 4 * 3
}

// grow doubles the slots.
func (t *byteTable) grow() {
	old := t.slots
	t.allocate(2 * len(old))
	for i := range old {
		if s := &old[i]; s.b != 0 {
			t.slots[t.free(slotHash(s.a, s.b))] = *s
		}
	}
}

// slotHash returns the hash of a slot's words.
func slotHash(a, b uint64) uint64 {
	if b>>lengthShift == longMark {
		return a
	}
	return pair(a, b)
}

// free returns the first free slot for that hash.
func (t *byteTable) free(h uint64) uint64 {
	mask := uint64(len(t.slots) - 1)
	i := h >> (t.shift & 63)
	for t.slots[i].b != 0 {
		i = (i + 1) & mask
	}
	return i
}

// find writes the groups of the rows of a string or binary column. Unknown keys become groups when insert is set, else -1.
func (t *byteTable) find(col *columnar.Column, sel []int32, out []int32, insert bool) {
	for from := 0; from < len(out); from += chunk {
		part := out[from:min(from+chunk, len(out))]
		rows, c := window(col, sel, from, len(part))
		stringWords(c.Offsets, c.Data, rows, t.a[:len(part)], t.b[:len(part)])
		if c.HasNulls() {
			for k := range part {
				if c.IsNull(rowAt(rows, k)) {
					t.a[k], t.b[k] = 0, nullMark<<lengthShift
				}
			}
		}
		t.probe(&c, rows, part, insert)
	}
}

// probe looks up the words loaded for the rows of c.
func (t *byteTable) probe(c *columnar.Column, sel []int32, out []int32, insert bool) {
	as, bs, hashes := t.a[:len(out)], t.b[:len(out)], t.hashes[:len(out)]
	for k := range as {
		hashes[k] = slotHash(as[k], bs[k])
	}
	if len(t.slots) > 1<<13 {
		t.touch(hashes)
	}
	slots, shift, mask := t.slots, t.shift, uint64(len(t.slots)-1)
	for k := range out {
		a, b := as[k], bs[k]
		i := hashes[k] >> (shift & 63)
		first, second := &slots[i&mask], &slots[(i+1)&mask]
		group, next := first.group, second.group
		if (second.a^a)|(second.b^b) != 0 {
			next = 0
		}
		if (first.a^a)|(first.b^b) != 0 {
			group = next
		}
		if group == 0 || b>>lengthShift == longMark {
			group = int64(t.one(a, b, i, c, rowAt(sel, k), insert)) + 1
			slots, shift, mask = t.slots, t.shift, uint64(len(t.slots)-1)
		}
		out[k] = int32(group - 1)
	}
}

// touch loads the first slots of a chunk.
func (t *byteTable) touch(hashes []uint64) {
	sum := int64(0)
	for _, h := range hashes {
		sum |= t.slots[h>>(t.shift&63)].group
	}
	if sum < 0 {
		touched = sum
	}
}

// one looks up the words a and b of a row from slot i on.
func (t *byteTable) one(a, b, i uint64, c *columnar.Column, row int, insert bool) int32 {
	long := b>>lengthShift == longMark
	for mask := uint64(len(t.slots) - 1); ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.b == 0 && insert:
			return t.insert(a, b, i, c, row)
		case s.b == 0:
			return -1
		case s.a == a && s.b == b && (!long || t.holds(s.group-1, c.Bytes(row))):
			return int32(s.group - 1)
		}
	}
}

// holds says whether a group of a long key is that of p.
func (t *byteTable) holds(group int64, p []byte) bool {
	return bytes.Equal(t.long(t.entries[group]), p)
}

// insert makes a group of the words a and b of a row, whose empty slot is i, and returns it.
func (t *byteTable) insert(a, b, i uint64, c *columnar.Column, row int) int32 {
	g := len(t.entries)
	if g >= t.limit {
		t.grow()
		i = t.free(slotHash(a, b))
	}
	t.slots[i] = byteSlot{a, b, int64(g) + 1}
	entry := byteWords{a, b}
	if entry.isLong() {
		entry.a = uint64(len(t.arena))
		t.arena = append(t.arena, c.Bytes(row)...)
	}
	t.entries = append(t.entries, entry)
	return int32(g)
}

// column returns the keys of the groups in [from, to) as a string or binary column.
func (t *byteTable) column(typ columnar.Type, from, to int) columnar.Column {
	entries := t.entries[from:to]
	total := 0
	for _, e := range entries {
		total += e.length()
	}
	var valid columnar.Bitmap
	offsets, data := make([]int32, 1, len(entries)+1), make([]byte, 0, total+16)
	for k, e := range entries {
		switch {
		case e.isLong():
			data = append(data, t.long(e)...)
		case e.b == nullMark<<lengthShift:
			valid = allBut(len(entries), k)
		default:
			at := len(data)
			data = binary.LittleEndian.AppendUint64(data, e.a)
			data = binary.LittleEndian.AppendUint64(data, e.b)[:at+e.length()]
		}
		offsets = append(offsets, int32(len(data)))
	}
	return columnar.OfStrings(typ, offsets, data, valid)
}

// length returns the bytes of an entry's key.
func (w byteWords) length() int {
	switch w.b >> lengthShift {
	case longMark:
		return int(w.b & (1<<lengthShift - 1))
	case nullMark:
		return 0
	default:
		return int(w.b>>lengthShift) - 1
	}
}

func (t *byteTable) size() int { return 24*len(t.slots) + 16*cap(t.entries) + cap(t.arena) }

// reset forgets all groups. A table that held few of the groups it has room for shrinks.
func (t *byteTable) reset() {
	few := len(t.entries) < t.limit/16
	if t.entries, t.arena = t.entries[:0], t.arena[:0]; few {
		t.entries, t.arena = nil, nil
		t.allocate(minSlots)
		return
	}
	clear(t.slots)
}
