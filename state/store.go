package state

import "github.com/millrace/millrace/columnar"

// Store is the keyed state of one operator in one task. One goroutine, the task's, uses it; what Freeze returns may be read by another.
//
// There is a current key, set by Use or UseKey, which the cells of all tables refer to.
type Store interface {
	// Open adds a table, whose Keys are those of the store. All tables are opened before anything else.
	Open(t Table) (Cells, error)
	// OpenTimers adds a table of timers of that name.
	OpenTimers(name string) (Timers, error)

	// Select looks up the keys of n rows: rows sel[0] to sel[n-1] of the key columns, or the first n when sel is nil. They are borrowed
	// until the next Select.
	Select(cols []columnar.Column, sel []int32, n int) error
	// Use makes the key of the i-th selected row the current one.
	Use(i int)
	// Key returns the current key as columns of one row.
	Key() []columnar.Column

	// Restore gives rows back, in the schema of the table of that name.
	Restore(table string, b columnar.Batch) error
	// Freeze returns the state as it is. It takes time by the changes, not by the size.
	Freeze() (Frozen, error)
	// Size is the bytes held in memory.
	Size() int64
	// Keys is the number of keys, about.
	Keys() int64
	Close() error
}

// Cells is one table of a store: bytes by namespace, of the current key. Namespaces are ordered as their bytes; nil is the one of tables
// that have none. How columns become bytes and back is in encoding.go.
type Cells interface {
	// Get returns the cell, which is borrowed until the next call of any method of the store.
	Get(namespace []byte) (cell []byte, ok bool, err error)
	// Put sets the cell; both arguments are copied. An error matches budget.ErrExceeded when there is no memory for it.
	Put(namespace, cell []byte) error
	Delete(namespace []byte) error
	// Scan calls f with the cells of the current key, by ascending namespace, until f returns false. f must not change the table; what it
	// is given is borrowed until it returns.
	Scan(f func(namespace, cell []byte) bool) error
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
	// Timers of one time come in an order that depends on their keys and namespaces alone.
	Next(until int64) (at int64, namespace []byte, ok bool, err error)
	// Earliest returns the time of the earliest timer.
	Earliest() (at int64, ok bool)
}
