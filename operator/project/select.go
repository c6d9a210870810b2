package project

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/stream"
)

// Column is a named expression.
type Column struct {
	Name string
	Expr expr.Expr
}

// Select computes columns of its one input.
type Select struct {
	columns  []Column
	programs []*expr.Program
	schema   *columnar.Schema
}

// NewSelect returns the operator that computes those columns.
func NewSelect(columns []Column) *Select { return &Select{columns: columns} }

// Open implements stream.Operator.
func (o *Select) Open(env *stream.Env) error {
	o.schema, o.programs = &columnar.Schema{}, nil
	for _, c := range o.columns {
		p, err := expr.Bind(c.Expr, env.Inputs[0])
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		o.programs = append(o.programs, p)
		o.schema.Fields = append(o.schema.Fields, columnar.Field{Name: c.Name, Type: p.Type(), Nullable: p.Nullable()})
	}
	return nil
}

// Process implements stream.Operator.
func (o *Select) Process(_ int, b columnar.Batch, out stream.Output) error {
	columns := make([]columnar.Column, len(o.programs))
	for i, p := range o.programs {
		c, err := p.Eval(b)
		if err != nil {
			return fmt.Errorf("column %s: %w", o.columns[i].Name, err)
		}
		columns[i] = c
	}
	b.Schema, b.Columns = o.schema, columns
	out.Emit(b)
	return nil
}

// EndInput implements stream.Operator.
func (o *Select) EndInput(int, stream.Output) error { return nil }

// Close implements stream.Operator.
func (o *Select) Close() error { return nil }
