package runner

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
)

// checkAlignment says where splits are to be aligned that cannot be: only a source's own task can leave some of them unread.
func checkAlignment(p *physical.Plan) error {
	if !p.IsStreaming {
		return nil // data that ends is read as it comes
	}
	var errs []error
	for _, s := range p.Stages {
		for _, op := range s.Chain {
			placed, _ := op.Spec.(physical.Placed)
			e, ok := placed.Op.(plan.EventTime)
			if ok && e.Strategy.Group != "" && !s.IsSource() {
				errs = append(errs, fmt.Errorf("%s: rows have changed tasks since they were read, so that the splits of group %q cannot be aligned here: "+
					"give them their event time right behind the source", op.Node, e.Strategy.Group))
			}
		}
	}
	return errors.Join(errs...)
}
