package optimize

import (
	"cmp"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// fuse joins a program of the user's functions with the one before it, when nobody else reads what lies between.
func fuse(g *graph) bool {
	for _, n := range g.nodes {
		second, ok := n.Op.(plan.Rows)
		if !ok || !g.only(n) {
			continue
		}
		before := n.Inputs[0]
		first, ok := before.Op.(plan.Rows)
		if !ok || !rows.CanFuse(first.Program, second.Program) || !mayShare(first, second) {
			continue
		}
		n.Op = plan.Rows{
			Program: rows.Fuse(named(before, first.Program), named(n, second.Program)), OnBad: cmp.Or(first.OnBad, second.OnBad),
		}
		n.Name = before.Name + ", " + n.Name
		if len(second.Program.Stages) == 0 {
			n.Name = before.Name
		}
		n.Site = before.Site
		n.Inputs, n.Chaining = before.Inputs, before.Chaining
		return true
	}
	return false
}

// mayShare says whether two programs can be one as far as bad records go: a node has one policy, and one that allows a share of its records
// must see them all.
func mayShare(first, second plan.Rows) bool {
	return second.OnBad == nil || first.OnBad == nil && second.OnBad.Share == 0
}

// name writes the node into its functions: messages go by it.
func name(n *plan.Node) {
	switch op := n.Op.(type) {
	case plan.Rows:
		op.Program = named(n, op.Program)
		n.Op = op
	case plan.Sided:
		op.Program = named(n, op.Program)
		n.Op = op
	case plan.Whole:
		op.Program.Node = n.String()
		n.Op = op
	}
}

// named writes the node that each stage belongs to into those that have none yet: messages go by it.
func named(n *plan.Node, p rows.Program) rows.Program {
	stages := make([]rows.Stage, len(p.Stages))
	for i, s := range p.Stages {
		if s.Node == "" {
			s.Node = n.String()
		}
		stages[i] = s
	}
	return rows.Program{Stages: stages, Tail: p.Tail}
}
