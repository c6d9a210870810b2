package physical

import "github.com/millrace/millrace/plan"

// Rolling gives, for each row, the aggregates of the rows with its key so far.
type Rolling struct{ Op plan.Rolling }

func (Rolling) spec() {}

// rolling brings the rows of a key to one task; those of one producer stay in order.
func (c *compiler) rolling(n *plan.Node, op plan.Rolling) {
	in := n.Inputs[0]
	to := c.exchange(n, c.at[in.ID], Edge{Kind: Hash, Columns: op.Keys, Schema: in.Schema})
	c.place(n, to, Rolling{op})
}
