package physical

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
)

// Options are the settings that shape a physical plan.
type Options struct {
	Parallelism    int   // tasks a stage has at most
	Pipelined      bool  // edges flow where they can
	Streaming      bool  // all edges flow
	KeyGroups      int   // a power of two; 0: state.DefaultKeyGroups
	BroadcastBytes int64 // a join side of at most so many bytes is sent to all tasks; 0: the default
}

// defaultBroadcastBytes is small against the memory of any task, and a few batches on an exchange.
const defaultBroadcastBytes = 16 << 20

// Compile cuts an optimised job, whose schemas are all known, into stages.
func Compile(job *plan.Job, o Options) (*Plan, error) {
	if o.BroadcastBytes == 0 {
		o.BroadcastBytes = defaultBroadcastBytes
	}
	c := &compiler{
		plan: &Plan{Job: job, IsStreaming: o.Streaming}, options: o, consumers: job.Consumers(), at: make([]*Stage, len(job.Nodes)), sizes: make([]int64, len(job.Nodes)),
	}
	for _, n := range job.Nodes {
		if err := c.node(n); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	c.fill(job)
	for _, e := range c.plan.Edges {
		e.From.Outputs = append(e.From.Outputs, e)
	}
	if !o.Streaming { // there, inputs are read as they come, and no operator waits for the end of one
		c.breakDiamonds()
	}
	if err := c.plan.Divide(cmp.Or(o.KeyGroups, state.DefaultKeyGroups)); err != nil {
		return nil, err
	}
	return c.plan, nil
}

type compiler struct {
	plan      *Plan
	options   Options
	consumers [][]*plan.Node
	at        []*Stage // by node: the stage whose chain ends with the node's output
	sizes     []int64  // by node: about how many bytes come out; -1 unknown
}

// errNeedsEnd is why an operation cannot be part of a job that runs as a stream.
var errNeedsEnd = errors.New("it gives nothing before all its input is there, and the job's input need not end; on streams, windows and keyed functions do such work")

// needsEnd says whether an operation waits for the end of its input, or has state that is in no checkpoint.
func needsEnd(op plan.Op) bool {
	switch op := op.(type) {
	case plan.Whole, plan.Aggregate, plan.Join, plan.Sort, plan.Limit, plan.Sided:
		return true
	case plan.Partition:
		return op.Kind == plan.ByRange
	default:
		return false
	}
}

// node places one node.
func (c *compiler) node(n *plan.Node) error {
	if c.options.Streaming && needsEnd(n.Op) {
		return errNeedsEnd
	}
	c.sizes[n.ID] = c.estimate(n)
	switch op := n.Op.(type) {
	case plan.Read:
		if op.Scan.Columns == nil && op.Source.Schema() == nil {
			op.Scan.Columns = n.Schema // what one file tells holds for all: its readers do not know it
		}
		s := c.stage(n)
		if f := op.Facts; f.Splits > 0 && n.Parallelism == 0 {
			s.Tasks = min(s.Tasks, f.Splits)
		}
		c.place(n, s, Source{op})
	case plan.Rows:
		c.chain(n, Rows{op})
	case plan.Filter:
		c.chain(n, Filter{op})
	case plan.Project:
		c.chain(n, Select{op})
	case plan.Drop:
		c.chain(n, Pick{first(len(n.Inputs[0].Schema.Fields))[op.Columns:]})
	case plan.Whole:
		c.whole(n, op)
	case plan.Aggregate:
		c.aggregate(n, op)
	case plan.Join:
		c.join(n, op)
	case plan.Sided:
		c.sided(n, op)
	case plan.Rolling:
		c.rolling(n, op)
	case plan.Sort:
		c.sort(n, op)
	case plan.Limit:
		c.limit(n, op)
	case plan.Union:
		c.union(n)
	case plan.Partition:
		c.partition(n, op)
	case plan.Write:
		c.write(n, op)
	case plan.Collect:
		c.chain(n, Result{op})
	case plan.SideOutput:
		c.side(n, op)
	case plan.Window:
		c.window(n, op)
	case plan.Placed:
		c.placed(n, op)
	default:
		return fmt.Errorf("the physical plan knows no operation %T", op)
	}
	return nil
}

// fill gives stages that only hand rows on an operator that does so: one exchange follows another.
func (c *compiler) fill(job *plan.Job) {
	for _, n := range job.Nodes {
		if s := c.at[n.ID]; s != nil && len(s.Chain) == 0 {
			s.Chain = []Op{{Node: n, Spec: Pick{first(len(n.Schema.Fields))}}}
		}
	}
}

// stage opens a new stage for a node.
func (c *compiler) stage(n *plan.Node) *Stage {
	s := &Stage{ID: len(c.plan.Stages), Tasks: c.options.Parallelism}
	if n.Parallelism > 0 {
		s.Tasks, s.Fixed = n.Parallelism, true
	}
	c.plan.Stages = append(c.plan.Stages, s)
	return s
}

// place adds an operator to a stage's chain, whose output is the node's from now on.
func (c *compiler) place(n *plan.Node, s *Stage, spec Spec) {
	s.Chain = append(s.Chain, Op{Node: n, Spec: spec})
	c.at[n.ID] = s
}

// chain adds an operator behind its input, in the same stage where that is possible.
func (c *compiler) chain(n *plan.Node, spec Spec) { c.place(n, c.behind(n), spec) }

// behind returns a stage that ends with n's input and that n may be chained to: the input's own, unless others read it too or the user
// wants another parallelism.
func (c *compiler) behind(n *plan.Node) *Stage {
	in := n.Inputs[0]
	from := c.at[in.ID]
	if c.isOnlyConsumer(in) && (n.Parallelism == 0 || n.Parallelism == from.Tasks) && n.MayChain() {
		return from
	}
	to := c.stage(n)
	kind := Forward
	if n.Parallelism == 0 {
		to.Tasks, to.Fixed = from.Tasks, from.Fixed
	} else {
		kind = Rebalance
	}
	c.connect(from, to, Edge{Kind: kind, Schema: in.Schema})
	return to
}

// connect adds an edge.
func (c *compiler) connect(from, to *Stage, e Edge) {
	e.ID, e.From, e.To = len(c.plan.Edges), from, to
	e.Blocking = !c.options.Streaming && (!c.options.Pipelined || e.Orders != nil)
	c.plan.Edges = append(c.plan.Edges, &e)
	to.Inputs = append(to.Inputs, &e)
}

// exchange opens a stage for n that gets the rows of from's end.
func (c *compiler) exchange(n *plan.Node, from *Stage, e Edge) *Stage {
	to := c.stage(n)
	if e.Kind == Gather {
		to.Tasks, to.Fixed = 1, true
	}
	c.connect(from, to, e)
	return to
}

func (c *compiler) whole(n *plan.Node, op plan.Whole) {
	if op.Keys == nil {
		c.chain(n, Whole{op})
		return
	}
	columns := append(slices.Clip(op.Keys), op.Then...)
	e := Edge{Kind: Hash, Columns: op.Keys, Sorted: columns, Orders: ascending(columns), Schema: n.Inputs[0].Schema}
	c.place(n, c.exchange(n, c.at[n.Inputs[0].ID], e), Whole{op})
}

func (c *compiler) aggregate(n *plan.Node, op plan.Aggregate) {
	from := c.behind(&plan.Node{Inputs: n.Inputs})
	c.place(n, from, Aggregate{Keys: op.Keys, Calls: op.Calls, Mode: Partial})
	e := Edge{Kind: Hash, Columns: first(len(op.Keys)), Schema: StateSchema(n.Inputs[0].Schema, op)}
	if len(op.Keys) == 0 {
		e.Kind = Gather
	}
	to := c.exchange(n, from, e)
	c.place(n, to, Aggregate{Keys: first(len(op.Keys)), Calls: op.Calls, Mode: Final})
}

// StateSchema returns the schema between the two halves of an aggregate: keys, then the states of each call.
func StateSchema(in *columnar.Schema, op plan.Aggregate) *columnar.Schema {
	s := in.Select(op.Keys)
	for i, call := range op.Calls {
		for _, f := range call.Function.State {
			f.Name = fmt.Sprintf("%d.%s", i, f.Name)
			s.Fields = append(s.Fields, f)
		}
	}
	return s
}

func (c *compiler) sort(n *plan.Node, op plan.Sort) {
	if !op.Global {
		c.chain(n, Order{Columns: op.Columns, Orders: op.Orders, Schema: n.Schema})
		return
	}
	to := c.exchange(n, c.at[n.Inputs[0].ID], Edge{Kind: Range, Sorted: op.Columns, Orders: op.Orders, Schema: n.Schema})
	c.at[n.ID] = to
}

func (c *compiler) limit(n *plan.Node, op plan.Limit) {
	from := c.behind(&plan.Node{Inputs: n.Inputs})
	c.place(n, from, Limit{op.Rows})
	if from.Tasks == 1 {
		return
	}
	c.place(n, c.exchange(n, from, Edge{Kind: Gather, Schema: n.Schema}), Limit{op.Rows})
}

func (c *compiler) union(n *plan.Node) {
	to := c.stage(n)
	for _, in := range n.Inputs {
		c.connect(c.at[in.ID], to, Edge{Kind: Forward, Schema: in.Schema})
	}
	c.at[n.ID] = to
}

func (c *compiler) partition(n *plan.Node, op plan.Partition) {
	in := n.Inputs[0]
	kind := map[plan.PartitionKind]Kind{
		plan.ByHash: Hash, plan.ByRange: Range, plan.ByIndex: Index, plan.Rebalance: Rebalance, plan.Broadcast: Broadcast, plan.Gather: Gather,
		plan.Forward: Forward, plan.Rescale: Rescale, plan.Shuffle: Shuffle, plan.ByLoad: ByLoad,
	}[op.Kind]
	e := Edge{Kind: kind, Columns: op.Columns, Schema: in.Schema}
	if kind == Range {
		e.Sorted, e.Orders = op.Columns, ascending(op.Columns)
	}
	to := c.exchange(n, c.at[in.ID], e)
	to.Fixed = to.Fixed || kind == Index
	if from := c.at[in.ID]; kind == Forward && n.Parallelism == 0 {
		to.Tasks, to.Fixed = from.Tasks, from.Fixed
	}
	c.at[n.ID] = to
	if op.Drop > 0 {
		keep := first(len(in.Schema.Fields))[op.Drop:]
		c.place(n, to, Pick{keep})
	}
}

// limited is a sink that must not be written by more than so many tasks.
type limited interface{ MaxTasks() int }

func (c *compiler) write(n *plan.Node, op plan.Write) {
	s := c.behind(n)
	if l, ok := op.Sink.(limited); ok && l.MaxTasks() > 0 && l.MaxTasks() < s.Tasks {
		s = c.narrow(n, s, l.MaxTasks())
	}
	c.place(n, s, Sink{op})
}

// narrow returns a stage of at most tasks tasks that ends as s does: s itself when nothing in it hinders, else one behind an exchange that
// keeps the order of tasks. A source is read by all tasks, also one whose stage has broadcast sides.
func (c *compiler) narrow(n *plan.Node, s *Stage, tasks int) *Stage {
	if !s.Fixed && !s.IsSource() {
		s.Tasks = tasks
		return s
	}
	to := c.stage(n)
	to.Tasks = tasks
	c.connect(s, to, Edge{Kind: Forward, Schema: n.Inputs[0].Schema})
	return to
}

// breakDiamonds makes the inputs of a stage blocking wherever two of them come from one producer by different ways: if all flowed, each
// could wait for the other. Where that leaves a region that waits for itself, nothing flows.
func (c *compiler) breakDiamonds() {
	for _, s := range c.plan.Stages {
		seen := map[*Stage]bool{}
		for _, e := range s.Inputs {
			if !e.Blocking && reaches(e.From, seen) {
				block(s.Inputs)
			}
		}
	}
	if !c.plan.isSound() {
		block(c.plan.Edges)
	}
}

func block(edges []*Edge) {
	for _, e := range edges {
		e.Blocking = true
	}
}

// reaches says whether a walk up the pipelined edges from s meets a stage seen before; it marks what it meets.
func reaches(s *Stage, seen map[*Stage]bool) bool {
	if seen[s] {
		return true
	}
	seen[s] = true
	for _, e := range s.Inputs {
		if !e.Blocking && reaches(e.From, seen) {
			return true
		}
	}
	return false
}

// isSound says whether the regions can be run in their order: each reads, over blocking edges, only from regions before it.
func (p *Plan) isSound() bool {
	order := map[*Stage]int{}
	for i, region := range p.Regions() {
		for _, s := range region {
			order[s] = i
		}
	}
	for _, e := range p.Edges {
		if e.Blocking && order[e.From] >= order[e.To] {
			return false
		}
	}
	return true
}

// first returns 0 to n-1.
func first(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
