package state

import (
	"iter"

	"github.com/millrace/millrace/columnar"
)

// Map keeps a map for each key. Its own keys are what may be a key of a stream: integers, strings, bools, times, and structs of these. Each
// entry is a cell of its own.
type Map[K comparable, V any] struct {
	slot[V]
	keys      *orderedKey[K]
	namespace []byte // scratch
}

// Get returns the value of k; ok is false when there is none.
func (m *Map[K, V]) Get(k K) (value V, ok bool) {
	if !m.find(&k) {
		return value, false
	}
	cell, ok, err := m.cells.Get(m.namespace)
	if err == nil && ok {
		err = m.typed.Decode(cell, &value)
	}
	if err != nil {
		m.binding.note(err)
		return value, false
	}
	return value, ok
}

// Put sets the value of k.
func (m *Map[K, V]) Put(k K, value V) {
	if m.find(&k) {
		m.put(m.namespace, &value)
	}
}

// Delete removes the entry of k.
func (m *Map[K, V]) Delete(k K) {
	if m.find(&k) {
		m.binding.note(m.cells.Delete(m.namespace))
	}
}

// find leaves the namespace of k in m.namespace, and returns false after an error.
func (m *Map[K, V]) find(k *K) bool {
	var err error
	m.namespace, err = m.keys.append(m.namespace[:0], k)
	m.binding.note(err)
	return err == nil
}

// All yields the entries by ascending key, as they are when the loop begins: the map may be changed in it. It copies the map.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		all := m.entries()
		for i := range all.len() {
			var k K
			var value V
			namespace, cell := all.at(i)
			err := m.keys.decode(namespace, &k)
			if err == nil {
				err = m.typed.Decode(cell, &value)
			}
			if err != nil {
				m.binding.note(err)
				return
			}
			if !yield(k, value) {
				return
			}
		}
	}
}

// Len counts the entries: it looks at each.
func (m *Map[K, V]) Len() int {
	n := 0
	m.binding.note(m.cells.Scan(func(_, _ []byte) bool {
		n++
		return true
	}))
	return n
}

// Clear removes all entries.
func (m *Map[K, V]) Clear() { m.binding.note(m.cells.Clear()) }

func (m *Map[K, V]) declare(t *Table) error {
	keys, err := orderedKeyOf[K]()
	if err != nil {
		return err
	}
	for _, f := range keys.ordered.Fields() {
		name := "map_" + f.Name
		if len(keys.ordered.Fields()) == 1 {
			name = "map_key"
		}
		t.Namespace = append(t.Namespace, columnar.Field{Name: name, Type: f.Type, Nullable: f.Nullable})
	}
	return m.declareValues(t, "map")
}

func (m *Map[K, V]) bind(c Cells, b *Binding) error {
	var err error
	if m.keys, err = orderedKeyOf[K](); err != nil {
		return err
	}
	return m.connect(c, b)
}
