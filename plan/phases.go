package plan

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
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
// most of the rows is not the work of one task alone. It is done anyway but where states are lists or sketches, which may take more than the rows. Where
// it cannot be done it is a mistake in the program.
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

// isLight says whether a state of each call is a few values.
func (o Window) isLight() bool {
	for _, c := range o.Inputs[0].Calls {
		if !areLight(c.Function.State) {
			return false
		}
	}
	return true
}

func areLight(fields []columnar.Field) bool {
	for _, f := range fields {
		if f.Type.Kind == columnar.Binary || f.Type.IsNested() && (f.Type.Kind != columnar.Struct || !areLight(f.Type.Fields)) {
			return false
		}
	}
	return true
}
