package heap

import (
	"bytes"
	"encoding/binary"
)

// timers are the cells of a table whose namespaces begin with the time, in the encoding of [state.Ordered]: there a timer is once, and from there
// it is saved. The queue has the times and the tags of the keys, and is made anew from what is restored. It may have an entry twice, or in vain:
// what counts is the table.
type timers struct {
	*table
	queue     queue
	namespace []byte // scratch
	fired     []byte // the namespace that Next returned
}

func newTimers(t *table) *timers {
	m := &timers{table: t}
	m.queue = newQueue(t.store.cfg.Memory, func(e entry) bool { _, _, ok := m.find(e); return ok })
	return m
}

const timeBytes = 8

func appendTime(dst []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(at)^1<<63)
}

func timeOf(namespace []byte) int64 { return int64(binary.BigEndian.Uint64(namespace) ^ 1<<63) }

// Set sets a timer of the current key.
func (m *timers) Set(at int64, namespace []byte) error {
	m.namespace = append(appendTime(m.namespace[:0], at), namespace...)
	return m.putInTree(m.namespace, nil, 0)
}

// queued notes a timer of the current key that was not there.
func (m *timers) queued(namespace []byte) error {
	c := &m.store.cur
	return m.queue.add(entry{timeOf(namespace), uint32(c.group), uint32(c.hash >> 32)})
}

// Delete deletes a timer of the current key.
func (m *timers) Delete(at int64, namespace []byte) error {
	m.namespace = append(appendTime(m.namespace[:0], at), namespace...)
	existed, err := m.deleteInTree(m.namespace)
	if existed {
		m.queue.deleted(at)
	}
	return err
}

// find returns the first timer of an entry's time among the keys of its tag, and the row.
func (m *timers) find(e entry) (namespace []byte, at loc, ok bool) {
	s := m.store
	g := &s.groups[e.group]
	if len(g.index.list) == 0 {
		return nil, 0, false
	}
	slots := g.index.list[g.index.segment(e.tag)].slots(&s.pool)
	mask := uint32(len(slots) - 1)
	for i := e.tag & mask; slots[i] != 0; i = (i + 1) & mask {
		if uint32(slots[i]>>32) != e.tag {
			continue
		}
		this := loc(uint32(slots[i])) - 1
		found := m.firstAt(s.rowAt(g, this), e.at)
		if found != nil && (!ok || s.compareKeys(g, this, at) < 0) {
			namespace, at, ok = found, this, true
		}
	}
	return namespace, at, ok
}

// firstAt returns the first timer of a time in a row, nil when there is none.
func (m *timers) firstAt(r row, at int64) (found []byte) {
	if !r.has(m.bit) {
		return nil
	}
	var from [timeBytes]byte
	appendTime(from[:0], at)
	treeScan(m.store, r.ref(m.at), from[:], &m.store.scratch, func(namespace, _ []byte) bool {
		if timeOf(namespace) == at {
			found = namespace
		}
		return false
	})
	return found
}

// compareKeys compares the keys of two rows.
func (s *store) compareKeys(g *group, a, b loc) int {
	var one, other []byte
	return bytes.Compare(s.layout.keyIn(s, s.rowAt(g, a), &one), s.layout.keyIn(s, s.rowAt(g, b), &other))
}

// Next takes the earliest timer away.
func (m *timers) Next(until int64) (at int64, namespace []byte, ok bool, err error) {
	s := m.store
	s.seal()
	for {
		e, ok := m.queue.first()
		if !ok {
			if ok, err = m.queue.open(until); !ok {
				return 0, nil, false, err
			}
			continue
		}
		if e.at > until {
			return 0, nil, false, nil
		}
		found, row, ok := m.find(e)
		if !ok {
			m.queue.pop()
			continue
		}
		m.fired = append(m.fired[:0], found...)
		s.useRow(&s.groups[e.group], row)
		if _, err := m.deleteInTree(m.fired); err != nil {
			return 0, nil, false, err
		}
		return e.at, m.fired[timeBytes:], true, nil
	}
}

// Earliest returns the time of the earliest timer.
func (m *timers) Earliest() (at int64, ok bool) {
	m.store.seal()
	return m.queue.earliest()
}
