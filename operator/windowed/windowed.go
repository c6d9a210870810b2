package windowed

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// Call is an aggregate and the columns of its input that it reads.
type Call struct {
	Function agg.Function
	Inputs   []int
	Name     string
}

// Input is what one input has in its columns. The key columns, of the same types in all inputs, come first.
type Input struct {
	Keys  int
	Calls []Call
	Gap   int // the column with the gap of each row's session; -1: none
	Value int // the column with the value that a trigger compares; -1: none
	Evict int // the column with the value that an evictor compares; -1: none
	Late  int // the first column of the record that goes to the side output of the input's number when it is late; -1: late rows are counted
}

// Spec says what the operator computes.
type Spec struct {
	Windows window.Spec
	Inputs  []Input
	// States says that rows of the one input may be states, as NewPartial's operator makes them.
	States bool
}

// New returns the operator: on slices where they serve, else a window of a key at a time.
func New(s Spec) stream.Operator {
	if s.Windows.HasSlices() {
		return newSlices(s)
	}
	return newPerKey(s)
}

// call is an aggregate with the input it reads.
type call struct {
	Call
	input int
}

// calls returns the aggregates of all inputs, in the order of the results.
func (s Spec) calls() []call {
	var out []call
	for i, in := range s.Inputs {
		for _, c := range in.Calls {
			out = append(out, call{c, i})
		}
	}
	return out
}

// keys returns the number of key columns.
func (s Spec) keys() int { return s.Inputs[0].Keys }

// keyFields returns the key columns of the inputs' schemas.
func (s Spec) keyFields(in []*columnar.Schema) []columnar.Field { return in[0].Fields[:s.keys()] }

// output returns the schema of the results.
func (s Spec) output(in []*columnar.Schema) *columnar.Schema {
	out := &columnar.Schema{}
	out.Fields = append(append(out.Fields, s.keyFields(in)...), window.Fields()...)
	for _, c := range s.calls() {
		f := c.Function.Result
		if c.Name != "" {
			f.Name = c.Name
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// types returns the types of fields.
func types(fields []columnar.Field) []columnar.Type {
	out := make([]columnar.Type, len(fields))
	for i, f := range fields {
		out[i] = f.Type
	}
	return out
}

// pick returns the columns at those positions.
func pick(b columnar.Batch, at []int) []columnar.Column {
	out := make([]columnar.Column, len(at))
	for i, c := range at {
		out[i] = b.Columns[c]
	}
	return out
}

// lateRows counts rows that came too late, or hands them to the side output.
func lateRows(env *stream.Env, in Input, input int, b columnar.Batch, sel []int32, out stream.Output) error {
	n := b.Len
	if sel != nil {
		n = len(sel)
	}
	env.Metrics.Count("late", int64(n))
	if in.Late < 0 {
		return nil
	}
	b.Sel = sel
	record := make([]int, 0, len(b.Columns)-in.Late)
	for i := in.Late; i < len(b.Columns); i++ {
		record = append(record, i)
	}
	return out.EmitSide(input, b.Project(b.Schema.Select(record), record))
}
