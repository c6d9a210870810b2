package plan

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/process"
)

// Process runs a function of the user's that keeps state, sets timers, follows rules or has side outputs. Inputs with keys have the key
// columns first; the input of the rules goes to every task.
type Process struct {
	Title   string // "Process"
	Program process.Program
}

// Name implements Op.
func (o Process) Name() string { return o.Title }

// Describe implements Op.
func (o Process) Describe() string { return o.Program.Func }

// Output implements Op.
func (o Process) Output([]*columnar.Schema) (*columnar.Schema, error) { return o.Program.Schema, nil }

// Placements implements Placed.
func (o Process) Placements() []Placement {
	out := make([]Placement, len(o.Program.Keys))
	for i, keys := range o.Program.Keys {
		switch {
		case i == o.Program.Rules:
			out[i] = Placement{Kind: ToAll}
		case keys > 0:
			out[i] = Placement{Kind: ByKey, Columns: span(keys)}
		}
	}
	return out
}

// span returns 0 to n-1.
func span(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Sides implements Placed.
func (o Process) Sides() []*columnar.Schema { return o.Program.Sides.Schemas() }

// AddTag implements Tagged.
func (o Process) AddTag(side process.SideSpec) (int, error) { return o.Program.Sides.Add(side) }

// NeedsUID implements Placed.
func (o Process) NeedsUID() bool { return o.Program.NeedsState() }

// InKeyOrder implements KeyOrdered: state of one key at a time is enough, if there is one input with keys.
func (o Process) InKeyOrder() bool {
	keyed := 0
	for _, n := range o.Program.Keys {
		if n > 0 {
			keyed++
		}
	}
	return keyed == 1 && o.Program.NeedsState()
}

// KeyOrdered is a placed operation that may want its rows in the order of their keys where the input ends.
type KeyOrdered interface {
	Placed
	// InKeyOrder says whether it does. It then has one ByKey input, and its state is that of one key at a time (state.OneKey).
	InKeyOrder() bool
}

// Tagged is a placed operation whose side outputs are found by tag.
type Tagged interface {
	Placed
	// AddTag returns the number of the side output of a tag, which is a new one unless it is known.
	AddTag(side process.SideSpec) (int, error)
}

// TaggedNode returns the node that gives a node's side outputs: n itself, or the one whose results n only maps.
func TaggedNode(n *Node) (*Node, error) {
	for at := n; ; at = at.Inputs[0] {
		if _, ok := at.Op.(Tagged); ok {
			return at, nil
		}
		if _, ok := at.Op.(Rows); !ok || at.Site != n.Site {
			return nil, fmt.Errorf("%s has no side outputs", n)
		}
	}
}
