package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/stream"
)

// shownCheckpoints is how many of the last checkpoints a status has.
const shownCheckpoints = 10

// helm is the Controls of a job that takes checkpoints: it remembers what becomes of it, and asks for what its user wants.
type helm struct {
	plan        *physical.Plan
	worker      *worker.Worker
	coordinator *coordinator.Coordinator
	running     func(Controls) // called once; nil: nobody wants to know

	mu          sync.Mutex // guards all below
	state       status.State
	since       time.Time
	restarts    int
	failure     *status.Failure
	checkpoints status.Checkpoints
	backlog     []int // source stages that work off one
	waiting     map[int]chan checkpoint.Answer
	asked       int
	isOver      bool
	still       map[int]standing // by node: watermarks that do not move
}

// standing is a watermark and since when it is the same.
type standing struct {
	watermark stream.Watermark
	since     time.Time
	rows      int64 // that had come into the job then
}

func newHelm(p *physical.Plan, running func(Controls)) *helm {
	return &helm{
		plan: p, running: running, state: status.Created, since: time.Now(), waiting: map[int]chan checkpoint.Answer{}, still: map[int]standing{},
	}
}

// begun says that all tasks have been started, from a checkpoint or, if saved is nil, from nothing.
func (h *helm) begun(saved *checkpoint.Saved) {
	h.mu.Lock()
	first := h.state == status.Created
	h.enter(status.Running)
	if saved != nil {
		c := shown(saved.Manifest)
		c.State, c.URL = status.Complete, saved.Root.String()
		h.checkpoints.Restored = &c
	}
	h.mu.Unlock()
	if first && h.running != nil {
		h.running(h)
	}
}

// enter is called with mu held.
func (h *helm) enter(s status.State) { h.state, h.since = s, time.Now() }

// failed says that an attempt has failed and the job is begun again.
func (h *helm) failed(a control.Attempt, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != status.Restarting {
		h.restarts++
		h.enter(status.Restarting)
	}
	h.failure = &status.Failure{At: time.Now().UTC(), Task: a.String(), Error: err.Error()}
}

// shown is a checkpoint as a status has it.
func shown(m *checkpoint.Manifest) status.Checkpoint {
	kind := status.Periodic
	if m.Kind.IsSavepoint() {
		kind = status.Savepoint
	}
	return status.Checkpoint{ID: int64(m.ID), Kind: kind, Started: m.Time, Unaligned: m.Unaligned, InFlightBytes: m.InFlight()}
}

// triggered says that a checkpoint has begun.
func (h *helm) triggered(t checkpoint.Trigger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.Kind.Ends() {
		h.enter(status.Finishing)
	}
	c := shown(&checkpoint.Manifest{ID: t.ID, Kind: t.Kind, Time: time.Now().UTC()})
	c.State = status.InProgress
	h.checkpoints.Last = slices.Insert(h.checkpoints.Last, 0, c)
	if n := len(h.checkpoints.Last); n > shownCheckpoints {
		h.checkpoints.Last = h.checkpoints.Last[:shownCheckpoints]
	}
}

// settled changes a checkpoint that has begun.
func (h *helm) settled(id stream.CheckpointID, change func(*status.Checkpoint)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.checkpoints.Last {
		if c := &h.checkpoints.Last[i]; c.ID == int64(id) {
			c.Duration = time.Since(c.Started).Seconds()
			change(c)
		}
	}
}

func (h *helm) completed(m *checkpoint.Manifest, url string) {
	h.settled(m.ID, func(c *status.Checkpoint) {
		c.State, c.URL, c.Bytes, c.StateBytes = status.Complete, url, m.Written(), m.Bytes()
		c.Unaligned, c.InFlightBytes = m.Unaligned, m.InFlight()
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checkpoints.Completed++
}

func (h *helm) aborted(id stream.CheckpointID, err error) {
	h.settled(id, func(c *status.Checkpoint) { c.State, c.Error = status.NotMade, err.Error() })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checkpoints.Failed++
	if h.state == status.Finishing {
		h.enter(status.Running)
	}
}

// backlogged says which source stages work off what was there before.
func (h *helm) backlogged(stages []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.backlog = stages
}

// answered gives whoever asked for a checkpoint the answer.
func (h *helm) answered(a checkpoint.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.waiting[a.Number]; c != nil {
		delete(h.waiting, a.Number)
		c <- a // has room for it
	}
}

// request asks for a checkpoint and waits until it is complete, or ctx ends.
func (h *helm) request(ctx context.Context, k checkpoint.Kind, target string) (status.Checkpoint, error) {
	answer := make(chan checkpoint.Answer, 1)
	h.mu.Lock()
	if h.isOver {
		h.mu.Unlock()
		return status.Checkpoint{}, errEnded
	}
	h.asked++
	number := h.asked
	h.waiting[number] = answer
	h.mu.Unlock()
	h.coordinator.Request(number, k, target)
	select {
	case a := <-answer:
		c := h.find(a.ID)
		if a.Err != nil {
			return c, a.Err
		}
		return c, nil
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting, number)
		return status.Checkpoint{}, context.Cause(ctx)
	}
}

func (h *helm) find(id stream.CheckpointID) status.Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.checkpoints.Last {
		if c.ID == int64(id) {
			return c
		}
	}
	return status.Checkpoint{ID: int64(id)}
}

var errEnded = errors.New("the job has ended")

// over has those who still wait know that nothing will come.
func (h *helm) over() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isOver = true
	for number, c := range h.waiting {
		delete(h.waiting, number)
		c <- checkpoint.Answer{Number: number, Err: errEnded}
	}
}

// Checkpoint implements Controls.
func (h *helm) Checkpoint(ctx context.Context) (status.Checkpoint, error) {
	return h.request(ctx, checkpoint.Checkpoint, "")
}

// Savepoint implements Controls.
func (h *helm) Savepoint(ctx context.Context, url string) (status.Checkpoint, error) {
	return h.request(ctx, checkpoint.Savepoint, url)
}

// Stop implements Controls.
func (h *helm) Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error) {
	if drain {
		return h.request(ctx, checkpoint.Drain, url)
	}
	return h.request(ctx, checkpoint.Stop, url)
}

// inspection is how long a status waits for tasks, which may be busy with a batch.
const inspection = 200 * time.Millisecond

// Status implements Controls.
func (h *helm) Status() status.Job {
	ctx, cancel := context.WithTimeout(context.Background(), inspection)
	defer cancel()
	views, _ := h.worker.Inspect(ctx)
	nodes := newNodes(h.plan, h.worker.Metrics(), views)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hold(nodes)
	for _, stage := range h.backlog {
		nodes.byID[h.plan.Stages[stage].Chain[0].Node.ID].node.InBacklog = true
	}
	j := status.Job{
		State: h.state, Since: h.since, Restarts: h.restarts, LastFailure: h.failure, Checkpoints: h.checkpoints, Nodes: nodes.list(),
		MaxParallelism: h.plan.MaxParallelism(),
	}
	j.Checkpoints.Last = slices.Clone(h.checkpoints.Last)
	return j
}

// stillAfter is how long a watermark may be the same, while rows come in, before it is said what holds it back.
const stillAfter = 5 * time.Second

// hold says of watermarks that stand still what they wait for. mu is held.
func (h *helm) hold(nodes *nodes) {
	now := time.Now()
	rows := nodes.rowsIn()
	for _, n := range nodes.all {
		if !n.timed {
			continue
		}
		s, known := h.still[n.node.ID]
		if !known || s.watermark != n.watermark {
			h.still[n.node.ID] = standing{n.watermark, now, rows}
			continue
		}
		if now.Sub(s.since) < stillAfter || rows == s.rows || n.watermark == stream.EndOfTime {
			continue
		}
		n.node.Held = &status.Held{By: n.heldBy(), Since: s.since.UTC(), Reason: n.reason()}
	}
}

// nodes is a status being made: the plan's nodes with what their tasks count and show.
type nodes struct {
	all  []*nodeStatus
	byID map[int]*nodeStatus
}

type nodeStatus struct {
	node      status.Node
	counted   bool // one of its operators is
	marks     bool // it makes watermarks
	timed     bool // it does, or one before it
	watermark stream.Watermark
	behind    string // what holds the watermark back
	silent    bool   // that has never told its event time
}

func newNodes(p *physical.Plan, counted map[worker.Place]metrics.Values, views map[control.Attempt]task.View) *nodes {
	ns := &nodes{byID: map[int]*nodeStatus{}}
	for _, s := range p.Stages {
		head := counted[worker.Place{Stage: s.ID}]
		for at, op := range s.Chain {
			n := ns.add(op, s)
			n.count(counted[worker.Place{Stage: s.ID, Op: at}], head)
		}
		for a, v := range views {
			if a.Stage == s.ID {
				ns.show(s, a.Task, v)
			}
		}
	}
	for _, n := range ns.all { // inputs come before
		n.timed = n.marks
		for _, id := range n.node.Inputs {
			n.timed = n.timed || ns.byID[id].timed
		}
	}
	return ns
}

// inputs returns the nodes with operators that a node reads from: unions, for one, have none.
func (ns *nodes) inputs(n *plan.Node) (ids []int) {
	for _, in := range n.Inputs {
		if ns.byID[in.ID] != nil {
			ids = append(ids, in.ID)
		} else {
			ids = append(ids, ns.inputs(in)...)
		}
	}
	return ids
}

// add returns the status of an operator's node. Of a node in two steps the tasks are those of the second.
func (ns *nodes) add(op physical.Op, s *physical.Stage) *nodeStatus {
	if n := ns.byID[op.Node.ID]; n != nil {
		n.node.Stage, n.node.Tasks = s.ID, s.Tasks
		return n
	}
	n := &nodeStatus{node: status.Node{ID: op.Node.ID, Name: op.Node.String(), UID: op.Node.UID, Stage: s.ID, Tasks: s.Tasks}}
	n.watermark = stream.EndOfTime
	n.node.Inputs = ns.inputs(op.Node)
	ns.byID[op.Node.ID] = n
	ns.all = append(ns.all, n)
	return n
}

// count adds what an operator has counted: what comes into the node is what its first operator takes, what goes out is what its last one gives. How long
// its tasks were idle or backpressured is counted at the head of the chain, for all in it.
func (n *nodeStatus) count(v, head metrics.Values) {
	if !n.counted {
		n.node.RowsIn, n.node.BytesIn = v.RowsIn, v.BytesIn
	}
	n.counted, n.node.RowsOut, n.node.BytesOut = true, v.RowsOut, v.BytesOut
	n.node.Spilled += v.Spilled
	n.node.Bad += v.Bad
	n.node.Counters = v.User
	n.node.Time.Busy += time.Duration(v.Busy)
	n.node.Time.Idle += time.Duration(head.Idle)
	n.node.Time.Backpressured += time.Duration(head.Backpressured)
}

// show adds what a task shows.
func (ns *nodes) show(s *physical.Stage, index int, v task.View) {
	chain := s.Chain
	if s.IsSource() {
		ns.splits(ns.byID[chain[0].Node.ID], index, v)
		chain = chain[1:]
	}
	for i, op := range chain {
		if i >= len(v.Operators) {
			return
		}
		n, o := ns.byID[op.Node.ID], v.Operators[i]
		n.marks = n.marks || o.Marks
		n.node.State += o.State
		if o.Watermark >= n.watermark {
			continue
		}
		n.watermark = o.Watermark
		n.node.Watermark = status.EventTime(int64(o.Watermark))
		n.behind, n.silent = "", o.Watermark == stream.NoWatermark
		for _, split := range o.Splits {
			if split.Holds {
				n.behind = fmt.Sprintf("split %s of task %d", split.ID, index)
				n.silent = split.Mark == stream.NoWatermark
			}
		}
		if n.behind == "" && o.Behind >= 0 {
			n.behind = ns.feed(s, chain, i, o.Behind)
		}
	}
}

// feed names what feeds an operator.
func (ns *nodes) feed(s *physical.Stage, chain []physical.Op, at, feed int) string {
	position := at
	if s.IsSource() {
		position++
	}
	for _, e := range s.Inputs {
		if e.At != position {
			continue
		}
		if feed == 0 {
			return fmt.Sprintf("input %d, from %s", e.Port, producer(e.From.Chain, chain[at].Node))
		}
		feed--
	}
	if at > 0 {
		return chain[at-1].Node.String()
	}
	return "the source"
}

// producer returns the last node of a chain other than n, of which the first step may be there.
func producer(chain []physical.Op, n *plan.Node) *plan.Node {
	for _, op := range slices.Backward(chain) {
		if op.Node != n {
			return op.Node
		}
	}
	return n
}

// splits lists the splits of a source's task.
func (ns *nodes) splits(source *nodeStatus, index int, v task.View) {
	seen := map[string]bool{}
	for _, o := range v.Operators {
		for _, split := range o.Splits {
			if seen[split.ID] {
				continue
			}
			seen[split.ID] = true
			out := status.Split{ID: split.ID, Task: index, Watermark: status.EventTime(int64(split.Mark)), Idle: split.Idle, Paused: split.Paused}
			if lag, ok := v.Lag[split.ID]; ok {
				out.Lag = &lag
			}
			if last := split.Last.UTC(); !split.Last.IsZero() {
				out.LastRow = &last
			}
			source.node.Splits = append(source.node.Splits, out)
		}
	}
	for id, lag := range v.Lag {
		if !seen[id] {
			source.node.Splits = append(source.node.Splits, status.Split{ID: id, Task: index, Lag: &lag})
		}
	}
	slices.SortFunc(source.node.Splits, func(a, b status.Split) int {
		if a.Task != b.Task {
			return a.Task - b.Task
		}
		return strings.Compare(a.ID, b.ID)
	})
}

func (ns *nodes) rowsIn() (n int64) {
	for _, s := range ns.all {
		if len(s.node.Inputs) == 0 {
			n += s.node.RowsIn
		}
	}
	return n
}

func (ns *nodes) list() []status.Node {
	out := make([]status.Node, len(ns.all))
	for i, n := range ns.all {
		out[i] = n.node
	}
	return out
}

func (n *nodeStatus) heldBy() string {
	if n.behind == "" {
		return n.node.Name
	}
	return n.behind
}

func (n *nodeStatus) reason() string {
	if n.silent {
		return "it has given no event time yet; an idle timeout would have the others go on without it"
	}
	return fmt.Sprintf("its event time stands at %s", time.UnixMicro(int64(n.watermark)).UTC().Format(time.RFC3339Nano))
}
