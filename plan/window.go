package plan

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/window"
)

// Window computes aggregates of each key's rows in windows. It has one input, or several whose rows share the windows.
type Window struct {
	Title  string // "Window"
	Spec   window.Spec
	Inputs []WindowInput
}

// WindowInput is what an input of a Window has in its columns. Keys, of the same types in all inputs, come first.
type WindowInput struct {
	Keys  int    // columns, from the first on
	Calls []Call // over this input's rows
	Gap   int    // the column with the gap of each row's session; -1: none
	Value int    // the column with the value that a trigger compares; -1: none
	Evict int    // the column with the value that an evictor compares; -1: none
	// Late is the first column of the record that goes to the side output with the input's number when it is late; -1: late rows are counted.
	Late int
	// Record is the schema of that record.
	Record *columnar.Schema
}

// Name implements Op.
func (o Window) Name() string { return o.Title }

// Describe implements Op.
func (o Window) Describe() string {
	var calls []string
	for _, in := range o.Inputs {
		for _, c := range in.Calls {
			calls = append(calls, fmt.Sprintf("%s%v", c.Function.Name, c.Inputs))
		}
	}
	way := ", per key"
	if o.Spec.HasSlices() {
		way = ", slices"
	}
	return o.Spec.String() + way + ": " + strings.Join(calls, " ")
}

// Output implements Op: keys, what says which pane of which window it is, results.
func (o Window) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if err := o.Spec.Validate(); err != nil {
		return nil, err
	}
	out := &columnar.Schema{}
	for i, input := range o.Inputs {
		if in[i] == nil {
			return nil, nil
		}
		if input.Keys == 0 {
			return nil, fmt.Errorf("windows need a key")
		}
		keys := in[i].Fields[:input.Keys]
		if i == 0 {
			out.Fields = append(append(out.Fields, keys...), window.Fields()...)
			continue
		}
		for k, f := range keys {
			if !f.Type.Equal(out.Fields[k].Type) {
				return nil, fmt.Errorf("keys of type %s and %s", out.Fields[k].Type, f.Type)
			}
		}
	}
	for _, input := range o.Inputs {
		for _, c := range input.Calls {
			out.Fields = append(out.Fields, c.Function.Result)
		}
	}
	return out, nil
}

// Placements implements Placed.
func (o Window) Placements() []Placement {
	out := make([]Placement, len(o.Inputs))
	for i, in := range o.Inputs {
		out[i] = Placement{Kind: ByKey, Columns: span(in.Keys)}
	}
	return out
}

// Sides implements Placed.
func (o Window) Sides() []*columnar.Schema {
	out := make([]*columnar.Schema, len(o.Inputs))
	for i, in := range o.Inputs {
		out[i] = in.Record
	}
	return out
}

// NeedsUID implements Placed.
func (Window) NeedsUID() bool { return true }
