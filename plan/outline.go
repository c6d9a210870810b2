package plan

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/millrace/millrace/columnar"
)

// Outline is a logical graph as plain data: for people, as text, and for tools, as JSON.
type Outline struct {
	Job   string        `json:"job"`
	Nodes []NodeOutline `json:"nodes"`
}

// NodeOutline is a node of an Outline.
type NodeOutline struct {
	ID          int      `json:"id"`
	Name        string   `json:"name"`
	Site        string   `json:"site,omitempty"`   // where the user wrote it: "wordcount.go:31"
	Detail      string   `json:"detail,omitempty"` // what the operation says about itself
	Inputs      []int    `json:"inputs,omitempty"` // IDs of nodes
	Schema      []string `json:"schema,omitempty"` // of the output: "word: string"
	UID         string   `json:"uid,omitempty"`
	Parallelism int      `json:"parallelism,omitempty"` // set by the user
}

// Outline describes the graph.
func (j *Job) Outline() Outline {
	o := Outline{Job: j.Name}
	for _, n := range j.Nodes {
		out := NodeOutline{
			ID: n.ID, Name: n.Name, Detail: Brief(n.Op.Describe()), Schema: SchemaOutline(n.Schema), UID: n.UID, Parallelism: n.Parallelism,
		}
		if n.Site.File != "" {
			out.Site = n.Site.String()
		}
		for _, in := range n.Inputs {
			out.Inputs = append(out.Inputs, in.ID)
		}
		o.Nodes = append(o.Nodes, out)
	}
	return o
}

// SchemaOutline returns a schema's fields as texts, nil for no schema.
func SchemaOutline(s *columnar.Schema) []string {
	if s == nil {
		return nil
	}
	fields := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = f.String()
	}
	return fields
}

// packagePath is what stands before the last element of the path of a function's package: "github.com/millrace/millrace/".
var packagePath = regexp.MustCompile(`\b[\w.\-]+\.[\w.\-]+/(?:[\w.\-]+/)*`)

// Brief shortens the symbols of functions in a description to package and name.
func Brief(description string) string { return packagePath.ReplaceAllString(description, "") }

// WriteText prints the graph as a table, a node a line, inputs before those that read them.
func (o Outline) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range o.Nodes {
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\t%s\n", n.ID, n.Name, n.Site, arrows(n.Inputs), n.about())
	}
	return t.Flush()
}

// arrows is "<- 0, 2" for inputs 0 and 2.
func arrows(inputs []int) string {
	if len(inputs) == 0 {
		return ""
	}
	return "<- " + strings.Trim(strings.ReplaceAll(fmt.Sprint(inputs), " ", ", "), "[]")
}

// about is what there is to say about a node, then its schema.
func (n NodeOutline) about() string {
	parts := []string{n.Detail}
	if n.UID != "" {
		parts = append(parts, "uid "+n.UID)
	}
	if n.Parallelism > 0 {
		parts = append(parts, fmt.Sprintf("parallelism %d", n.Parallelism))
	}
	if n.Schema != nil {
		parts = append(parts, "("+strings.Join(n.Schema, ", ")+")")
	}
	return strings.TrimSpace(strings.Join(parts, "  "))
}

// WriteDOT prints the graph's nodes and edges in the language of Graphviz, without the braces around them; names begin with prefix.
func (o Outline) WriteDOT(w io.Writer, prefix string) error {
	for _, n := range o.Nodes {
		if _, err := fmt.Fprintf(w, "    %s%d [label=%q]\n", prefix, n.ID, strings.TrimSpace(n.Name+"\n"+n.Site)); err != nil {
			return err
		}
		for _, in := range n.Inputs {
			if _, err := fmt.Fprintf(w, "    %s%d -> %s%d\n", prefix, in, prefix, n.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
