package state

import (
	"encoding/binary"
	"iter"

	"github.com/millrace/millrace/columnar"
)

// List keeps items of T for each key, in the order in which they were added. Each item is a cell of its own: adding does not touch the
// others, and a time to live is each item's.
type List[T any] struct {
	slot[T]
}

// Add adds items at the end.
func (l *List[T]) Add(items ...T) {
	next := int64(0)
	last, _, ok, err := l.cells.Last()
	if err != nil {
		l.binding.note(err)
		return
	}
	if ok {
		next = place(last) + 1
	}
	l.addFrom(next, items)
}

func (l *List[T]) addFrom(at int64, items []T) {
	var namespace [8]byte
	for i := range items {
		binary.BigEndian.PutUint64(namespace[:], uint64(at+int64(i))^1<<63)
		l.put(namespace[:], &items[i])
	}
}

// place returns the position that a namespace is of.
func place(namespace []byte) int64 { return int64(binary.BigEndian.Uint64(namespace) ^ 1<<63) }

// Set makes items the key's list.
func (l *List[T]) Set(items ...T) {
	l.Clear()
	l.addFrom(0, items)
}

// All yields the items in their order, as they are when the loop begins: the list may be changed in it. It copies the list.
func (l *List[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		all := l.entries()
		for i := range all.len() {
			var item T
			_, cell := all.at(i)
			if err := l.typed.Decode(cell, &item); err != nil {
				l.binding.note(err)
				return
			}
			if !yield(item) {
				return
			}
		}
	}
}

// Clear removes all items.
func (l *List[T]) Clear() { l.binding.note(l.cells.Clear()) }

func (l *List[T]) declare(t *Table) error {
	t.Namespace = []columnar.Field{positionField}
	return l.declareValues(t, "list")
}

func (l *List[T]) bind(c Cells, b *Binding) error { return l.connect(c, b) }
