package heap

// ahead is how many keys are looked up together: few enough for what was touched to be in the first-level cache still when it is used.
const ahead = 128

// lookUp finds the rows of a block of the selected keys. It goes by steps over all of them, of which the first touches the slots and the third
// the rows, without a branch that hangs on what is there: so the processor waits for many of them at a time.
func (s *store) lookUp(block int) {
	p := &s.picked
	p.blocks[block] = lookedUp{done: true, inserts: s.inserts, removes: s.removes}
	from := block * ahead
	to := min(from+ahead, len(p.hashes))
	hashes, rows := p.hashes[from:to], p.rows[from:to]
	var (
		slots [ahead][]uint64
		first [ahead]uint64
	)
	mask, owned := uint64(s.cfg.Groups.Max-1), uint64(s.cfg.Groups.From)
	for i, hash := range hashes {
		x := &s.groups[hash&mask-owned].index
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
			touched |= found[i][0] | found[i][len(found[i])-1]
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
