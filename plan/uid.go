package plan

import (
	"errors"
	"fmt"
	"strings"
)

// NeedsUID says whether the node keeps state that must be found again when the job is changed. Sources and sinks are found by what they read
// and write.
func (n *Node) NeedsUID() bool {
	switch op := n.Op.(type) {
	case Placed:
		return op.NeedsUID()
	case Rolling:
		return true
	default:
		return false
	}
}

// CheckUIDs returns an error that lists the nodes whose state could not be found again, because they have no UID or share one. Only jobs that
// do not end are asked: state of others does not outlive them.
func (j *Job) CheckUIDs() error {
	var missing []string
	var errs []error
	first := map[string]*Node{}
	for _, n := range j.Nodes {
		switch other := first[n.UID]; {
		case n.UID == "" && n.NeedsUID():
			missing = append(missing, n.String())
		case n.UID == "":
		case other != nil:
			errs = append(errs, fmt.Errorf("%s: its UID %q is also that of %s", n, n.UID, other))
		default:
			first[n.UID] = n
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("nodes that keep state need a UID, by which it is found again when the job is changed; "+
			"give plan.UID(\"...\") to\n\t%s", strings.Join(missing, "\n\t")))
	}
	return errors.Join(errs...)
}
