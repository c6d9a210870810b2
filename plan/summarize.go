package plan

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
)

// Summarize is Aggregate by names: its types are known when the input's are.
type Summarize struct {
	Keys  []string
	Calls []NamedCall
}

// NamedCall is an aggregate of columns.
type NamedCall struct {
	Function string // as agg.Builtin knows it: "sum", "count", "min"
	Columns  []string
	As       string // the result column
}

// Name implements Op.
func (Summarize) Name() string { return "Summarize" }

// Describe implements Op.
func (o Summarize) Describe() string {
	parts := make([]string, len(o.Calls))
	for i, c := range o.Calls {
		parts[i] = fmt.Sprintf("%s = %s(%s)", c.As, c.Function, strings.Join(c.Columns, ", "))
	}
	return fmt.Sprintf("by (%s) %s", strings.Join(o.Keys, ", "), strings.Join(parts, ", "))
}

// Output implements Op.
func (o Summarize) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if in[0] == nil {
		return nil, nil
	}
	a, err := o.Resolve(in[0])
	if err != nil {
		return nil, err
	}
	return a.Output(in)
}

// Resolve returns the aggregate for an input of that schema.
func (o Summarize) Resolve(in *columnar.Schema) (Aggregate, error) {
	var out Aggregate
	var err error
	if out.Keys, err = positions(in, o.Keys); err != nil {
		return out, err
	}
	for _, c := range o.Calls {
		call := Call{Name: c.As}
		if call.Inputs, err = positions(in, c.Columns); err != nil {
			return out, err
		}
		var types []columnar.Type
		for _, i := range call.Inputs {
			types = append(types, in.Fields[i].Type)
		}
		if call.Function, err = agg.Builtin(c.Function, types); err != nil {
			return out, fmt.Errorf("%s: %w", c.As, err)
		}
		out.Calls = append(out.Calls, call)
	}
	return out, nil
}

// positions returns where the columns of those names are.
func positions(in *columnar.Schema, names []string) ([]int, error) {
	out := make([]int, len(names))
	for i, name := range names {
		if out[i] = in.Index(name); out[i] < 0 {
			return nil, fmt.Errorf("column %q is not in %v", name, in.Names())
		}
	}
	return out, nil
}
