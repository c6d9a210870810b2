package physical

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan"
)

// Outline is a physical plan as plain data: for people, as text, and for tools, as JSON.
type Outline struct {
	Stages []StageOutline `json:"stages"`
}

// StageOutline is a stage of an Outline.
type StageOutline struct {
	ID        int           `json:"id"`
	Tasks     int           `json:"tasks"` // at most, unless Fixed
	Fixed     bool          `json:"fixed,omitempty"`
	Region    int           `json:"region"` // stages of a region run, and fail, together
	Inputs    []EdgeOutline `json:"inputs,omitempty"`
	Operators []OpOutline   `json:"operators"`
}

// EdgeOutline is an exchange of an Outline.
type EdgeOutline struct {
	From     int      `json:"from"` // ID of a stage
	Port     int      `json:"port"`
	Kind     string   `json:"kind"`
	Columns  []string `json:"columns,omitempty"`
	Sorted   []string `json:"sorted,omitempty"`
	Blocking bool     `json:"blocking"`
	Schema   []string `json:"schema"`
}

// OpOutline is an operator of an Outline.
type OpOutline struct {
	Name   string `json:"name"`
	Site   string `json:"site,omitempty"`
	Does   string `json:"does"` // "partial aggregate"
	Detail string `json:"detail,omitempty"`
}

// Outline describes the plan.
func (p *Plan) Outline() Outline {
	region := map[*Stage]int{}
	for i, stages := range p.Regions() {
		for _, s := range stages {
			region[s] = i
		}
	}
	var o Outline
	for _, s := range p.Stages {
		out := StageOutline{ID: s.ID, Tasks: s.Tasks, Fixed: s.Fixed, Region: region[s]}
		for _, e := range s.Inputs {
			out.Inputs = append(out.Inputs, EdgeOutline{
				From: e.From.ID, Port: e.Port, Kind: e.Kind.String(), Columns: columnNames(e.Schema, e.Columns), Sorted: columnNames(e.Schema, e.Sorted),
				Blocking: e.Blocking, Schema: plan.SchemaOutline(e.Schema),
			})
		}
		for _, op := range s.Chain {
			out.Operators = append(out.Operators, op.outline())
		}
		o.Stages = append(o.Stages, out)
	}
	return o
}

func columnNames(s *columnar.Schema, columns []int) []string {
	var names []string
	for _, c := range columns {
		names = append(names, s.Fields[c].Name)
	}
	return names
}

func (op Op) outline() OpOutline {
	out := OpOutline{Name: op.Node.Name, Does: does(op.Spec), Detail: plan.Brief(op.Node.Op.Describe())}
	if op.Node.Site.File != "" {
		out.Site = op.Node.Site.String()
	}
	return out
}

// does says in a word or three what an operator does.
func does(s Spec) string {
	switch s := s.(type) {
	case Source:
		return "source"
	case Rows:
		return "functions on records"
	case Whole:
		return "function on partitions"
	case Filter:
		return "filter"
	case Select:
		return "compute columns"
	case Pick:
		return "keep columns"
	case Sink:
		return "sink"
	case Result:
		return "result to the program"
	case Limit:
		return "limit"
	case Order:
		return "sort"
	case Aggregate:
		return [...]string{Partial: "partial aggregate", Final: "final aggregate"}[s.Mode]
	case Window:
		return [...]string{Partial: "partial windows", Final: "final windows"}[s.Mode]
	case Join:
		return [...]string{"merge join", "hash join, table of the left side", "hash join, table of the right side"}[s.Build+1]
	case Placed:
		return placedDoes(s.Op)
	default:
		return fmt.Sprintf("%T", s)
	}
}

// placedDoes is does for operations that the plan only places.
func placedDoes(op plan.Placed) string {
	switch op := op.(type) {
	case plan.Window:
		return "windows"
	case plan.EventTime:
		return "event time"
	case plan.Process:
		return "functions with state"
	case plan.Interval:
		return "interval join"
	case plan.Async:
		return "requests to others"
	default:
		return op.Name()
	}
}

// WriteText prints the stages one after another: where each gets its rows from, then its operators in the order in which rows pass them.
func (o Outline) WriteText(w io.Writer) error {
	for _, s := range o.Stages {
		if _, err := fmt.Fprintf(w, "  stage %d: %s\n", s.ID, s.about()); err != nil {
			return err
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, op := range s.Operators {
			fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", op.Does, op.Name, op.Site, op.Detail)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (s StageOutline) about() string {
	tasks := fmt.Sprintf("up to %d tasks", s.Tasks)
	if s.Fixed || s.Tasks == 1 {
		tasks = strings.TrimSuffix(fmt.Sprintf("%d tasks", s.Tasks), map[bool]string{true: "s"}[s.Tasks == 1])
	}
	parts := []string{tasks}
	for _, e := range s.Inputs {
		parts = append(parts, fmt.Sprintf("input %d from stage %d, %s", e.Port, e.From, e.about()))
	}
	return strings.Join(parts, "; ")
}

// about is "hash of word, complete before it is read".
func (e EdgeOutline) about() string {
	text := e.Kind
	if len(e.Columns) > 0 {
		text += " of " + strings.Join(e.Columns, ", ")
	}
	if len(e.Sorted) > 0 {
		text += " sorted by " + strings.Join(e.Sorted, ", ")
	}
	if e.Blocking {
		return text + ", blocking"
	}
	return text + ", pipelined"
}

// WriteDOT prints stages as clusters, in the language of Graphviz, without the braces around them; names begin with prefix.
func (o Outline) WriteDOT(w io.Writer, prefix string) error {
	var b strings.Builder
	for _, s := range o.Stages {
		fmt.Fprintf(&b, "    subgraph cluster_%s%d {\n      label=\"stage %d, %d tasks\"\n", prefix, s.ID, s.ID, s.Tasks)
		fmt.Fprintf(&b, "      %s%d_in [shape=point]\n", prefix, s.ID)
		last := fmt.Sprintf("%s%d_in", prefix, s.ID)
		for i, op := range s.Operators {
			next := fmt.Sprintf("%s%d_%d", prefix, s.ID, i)
			fmt.Fprintf(&b, "      %s [label=%q]\n      %s -> %s\n", next, strings.TrimSpace(op.Name+"\n"+op.Does), last, next)
			last = next
		}
		b.WriteString("    }\n")
	}
	for _, s := range o.Stages {
		for _, e := range s.Inputs {
			fmt.Fprintf(&b, "    %s -> %s%d_in [label=%q]\n", o.end(prefix, e.From), prefix, s.ID, e.about())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// end is the name of a stage's last operator.
func (o Outline) end(prefix string, stage int) string {
	n := len(o.Stages[stage].Operators)
	if n == 0 {
		return fmt.Sprintf("%s%d_in", prefix, stage)
	}
	return fmt.Sprintf("%s%d_%d", prefix, stage, n-1)
}
