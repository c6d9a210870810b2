package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
)

// Job is a logical graph. One goroutine builds it.
type Job struct {
	Name  string
	Nodes []*Node
	Sides map[string]connectors.Sink // for bad records, by the name that policies use

	errs     []error
	counters []*Counter
}

// NewJob returns an empty job.
func NewJob(name string) *Job { return &Job{Name: name} }

// Node is one operation of a job.
type Node struct {
	ID          int
	Name        string // what messages and plans call it: the operation's name, or the user's
	Site        Site   // where the user wrote it
	Op          Op
	Inputs      []*Node
	Schema      *columnar.Schema // of the output; nil while only the data can tell
	UID         string           // set by the user: the identity of the node's state
	Place       string           // the identity of a source's, a sink's and an event time's state when there is no UID, as "kafka-source-2"
	Parallelism int              // set by the user; 0: the job's
	Chaining    Chaining
	Phases      Phases
}

// String is how messages name the node: "wordcount.go:31: GroupBy".
func (n *Node) String() string {
	if n.Site.File == "" {
		return n.Name
	}
	return fmt.Sprintf("%s: %s", n.Site, n.Name)
}

// Option modifies a node when it is added.
type Option func(*Node)

// UID gives the node the identity by which its state is found again when the job is changed.
func UID(id string) Option { return func(n *Node) { n.UID = id } }

// Name gives the node a name of the user's for plans, metrics and messages.
func Name(name string) Option { return func(n *Node) { n.Name = name } }

// Parallelism makes the node run in that many tasks, whatever the job's parallelism.
func Parallelism(tasks int) Option { return func(n *Node) { n.Parallelism = tasks } }

// Add appends a node for op on the inputs' outputs, of nodes that have been added before. The schema is what op makes of the inputs' schemas; a
// mistake is kept for Err.
func (j *Job) Add(op Op, inputs []*Node, options ...Option) *Node {
	j.mustBe(op.Name())
	n := &Node{ID: len(j.Nodes), Name: op.Name(), Site: caller(), Op: op, Inputs: inputs}
	for _, o := range options {
		o(n)
	}
	n.Place = j.place(op)
	if n.Parallelism < 0 {
		j.errs = append(j.errs, fmt.Errorf("%s: parallelism %d is negative", n, n.Parallelism))
	}
	if err := n.checkPhases(); err != nil {
		j.errs = append(j.errs, fmt.Errorf("%s: %w", n, err))
	}
	err := j.checkInputs(inputs)
	if err == nil {
		err = n.Derive()
	}
	if err != nil {
		j.errs = append(j.errs, fmt.Errorf("%s: %w", n, err))
	}
	j.Nodes = append(j.Nodes, n)
	return n
}

// Derive computes the node's schema from its inputs' schemas. It is called again when a source's schema has become known.
func (n *Node) Derive() error {
	in := make([]*columnar.Schema, len(n.Inputs))
	for i, input := range n.Inputs {
		in[i] = input.Schema
	}
	var err error
	switch op := n.Op.(type) {
	case SideOutput:
		n.Schema, err = op.of(n.Inputs[0].Op)
	default:
		n.Schema, err = op.Output(in)
	}
	return err
}

// Fail keeps a mistake in the user's program, with the line it was made on.
func (j *Job) Fail(operation string, err error) {
	j.mustBe(operation)
	j.errs = append(j.errs, fmt.Errorf("%s: %s: %w", caller(), operation, err))
}

// Side makes a sink known by a name, for nodes whose policy sends bad records there.
func (j *Job) Side(name string, sink connectors.Sink) {
	if j.Sides == nil {
		j.Sides = map[string]connectors.Sink{}
	}
	if j.Sides[name] != nil {
		j.Fail("Side", fmt.Errorf("there are two sinks of the name %q", name))
	}
	if err := sink.Validate(); err != nil {
		j.Fail("Side", err)
	}
	j.Sides[name] = sink
}

// Err returns all mistakes made while building, nil when there are none. A job that does nothing with its data is one.
func (j *Job) Err() error {
	if len(j.errs) == 0 && !slices.ContainsFunc(j.Nodes, (*Node).IsEnd) {
		return errors.New("the job writes, collects and prints nothing")
	}
	return errors.Join(append(slices.Clone(j.errs), j.checkSides())...)
}

// IsEnd says whether the node's rows leave the job.
func (n *Node) IsEnd() bool {
	switch n.Op.(type) {
	case Write, Collect:
		return true
	default:
		return false
	}
}

// Consumers returns, by node ID, the nodes that read each node's output.
func (j *Job) Consumers() [][]*Node {
	out := make([][]*Node, len(j.Nodes))
	for _, n := range j.Nodes {
		for _, in := range n.Inputs {
			out[in.ID] = append(out[in.ID], n)
		}
	}
	return out
}
