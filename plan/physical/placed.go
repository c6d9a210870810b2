package physical

import (
	"slices"

	"github.com/millrace/millrace/plan"
)

// Placed is an operation that the plan only places.
type Placed struct {
	Op       plan.Placed
	KeyOrder bool // rows of the input with keys come in the order of their keys
}

func (Placed) spec() {}

// placed puts an operation behind the exchanges it asks for, or in the chain of its one Chained input.
func (c *compiler) placed(n *plan.Node, op plan.Placed) {
	where := op.Placements()
	chained := slices.IndexFunc(where, func(p plan.Placement) bool { return p.Kind == plan.Chained })
	var to *Stage
	if chained >= 0 {
		to = c.behind(&plan.Node{Inputs: n.Inputs[chained : chained+1], Parallelism: n.Parallelism, Chaining: n.Chaining})
	} else {
		to = c.stage(n)
	}
	ordered, ok := op.(plan.KeyOrdered)
	keyOrder := ok && ordered.InKeyOrder() && !c.options.Streaming
	at := len(to.Chain)
	for i, p := range where {
		if i == chained {
			continue
		}
		e := Edge{At: at, Port: i, Columns: p.Columns, Schema: n.Inputs[i].Schema}
		switch p.Kind {
		case plan.ByKey:
			e.Kind = Hash
			if keyOrder {
				e.Sorted, e.Orders = p.Columns, ascending(p.Columns)
			}
		case plan.ToAll:
			e.Kind = Broadcast
		case plan.ToOne:
			e.Kind, to.Tasks, to.Fixed = Gather, 1, true
		case plan.Chained:
			e.Kind = Forward
		}
		c.connect(c.at[n.Inputs[i].ID], to, e)
	}
	c.place(n, to, Placed{op, keyOrder})
}

// side opens a stage that gets the rows of a side output.
func (c *compiler) side(n *plan.Node, op plan.SideOutput) {
	in := n.Inputs[0]
	from := c.at[in.ID]
	to := c.stage(n)
	if n.Parallelism == 0 {
		to.Tasks, to.Fixed = from.Tasks, from.Fixed
	}
	at := slices.IndexFunc(from.Chain, func(o Op) bool { return o.Node == in })
	c.connect(from, to, Edge{Kind: Forward, Schema: n.Schema, Side: &Side{At: at, Number: op.Side}})
	c.at[n.ID] = to
}

// isOnlyConsumer says whether one node alone reads n's main output.
func (c *compiler) isOnlyConsumer(n *plan.Node) bool {
	main := 0
	for _, consumer := range c.consumers[n.ID] {
		if _, ok := consumer.Op.(plan.SideOutput); !ok {
			main++
		}
	}
	return main == 1
}
