package optimize

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan"
)

// pushColumns makes a source read only the columns that the projections and filters behind it use. It stops at the first operation that
// takes whole rows.
func pushColumns(g *graph) bool {
	for _, n := range g.nodes {
		read, ok := n.Op.(plan.Read)
		if !ok || n.Schema == nil || read.Scan.Columns != nil {
			continue
		}
		used, bounded := g.used(n)
		if !bounded || len(used) >= len(n.Schema.Fields) {
			continue
		}
		read.Scan.Columns = subset(n.Schema, used)
		n.Op = read
		g.derive(n)
		return true
	}
	return false
}

// used returns the names of the columns that the consumers of n use; false when one of them takes all.
func (g *graph) used(n *plan.Node) (map[string]bool, bool) {
	out := map[string]bool{}
	for _, c := range g.nodes {
		if !slices.Contains(c.Inputs, n) {
			continue
		}
		switch op := c.Op.(type) {
		case plan.Project:
			for _, col := range op.Columns {
				add(out, col.Expr.Columns())
			}
		case plan.Summarize:
			add(out, op.Keys)
			for _, call := range op.Calls {
				add(out, call.Columns)
			}
		case plan.Filter:
			more, bounded := g.used(c)
			if !bounded {
				return nil, false
			}
			add(out, op.Predicate.Columns())
			for name := range more {
				out[name] = true
			}
		default:
			return nil, false
		}
	}
	return out, true
}

func add(set map[string]bool, names []string) {
	for _, name := range names {
		set[name] = true
	}
}

// subset returns the fields of s that are used, in their order; at least one, for a batch without columns has no rows.
func subset(s *columnar.Schema, used map[string]bool) *columnar.Schema {
	out := &columnar.Schema{}
	for _, f := range s.Fields {
		if used[f.Name] {
			out.Fields = append(out.Fields, f)
		}
	}
	if len(out.Fields) == 0 {
		out.Fields = s.Fields[:1]
	}
	return out
}

// derive computes schemas anew from n on. Narrowing columns cannot make them wrong.
func (g *graph) derive(n *plan.Node) {
	changed := map[*plan.Node]bool{n: true}
	for _, c := range g.nodes {
		for _, in := range c.Inputs {
			if changed[in] {
				changed[c] = true
			}
		}
		if changed[c] {
			_ = c.Derive() // what bound before binds now: all columns used are still there
		}
	}
}
