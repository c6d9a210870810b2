package heap

import (
	"encoding/binary"

	"github.com/millrace/millrace/state"
)

// sweeper remembers where Sweep was.
type sweeper struct {
	group int
	at    loc
	dead  [][]byte // namespaces of a row's expired cells
	bytes []byte
}

// Sweep drops expired cells, row by row.
func (s *store) Sweep(cells int) (more bool, err error) {
	s.seal()
	var mortal []*table
	for _, t := range s.tables {
		if t.ttl > 0 {
			mortal = append(mortal, t)
		}
	}
	if len(mortal) == 0 {
		return false, nil
	}
	w := &s.sweeper
	for ; w.group < len(s.groups); w.group, w.at = w.group+1, 0 {
		g := &s.groups[w.group]
		for ; w.at < g.next; w.at = s.after(w.at) {
			if cells <= 0 {
				return true, nil
			}
			n, err := s.sweepRow(g, w.at, mortal)
			if err != nil {
				return false, err
			}
			cells -= n
		}
		cells--
	}
	w.group, w.at = 0, 0
	return false, nil
}

// sweepRow drops the expired cells of a row and returns how many it looked at. The key of a row that changes becomes the current one.
func (s *store) sweepRow(g *group, at loc, mortal []*table) (seen int, err error) {
	r := s.rowAt(g, at)
	if !r.inUse() {
		return 1, nil
	}
	for _, t := range mortal {
		if !r.has(t.bit) {
			continue
		}
		n, err := s.sweepCells(g, at, t, r)
		if err != nil {
			return seen, err
		}
		seen += n
		if r = s.rowAt(g, at); !r.inUse() {
			break
		}
	}
	return seen + 1, nil
}

func (s *store) sweepCells(g *group, at loc, t *table, r row) (seen int, err error) {
	now := s.now()
	expired := func(stored []byte) bool {
		return state.Expired(int64(binary.LittleEndian.Uint64(stored)), t.ttl, now)
	}
	if t.kind != treeTable {
		if !expired(t.stored(s, r, &s.scratch)) {
			return 1, nil
		}
		s.useRow(g, at)
		return 1, t.clear()
	}
	w := &s.sweeper
	w.dead, w.bytes = w.dead[:0], w.bytes[:0]
	treeScan(s, r.ref(t.at), nil, &s.scratch, func(namespace, stored []byte) bool {
		seen++
		if expired(stored) {
			w.bytes = append(w.bytes, namespace...)
			w.dead = append(w.dead, w.bytes[len(w.bytes)-len(namespace):])
		}
		return true
	})
	if len(w.dead) > 0 {
		s.useRow(g, at)
	}
	for _, namespace := range w.dead {
		if _, err := t.deleteInTree(namespace); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// useRow makes the key of a row the current one, and keeps a copy of it.
func (s *store) useRow(g *group, at loc) {
	s.key = append(s.key[:0], s.layout.keyIn(s, s.rowAt(g, at), &s.scratch)...)
	s.cur = cursor{picked: -1, hash: s.hashOf(g, at), group: int(g.rows.number), row: at + 1, inserts: s.inserts, removes: s.removes}
}
