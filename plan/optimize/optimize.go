// Package optimize rewrites a logical graph so that less is read, moved and computed. The rows that come out stay the same.
//
// Rules are functions from a graph to a graph ([Rule]); [Job] applies them in an order in which each finds what those before it have
// prepared:
//
//   - moveFilters: a filter on a filter becomes one, a filter on a projection or a union moves below it.
//   - pushFilters: a filter on a source is told to the source, which may skip files, row groups and pages; the filter itself stays.
//   - pushColumns: a source reads only the columns that are used.
//   - resolve: aggregates by name become aggregates by position.
//   - fuse: adjacent programs of the user's functions become one, so that records are not turned into columns in between.
//
// What needs the shape of tasks (combiners before an exchange, broadcast or repartition) is decided in plan/physical.
//
// Stability: engine-private.
package optimize

import (
	"slices"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
)

// Rule rewrites a graph in place; it says whether it changed anything.
type Rule func(g *graph) bool

// Job returns an optimised copy of job, whose schemas are known. Node IDs are new; names and call sites stay.
func Job(job *plan.Job) (*plan.Job, error) {
	g := newGraph(job)
	for _, rule := range []Rule{moveFilters, pushFilters, pushColumns, resolve, fuse} {
		for rule(g) {
			g.count()
		}
	}
	for _, n := range g.nodes {
		name(n)
	}
	return g.job()
}

// graph is a job being rewritten: nodes are copies and may be changed.
type graph struct {
	name      string
	sides     map[string]connectors.Sink
	nodes     []*plan.Node
	consumers map[*plan.Node]int
}

func newGraph(job *plan.Job) *graph {
	g := &graph{name: job.Name, sides: job.Sides}
	copies := make([]*plan.Node, len(job.Nodes))
	for i, n := range job.Nodes {
		c := *n
		c.Inputs = make([]*plan.Node, len(n.Inputs))
		for k, in := range n.Inputs {
			c.Inputs[k] = copies[in.ID]
		}
		copies[i] = &c
	}
	g.nodes = copies
	g.count()
	return g
}

// count counts each node's consumers anew and drops nodes that a rule has left without one.
func (g *graph) count() {
	g.consumers = map[*plan.Node]int{}
	kept := g.nodes[:0:0]
	for _, n := range slices.Backward(g.nodes) {
		if g.consumers[n] == 0 && !n.IsEnd() {
			continue
		}
		kept = append(kept, n)
		for _, in := range n.Inputs {
			g.consumers[in]++
		}
	}
	for i, k := 0, len(kept)-1; i < k; i, k = i+1, k-1 {
		kept[i], kept[k] = kept[k], kept[i]
	}
	g.nodes = kept
}

// only says whether n is all that reads its input, so that the two may be changed together.
func (g *graph) only(n *plan.Node) bool {
	return len(n.Inputs) == 1 && g.consumers[n.Inputs[0]] == 1 && n.Inputs[0].Parallelism == n.Parallelism && n.MayChain()
}

// job returns the graph as a job, its nodes numbered and in an order in which each follows its inputs.
func (g *graph) job() (*plan.Job, error) {
	out := plan.NewJob(g.name)
	out.Sides = g.sides
	placed := map[*plan.Node]bool{}
	var place func(n *plan.Node) error
	place = func(n *plan.Node) error {
		if placed[n] {
			return nil
		}
		placed[n] = true
		for _, in := range n.Inputs {
			if err := place(in); err != nil {
				return err
			}
		}
		n.ID = len(out.Nodes)
		out.Nodes = append(out.Nodes, n)
		return n.Derive()
	}
	for _, n := range g.nodes {
		if err := place(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}
