package agg

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Function is an aggregate with its Go types hidden: what plans and operators see.
type Function struct {
	Name       string           // "sum"
	Input      []columnar.Field // the columns that Add reads
	State      []columnar.Field // the columns of a partial state
	Result     columnar.Field
	CanRetract bool // accumulators are Retractors
	New        func() Accumulator
}

// Accumulator keeps the states of groups that are numbered from 0. In its methods groups[k] is the group of a row: of row sel[k] of the
// columns, or of row k when sel is nil. Groups given are below the number that Grow was told.
type Accumulator interface {
	// Grow makes states for all groups below n that have none, empty ones. It never takes any away.
	Grow(n int)
	// Add takes rows in; in are the columns of Function.Input. After an error the Accumulator is not to be used.
	Add(groups []int32, in []columnar.Column, sel []int32) error
	// Merge takes partial states in; state are the columns of Function.State.
	Merge(groups []int32, state []columnar.Column, sel []int32) error
	// State returns the states of the groups from (inclusive) to to (exclusive) as fresh columns.
	State(from, to int) ([]columnar.Column, error)
	// Result returns the results of the groups from (inclusive) to to (exclusive) as a fresh column.
	Result(from, to int) (columnar.Column, error)
	// Size returns about how many bytes the states take.
	Size() int
	// Outside returns how many of these lie outside of the Go heap.
	Outside() int
	// Reset forgets all groups and keeps some memory.
	Reset()
	// Free returns what memory lies outside of the Go heap. The Accumulator can be used again, after Grow.
	Free()
}

// Retractor is an Accumulator that can take rows out again which were added before, here or to a state merged.
type Retractor interface {
	Accumulator
	Retract(groups []int32, in []columnar.Column, sel []int32) error
}

// OverflowError says that a sum left the range of its type.
type OverflowError struct {
	Aggregate string // "sum"
	Type      columnar.Type
}

// Error names the aggregate and the type.
func (e *OverflowError) Error() string {
	return fmt.Sprintf("%s: the result does not fit %s; convert the input to a wider type, or to a float", e.Aggregate, e.Type)
}

// inputError says that an aggregate has no meaning for a type.
func inputError(name string, t columnar.Type, want string) error {
	return fmt.Errorf("%s of a column of %s: it takes %s", name, t, want)
}

// value names a nullable field.
func value(name string, t columnar.Type) columnar.Field {
	return columnar.Field{Name: name, Type: t, Nullable: true}
}

// always names a field without nulls.
func always(name string, t columnar.Type) columnar.Field { return columnar.Field{Name: name, Type: t} }

// onHeap is what accumulators have whose memory is the Go heap's.
type onHeap struct{}

func (onHeap) Outside() int { return 0 }
func (onHeap) Free()        {}

// grown returns s with at least n elements, new ones zero.
func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	next := make([]T, n, max(n, 2*cap(s)))
	copy(next, s)
	return next
}

// emptied returns s without elements, its memory cleared for grown.
func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}

// rowAt returns the row that position k stands for.
func rowAt(sel []int32, k int) int {
	if sel != nil {
		return int(sel[k])
	}
	return k
}
