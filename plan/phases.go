package plan

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
)

// Phases says in how many steps aggregates of windows are computed.
type Phases uint8

// The numbers of steps.
const (
	PhasesFreely Phases = iota // two where they can be and it is likely to pay
	OnePhase                   // rows go through the exchange
	TwoPhases                  // each task makes states of its rows, and these go through the exchange
)

// InOnePhase has windows take the rows themselves, also where tasks could make states of theirs before the exchange.
func InOnePhase() Option { return func(n *Node) { n.Phases = OnePhase } }

// InTwoPhases has tasks make states of their rows before the exchange, by key and slice of the windows, which are then put together: so a key with
// most of the rows is not the work of one task alone. It is done anyway for the aggregates of package agg with states of a few columns, but not for
// functions of the user's (agg.Of, ReduceWindows), whose states cost more to move than a row: this asks for it. Where it cannot be done it is a
// mistake in the program.
func InTwoPhases() Option { return func(n *Node) { n.Phases = TwoPhases } }

// HasTwoPhases says whether the node's windows are computed in two steps.
func (n *Node) HasTwoPhases() bool {
	op, ok := n.Op.(Window)
	switch {
	case !ok || n.Phases == OnePhase || op.cannotSplit() != nil:
		return false
	default:
		return n.Phases == TwoPhases || op.isLight()
	}
}

// checkPhases says why a node cannot be computed in two steps though the user asks for it.
func (n *Node) checkPhases() error {
	if n.Phases != TwoPhases {
		return nil
	}
	op, ok := n.Op.(Window)
	if !ok {
		return errors.New("InTwoPhases is for windows")
	}
	if err := op.cannotSplit(); err != nil {
		return fmt.Errorf("it cannot be computed in two phases: %w", err)
	}
	return nil
}

// cannotSplit says why windows cannot be computed in two steps; nil: they can.
func (o Window) cannotSplit() error {
	switch {
	case !o.Spec.HasSlices():
		return errors.New("the windows do not consist of slices, which are those that slide or tumble in time and fire when they are over")
	case o.Spec.Assigner.ByClock:
		return errors.New("in processing time, rows belong where they are when they come")
	case len(o.Inputs) != 1:
		return errors.New("there are several inputs")
	case o.Inputs[0].Late >= 0:
		return errors.New("late records are wanted as they are")
	default:
		return nil
	}
}

// isLight says whether states of all calls are little more than the rows of which they are made.
func (o Window) isLight() bool {
	for _, c := range o.Inputs[0].Calls {
		if !isLight(c.Function) {
			return false
		}
	}
	return true
}

// isLight says whether a state is a few values, and made by the engine's code.
func isLight(f agg.Function) bool {
	if f.IsUser {
		return false
	}
	for _, s := range f.State {
		if s.Type.IsNested() || s.Type.Kind == columnar.Binary {
			return false
		}
	}
	return true
}
