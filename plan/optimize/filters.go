package optimize

import (
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/plan"
)

// moveFilters brings filters nearer to the sources: two become one, and a filter goes below a projection (with the projected expressions in
// place of their names) and below a union (to each input).
func moveFilters(g *graph) bool {
	for i, n := range g.nodes {
		filter, ok := n.Op.(plan.Filter)
		if !ok || !g.only(n) {
			continue
		}
		before := n.Inputs[0]
		switch op := before.Op.(type) {
		case plan.Filter:
			n.Op = plan.Filter{Predicate: op.Predicate.And(filter.Predicate)}
			n.Site, n.Inputs = before.Site, before.Inputs
			return true
		case plan.Project:
			below := *n
			below.Op = plan.Filter{Predicate: expr.Substitute(filter.Predicate, definitions(op))}
			below.Inputs, below.Schema = before.Inputs, before.Inputs[0].Schema
			n.Op, n.Name, n.Site, n.Inputs = op, before.Name, before.Site, []*plan.Node{&below}
			g.insert(i, &below)
			return true
		case plan.Union:
			n.Op, n.Name, n.Site = op, before.Name, before.Site
			n.Inputs = nil
			for _, in := range before.Inputs {
				below := &plan.Node{Name: filter.Name(), Site: n.Site, Op: filter, Inputs: []*plan.Node{in}, Schema: in.Schema}
				n.Inputs = append(n.Inputs, below)
				g.insert(i, below)
			}
			return true
		}
	}
	return false
}

// definitions returns a projection's expressions by name.
func definitions(p plan.Project) map[string]expr.Expr {
	out := map[string]expr.Expr{}
	for _, c := range p.Columns {
		out[c.Name] = c.Expr
	}
	return out
}

// insert puts a new node before the one at position i.
func (g *graph) insert(i int, n *plan.Node) {
	g.nodes = append(g.nodes[:i:i], append([]*plan.Node{n}, g.nodes[i:]...)...)
}

// pushFilters tells each source the filter right behind it.
func pushFilters(g *graph) bool {
	for _, n := range g.nodes {
		filter, ok := n.Op.(plan.Filter)
		if !ok || !g.only(n) {
			continue
		}
		read, ok := n.Inputs[0].Op.(plan.Read)
		if !ok || !read.Scan.Filter.IsZero() {
			continue
		}
		read.Scan.Filter = filter.Predicate
		n.Inputs[0].Op = read
		return true
	}
	return false
}
