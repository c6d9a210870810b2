package physical

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/plan"
)

// Plan is the stages of a job. Regions has them in an order in which they can run.
type Plan struct {
	Job    *plan.Job
	Stages []*Stage
	Edges  []*Edge
	// IsStreaming says that nothing is waited for: all stages run at once, and the job takes checkpoints.
	IsStreaming bool
	KeyGroups   int // in how many parts keyed state, and the rows of hash edges, are divided; set by Divide
}

// Stage is a chain of operators run by a number of tasks.
type Stage struct {
	ID      int
	Chain   []Op
	Inputs  []*Edge // of the first operator, and broadcast sides of others; those of a source stage are all sides
	Outputs []*Edge
	Tasks   int  // at most; fewer run when there is little data
	Fixed   bool // exactly Tasks: the user said so, or the meaning depends on it
}

// Op is one operator of a chain.
type Op struct {
	Node *plan.Node // what it does for the user: names, metrics and messages go by it
	Spec Spec
}

// Spec says what an operator does. It is one of the types of this file.
type Spec interface{ spec() }

// The operators.
type (
	// Source reads; it is always first.
	Source struct{ Read plan.Read }
	// Rows calls the user's functions.
	Rows struct{ Op plan.Rows }
	// Whole calls a function over a partition, or over groups of sorted input.
	Whole struct{ Op plan.Whole }
	// Filter keeps rows.
	Filter struct{ Op plan.Filter }
	// Select computes columns.
	Select struct{ Op plan.Project }
	// Pick keeps columns, in that order.
	Pick struct{ Columns []int }
	// Sink writes.
	Sink struct{ Op plan.Write }
	// Result hands rows to the program.
	Result struct{ Op plan.Collect }
	// Limit passes the first rows.
	Limit struct{ Rows int64 }
	// Order sorts.
	Order struct {
		Columns []int
		Orders  []keys.Order
		Schema  *columnar.Schema // of the rows
	}
	// Aggregate is grouped or, without keys, of the whole input. Keys and Calls' inputs are columns of the input. A Partial one emits
	// keys and states; a Final one reads them: key columns first, then each call's state columns.
	Aggregate struct {
		Keys  []int
		Calls []plan.Call
		Mode  Mode
	}
	// Join joins inputs 0 and 1 on equal keys. Build is the input of which a table is made; -1: both inputs come sorted by the keys
	// and are merged.
	Join struct {
		Op    plan.Join
		Build int
	}
)

func (Source) spec()    {}
func (Rows) spec()      {}
func (Whole) spec()     {}
func (Filter) spec()    {}
func (Select) spec()    {}
func (Pick) spec()      {}
func (Sink) spec()      {}
func (Result) spec()    {}
func (Limit) spec()     {}
func (Order) spec()     {}
func (Aggregate) spec() {}
func (Join) spec()      {}

// Mode says which half of an aggregate an operator does.
type Mode uint8

// The modes.
const (
	Partial Mode = iota // rows to states
	Final               // states to results
)

// Kind says how an edge spreads rows over the tasks of its consumer.
type Kind uint8

// The kinds of edges.
const (
	Forward   Kind = iota // as they come: task i of n to task i*m/n of m
	Hash                  // by hash of columns
	Range                 // sorted by the producers, cut at boundaries sampled from all of them, merged by the consumers
	Index                 // an int32 column names the partition
	Rebalance             // in turn
	Broadcast             // all to all
	Gather                // all to the one task
	Rescale               // in turn, each producer to its share of the consumers
	Shuffle               // at random
	ByLoad                // to the consumer that is the least behind
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"forward", "hash", "range", "index", "rebalance", "broadcast", "gather", "rescale", "shuffle", "by load"}[k]
}

// Edge is an exchange between two stages.
type Edge struct {
	ID       int
	From, To *Stage
	At       int // the operator of To's chain that takes the rows; 0 unless it is a broadcast side
	Port     int // the input of that operator
	Kind     Kind
	Columns  []int        // Hash, Index
	Sorted   []int        // the columns by which the consumer wants its rows in order: producers sort, the consumer merges
	Orders   []keys.Order // one for each of Sorted
	Blocking bool
	Schema   *columnar.Schema // of the rows exchanged
	Side     *Side            // where the rows come from, when that is not the end of From's chain
}

// Side is a side output of an operator of a chain.
type Side struct{ At, Number int }

// UID identifies an operator's state in checkpoints. The first of two steps has none but a watermark, and is another than the node's.
func UID(op Op) string {
	if w, ok := op.Spec.(Window); ok && w.Mode == Partial {
		return op.Node.Identity() + ", partial"
	}
	return op.Node.Identity()
}

// IsSource says whether the stage reads a source.
func (s *Stage) IsSource() bool {
	if len(s.Chain) == 0 { // only while it is compiled
		return false
	}
	_, ok := s.Chain[0].Spec.(Source)
	return ok
}

// Regions returns the stages by region: those joined by pipelined edges are scheduled, and fail, together. Regions come in an order in
// which each follows those it reads from.
func (p *Plan) Regions() [][]*Stage {
	root := make([]int, len(p.Stages))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for _, e := range p.Edges {
		if !e.Blocking {
			a, b := find(e.From.ID), find(e.To.ID)
			root[max(a, b)] = min(a, b)
		}
	}
	byRoot := map[int][]*Stage{}
	for _, s := range p.Stages {
		byRoot[find(s.ID)] = append(byRoot[find(s.ID)], s)
	}
	return p.sorted(byRoot, find)
}

// sorted orders regions so that each follows those it reads from over blocking edges.
func (p *Plan) sorted(regions map[int][]*Stage, find func(int) int) [][]*Stage {
	var out [][]*Stage
	done := map[int]bool{}
	var visit func(r int)
	visit = func(r int) {
		if done[r] {
			return
		}
		done[r] = true
		for _, s := range regions[r] {
			for _, e := range s.Inputs {
				visit(find(e.From.ID))
			}
		}
		out = append(out, regions[r])
	}
	for _, s := range p.Stages {
		visit(find(s.ID))
	}
	return out
}

// Schema returns the schema of the rows behind operator i of the chain; nil behind a sink.
func (s *Stage) Schema(i int) *columnar.Schema {
	op := s.Chain[i]
	switch spec := op.Spec.(type) {
	case Aggregate:
		if spec.Mode == Partial {
			return StateSchema(op.Node.Inputs[0].Schema, op.Node.Op.(plan.Aggregate))
		}
	case Window:
		if spec.Mode == Partial {
			return windowStates(op.Node)
		}
	case Order:
		return spec.Schema
	case Limit:
		return op.Node.Inputs[0].Schema
	case Sink, Result:
		return nil
	}
	return op.Node.Schema
}
