package heap

import (
	"fmt"
	"unsafe"
)

// ahead is how many keys are looked up together: few enough for what was touched to stay in the first-level cache.
const ahead = 128

// lookUp finds the rows of the selected keys from..to. It goes by steps over all of them, of which the first touches the slots and the third the
// rows, without a branch that hangs on what is there: so the processor waits for many of them at a time.
func (s *store) lookUp(from, to int) error {
	p := &s.picked
	hashes, rows := p.hashes[from:to], p.rows[from:to]
	var (
		slots [ahead][]uint64
		first [ahead]uint64
	)
	mask, owned := uint64(s.cfg.Groups.Max-1), uint64(s.cfg.Groups.From)
	for i, hash := range hashes {
		g := hash&mask - owned
		if g >= uint64(len(s.groups)) {
			return fmt.Errorf("selecting keys: row %d is of key group %d, and not of %s", from+i, hash&mask, s.cfg.Groups)
		}
		x := &s.groups[g].index
		if len(x.list) == 0 {
			slots[i], first[i] = nil, 0
			continue
		}
		tag := uint32(hash >> 32)
		slots[i] = x.list[x.segment(tag)].slots(&s.pool)
		first[i] = slots[i][int(tag)&(len(slots[i])-1)]
	}
	for i, hash := range hashes {
		rows[i] = loc(uint32(first[i]))
		if tag := uint32(hash >> 32); first[i] != 0 && uint32(first[i]>>32) != tag {
			rows[i] = guess(slots[i], tag)
		}
	}
	var found [ahead]row
	var touched byte
	for i, at := range rows {
		found[i] = nil
		if at != 0 {
			found[i] = s.rowAt(&s.groups[hashes[i]&mask-owned], at-1)
			touched |= *(*byte)(unsafe.Pointer(unsafe.SliceData(found[i])))
		}
	}
	s.touched = touched
	for i, r := range found[:len(rows)] {
		if r == nil {
			continue
		}
		if key := p.keys.At(from + i); !s.isKey(r, key) {
			rows[i] = s.find(&s.groups[hashes[i]&mask-owned], hashes[i], key)
		}
	}
	return nil
}

// guess returns the first row of a tag, which most likely is the one.
func guess(slots []uint64, tag uint32) loc {
	mask := uint32(len(slots) - 1)
	for i := tag & mask; ; i = (i + 1) & mask {
		if v := slots[i]; v == 0 || uint32(v>>32) == tag {
			return loc(uint32(v))
		}
	}
}
