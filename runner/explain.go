package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
)

// explain prints the plan of the job in the form that the settings ask for.
func (p Program) explain(ctx context.Context, s *Settings) error {
	o := s.Options
	o.Files = NewFiles(s.HDFS)
	defer func() { _ = o.Files.Close() }() // only read from
	logical, compiled, err := Plan(ctx, p.Job.Build, o)
	if err != nil {
		return Cause(ctx, err)
	}
	return Explain(p.Stdout, s.Explain, logical, compiled)
}

// Explain prints a logical graph and its physical plan to w: form is "text", "json" or "dot".
func Explain(w io.Writer, form string, logical *plan.Job, compiled *physical.Plan) error {
	graph, stages := logical.Outline(), compiled.Outline()
	switch form {
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Logical  plan.Outline     `json:"logical"`
			Physical physical.Outline `json:"physical"`
		}{graph, stages})
	case "dot":
		return explainDOT(w, graph, stages)
	case "text":
		return explainText(w, graph, stages)
	default:
		return &UsageError{fmt.Errorf("plans are printed as text, json or dot, not as %q", form)}
	}
}

func explainText(w io.Writer, graph plan.Outline, stages physical.Outline) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "job %s\n\nlogical graph\n", graph.Job)
	err := graph.WriteText(&b)
	b.WriteString("\nphysical plan\n")
	if err == nil {
		err = stages.WriteText(&b)
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(b.Bytes()) { // tables leave blanks where the last cell is empty
		if _, err := fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func explainDOT(w io.Writer, graph plan.Outline, stages physical.Outline) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph %q {\n  node [shape=box]\n  subgraph cluster_logical {\n    label=\"logical graph\"\n", graph.Job)
	err := graph.WriteDOT(&b, "n")
	b.WriteString("  }\n  subgraph cluster_physical {\n    label=\"physical plan\"\n")
	if err == nil {
		err = stages.WriteDOT(&b, "s")
	}
	b.WriteString("  }\n}\n")
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}
