// Package state is what operators keep between batches: how it is described, frozen, saved and given back.
//
//   - [Value], [List], [Map], [Reducing] and [Aggregating] are what users see: fields of a processor, which [Declared] looks at when a graph is
//     built and [Bind] connects with a store.
//   - [Store], [Cells] and [Timers] are what operators see, and what a back end is: state/heap, state/lsm, state/onekey. To them a cell is bytes.
//   - [Coder] and [Ordered] make those bytes of columns, [Typed] of Go values; a [Form] has them all for a table.
//   - [Table], [Groups], [Frozen] and [Native] are what checkpoints see.
//
// A [Table] describes a named part of an operator's state as columns: keys, a namespace that tells the cells of one key apart (a window,
// the key of a map, a place in a list), values. [Frozen] is a view of an operator's tables as they were at a moment. Every table, whatever
// keeps it, can be read as batches of its columns and be filled from them: this is what snapshots are made of, and why they outlive the
// back end, the parallelism and the program that wrote them.
//
// Keyed tables are divided by key group ([Groups]): the low bits of the key's hash (columnar/keys). A task owns a range of groups, and
// another parallelism is another way to cut the ranges.
//
// The package starts no goroutines. Stability: the typed states are public, the rest is extension.
package state

import (
	"context"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// DefaultKeyGroups is the number of key groups of a job that does not say another, and so the most tasks that share its keyed state.
const DefaultKeyGroups = 1024

// MaxKeyGroups is how many key groups there can be. Each costs a little in every table of every task; the bound is Flink's.
const MaxKeyGroups = 1 << 15

// CheckKeyGroups says what is wrong with a number of key groups.
func CheckKeyGroups(groups int) error {
	if groups < 1 || groups > MaxKeyGroups || bits.OnesCount(uint(groups)) != 1 {
		return fmt.Errorf("%d key groups: the number is a power of two, at most %d", groups, MaxKeyGroups)
	}
	return nil
}

// Groups is a range of key groups: from From up to but not including To, of Max, a power of two.
type Groups struct{ From, To, Max int }

// Share returns the range that task number task of tasks owns, as keys.GroupsOf says.
func Share(task, tasks, groups int) Groups {
	from, to := keys.GroupsOf(task, tasks, groups)
	return Groups{From: from, To: to, Max: groups}
}

// Of returns the key group of a hash.
func (g Groups) Of(hash uint64) int { return keys.Group(hash, g.Max) }

// Has says whether group is in the range.
func (g Groups) Has(group int) bool { return group >= g.From && group < g.To }

// String prints "[0,512) of 1024".
func (g Groups) String() string { return fmt.Sprintf("[%d,%d) of %d", g.From, g.To, g.Max) }

// Distribution says which tasks get a table's rows when they are given back.
type Distribution uint8

// The distributions.
const (
	Keyed     Distribution = iota // those whose key group the task owns
	Spread                        // each row goes to one task, in turn
	Union                         // all tasks get all rows of all tasks
	Broadcast                     // all tasks have the same rows, and get those of one
)

// String returns the distribution's name.
func (d Distribution) String() string {
	return [...]string{"keyed", "spread", "union", "broadcast"}[d]
}

// Table describes a part of an operator's state.
type Table struct {
	Name         string // unique within the operator: "seen"
	Was          string // the name in older snapshots, when it has been renamed; "": the same
	Kind         string // what the rows mean to the operator: "value", "list", "map", "timers", "panes", ...
	Distribution Distribution
	Keys         []columnar.Field // of a keyed table
	Namespace    []columnar.Field
	Values       []columnar.Field
	TTL          time.Duration // how long a value lives after it was written, in processing time; 0: for ever
}

// Written is the column behind the values of a table with a time to live: when the cell was written, in processing time.
const Written = "written_at"

// Schema returns the columns of the table's rows: keys, namespace, values and, of a table with a time to live, when the row was written. A
// name that is taken already gets the first free number behind it: value, value_2.
func (t Table) Schema() *columnar.Schema {
	fields := slices.Concat(t.Keys, t.Namespace, t.Values)
	if t.TTL > 0 {
		fields = append(fields, columnar.Field{Name: Written, Type: columnar.TimestampType})
	}
	taken := map[string]bool{}
	for i, f := range fields {
		for n := 2; taken[fields[i].Name]; n++ {
			fields[i].Name = fmt.Sprintf("%s_%d", f.Name, n)
		}
		taken[fields[i].Name] = true
	}
	return columnar.NewSchema(fields...)
}

// TimersOf describes a table of timers: its rows are keys, the time, and the namespace, which without fields is a column of bytes.
func TimersOf(name string, keys []columnar.Field, namespace ...columnar.Field) Table {
	if len(namespace) == 0 {
		namespace = []columnar.Field{{Name: "namespace", Type: columnar.BinaryType}}
	}
	at := columnar.Field{Name: "at", Type: columnar.TimestampType}
	return Table{Name: name, Kind: "timers", Keys: keys, Namespace: append([]columnar.Field{at}, namespace...)}
}

// Rows is some rows of a table. Those of a keyed table are all of the key group; in others Group is 0.
type Rows struct {
	Group int
	Batch columnar.Batch
}

// Frozen is an operator's state in one task as it was at a moment. Any one goroutine may read it until Release, which must be called.
type Frozen interface {
	Tables() []Table
	// Read yields the rows of table number i, those of a keyed table by ascending key group. It stops at the first error and when ctx ends.
	// A batch may be used until the next one is asked for.
	Read(ctx context.Context, i int) iter.Seq2[Rows, error]
	Release()
}
