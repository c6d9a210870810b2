package physical

import "github.com/millrace/millrace/plan"

// Sided is the user's functions over the records of input 0, with all records of input 1 in memory.
type Sided struct{ Op plan.Sided }

func (Sided) spec() {}

// sided sends the side to every task of its own stage and lets the records come as they are.
func (c *compiler) sided(n *plan.Node, op plan.Sided) {
	in, side := n.Inputs[0], n.Inputs[1]
	kind := Forward
	to := c.stage(n)
	if n.Parallelism == 0 {
		to.Tasks, to.Fixed = c.at[in.ID].Tasks, c.at[in.ID].Fixed
	} else {
		kind = Rebalance
	}
	c.connect(c.at[in.ID], to, Edge{Port: 0, Kind: kind, Schema: in.Schema})
	c.connect(c.at[side.ID], to, Edge{Port: 1, Kind: Broadcast, Schema: side.Schema})
	c.place(n, to, Sided{op})
}
