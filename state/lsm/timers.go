package lsm

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/millrace/millrace/state"
)

// timers are keys of the tree, by group and then by time. The earliest of each group are in a buffer, and the groups are in a heap by the first of
// those, as in Flink's RocksDB back end: so the earliest of all is found without looking at each group on disk.
type timers struct {
	*table
	groups  []timerGroup // from the first that is owned
	order   groupHeap    // groups that have timers, or of which that is not known
	started bool         // the groups have been looked at
	fired   []byte
}

// timerGroup is what is known of a group.
type timerGroup struct {
	first [][]byte // the earliest timers, without table and group: time, tag, key, namespace
	all   bool     // there are no others on disk
	at    int      // in the heap, -1: not there
}

const (
	timeBytes  = 8
	groupBytes = tagAt         // table and group
	timerHead  = timeBytes + 4 // time and tag
	maxFirst   = 128           // of a group; half of it is kept when it is full, or read when it is empty
)

func newTimers(t *table) *timers {
	m := &timers{table: t, groups: make([]timerGroup, max(0, t.store.cfg.Groups.To-t.store.cfg.Groups.From))}
	m.order.timers = m
	for i := range m.groups {
		m.groups[i] = timerGroup{all: true, at: -1}
	}
	return m
}

func appendTime(dst []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(at)^1<<63)
}

func timeOf(p []byte) int64 { return int64(binary.BigEndian.Uint64(p) ^ 1<<63) }

// treeKey returns the key of a timer of the current key, in s.buf. namespaces begins with the time, as rows of timers have it.
func (m *timers) treeKey(namespaces ...[]byte) []byte {
	s := m.store
	b := append(s.buf[:0], m.id)
	b = binary.BigEndian.AppendUint16(b, uint16(s.cfg.Groups.Of(s.hash)))
	b = append(b, namespaces[0][:timeBytes]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.hash>>32))
	b = append(b, s.key...)
	b = append(b, namespaces[0][timeBytes:]...)
	for _, n := range namespaces[1:] {
		b = append(b, n...)
	}
	s.buf = b
	return b
}

// group returns the group of the current key, by number.
func (m *timers) group() int { return m.store.cfg.Groups.Of(m.store.hash) - m.store.cfg.Groups.From }

func (m *timers) restore(batch *pebble.Batch, e *state.Entry) error {
	m.forget(m.group())
	return batch.Set(m.treeKey(e.Namespace), nil, nil)
}

// forget makes a group one that has to be looked at.
func (m *timers) forget(group int) {
	m.groups[group].first, m.groups[group].all = nil, false
	m.order.fix(group)
	m.started = false
}

// Set sets a timer of the current key.
func (m *timers) Set(at int64, namespace []byte) error {
	var time [timeBytes]byte
	key := m.treeKey(appendTime(time[:0], at), namespace)
	group := m.group()
	g := &m.groups[group]
	timer := key[groupBytes:]
	i, found := slices.BinarySearchFunc(g.first, timer, bytes.Compare)
	if found {
		return nil
	}
	if err := m.store.db.Set(key, nil, pebble.NoSync); err != nil {
		return wrote(err)
	}
	if i == len(g.first) && !g.all {
		return nil // behind those in the buffer, as others are
	}
	g.first = slices.Insert(g.first, i, bytes.Clone(timer))
	if len(g.first) > maxFirst {
		clear(g.first[maxFirst/2:])
		g.first, g.all = g.first[:maxFirst/2], false
	}
	m.order.fix(group)
	return nil
}

// Delete deletes a timer of the current key.
func (m *timers) Delete(at int64, namespace []byte) error {
	var time [timeBytes]byte
	key := m.treeKey(appendTime(time[:0], at), namespace)
	return m.remove(m.group(), key)
}

// remove deletes a timer, given as its key in the tree.
func (m *timers) remove(group int, key []byte) error {
	if err := m.store.db.Delete(key, pebble.NoSync); err != nil {
		return wrote(err)
	}
	g := &m.groups[group]
	i, found := slices.BinarySearchFunc(g.first, key[groupBytes:], bytes.Compare)
	if !found {
		return nil
	}
	g.first = slices.Delete(g.first, i, i+1)
	if len(g.first) == 0 && !g.all {
		if err := m.fill(group); err != nil {
			return err
		}
	}
	m.order.fix(group)
	return nil
}

// fill reads the earliest timers of a group.
func (m *timers) fill(group int) error {
	g := &m.groups[group]
	from := binary.BigEndian.AppendUint16([]byte{m.id}, uint16(group+m.store.cfg.Groups.From))
	it, err := m.store.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after(from)})
	if err != nil {
		return fmt.Errorf("reading timers: %w", err)
	}
	g.first = g.first[:0]
	for it.First(); it.Valid() && len(g.first) < maxFirst/2; it.Next() {
		g.first = append(g.first, bytes.Clone(it.Key()[groupBytes:]))
	}
	g.all = !it.Valid()
	if err := it.Close(); err != nil {
		return fmt.Errorf("reading timers: %w", err)
	}
	return nil
}

// start looks at the groups into which timers were restored.
func (m *timers) start() error {
	if m.started {
		return nil
	}
	for group := range m.groups {
		if g := &m.groups[group]; len(g.first) == 0 && !g.all {
			if err := m.fill(group); err != nil {
				return err
			}
			m.order.fix(group)
		}
	}
	m.started = true
	return nil
}

// Next takes the earliest timer away.
func (m *timers) Next(until int64) (at int64, namespace []byte, ok bool, err error) {
	s := m.store
	if err := s.seal(); err != nil {
		return 0, nil, false, err
	}
	if err := m.start(); err != nil || len(m.order.groups) == 0 {
		return 0, nil, false, err
	}
	group := m.order.groups[0]
	timer := m.groups[group].first[0]
	if at = timeOf(timer); at > until {
		return 0, nil, false, nil
	}
	size, err := s.coder.Size(timer[timerHead:])
	if err != nil {
		return 0, nil, false, fmt.Errorf("reading timers: %w", err)
	}
	of := group + s.cfg.Groups.From
	s.held = append(s.held[:0], timer[timerHead:timerHead+size]...)
	s.hash = uint64(binary.BigEndian.Uint32(timer[timeBytes:]))<<32 | uint64(of)
	s.key = s.held
	m.fired = append(m.fired[:0], timer[timerHead+size:]...)
	key := append(binary.BigEndian.AppendUint16(append(s.buf[:0], m.id), uint16(of)), timer...)
	s.buf = key
	return at, m.fired, true, m.remove(group, key)
}

// Earliest returns the time of the earliest timer.
func (m *timers) Earliest() (at int64, ok bool) {
	if m.start() != nil || len(m.order.groups) == 0 {
		return 0, false
	}
	return timeOf(m.groups[m.order.groups[0]].first[0]), true
}

// groupHeap has the groups with timers, the one with the earliest first.
type groupHeap struct {
	timers *timers
	groups []int
}

// fix puts a group where it belongs after its first timer has changed.
func (h *groupHeap) fix(group int) {
	g := &h.timers.groups[group]
	switch {
	case len(g.first) == 0 && g.at >= 0:
		heap.Remove(h, g.at)
	case len(g.first) == 0:
	case g.at < 0:
		heap.Push(h, group)
	default:
		heap.Fix(h, g.at)
	}
}

func (h *groupHeap) Len() int { return len(h.groups) }

// Less orders by time, then by group: within a group the buffers have the order.
func (h *groupHeap) Less(i, j int) bool {
	a, b := h.groups[i], h.groups[j]
	c := bytes.Compare(h.timers.groups[a].first[0][:timeBytes], h.timers.groups[b].first[0][:timeBytes])
	return c < 0 || c == 0 && a < b
}

func (h *groupHeap) Swap(i, j int) {
	h.groups[i], h.groups[j] = h.groups[j], h.groups[i]
	h.timers.groups[h.groups[i]].at = i
	h.timers.groups[h.groups[j]].at = j
}

// Push is for package heap.
func (h *groupHeap) Push(x any) {
	h.timers.groups[x.(int)].at = len(h.groups)
	h.groups = append(h.groups, x.(int))
}

// Pop is for package heap.
func (h *groupHeap) Pop() any {
	last := h.groups[len(h.groups)-1]
	h.groups = h.groups[:len(h.groups)-1]
	h.timers.groups[last].at = -1
	return last
}
