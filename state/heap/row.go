package heap

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// A row has the key and, of each table, the cell or the name of a block. The rows of a key group fill chunks; a row never moves.
//
//	marks   bit 0: the row is in use; bit t+1: the key has cells in table t; whole bytes, at least 2
//	epoch   2 bytes: the one, modulo 2^16, in which the row, or anything that it names, was written last
//	tag     4 bytes: the upper half of the key's hash
//	key     of a fixed width: its bytes. Else 16 bytes: the length and up to 15 bytes; or 255, 4 bytes of length at 4, a value's name at 8
//	places  of each table: a cell of a fixed size, with the time of writing before it if it has a time to live; or the name of a value or tree
//
// A row that is not in use has zero marks, and the place + 1 of the next free row for a tag.
type loc uint32 // chunk << posBits | position in the chunk

// layout is where things are in the rows of a store.
type layout struct {
	size     int  // bytes of a row
	marks    int  // bytes of marks, where the epoch begins
	head     int  // bytes of marks, epoch and tag, where the key begins
	key      int  // bytes of the key's place
	variable bool // keys vary in length
	posBits  int  // of a loc
	perChunk int
}

const (
	epochBytes = 2
	tagBytes   = 4

	inlineKey   = 15 // the most bytes of a key of varying length that are kept in the row
	variableKey = 16
	longKey     = 255

	// maxFixedKey and maxFixedCell bound what of fixed size is in rows; maxRow bounds rows. What is larger is kept in blocks.
	maxFixedKey  = 64
	maxFixedCell = 512
	maxRow       = 1024
)

// layOut gives the tables their places in rows.
func (s *store) layOut() {
	l := layout{marks: max(2, (len(s.tables)+1+7)/8)}
	l.key, l.variable = variableKey, true
	if size, fixed := s.coder.Fixed(); fixed && size <= maxFixedKey {
		l.key, l.variable = size, false
	}
	l.head = l.marks + epochBytes + tagBytes
	l.size = l.head + l.key
	for i, t := range s.tables {
		t.bit, t.at = i+1, l.size
		t.kind = t.natural
		width := refSize
		if t.kind == fixedTable {
			width = t.width
			if l.size+width+refSize*(len(s.tables)-i) > maxRow {
				t.kind, width = valueTable, refSize
			}
		}
		l.size += width
	}
	l.perChunk = chunkBytes / l.size
	l.posBits = bits.Len(uint(l.perChunk - 1))
	s.layout = l
}

// row is the bytes of one.
type row []byte

func (r row) inUse() bool          { return r[0]&1 != 0 }
func (r row) has(bit int) bool     { return r[bit>>3]>>(bit&7)&1 != 0 }
func (r row) mark(bit int)         { r[bit>>3] |= 1 << (bit & 7) }
func (r row) unmark(bit int)       { r[bit>>3] &^= 1 << (bit & 7) }
func (r row) ref(at int) ref       { return ref(binary.LittleEndian.Uint64(r[at:])) }
func (r row) setRef(at int, v ref) { binary.LittleEndian.PutUint64(r[at:], uint64(v)) }

func (r row) tag(l *layout) uint32       { return binary.LittleEndian.Uint32(r[l.head-tagBytes:]) }
func (r row) setTag(l *layout, v uint32) { binary.LittleEndian.PutUint32(r[l.head-tagBytes:], v) }

func (r row) setEpoch(l *layout, epoch uint32) {
	binary.LittleEndian.PutUint16(r[l.marks:], uint16(epoch))
}

// isOf says whether the row was written last in one of the epochs behind since, up to until. It may say so of one that was not, written a
// multiple of 2^16 epochs earlier.
func (r row) isOf(l *layout, since, until uint32) bool {
	return uint32(binary.LittleEndian.Uint16(r[l.marks:])-uint16(since)-1) < until-since
}

// isBare says that no table has cells of the key.
func (r row) isBare(marks int) bool {
	if r[0]&^1 != 0 {
		return false
	}
	for _, b := range r[1:marks] {
		if b != 0 {
			return false
		}
	}
	return true
}

// hashOf returns what matters of the hash of a row's key: the upper half, and the key group.
func (s *store) hashOf(g *group, at loc) uint64 {
	return uint64(s.rowAt(g, at).tag(&s.layout))<<32 | uint64(s.cfg.Groups.From+int(g.rows.number))
}

// group is the rows of a key group.
type group struct {
	rows  dir
	first class // of chunk 0, as long as it is the only one
	next  loc   // that has not been used yet
	free  loc   // + 1: the first row that can be used again; the others follow in the rows
	live  int
	index index
}

// rowAt returns a row, for reading by the task's goroutine.
func (s *store) rowAt(g *group, at loc) row {
	return s.rowIn(g.rows.at(int(at>>s.layout.posBits)), at)
}

// rowIn returns the row in its chunk.
func (s *store) rowIn(x piece, at loc) row {
	return rowOf(s.pool.mem(x), int(at&(1<<s.layout.posBits-1)), s.layout.size)
}

// rowOf returns the row in that position of a chunk.
func rowOf(chunk unsafe.Pointer, pos, size int) row {
	return unsafe.Slice((*byte)(unsafe.Add(chunk, pos*size)), size)
}

// writableRow returns a row to write to.
func (s *store) writableRow(g *group, at loc) (row, error) {
	chunk := int(at >> s.layout.posBits)
	c := chunkClass
	if chunk == 0 {
		c = g.first
	}
	x, err := s.writable(&g.rows, chunk, c)
	if err != nil {
		return nil, err
	}
	r := s.rowIn(x, at)
	r.setEpoch(&s.layout, s.epochs.now)
	return r, nil
}

// find returns the place + 1 of the row of a key, 0 when there is none.
func (s *store) find(g *group, hash uint64, key []byte) loc {
	x := &g.index
	if len(x.list) == 0 {
		return 0
	}
	tag := uint32(hash >> 32)
	slots := x.list[x.segment(tag)].slots(&s.pool)
	mask := uint32(len(slots) - 1)
	for i := tag & mask; slots[i] != 0; i = (i + 1) & mask {
		if uint32(slots[i]>>32) == tag {
			if at := loc(uint32(slots[i])); s.isKey(s.rowAt(g, at-1), key) {
				return at
			}
		}
	}
	return 0
}

// isKey says whether a row is that of a key.
func (s *store) isKey(r row, key []byte) bool {
	have := r[s.layout.head:]
	if !s.layout.variable {
		if len(key) == 8 {
			return binary.LittleEndian.Uint64(have) == binary.LittleEndian.Uint64(key)
		}
		return bytes.Equal(have[:s.layout.key], key)
	}
	if n := int(have[0]); n != longKey {
		return n == len(key) && bytes.Equal(have[1:1+n], key)
	}
	return int(binary.LittleEndian.Uint32(have[4:])) == len(key) &&
		bytes.Equal(valueIn(s, ref(binary.LittleEndian.Uint64(have[8:])), &s.scratch), key)
}

// keyIn returns the key of a row: a view of it, or in scratch.
func (l *layout) keyIn(from blockReader, r row, scratch *[]byte) []byte {
	have := r[l.head:]
	if !l.variable {
		return have[:l.key:l.key]
	}
	if n := int(have[0]); n != longKey {
		return have[1 : 1+n : 1+n]
	}
	return valueIn(from, ref(binary.LittleEndian.Uint64(have[8:])), scratch)
}

// addRow makes a row for a key that has none, in use and bare, and returns its place.
func (s *store) addRow(g *group, hash uint64, key []byte) (loc, error) {
	at, err := s.freeRow(g)
	if err != nil {
		return 0, err
	}
	r, err := s.writableRow(g, at)
	if err != nil {
		return 0, err
	}
	long := ref(0)
	if s.layout.variable && len(key) > inlineKey {
		if long, err = s.putValue(0, nil, key); err != nil {
			return 0, err
		}
	}
	if err := g.index.insert(&s.pool, uint32(hash>>32), at); err != nil {
		s.freeValue(long)
		return 0, err
	}
	if at == g.next {
		g.next = s.after(at)
	} else {
		g.free = loc(r.tag(&s.layout))
	}
	clear(r)
	r.mark(0)
	r.setEpoch(&s.layout, s.epochs.now)
	r.setTag(&s.layout, uint32(hash>>32))
	have := r[s.layout.head:]
	switch {
	case !s.layout.variable:
		copy(have, key)
	case long == 0:
		have[0] = byte(len(key))
		copy(have[1:], key)
	default:
		have[0] = longKey
		binary.LittleEndian.PutUint32(have[4:], uint32(len(key)))
		binary.LittleEndian.PutUint64(have[8:], uint64(long))
	}
	g.live++
	s.live++
	s.inserts++
	return at, nil
}

// after returns the place behind a row.
func (s *store) after(at loc) loc {
	if int(at&(1<<s.layout.posBits-1))+1 < s.layout.perChunk {
		return at + 1
	}
	return (at>>s.layout.posBits + 1) << s.layout.posBits
}

// freeRow returns the place of a row that is not in use, for which there is memory. It does not take it.
func (s *store) freeRow(g *group) (loc, error) {
	if g.free != 0 {
		return g.free - 1, nil
	}
	chunk, pos := int(g.next>>s.layout.posBits), int(g.next&(1<<s.layout.posBits-1))
	switch {
	case chunk == len(g.rows.entries):
		c := chunkClass
		if chunk == 0 {
			for c = 0; c.bytes() < s.layout.size; c++ {
			}
			g.first = c
		}
		x, err := s.pool.alloc(c)
		if err != nil {
			return 0, err
		}
		clear(s.pool.bytes(x, c.bytes()))
		g.rows.add(s.epochs.now, x)
	case chunk == 0 && (pos+1)*s.layout.size > g.first.bytes():
		return g.next, s.enlargeFirst(g)
	}
	return g.next, nil
}

// enlargeFirst moves the first rows of a group to a piece of twice the size.
func (s *store) enlargeFirst(g *group) error {
	s.reap()
	x, err := s.pool.alloc(g.first + 1)
	if err != nil {
		return err
	}
	e := g.rows.entries[0].Load()
	old := s.pool.bytes(pieceOf(e), g.first.bytes())
	fresh := s.pool.bytes(x, (g.first + 1).bytes())
	clear(fresh[copy(fresh, old):])
	s.replace(&g.rows, 0, g.first, e, x)
	g.first++
	return nil
}

// dropRow takes a bare row out of use.
func (s *store) dropRow(g *group, hash uint64, at loc) error {
	r, err := s.writableRow(g, at)
	if err != nil {
		return err
	}
	have := r[s.layout.head:]
	if s.layout.variable && have[0] == longKey {
		s.freeValue(ref(binary.LittleEndian.Uint64(have[8:])))
	}
	g.index.remove(&s.pool, uint32(hash>>32), at)
	clear(r[:s.layout.marks])
	r.setTag(&s.layout, uint32(g.free))
	g.free = at + 1
	g.live--
	s.live--
	s.removes++
	return nil
}
