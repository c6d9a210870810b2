package state

import "github.com/millrace/millrace/columnar"

// Store is the keyed state of one operator in one task. One goroutine, the task's, uses it; what Freeze returns may be read by another.
//
// There is a current key, set by Use, UseKey or a timer's Next, which the cells of all tables refer to.
type Store interface {
	// Open adds a table, whose Keys are those of the store. All tables are opened before anything else.
	Open(t Table) (Cells, error)
	// OpenTimers adds a table of timers of that name: [TimersOf] describes it. The namespaces of its timers are in the encoding of
	// [Ordered] for those fields; without fields, they are any bytes.
	OpenTimers(name string, namespace ...columnar.Field) (Timers, error)

	// Select looks up the keys of n rows: rows sel[0] to sel[n-1] of the key columns, or the first n when sel is nil. They are borrowed
	// until the next Select.
	Select(cols []columnar.Column, sel []int32, n int) error
	// Use makes the key of the i-th selected row the current one.
	Use(i int)
	// UseKey makes the key in that row of the key columns the current one. What is selected stays so.
	UseKey(cols []columnar.Column, row int) error
	// Key returns the current key as columns of one row. It allocates.
	Key() []columnar.Column

	// Restore gives rows back, in the schema of the table of that name: [Table.Schema] of what was opened. A row of a key group that is
	// not the store's is an error.
	Restore(table string, b columnar.Batch) error
	// Freeze returns the state as it is; its tables are in the order in which they were opened. It takes time by the changes, not by the
	// size.
	Freeze() (Frozen, error)
	// Sweep looks at about that many cells of tables with a time to live, from where the last call ended, and drops the expired ones. more is
	// false when it has been once round, or there are none: it can then rest for a while. It is for idle time: expired cells are never
	// returned in any case. There is no current key afterwards.
	Sweep(cells int) (more bool, err error)
	// Size is the bytes held in memory.
	Size() int64
	// Keys is the number of keys, about.
	Keys() int64
	Close() error
}

// OneKey is a store that keeps the state of one key at a time, for bounded input that comes sorted by key: when another key becomes the
// current one, the state of the one before is gone. Its user first does what has to be done at the end of a key, such as letting its timers
// fire.
type OneKey interface {
	Store
	// Ends says whether Use(i) would end a current key.
	Ends(i int) bool
}

// Cells is one table of a store: bytes by namespace, of the current key. Namespaces are ordered as their bytes; nil is the one of tables
// that have none. [Coder] and [Ordered] make columns into cells and namespaces, and those back into columns.
type Cells interface {
	// Get returns the cell, which is borrowed until the next call of any method of the store.
	Get(namespace []byte) (cell []byte, ok bool, err error)
	// Put sets the cell; both arguments are copied. An error matches budget.ErrExceeded when there is no memory for it.
	Put(namespace, cell []byte) error
	Delete(namespace []byte) error
	// Scan calls f with the cells of the current key, by ascending namespace, until f returns false. f must not change the table; what it
	// is given is borrowed until it returns.
	Scan(f func(namespace, cell []byte) bool) error
	// Last returns the greatest namespace of the current key and its cell, borrowed as by Get.
	Last() (namespace, cell []byte, ok bool, err error)
	// Clear deletes all cells of the current key.
	Clear() error
}

// Timers are the timers of a store: times by key, and by a namespace that tells those of one key and time apart. A (time, key, namespace) is
// there once however often it is set.
type Timers interface {
	// Set sets a timer of the current key. at is in microseconds.
	Set(at int64, namespace []byte) error
	Delete(at int64, namespace []byte) error
	// Next takes the earliest timer at or before until away, makes its key the current one, and returns it; ok is false when there is none.
	// Timers of one time come by key group, upper half of the key's hash, key and namespace, the last two as bytes. The namespace is borrowed until the next call of
	// any method of the store.
	Next(until int64) (at int64, namespace []byte, ok bool, err error)
	// Earliest returns the time of the earliest timer.
	Earliest() (at int64, ok bool)
}
