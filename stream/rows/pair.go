package rows

import "github.com/millrace/millrace/columnar"

// side decodes one side of a join: all rows, or only those in which the side is present.
type side[T any] struct {
	slicer  *Slicer[T]
	present int // the column whose nulls say that the side is missing; -1: it never is
	rows    []int32
	at      []int32 // by row that counts: index into records, -1 missing
}

func newSide[T any](schema *columnar.Schema, from, keys int, optional bool) (*side[T], error) {
	s := &side[T]{present: -1}
	if optional {
		s.present = from
	}
	var err error
	s.slicer, err = NewSlicer[T](schema, from+keys)
	return s, err
}

func (s *side[T]) load(b columnar.Batch) error {
	if s.present < 0 {
		return s.slicer.load(b)
	}
	s.rows, s.at = s.rows[:0], s.at[:0]
	marker := &b.Columns[s.present]
	for i := range b.Rows() {
		r := b.Row(i)
		if marker.IsNull(r) {
			s.at = append(s.at, -1)
			continue
		}
		s.at = append(s.at, int32(len(s.rows)))
		s.rows = append(s.rows, int32(r))
	}
	b.Sel = s.rows
	if len(s.rows) == 0 {
		b.Sel = []int32{}
	}
	return s.slicer.load(b)
}

// pointer returns the side's record of row i, nil when it is missing.
func (s *side[T]) pointer(i int) *T {
	if s.present < 0 {
		return &s.slicer.records[i]
	}
	if s.at[i] < 0 {
		return nil
	}
	return &s.slicer.records[s.at[i]]
}

// funcHead is a head whose records are made by a function of the row number.
type funcHead[T any] struct {
	prepare func(b columnar.Batch) error
	record  func(i int) T
}

func (h *funcHead[T]) load(b columnar.Batch) error { return h.prepare(b) }

func (h *funcHead[T]) run(c *Cursor, from, to int, push any, full func() bool) int {
	f := push.(func(T))
	for i := from; i < to; i++ {
		c.row = i
		f(h.record(i))
		if c.err != nil || i&rowsBetweenChecks == 0 && full() {
			return i + 1
		}
	}
	return to
}

// made returns a stage whose records of type Out come out of its own head, which calls f, the user's function.
func made[Out any](name string, f any, open func(from *columnar.Schema) (head, error)) Stage {
	return Stage{
		Name: name, In: typeOf[Out](), Out: typeOf[Out](), Func: symbol(f), FromColumns: true, single: true, head: open,
		link: func(c *Cursor, at int, next any) any {
			give := next.(func(Out))
			return func(v Out) {
				c.stage = at
				c.counts[at]++
				give(v)
			}
		},
	}
}

// Result gives f of each group's key, the first columns, and of its aggregate, the column after them, which decode turns into values.
func Result[K, A, Out any](name string, decode func(columnar.Column) ([]A, error), f func(K, A) Out) Stage {
	return made[Out](name, f, func(from *columnar.Schema) (head, error) {
		key, err := NewSlicer[K](from, 0)
		if err != nil {
			return nil, err
		}
		var batch columnar.Batch
		var values []A
		return &funcHead[Out]{
			prepare: func(b columnar.Batch) (err error) {
				batch = b
				if values, err = decode(b.Columns[key.Width()]); err != nil {
					return err
				}
				return key.load(b)
			},
			record: func(i int) Out { return f(key.records[i], values[batch.Row(i)]) },
		}, nil
	})
}

// Setter binds a result column to a field of R: the function it returns sets the field from a row of the column.
type Setter[R any] func(columnar.Column) (func(row int, r *R), error)

// Summary gives an R of each group: setKey puts the key in, each setter one aggregate's result.
func Summary[K, R any](name string, setKey func(K, *R), setters []Setter[R]) Stage {
	return made[R](name, setKey, func(from *columnar.Schema) (head, error) {
		key, err := NewSlicer[K](from, 0)
		if err != nil {
			return nil, err
		}
		set := make([]func(int, *R), len(setters))
		var batch columnar.Batch
		return &funcHead[R]{
			prepare: func(b columnar.Batch) error {
				batch = b
				for i, s := range setters {
					if set[i], err = s(b.Columns[key.Width()+i]); err != nil {
						return err
					}
				}
				return key.load(b)
			},
			record: func(i int) (r R) {
				setKey(key.records[i], &r)
				for _, f := range set {
					f(batch.Row(i), &r)
				}
				return r
			},
		}, nil
	})
}

// Sides says how a join's output columns lie: keys columns, then the record, for the left side and then for the right; and which side may
// be missing.
type Sides struct {
	LeftKeys, RightKeys         int
	LeftOptional, RightOptional bool
}

// Joined gives f of both sides of each row; a side that is optional comes as nil where it is missing. The pointers are valid until f
// returns.
func Joined[L, R, Out any](name string, s Sides, user any, f func(*L, *R) Out) Stage {
	return made[Out](name, user, func(from *columnar.Schema) (head, error) {
		left, err := newSide[L](from, 0, s.LeftKeys, s.LeftOptional)
		if err != nil {
			return nil, err
		}
		right, err := newSide[R](from, s.LeftKeys+left.slicer.Width(), s.RightKeys, s.RightOptional)
		if err != nil {
			return nil, err
		}
		return &funcHead[Out]{
			prepare: func(b columnar.Batch) error {
				if err := left.load(b); err != nil {
					return err
				}
				return right.load(b)
			},
			record: func(i int) Out { return f(left.pointer(i), right.pointer(i)) },
		}, nil
	})
}

// Kept gives the records that follow the first keys columns: the left side of a semi or anti join, a data set partitioned or sorted by
// selected keys.
func Kept[T any](name string, keys int) Stage {
	return made[T](name, (*Slicer[T]).load, func(from *columnar.Schema) (head, error) {
		s, err := NewSlicer[T](from, keys)
		if err != nil {
			return nil, err
		}
		return &funcHead[T]{prepare: s.load, record: func(i int) T { return s.records[i] }}, nil
	})
}
