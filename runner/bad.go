package runner

import (
	"fmt"
	"sync"

	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
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

// badRecords applies the nodes' policies and counts; what goes to side sinks goes there as rows (plan.Job.RouteBad). It is shared by all
// tasks. What an attempt reported counts only as long as the attempt has not failed, and no other has been launched for it because its output
// was lost: the next one reports it again.
type badRecords struct {
	mu       sync.Mutex // guards all below
	counts   map[int]*badCount
	attempts map[control.Attempt]*badAttempt // those that run
	kept     map[place]*badAttempt           // by task: of its attempt that succeeded last
}

// place is a task of a stage.
type place struct{ stage, task int }

func placeOf(a control.Attempt) place { return place{a.Stage, a.Task} }

// badCount is what is known of a node's bad records.
type badCount struct {
	node     *plan.Node
	policy   onbad.Policy
	records  int64
	bySource map[string]int64
}

// badAttempt is what one attempt has reported.
type badAttempt struct {
	counts map[int]map[string]int64 // by node, by source
}

func newBadRecords() *badRecords {
	return &badRecords{counts: map[int]*badCount{}, attempts: map[control.Attempt]*badAttempt{}, kept: map[place]*badAttempt{}}
}

// take counts a bad record; its error ends the task.
func (r *badRecords) take(a control.Attempt, n *plan.Node, b stream.Bad) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, at := r.of(n), r.attempt(a)
	c.records++
	c.bySource[b.Source]++
	if at.counts[n.ID] == nil {
		at.counts[n.ID] = map[string]int64{}
	}
	at.counts[n.ID][b.Source]++
	switch c.policy.Action {
	case onbad.FailJob:
		return &BadRecordError{Node: n.String(), Bad: b}
	default:
		if err := c.policy.Check(c.records, 0, false); err != nil {
			return &BadRecordError{Node: n.String(), Bad: b, Err: err}
		}
		return nil
	}
}

// of returns a node's count. The caller holds mu.
func (r *badRecords) of(n *plan.Node) *badCount {
	c := r.counts[n.ID]
	if c == nil {
		c = &badCount{node: n, policy: n.BadPolicy(), bySource: map[string]int64{}}
		r.counts[n.ID] = c
	}
	return c
}

// attempt returns what an attempt has reported. The caller holds mu.
func (r *badRecords) attempt(a control.Attempt) *badAttempt {
	at := r.attempts[a]
	if at == nil {
		at = &badAttempt{counts: map[int]map[string]int64{}}
		r.attempts[a] = at
	}
	return at
}

// succeeded keeps what an attempt reported.
func (r *badRecords) succeeded(a control.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.attempts[a]
	if at == nil {
		return
	}
	delete(r.attempts, a)
	r.kept[placeOf(a)] = at
}

// launched forgets what an earlier attempt at the task reported, for its output is not used.
func (r *badRecords) launched(a control.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.kept[placeOf(a)]; at != nil {
		r.uncount(at)
		delete(r.kept, placeOf(a))
	}
}

// uncount subtracts what an attempt reported. The caller holds mu.
func (r *badRecords) uncount(at *badAttempt) {
	for id, sources := range at.counts {
		for source, n := range sources {
			r.counts[id].records -= n
			r.counts[id].bySource[source] -= n
		}
	}
}

// failed forgets what an attempt reported, but for an error that ends the job, whose count the summary shows.
func (r *badRecords) failed(a control.Attempt, final bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.attempts[a]
	if at == nil {
		return
	}
	delete(r.attempts, a)
	if !final {
		r.uncount(at)
	}
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
