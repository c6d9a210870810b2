package heap

import "unsafe"

// The index of a key group finds rows by hash. It is extendible hashing (Fagin et al. 1979): segments of at most 512 slots, each for the keys
// whose tags begin with the same bits, found by a list of 2^depth entries. A full segment is cut in two by one bit more, so that no insertion
// costs more than moving 512 slots, however large the table is. The index is not saved, and views do not look at it.
//
//	tag    the upper half of the hash: its first depth bits choose the segment, its last ones the slot
//	slot   tag << 32 | row + 1, or 0; open addressing, the next slot is tried
type index struct {
	depth uint8
	list  []segment
}

type segment struct {
	piece piece
	count uint16
	depth uint8 // bits that its tags have in common; the list has it 2^(index's - segment's depth) times, one after the other
	class class
}

func (g *segment) slots(p *pool) []uint64 {
	return unsafe.Slice((*uint64)(p.mem(g.piece)), g.class.bytes()/8)
}

// segment returns the place in the list for a tag.
func (x *index) segment(tag uint32) int { return int(tag >> (32 - x.depth)) }

// insert adds a row that is not there.
func (x *index) insert(p *pool, tag uint32, row loc) error {
	if len(x.list) == 0 {
		seg, err := newSegment(p, 0, 0)
		if err != nil {
			return err
		}
		x.list = append(x.list, seg)
	}
	for {
		seg := &x.list[x.segment(tag)]
		slots := seg.slots(p)
		if int(seg.count) < len(slots)/4*3 {
			place(slots, uint64(tag)<<32|uint64(row+1))
			x.recount(tag, 1)
			return nil
		}
		if err := x.enlarge(p, tag); err != nil {
			return err
		}
	}
}

// place puts a slot into the first free place.
func place(slots []uint64, v uint64) {
	mask := uint32(len(slots) - 1)
	i := uint32(v>>32) & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = v
}

// copies returns the part of the list that is the segment of tag.
func (x *index) copies(tag uint32) []segment {
	at := x.segment(tag)
	n := 1 << (x.depth - x.list[at].depth)
	at &^= n - 1
	return x.list[at : at+n]
}

func (x *index) recount(tag uint32, by int) {
	all := x.copies(tag)
	for i := range all {
		all[i].count = uint16(int(all[i].count) + by)
	}
}

func newSegment(p *pool, c class, depth uint8) (segment, error) {
	got, err := p.alloc(c)
	if err != nil {
		return segment{}, err
	}
	clear(p.bytes(got, c.bytes()))
	return segment{piece: got, depth: depth, class: c}, nil
}

// enlarge makes room in the segment of tag: by twice as many slots, or by cutting it in two.
func (x *index) enlarge(p *pool, tag uint32) error {
	old := x.list[x.segment(tag)]
	if old.class < chunkClass {
		seg, err := newSegment(p, old.class+1, old.depth)
		if err != nil {
			return err
		}
		slots := seg.slots(p)
		for _, v := range old.slots(p) {
			if v != 0 {
				place(slots, v)
			}
		}
		seg.count = old.count
		all := x.copies(tag)
		for i := range all {
			all[i] = seg
		}
		p.put(old.piece, old.class)
		return nil
	}
	return x.split(p, tag, old)
}

// split cuts a segment in two, by the first bit in which its tags may differ.
func (x *index) split(p *pool, tag uint32, old segment) error {
	var half [2]segment
	for k := range half {
		seg, err := newSegment(p, chunkClass, old.depth+1)
		if err != nil {
			if k > 0 {
				p.put(half[0].piece, chunkClass)
			}
			return err
		}
		half[k] = seg
	}
	if old.depth == x.depth {
		x.double()
	}
	for _, v := range old.slots(p) {
		if v != 0 {
			k := v >> (63 - old.depth) & 1
			place(half[k].slots(p), v)
			half[k].count++
		}
	}
	all := x.copies(tag)
	for i := range all {
		all[i] = half[i/(len(all)/2)]
	}
	p.put(old.piece, old.class)
	return nil
}

// double makes the list twice as long, each entry twice.
func (x *index) double() {
	list := make([]segment, 2*len(x.list))
	for i := range list {
		list[i] = x.list[i/2]
	}
	x.list, x.depth = list, x.depth+1
}

// remove takes a row out. The slots behind it move up, so that there are no marks of deleted ones.
func (x *index) remove(p *pool, tag uint32, row loc) {
	slots := x.list[x.segment(tag)].slots(p)
	mask := uint32(len(slots) - 1)
	i := tag & mask
	for want := uint64(tag)<<32 | uint64(row+1); slots[i] != want; {
		i = (i + 1) & mask
	}
	for k := (i + 1) & mask; slots[k] != 0; k = (k + 1) & mask {
		home := uint32(slots[k]>>32) & mask
		if (k-home)&mask >= (k-i)&mask {
			slots[i], i = slots[k], k
		}
	}
	slots[i] = 0
	x.recount(tag, -1)
}
