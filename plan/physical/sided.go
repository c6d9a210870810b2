package physical

import "github.com/millrace/millrace/plan"

// Sided is the user's functions over the records of input 0, with all records of input 1 in memory.
type Sided struct{ Op plan.Sided }

func (Sided) spec() {}

// sided sends the side to every task in which the records are.
func (c *compiler) sided(n *plan.Node, op plan.Sided) {
	in, side := n.Inputs[0], n.Inputs[1]
	c.beside(n, in, side, Edge{Port: 1, Kind: Broadcast, Schema: side.Schema}, Sided{op})
}
