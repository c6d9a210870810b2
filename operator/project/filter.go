// Package project holds the operators that work row by row with expressions: they keep rows, compute columns, and pick columns.
//
// None of them copies a row: a filter makes a selection, and columns that pass are passed as they are.
//
// Stability: engine-private.
package project

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/stream"
)

// Filter keeps the rows of its one input for which a predicate is true.
type Filter struct {
	predicate expr.Expr
	program   *expr.Program
	rows      []int32 // the last batch's selection
}

// NewFilter returns the operator that keeps the rows for which predicate is true.
func NewFilter(predicate expr.Expr) *Filter { return &Filter{predicate: predicate} }

// Open implements stream.Operator.
func (o *Filter) Open(env *stream.Env) (err error) {
	o.program, err = expr.Bind(o.predicate, env.Inputs[0])
	return err
}

// Process implements stream.Operator.
func (o *Filter) Process(_ int, b columnar.Batch, out stream.Output) error {
	if cap(o.rows) < b.Len {
		o.rows = make([]int32, b.Len)
	}
	rows, err := o.program.EvalFilter(b, o.rows[:b.Len])
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	if len(rows) < b.Len {
		b.Sel = rows
	}
	out.Emit(b)
	return nil
}

// EndInput implements stream.Operator.
func (o *Filter) EndInput(int, stream.Output) error { return nil }

// Close implements stream.Operator.
func (o *Filter) Close() error { return nil }
