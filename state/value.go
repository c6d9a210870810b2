package state

import "github.com/millrace/millrace/columnar"

// Value keeps one T for each key. It is declared as a field of a processor, and works on the key of the record that is being processed:
//
//	type Dedup struct {
//		Seen state.Value[int64] `state:"seen,ttl=24h"`
//	}
//
// None of the typed states returns errors: the first failure of a store ends the task behind the call, see [Binding.Err].
type Value[T any] struct {
	slot[T]
}

// Get returns the key's value; ok is false when it has none.
func (v *Value[T]) Get() (value T, ok bool) { return v.get() }

// Set sets the key's value.
func (v *Value[T]) Set(value T) { v.set(value) }

// Clear removes the key's value.
func (v *Value[T]) Clear() { v.binding.note(v.cells.Clear()) }

func (v *Value[T]) declare(t *Table) error { return v.declareValues(t, "value") }

func (v *Value[T]) bind(c Cells, b *Binding) error { return v.connect(c, b) }

// slot is what the typed states have in common: cells that hold values of T.
type slot[T any] struct {
	typed   *Typed[T]
	cells   Cells
	binding *Binding
	cell    []byte // scratch
}

func (s *slot[T]) declareValues(t *Table, kind string) error {
	typed, err := TypedOf[T]()
	if err != nil {
		return err
	}
	t.Kind, t.Values = kind, typed.Fields()
	return nil
}

func (s *slot[T]) connect(c Cells, b *Binding) error {
	var err error
	s.typed, err = TypedOf[T]()
	s.cells, s.binding = c, b
	return err
}

// get returns the value of the cell without a namespace.
func (s *slot[T]) get() (value T, ok bool) {
	cell, ok, err := s.cells.Get(nil)
	if err == nil && ok {
		err = s.typed.Decode(cell, &value)
	}
	if err != nil {
		s.binding.note(err)
		return value, false
	}
	return value, ok
}

func (s *slot[T]) set(value T) { s.put(nil, &value) }

func (s *slot[T]) put(namespace []byte, value *T) {
	var err error
	if s.cell, err = s.typed.Append(s.cell[:0], value); err == nil {
		err = s.cells.Put(namespace, s.cell)
	}
	s.binding.note(err)
}

// entries is a copy of the cells of a key, so that a loop over them may change the table.
type entries struct {
	bytes []byte
	ends  []int // of namespace and cell, in turn
}

func (s *slot[T]) entries() entries {
	var e entries
	s.binding.note(s.cells.Scan(func(namespace, cell []byte) bool {
		e.bytes = append(e.bytes, namespace...)
		e.ends = append(e.ends, len(e.bytes))
		e.bytes = append(e.bytes, cell...)
		e.ends = append(e.ends, len(e.bytes))
		return true
	}))
	return e
}

func (e *entries) len() int { return len(e.ends) / 2 }

func (e *entries) at(i int) (namespace, cell []byte) {
	from := 0
	if i > 0 {
		from = e.ends[2*i-1]
	}
	return e.bytes[from:e.ends[2*i]], e.bytes[e.ends[2*i]:e.ends[2*i+1]]
}

// positionField is the namespace of a list: the place in it.
var positionField = columnar.Field{Name: "position", Type: columnar.Int64Type}
