package optimize

import "github.com/millrace/millrace/plan"

// resolve turns aggregates by name into aggregates by position, now that the schemas are known.
func resolve(g *graph) bool {
	changed := false
	for _, n := range g.nodes {
		op, ok := n.Op.(plan.Summarize)
		if !ok {
			continue
		}
		a, err := op.Resolve(n.Inputs[0].Schema)
		if err != nil {
			continue // the same mistake is reported when the schemas are derived
		}
		n.Op, changed = a, true
	}
	return changed
}
