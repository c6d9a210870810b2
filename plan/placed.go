package plan

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// Placed is an operation that one operator does and that only asks for its rows to be spread in some way: keyed functions, windows, joins of
// streams and whatever an extension adds. The planner knows no more of it; operator/build makes the operator.
type Placed interface {
	Op
	// Placements says how each input is to be spread over tasks. An operation without a ByHash input, and with one Chained, runs in the
	// chain of what is before it.
	Placements() []Placement
	// Sides are the schemas of the side outputs, by number.
	Sides() []*columnar.Schema
	// NeedsUID says that the operation has state which must be found again when the job is changed.
	NeedsUID() bool
}

// Placement is how the rows of an input are spread over the tasks of an operation.
type Placement struct {
	Kind    SpreadKind
	Columns []int // ByKey: the keys
}

// SpreadKind says how rows reach a Placed operation.
type SpreadKind uint8

// The kinds of placement.
const (
	Chained SpreadKind = iota // as they come
	ByKey                     // to the task that owns the key group of the columns' hash
	ToAll                     // every row to every task
	ToOne                     // every row to the one task
)

// SideOutput gives the rows of a side output of its input, which is Placed, or the input's bad records.
type SideOutput struct{ Side int }

// Name implements Op.
func (SideOutput) Name() string { return "SideOutput" }

// Describe implements Op.
func (o SideOutput) Describe() string { return fmt.Sprint(o.Side) }

// of returns the schema of the side output of an operation.
func (o SideOutput) of(op Op) (*columnar.Schema, error) {
	if o.Side == stream.BadRecords {
		return badSchema()
	}
	return op.(Placed).Sides()[o.Side], nil
}

// Output implements Op. It is not asked: the schema is that of the input's side (Node.Derive).
func (SideOutput) Output(in []*columnar.Schema) (*columnar.Schema, error) { return in[0], nil }

// AddSide appends a node for side output number side of n.
func (j *Job) AddSide(n *Node, side int, options ...Option) *Node {
	return j.Add(SideOutput{Side: side}, []*Node{n}, options...)
}
