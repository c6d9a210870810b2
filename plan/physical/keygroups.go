package physical

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
)

// Keyed state, and the rows of hash edges, are divided into key groups (package state), each of which one task has: so a stage that gets rows by
// key has at most as many tasks as there are groups. Their number is fixed by the job's first checkpoint, in which rows lie by group.

// Divide sets the number of key groups, as long as the plan does not run. The error names the stages that have more tasks than that.
func (p *Plan) Divide(groups int) error {
	if err := state.CheckKeyGroups(groups); err != nil {
		return err
	}
	p.KeyGroups = groups
	var errs []error
	seen := map[*Stage]bool{}
	for _, e := range p.Edges {
		if e.Kind == Hash && e.To.Tasks > groups && !seen[e.To] {
			seen[e.To] = true
			errs = append(errs, fmt.Errorf("%s: parallelism %d is more than the %d key groups (setting key-groups), each of which one task has; "+
				"their number is fixed by the job's first checkpoint", e.taker(), e.To.Tasks, groups))
		}
	}
	return errors.Join(errs...)
}

// MaxParallelism is the largest parallelism that the job can be given; 0: any.
func (p *Plan) MaxParallelism() int {
	for _, e := range p.Edges {
		if e.Kind == Hash && !e.To.Fixed {
			return p.KeyGroups
		}
	}
	return 0
}

// taker is the user's node that takes the edge's rows, or that gives them when no operator does.
func (e *Edge) taker() *plan.Node {
	if e.At < len(e.To.Chain) {
		return e.To.Chain[e.At].Node
	}
	return e.From.Chain[len(e.From.Chain)-1].Node
}
