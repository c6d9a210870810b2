package project

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// Pick passes some columns of its one input.
type Pick struct {
	columns []int
	schema  *columnar.Schema
}

// NewPick returns the operator that passes the columns at those positions, in that order.
func NewPick(columns []int) *Pick { return &Pick{columns: columns} }

// Open implements stream.Operator.
func (o *Pick) Open(env *stream.Env) error {
	o.schema = env.Inputs[0].Select(o.columns)
	return nil
}

// Process implements stream.Operator.
func (o *Pick) Process(_ int, b columnar.Batch, out stream.Output) error {
	out.Emit(b.Project(o.schema, o.columns))
	return nil
}

// EndInput implements stream.Operator.
func (o *Pick) EndInput(int, stream.Output) error { return nil }

// EmitsFresh says that batches may be kept when those of the input may.
func (*Pick) EmitsFresh(input bool) bool { return input }

// Close implements stream.Operator.
func (o *Pick) Close() error { return nil }
