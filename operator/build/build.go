// Package build makes the operators of a task from the specifications of a physical plan: the one place that knows both.
//
// Stability: engine-private.
package build

import (
	"fmt"

	"github.com/millrace/millrace/operator/aggregate"
	"github.com/millrace/millrace/operator/join"
	"github.com/millrace/millrace/operator/order"
	"github.com/millrace/millrace/operator/project"
	"github.com/millrace/millrace/operator/rowfn"
	"github.com/millrace/millrace/operator/setop"
	"github.com/millrace/millrace/operator/sink"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream"
)

// New returns a new operator for op, to be opened. Sources have none: a task reads them itself.
func New(op physical.Op) (stream.Operator, error) {
	switch spec := op.Spec.(type) {
	case physical.Rows:
		return rowfn.New(spec.Op.Program), nil
	case physical.Sided:
		return rowfn.NewSided(spec.Op.Program, spec.Op.Side), nil
	case physical.Rolling:
		return aggregate.NewRolling(spec.Op.Keys, calls(spec.Op.Calls)), nil
	case physical.Whole:
		return rowfn.NewWhole(spec.Op.Program), nil
	case physical.Filter:
		return project.NewFilter(spec.Op.Predicate), nil
	case physical.Select:
		columns := make([]project.Column, len(spec.Op.Columns))
		for i, c := range spec.Op.Columns {
			columns[i] = project.Column(c)
		}
		return project.NewSelect(columns), nil
	case physical.Pick:
		return project.NewPick(spec.Columns), nil
	case physical.Sink:
		return sink.New(spec.Op.Sink), nil
	case physical.Result:
		return sink.NewCollector(spec.Op.Limit), nil
	case physical.Limit:
		return setop.NewLimit(spec.Rows), nil
	case physical.Order:
		return order.New(spec.Columns, spec.Orders), nil
	case physical.Aggregate:
		return newAggregate(spec), nil
	case physical.Join:
		return join.New(join.Spec{
			Type: join.Type(spec.Op.Type), LeftKeys: spec.Op.LeftKeys, RightKeys: spec.Op.RightKeys, Build: spec.Build,
		}), nil
	case physical.Window:
		return newWindow(spec), nil
	case physical.Placed:
		return placed(op.Node, spec.Op)
	default:
		return nil, fmt.Errorf("%s: no operator does %T", op.Node, spec)
	}
}

func newAggregate(spec physical.Aggregate) stream.Operator {
	if spec.Mode == physical.Partial {
		return aggregate.NewPartial(spec.Keys, calls(spec.Calls))
	}
	return aggregate.NewFinal(spec.Keys, calls(spec.Calls))
}

func calls(of []plan.Call) []aggregate.Call {
	out := make([]aggregate.Call, len(of))
	for i, c := range of {
		out[i] = aggregate.Call(c)
	}
	return out
}
