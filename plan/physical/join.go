package physical

import (
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/plan"
)

// join places a join by its hint or, without one, by the sizes of its sides: a small side goes to all tasks where the join's type allows
// it, else both are spread by hash and a table is built of the smaller.
func (c *compiler) join(n *plan.Node, op plan.Join) {
	left, right := n.Inputs[0], n.Inputs[1]
	hint := op.Hint
	if hint == plan.Auto {
		hint = c.choose(op, c.sizes[left.ID], c.sizes[right.ID])
	}
	l := Edge{Port: 0, Kind: Hash, Columns: op.LeftKeys, Schema: left.Schema}
	r := Edge{Port: 1, Kind: Hash, Columns: op.RightKeys, Schema: right.Schema}
	spec := Join{Op: op, Build: 1}
	switch hint {
	case plan.BroadcastLeft:
		l.Kind, spec.Build = Broadcast, 0
		c.beside(n, right, left, l, spec)
		return
	case plan.BroadcastRight:
		r.Kind = Broadcast
		c.beside(n, left, right, r, spec)
		return
	case plan.HashLeft:
		spec.Build = 0
	case plan.HashRight, plan.Auto: // Build says it; choose leaves no Auto
	case plan.SortMerge:
		spec.Build = -1
		l.Sorted, l.Orders = op.LeftKeys, ascending(op.LeftKeys)
		r.Sorted, r.Orders = op.RightKeys, ascending(op.RightKeys)
	}
	to := c.stage(n)
	c.connect(c.at[left.ID], to, l)
	c.connect(c.at[right.ID], to, r)
	c.place(n, to, spec)
}

// beside places an operator behind its main input, in the same stage where that is possible, and gives every task of that stage all rows of
// the other one.
func (c *compiler) beside(n, main, side *plan.Node, e Edge, spec Spec) {
	to := c.behind(&plan.Node{Inputs: []*plan.Node{main}, Parallelism: n.Parallelism, Chaining: n.Chaining})
	if e.At = len(to.Chain); e.At == 0 { // a stage of nothing but inputs: they are the operator's
		for _, in := range to.Inputs {
			in.Port = 1 - e.Port
		}
	}
	c.connect(c.at[side.ID], to, e)
	c.place(n, to, spec)
}

// choose picks the way of a join without a hint. A side whose rows must be given when they match nothing cannot be the one that is sent
// to all tasks, for each task would give them.
func (c *compiler) choose(op plan.Join, left, right int64) plan.JoinHint {
	small := func(size int64) bool { return size >= 0 && size <= c.options.BroadcastBytes }
	switch {
	case op.Type == plan.Cross && (right < 0 || left < 0 || right <= left):
		return plan.BroadcastRight
	case op.Type == plan.Cross:
		return plan.BroadcastLeft
	case small(right) && canBroadcastRight(op.Type) && (right <= left || left < 0 || !small(left)):
		return plan.BroadcastRight
	case small(left) && canBroadcastLeft(op.Type):
		return plan.BroadcastLeft
	case left >= 0 && (right < 0 || left < right):
		return plan.HashLeft
	default:
		return plan.HashRight
	}
}

func canBroadcastRight(t plan.JoinType) bool { return t != plan.Right && t != plan.Full }

func canBroadcastLeft(t plan.JoinType) bool {
	return t == plan.Inner || t == plan.Right || t == plan.Cross
}

// estimate says about how many bytes a node gives: sources know their size, the rest is a rule of thumb. -1: unknown.
func (c *compiler) estimate(n *plan.Node) int64 {
	switch op := n.Op.(type) {
	case plan.Read:
		return op.Facts.Bytes
	case plan.Union:
		var sum int64
		for _, in := range n.Inputs {
			if c.sizes[in.ID] < 0 {
				return -1
			}
			sum += c.sizes[in.ID]
		}
		return sum
	case plan.Join:
		return -1
	case plan.Filter:
		return shrink(c.sizes[n.Inputs[0].ID], filterKeeps)
	case plan.Rows:
		if op.Program.MayGrow() {
			return -1
		}
		return c.sizes[n.Inputs[0].ID]
	default:
		return c.sizes[n.Inputs[0].ID]
	}
}

// filterKeeps is one over the share of rows that a filter is thought to keep.
const filterKeeps = 3

func shrink(size, by int64) int64 {
	if size < 0 {
		return size
	}
	return size / by
}

// ascending returns the plain order for each column.
func ascending(columns []int) []keys.Order { return make([]keys.Order, len(columns)) }
