package keys

import (
	"bytes"
	"encoding/binary"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
)

// byteTable numbers distinct byte strings. Open addressing, linear probing, a power of two of slots of 24 bytes at most three quarters
// full (natural keys are few that are frequent and many that are rare: the frequent ones come first and find their places free, and a
// table that stays small stays in the cache); a slot's place is in the high bits of the hash.
//
//	slot of up to 15 bytes   a, b: the bytes, zero padded, length+1 in the last   group+1
//	slot of more             a: the hash   b: longMark, then the length          group+1   where its bytes are
//	slot of null             a: 0   b: nullMark, then zeros                      group+1
//
// Two words compared tell short keys apart without another memory access; only a long key with equal hash and length is compared with
// its bytes. No slot in use has b == 0.
type byteTable struct {
	slots   array[byteSlot]
	entries array[byteWords] // by group: a slot's words, but of a long key a is where its bytes are
	text    array[byte]      // the long keys, one behind the other
	n       int              // groups
	end     int              // bytes of text in use
	shift   uint8            // 64 - log2(slots)
	limit   int              // groups at which the slots grow
	err     error            // why an insert failed; the call in progress returns it

	a, b, hashes [chunk]uint64
	loaded       int32 // keeps the loads of touchBytes and touchText alive
}

type byteSlot struct {
	a, b  uint64
	group int32
	text  uint32 // of a long key: position in text, in units of textUnit
}

// textUnit is what long keys are aligned to, so that 32 bits say where one of 32 GiB is.
const textUnit = 8

type byteWords struct{ a, b uint64 }

func (w byteWords) isLong() bool { return w.b>>lengthShift == longMark }

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

// long returns the bytes of a long key.
func (t *byteTable) long(unit uint32, length int) []byte {
	at := int(unit) * textUnit
	return t.text.all[at : at+length]
}

func newByteTable(acct *budget.Account) *byteTable {
	return &byteTable{slots: array[byteSlot]{acct: acct}, entries: array[byteWords]{acct: acct}, text: array[byte]{acct: acct}}
}

// reader returns a table with the same content and scratch of its own.
func (t *byteTable) reader() *byteTable {
	return &byteTable{slots: t.slots, entries: t.entries, text: t.text, n: t.n, end: t.end, shift: t.shift, limit: t.limit}
}

// table returns the slots.
func (t *byteTable) table() []byteSlot { return t.slots.all[:1<<(64-t.shift)] }

// grow makes room for one group more, of a key of so many bytes: the slots double in place and are filled again from the entries.
func (t *byteTable) grow(length int) error {
	if end := t.end + wholeUnits(length); length > inlineBytes && end > len(t.text.all) {
		if err := t.text.grow(end + t.end/2); err != nil {
			return err
		}
	}
	if t.n >= len(t.entries.all) {
		if err := t.entries.grow(t.n + 1 + t.n/2); err != nil {
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

// reserve makes room for n groups in all, but not for the bytes of long ones.
func (t *byteTable) reserve(n int) error {
	if err := t.entries.grow(n); err != nil || n <= t.limit {
		return err
	}
	return t.resize(slotsFor(n, byteRoom))
}

// byteRoom returns the groups that a table of so many slots takes.
func byteRoom(slots int) int { return slots / 4 * 3 }

// resize makes the slots so many, more than before.
func (t *byteTable) resize(slots int) error {
	if err := t.slots.grow(slots); err != nil {
		return err
	}
	clear(t.slots.all[:slots])
	t.shift, t.limit = shiftFor(slots), byteRoom(slots)
	for g, e := range t.entries.all[:t.n] {
		s := byteSlot{a: e.a, b: e.b, group: int32(g) + 1}
		if e.isLong() {
			s.text = uint32(e.a)
			s.a = longHash(t.long(s.text, e.length()))
		}
		t.slots.all[t.vacant(slotHash(s.a, s.b))] = s
	}
	return nil
}

// wholeUnits rounds up to a multiple of textUnit.
func wholeUnits(n int) int { return (n + textUnit - 1) &^ (textUnit - 1) }

// slotHash returns the hash of a slot's words.
func slotHash(a, b uint64) uint64 {
	if b>>lengthShift == longMark {
		return a
	}
	return pair(a, b)
}

// vacant returns the first free slot for that hash.
func (t *byteTable) vacant(h uint64) uint64 {
	slots := t.table()
	mask := uint64(len(slots) - 1)
	i := h >> (t.shift & 63)
	for slots[i].b != 0 {
		i = (i + 1) & mask
	}
	return i
}

// find writes the groups of the rows of a string or binary column. Unknown keys become groups when insert is set, else -1.
func (t *byteTable) find(col *columnar.Column, sel []int32, out []int32, insert bool) error {
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
		if err := t.probe(&c, rows, part, insert); err != nil {
			return err
		}
	}
	return nil
}

// probe looks up the words in a and b, of the rows of c, which is not looked at when all are short. A short key is nearly always in the first
// or second slot: which one is decided without a branch.
func (t *byteTable) probe(c *columnar.Column, sel []int32, out []int32, insert bool) error {
	if t.limit == 0 {
		if err := t.grow(0); err != nil {
			return err
		}
	}
	as, bs, hashes := t.a[:len(out)], t.b[:len(out)], t.hashes[:len(out)]
	long := false
	for k := range as {
		hashes[k] = slotHash(as[k], bs[k])
		long = long || bs[k]>>lengthShift == longMark
	}
	slots, shift := t.table(), t.shift
	if len(slots) > touchSlots {
		t.loaded = touchBytes(slots, hashes, shift)
		if long && t.end > cacheBytes {
			t.loaded += t.touchText(as, bs)
		}
	}
	mask := uint64(len(slots) - 1)
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
			group = t.one(a, b, c, rowAt(sel, k), insert) + 1
			slots, shift = t.table(), t.shift
			mask = uint64(len(slots) - 1)
		}
		out[k] = group - 1
	}
	err := t.err
	t.err = nil
	return err
}

// touchBytes loads the cache lines of each first and second slot: often there are two.
func touchBytes(slots []byteSlot, hashes []uint64, shift uint8) (sum int32) {
	mask := uint64(len(slots) - 1)
	for _, h := range hashes {
		i := h >> (shift & 63)
		sum |= int32(slots[i&mask].a) | slots[(i+1)&mask].group
	}
	return sum
}

// cacheBytes is about what the processor's caches near the core hold.
const cacheBytes = 4 << 20

// touchText loads where the long keys of a chunk would be, if they are known and in their first slot.
func (t *byteTable) touchText(as, bs []uint64) (sum int32) {
	slots := t.table()
	for k, a := range as {
		if s := &slots[a>>(t.shift&63)]; s.a == a && bs[k]>>lengthShift == longMark {
			sum |= int32(t.text.all[int(s.text)*textUnit])
		}
	}
	return sum
}

// one looks up the words a and b of a row.
func (t *byteTable) one(a, b uint64, c *columnar.Column, row int, insert bool) int32 {
	var long []byte
	if b>>lengthShift == longMark {
		long = c.Bytes(row)
	}
	slots := t.table()
	mask := uint64(len(slots) - 1)
	for i := slotHash(a, b) >> (t.shift & 63); ; i = (i + 1) & mask {
		s := &slots[i]
		switch {
		case s.b == 0 && insert:
			return t.insert(a, b, long)
		case s.b == 0:
			return -1
		case s.a == a && s.b == b && (long == nil || bytes.Equal(long, t.long(s.text, len(long)))):
			return s.group - 1
		}
	}
}

// insert makes a group of the words a and b, the key being long if they do not hold it, and returns it; -1 when there is no memory.
func (t *byteTable) insert(a, b uint64, long []byte) int32 {
	if t.n >= t.limit || t.n >= len(t.entries.all) || long != nil && t.end+wholeUnits(len(long)) > len(t.text.all) {
		if t.err == nil {
			t.err = t.grow(len(long))
		}
		if t.err != nil {
			return -1
		}
	}
	s := &t.slots.all[t.vacant(slotHash(a, b))]
	*s = byteSlot{a: a, b: b, group: int32(t.n) + 1}
	if long != nil {
		a = uint64(t.end / textUnit)
		s.text = uint32(a)
		copy(t.text.all[t.end:], long)
		t.end += wholeUnits(len(long))
	}
	t.entries.all[t.n] = byteWords{a, b}
	t.n++
	return int32(t.n - 1)
}

// column returns the keys of the groups in [from, to) as a string or binary column.
func (t *byteTable) column(typ columnar.Type, from, to int) columnar.Column {
	entries := t.entries.all[from:to]
	total := 0
	for _, e := range entries {
		total += e.length()
	}
	var valid columnar.Bitmap
	offsets, data := make([]int32, 1, len(entries)+1), make([]byte, 0, total+16)
	for k, e := range entries {
		switch {
		case e.isLong():
			data = append(data, t.long(uint32(e.a), e.length())...)
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

func (t *byteTable) len() int  { return t.n }
func (t *byteTable) size() int { return t.slots.size() + t.entries.size() + t.text.size() }

// reset forgets all groups; a table with room for many more than it held gives its memory back.
func (t *byteTable) reset() {
	few := t.n < t.limit/16
	t.n, t.end = 0, 0
	if few {
		t.free()
		return
	}
	clear(t.slots.all)
}

func (t *byteTable) free() {
	t.slots.free()
	t.entries.free()
	t.text.free()
	t.n, t.end, t.limit, t.shift = 0, 0, 0, 0
}
