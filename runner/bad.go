package runner

import (
	"fmt"
	"sync"

	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/stream"
)

// BadRecordError is a record that could not be processed, under a policy that does not let it pass.
type BadRecordError struct {
	Node string
	Bad  stream.Bad
	Err  error // what the policy says; nil: every bad record fails the job
}

// Error names place, reason and the beginning of the record; the task that failed by it names the node.
func (e *BadRecordError) Error() string {
	text := ""
	if e.Err != nil {
		text += e.Err.Error() + "; the last: "
	}
	text += e.Bad.Reason.Error()
	if e.Bad.Record != "" {
		text += fmt.Sprintf("; the record begins %q", e.Bad.Record)
	}
	return text
}

// Unwrap returns the reason.
func (e *BadRecordError) Unwrap() error { return e.Bad.Reason }

// badRecords applies the nodes' policies and counts. It is shared by all tasks.
type badRecords struct {
	mu     sync.Mutex // guards counts
	counts map[int]*badCount
}

type badCount struct {
	node     *plan.Node
	policy   onbad.Policy
	records  int64
	bySource map[string]int64
}

func newBadRecords() *badRecords { return &badRecords{counts: map[int]*badCount{}} }

// policied is a source or an operation that says what becomes of bad records.
type policied interface{ BadPolicy() onbad.Policy }

func policyOf(n *plan.Node) onbad.Policy {
	if read, ok := n.Op.(plan.Read); ok {
		if p, ok := read.Source.(policied); ok {
			return p.BadPolicy()
		}
	}
	if p, ok := n.Op.(policied); ok {
		return p.BadPolicy()
	}
	return onbad.Fail()
}

// take counts a bad record; its error ends the task.
func (r *badRecords) take(n *plan.Node, b stream.Bad) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts[n.ID]
	if c == nil {
		c = &badCount{node: n, policy: policyOf(n), bySource: map[string]int64{}}
		r.counts[n.ID] = c
	}
	c.records++
	c.bySource[b.Source]++
	if c.policy.Action == onbad.FailJob {
		return &BadRecordError{Node: n.String(), Bad: b}
	}
	if err := c.policy.Check(c.records, 0, false); err != nil {
		return &BadRecordError{Node: n.String(), Bad: b, Err: err}
	}
	return nil
}

// check looks at the limits that can be judged only when all records are known.
func (r *badRecords) check(counts map[worker.Place]metrics.Values, p *physical.Plan) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for place, v := range counts {
		n := p.Stages[place.Stage].Chain[place.Op].Node
		c := r.counts[n.ID]
		if c == nil {
			continue
		}
		total := v.RowsIn // a function's, refused or not; a source's are those that were read
		if place.Op == 0 && p.Stages[place.Stage].IsSource() {
			total += c.records
		}
		if err := c.policy.Check(c.records, total, true); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}
