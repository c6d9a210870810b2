package onekey

import (
	"container/heap"
	"encoding/binary"
)

// timers are those of the current key: time and namespace as a string, in a set and in a heap, which may have some that are gone.
type timers struct {
	store *store
	set   map[string]bool
	heap  names
}

const (
	timeBytes = 8
	timerCost = 64 // bytes of a timer beside its namespace
)

func name(at int64, namespace []byte) string {
	return string(append(binary.BigEndian.AppendUint64(make([]byte, 0, 32), uint64(at)^1<<63), namespace...))
}

func timeOf(name string) int64 {
	return int64(binary.BigEndian.Uint64([]byte(name[:timeBytes])) ^ 1<<63)
}

// Set sets a timer.
func (t *timers) Set(at int64, namespace []byte) error {
	n := name(at, namespace)
	if t.set[n] {
		return nil
	}
	if err := t.store.grow(timerCost + len(namespace)); err != nil {
		return err
	}
	t.set[n] = true
	heap.Push(&t.heap, n)
	return nil
}

// Delete deletes a timer.
func (t *timers) Delete(at int64, namespace []byte) error {
	if n := name(at, namespace); t.set[n] {
		t.drop(n)
	}
	return nil
}

func (t *timers) drop(n string) {
	delete(t.set, n)
	t.store.shrink(timerCost + len(n) - timeBytes)
}

// settle takes away what is gone from the top of the heap.
func (t *timers) settle() (first string, ok bool) {
	for len(t.heap) > 0 {
		if t.set[t.heap[0]] {
			return t.heap[0], true
		}
		heap.Pop(&t.heap)
	}
	return "", false
}

// Next takes the earliest timer away.
func (t *timers) Next(until int64) (at int64, namespace []byte, ok bool, err error) {
	first, ok := t.settle()
	if !ok || timeOf(first) > until {
		return 0, nil, false, nil
	}
	heap.Pop(&t.heap)
	t.drop(first)
	return timeOf(first), []byte(first[timeBytes:]), true, nil
}

// Earliest returns the time of the earliest timer.
func (t *timers) Earliest() (at int64, ok bool) {
	first, ok := t.settle()
	if !ok {
		return 0, false
	}
	return timeOf(first), true
}

// forget drops all for another key.
func (t *timers) forget() {
	switch n := len(t.set); {
	case n > manyCells || len(t.heap) > manyCells:
		t.set, t.heap = map[string]bool{}, nil
	case n > 0:
		clear(t.set)
	}
	t.heap = t.heap[:0]
}

// names is a heap of strings.
type names []string

func (h names) Len() int           { return len(h) }
func (h names) Less(i, j int) bool { return h[i] < h[j] }
func (h names) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *names) Push(x any) { *h = append(*h, x.(string)) }

// Pop is for package heap.
func (h *names) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
