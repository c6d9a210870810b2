package build

import (
	"github.com/millrace/millrace/operator/windowed"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream"
)

// newWindow returns one of the two operators of windows in two steps.
func newWindow(spec physical.Window) stream.Operator {
	s := windowSpec(spec.Op)
	if spec.Mode == physical.Partial {
		return windowed.NewPartial(s)
	}
	s.States = true
	return windowed.New(s)
}

// windowSpec returns what a window operator needs to know of the plan's.
func windowSpec(op plan.Window) windowed.Spec {
	out := windowed.Spec{Windows: op.Spec}
	for _, in := range op.Inputs {
		input := windowed.Input{Keys: in.Keys, Gap: in.Gap, Value: in.Value, Evict: in.Evict, Late: in.Late}
		for _, c := range in.Calls {
			input.Calls = append(input.Calls, windowed.Call(c))
		}
		out.Inputs = append(out.Inputs, input)
	}
	return out
}
