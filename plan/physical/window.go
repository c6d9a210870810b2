package physical

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan"
)

// Window is windows in two steps. A Partial one makes states of rows, by key and slice; its output has the columns of its input and one with the states,
// empty in rows that it leaves as they are. A Final one takes these.
type Window struct {
	Op   plan.Window
	Mode Mode
}

func (Window) spec() {}

// window puts windows behind an exchange by their keys, in two steps where that pays: then states of rows go through it.
func (c *compiler) window(n *plan.Node, op plan.Window) {
	if !n.HasTwoPhases() {
		c.placed(n, op)
		return
	}
	from := c.behind(&plan.Node{Inputs: n.Inputs})
	c.place(n, from, Window{op, Partial})
	to := c.exchange(n, from, Edge{Kind: Hash, Columns: first(op.Inputs[0].Keys), Schema: windowStates(n)})
	c.place(n, to, Window{op, Final})
}

// windowStates returns the schema between the two steps of windows.
func windowStates(n *plan.Node) *columnar.Schema {
	states := columnar.Field{Name: "states", Type: columnar.BinaryType}
	return &columnar.Schema{Fields: append(slices.Clone(n.Inputs[0].Schema.Fields), states)}
}
