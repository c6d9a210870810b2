package aggregate

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/stream"
)

// Rolling emits, for each row in the order of arrival, its keys and the aggregates of the rows with these keys so far. It has one input. Rows
// are taken one at a time, which costs an aggregate two calls each. All groups are held in memory: without it, Rolling fails.
type Rolling struct {
	keys  []int
	calls []Call

	table  *table
	output *columnar.Schema
}

// NewRolling returns the operator that groups by keys.
func NewRolling(keys []int, calls []Call) *Rolling { return &Rolling{keys: keys, calls: calls} }

// Open implements stream.Operator.
func (o *Rolling) Open(env *stream.Env) error {
	in := env.Inputs[0]
	o.output = in.Select(o.keys)
	for _, c := range o.calls {
		f := c.Function.Result
		if c.Name != "" {
			f.Name = c.Name
		}
		o.output.Fields = append(o.output.Fields, f)
	}
	o.table = newTable(types(in.Select(o.keys)), o.calls, env.Memory)
	return nil
}

// Process implements stream.Operator.
func (o *Rolling) Process(_ int, b columnar.Batch, out stream.Output) error {
	n := b.Rows()
	results := columnar.Batch{Schema: o.output, Len: n}
	for _, k := range o.keys {
		keys := columnar.NewBuilder(b.Columns[k].Type, n)
		keys.Append(b.Columns[k], b.Sel)
		results.Columns = append(results.Columns, keys.Finish())
	}
	err := o.table.take(b, pick(b, o.keys), func(i int, a agg.Accumulator, groups []int32) error {
		c, err := o.roll(a, o.calls[i], b, groups)
		results.Columns = append(results.Columns, c)
		return err
	})
	if err != nil {
		return fmt.Errorf("a rolling aggregate holds all its groups in memory: %w", err)
	}
	if b.Time != nil {
		for i := range n {
			results.Time = append(results.Time, b.Time[b.Row(i)])
		}
	}
	out.Emit(results)
	return nil
}

// roll takes row after row into its group and returns the results after each.
func (o *Rolling) roll(a agg.Accumulator, call Call, b columnar.Batch, groups []int32) (columnar.Column, error) {
	out := columnar.NewBuilder(call.Function.Result.Type, len(groups))
	in := pick(b, call.Inputs)
	var row [1]int32
	for i, g := range groups {
		row[0] = int32(b.Row(i))
		if err := a.Add(groups[i:i+1], in, row[:]); err != nil {
			return columnar.Column{}, err
		}
		result, err := a.Result(int(g), int(g)+1)
		if err != nil {
			return columnar.Column{}, err
		}
		out.AppendRange(result, 0, 1)
	}
	return out.Finish(), nil
}

// EndInput implements stream.Operator.
func (*Rolling) EndInput(int, stream.Output) error { return nil }

// EmitsFresh says that batches may be kept.
func (*Rolling) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Rolling) Close() error {
	if o.table != nil {
		o.table.free()
	}
	return nil
}
