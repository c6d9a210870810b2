package build

import (
	"fmt"

	"github.com/millrace/millrace/operator/async"
	"github.com/millrace/millrace/operator/eventtime"
	"github.com/millrace/millrace/operator/interval"
	"github.com/millrace/millrace/operator/keyed"
	"github.com/millrace/millrace/operator/windowed"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream"
)

// placed returns a new operator for an operation that the plan only places.
func placed(n *plan.Node, op plan.Placed) (stream.Operator, error) {
	switch op := op.(type) {
	case plan.Async:
		return async.New(op.Requests, op.Settings), nil
	case plan.Interval:
		return interval.New(interval.Spec{Keys: op.Keys, Lo: op.From.Microseconds(), Hi: op.To.Microseconds()}), nil
	case plan.Process:
		return keyed.New(op.Program), nil
	case plan.EventTime:
		return eventtime.New(eventtime.Spec{Strategy: op.Strategy, Columns: op.Columns, BySplit: op.BySplit}), nil
	case plan.Window:
		return windowed.New(windowSpec(op)), nil
	default:
		return nil, fmt.Errorf("%s: no operator does %T", n, op)
	}
}
