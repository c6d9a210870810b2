package plan

import (
	"errors"
	"fmt"
	"strings"
)

// NeedsUID says whether the node keeps state that must be found again when the job is changed and can only be found by a UID. Sources, sinks and
// event time have a place in the job too: their kind, and their number among those of it. It stays the same when their settings change (a path, a
// rate) and when anything else of the job does, but not when another of the same kind is put before them: who means to do that gives them UIDs.
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

// place returns the identity that a node of a kind gets by being the next of it; "" of other kinds.
func (j *Job) place(op Op) string {
	kind := kindOf(op)
	if kind == "" {
		return ""
	}
	number := 1
	for _, n := range j.Nodes {
		if kindOf(n.Op) == kind {
			number++
		}
	}
	return fmt.Sprintf("%s-%d", kind, number)
}

// kindOf names the kinds of nodes whose state is found by their place.
func kindOf(op Op) string {
	switch op := op.(type) {
	case Read:
		return op.Source.Name() + "-source"
	case Write:
		return op.Sink.Name() + "-sink"
	case EventTime:
		return "event-time"
	default:
		return ""
	}
}

// Identity is what the node's state is found by in checkpoints: the user's UID, or its place, or, of a node that has no state of its own, its
// number.
func (n *Node) Identity() string {
	switch {
	case n.UID != "":
		return n.UID
	case n.Place != "":
		return n.Place
	default:
		return fmt.Sprintf("node-%d", n.ID)
	}
}

// MissingUIDs returns an error that lists the nodes whose state could not be found again by another version of the job, because they have no UID.
// Only jobs that do not end need be asked: state of others does not outlive them.
func (j *Job) MissingUIDs() error {
	var missing []string
	for _, n := range j.Nodes {
		if n.UID == "" && n.NeedsUID() {
			missing = append(missing, n.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("nodes that keep state need a UID, by which it is found again when the job is changed; give plan.UID(\"...\") to\n\t%s",
		strings.Join(missing, "\n\t"))
}

// SharedUIDs returns an error that lists the nodes that have another's identity: in checkpoints their state would be taken for one another's.
func (j *Job) SharedUIDs() error {
	var errs []error
	first := map[string]*Node{}
	for _, n := range j.Nodes {
		id := n.Identity()
		if other := first[id]; other != nil {
			errs = append(errs, fmt.Errorf("%s: its UID %q is also that of %s", n, id, other))
			continue
		}
		first[id] = n
	}
	return errors.Join(errs...)
}
