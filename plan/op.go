package plan

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/stream/rows"
)

// Op is one of the operations of this file. Operations are immutable; rewriting makes new ones.
type Op interface {
	// Name is the operation's short name: "Filter".
	Name() string
	// Describe says in a few words with what: "l_shipdate <= 1998-09-02".
	Describe() string
	// Output returns the schema of the output for the inputs' schemas; nil when an input's is nil and it depends on it. An error says
	// why the operation cannot work on these inputs.
	Output(in []*columnar.Schema) (*columnar.Schema, error)
}

// Read reads a source. It has no input.
type Read struct {
	Source connectors.Source
	Scan   connectors.Scan  // what is wanted of it; the optimiser narrows it
	Facts  connectors.Facts // what is known of its data; set by the runner before the job is optimised
}

// Rows runs functions of the user's over each record.
type Rows struct {
	Program rows.Program
	OnBad   *onbad.Policy // what becomes of records that a function refuses; nil: no function of the program can refuse one
}

// BadPolicy returns what becomes of records that a function refuses.
func (o Rows) BadPolicy() onbad.Policy {
	if o.OnBad == nil {
		return onbad.Fail()
	}
	return *o.OnBad
}

// Whole runs a function of the user's over all records of a partition, or over the groups of records with equal keys in it.
type Whole struct {
	Title   string // "MapPartition"
	Program rows.Whole
	Keys    []int // the columns that hold the keys: input is partitioned and sorted by them; nil: as it comes
	Then    []int // columns by which rows of equal keys are sorted further
}

// Filter keeps the rows for which the predicate is true.
type Filter struct{ Predicate expr.Expr }

// Project computes columns.
type Project struct{ Columns []Column }

// Column is a named expression.
type Column struct {
	Name string
	Expr expr.Expr
}

// Drop leaves out the first Columns columns: those that selectors made for a sort.
type Drop struct{ Columns int }

// Aggregate groups rows by key columns and computes aggregates of each group. Without calls it gives the distinct keys; without keys
// one row for the whole input, even when that is empty.
type Aggregate struct {
	Keys  []int
	Calls []Call
}

// Call is one aggregate and the columns it reads.
type Call struct {
	Function agg.Function
	Inputs   []int
	Name     string // of the result column
}

// JoinType says which rows a join gives.
type JoinType uint8

// The join types. Left is input 0. Semi and anti joins give rows of the left input.
const (
	Inner JoinType = iota
	Left
	Right
	Full
	Semi
	Anti
	Cross
)

// String returns the type's name in lower case.
func (t JoinType) String() string {
	return [...]string{"inner", "left", "right", "full", "semi", "anti", "cross"}[t]
}

// JoinHint says how the user wants a join done.
type JoinHint uint8

// The join hints.
const (
	Auto           JoinHint = iota // by size
	BroadcastLeft                  // the left side is copied to every task
	BroadcastRight                 // the right side is copied to every task
	HashLeft                       // both sides by hash, a table is built of the left
	HashRight                      // both sides by hash, a table is built of the right
	SortMerge                      // both sides by hash, sorted, merged
)

// String returns the hint's name.
func (h JoinHint) String() string {
	return [...]string{"auto", "broadcast left", "broadcast right", "hash left", "hash right", "sort-merge"}[h]
}

// Join joins two inputs on equal keys; null keys equal nothing. The output has the left columns, then the right ones (semi, anti: only
// the left); columns that stand in for missing rows are null.
type Join struct {
	Type      JoinType
	LeftKeys  []int
	RightKeys []int
	Hint      JoinHint
}

// Sort orders rows: globally, or each partition by itself as it comes.
type Sort struct {
	Columns []int
	Orders  []keys.Order // one a column
	Global  bool
}

// Limit keeps the first Rows rows, of which ones is not defined unless the input is globally sorted.
type Limit struct{ Rows int64 }

// Union gives the rows of all inputs, which have equal schemas.
type Union struct{}

// PartitionKind says how rows are spread over tasks.
type PartitionKind uint8

// The ways of spreading rows.
const (
	ByHash    PartitionKind = iota // of key columns
	ByRange                        // of key columns, by sampled boundaries
	ByIndex                        // an int32 column names the partition, modulo their number
	Rebalance                      // in turn
	Broadcast                      // every row to every task
	Gather                         // every row to the one task
	Forward                        // to the task of the same number, in proportion where there are more tasks or fewer
	Rescale                        // in turn, among the tasks that are a task's share
	Shuffle                        // at random
	ByLoad                         // to the task that is the least behind with its work
)

// Partition spreads rows anew.
type Partition struct {
	Kind    PartitionKind
	Columns []int
	Drop    int // the first Drop columns are only for partitioning, and left out of the output
}

// Write hands rows to a sink. It has no output.
type Write struct{ Sink connectors.Sink }

// Collect hands rows to the program that runs the job. It has no output.
type Collect struct {
	Title string
	Limit int64                      // at most so many rows; 0: all
	Into  func(columnar.Batch) error // called with batches the callee may keep, one call at a time, only of tasks that succeeded
}

// Name implements Op.
func (Read) Name() string { return "Read" }

// Name implements Op: the functions' operations, joined.
func (o Rows) Name() string {
	names := make([]string, 0, len(o.Program.Stages))
	for _, s := range o.Program.Stages {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return "Key"
	}
	return strings.Join(names, ", ")
}

// Name implements Op.
func (o Whole) Name() string { return o.Title }

// Name implements Op.
func (Filter) Name() string { return "Where" }

// Name implements Op.
func (Project) Name() string { return "Select" }

// Name implements Op.
func (Drop) Name() string { return "Drop" }

// Name implements Op.
func (o Aggregate) Name() string {
	if len(o.Calls) == 0 {
		return "Distinct"
	}
	return "Aggregate"
}

// Name implements Op.
func (o Join) Name() string { return "Join" }

// Name implements Op.
func (o Sort) Name() string {
	if o.Global {
		return "Sort"
	}
	return "SortPartition"
}

// Name implements Op.
func (Limit) Name() string { return "First" }

// Name implements Op.
func (Union) Name() string { return "Union" }

// Name implements Op.
func (o Partition) Name() string { return "Partition" }

// Name implements Op.
func (Write) Name() string { return "Write" }

// Name implements Op.
func (o Collect) Name() string { return o.Title }

// Describe implements Op.
func (o Read) Describe() string {
	text := o.Source.Name() + " " + o.Source.Describe()
	if o.Scan.Columns != nil {
		text += fmt.Sprintf(" columns %v", o.Scan.Columns.Names())
	}
	if !o.Scan.Filter.IsZero() {
		text += fmt.Sprintf(" filter (%s)", o.Scan.Filter)
	}
	return text
}

// Describe implements Op: the functions' symbols.
func (o Rows) Describe() string {
	var names []string
	for _, s := range o.Program.Stages {
		names = append(names, s.Func)
	}
	return strings.Join(names, ", ")
}

// Describe implements Op.
func (o Whole) Describe() string { return fmt.Sprintf("%s keys %v", o.Program.Func, o.Keys) }

// Describe implements Op.
func (o Filter) Describe() string { return o.Predicate.String() }

// Describe implements Op.
func (o Project) Describe() string {
	parts := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		parts[i] = c.Name + " = " + c.Expr.String()
	}
	return strings.Join(parts, ", ")
}

// Describe implements Op.
func (o Drop) Describe() string { return fmt.Sprintf("the first %d columns", o.Columns) }

// Describe implements Op.
func (o Aggregate) Describe() string {
	parts := make([]string, len(o.Calls))
	for i, c := range o.Calls {
		parts[i] = fmt.Sprintf("%s%v", c.Function.Name, c.Inputs)
	}
	return fmt.Sprintf("keys %v %s", o.Keys, strings.Join(parts, " "))
}

// Describe implements Op.
func (o Join) Describe() string {
	return fmt.Sprintf("%s on %v = %v, %s", o.Type, o.LeftKeys, o.RightKeys, o.Hint)
}

// Describe implements Op.
func (o Sort) Describe() string { return fmt.Sprintf("by %v", o.Columns) }

// Describe implements Op.
func (o Limit) Describe() string { return fmt.Sprint(o.Rows) }

// Describe implements Op.
func (Union) Describe() string { return "" }

// Describe implements Op.
func (o Partition) Describe() string {
	name := [...]string{"by hash of", "by range of", "by index in", "in turn", "to all", "to one", "forward", "in turn, near by", "at random", "by load"}[o.Kind]
	if len(o.Columns) == 0 {
		return name
	}
	return fmt.Sprintf("%s %v", name, o.Columns)
}

// Describe implements Op.
func (o Write) Describe() string { return o.Sink.Name() + " " + o.Sink.Describe() }

// Describe implements Op.
func (o Collect) Describe() string { return "" }
