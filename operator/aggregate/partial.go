// Package aggregate holds the operators that group rows by key columns and aggregate each group: [Partial] makes states of rows, as many
// as memory holds at a time, and [Final], behind an exchange by the keys, merges states and gives results.
//
//	rows -> Partial -> keys, states -> exchange by hash of the keys -> Final -> keys, results
//
// Both number the groups of a batch first (package keys) and then let each aggregate take its columns in one loop (package agg). Without
// aggregates the result is the distinct keys. Without keys it is one row, also of no input.
//
// Stability: engine-private.
package aggregate

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/stream"
)

// batchBytes is about the size of the batches emitted and spilled.
const batchBytes = 1 << 20

// Call is an aggregate, the columns it reads, and the name of its result's column; "" is the function's own.
type Call struct {
	Function agg.Function
	Inputs   []int
	Name     string
}

const (
	// trialRows is after how many rows a Partial looks whether it makes fewer of them: enough for a million groups to have come back.
	trialRows = 1 << 20
	// A table with more than keptGroups/keptRows groups a row is not worth its cache misses.
	keptGroups, keptRows = 4, 5
)

// Partial groups rows as far as memory goes and emits keys and states: at the end, and whenever memory is refused. When it finds that there
// are about as many groups as rows it groups a batch's worth at a time. It has one input.
type Partial struct {
	keys  []int
	calls []Call

	schema   *columnar.Schema
	table    *table
	input    input
	byBatch  bool // there are too many groups for a large table to pay
	emitting bool
	next     int // group to emit
}

// NewPartial returns the operator that groups by keys. Its output has the key columns, then the state columns of each call.
func NewPartial(keys []int, calls []Call) *Partial { return &Partial{keys: keys, calls: calls} }

// Open implements stream.Operator.
func (o *Partial) Open(env *stream.Env) error {
	in := env.Inputs[0]
	o.schema = stateSchema(in, o.keys, o.calls)
	o.table = newTable(types(in.Select(o.keys)), o.calls, env.Memory)
	return nil
}

// stateSchema returns the schema between the two halves of an aggregate, as physical.StateSchema names it: keys, then each call's states.
func stateSchema(in *columnar.Schema, keys []int, calls []Call) *columnar.Schema {
	s := in.Select(keys)
	for i, c := range calls {
		for _, f := range c.Function.State {
			f.Name = fmt.Sprintf("%d.%s", i, f.Name)
			s.Fields = append(s.Fields, f)
		}
	}
	return s
}

// types returns the types of a schema's fields.
func types(s *columnar.Schema) []columnar.Type {
	out := make([]columnar.Type, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Type
	}
	return out
}

// pick returns the columns at those positions.
func pick(b columnar.Batch, columns []int) []columnar.Column {
	out := make([]columnar.Column, len(columns))
	for i, c := range columns {
		out[i] = b.Columns[c]
	}
	return out
}

// Process implements stream.Operator.
func (o *Partial) Process(_ int, b columnar.Batch, _ stream.Output) error {
	o.input.rest = b
	return o.fill()
}

// fill gives the table rows until all are in, or it has to be emptied.
func (o *Partial) fill() error {
	for o.input.rest.Rows() > 0 && !o.emitting {
		b := o.input.next()
		err := o.table.take(b, pick(b, o.keys), func(i int, a agg.Accumulator, groups []int32) error {
			return a.Add(groups, pick(b, o.calls[i].Inputs), b.Sel)
		})
		if err == nil {
			o.input.took(b.Rows())
			o.emitting = o.isEnough()
			continue
		}
		if err := o.input.refused(o.table, b.Rows(), err); err != nil {
			return err
		}
		o.emitting = o.table.rows > 0
	}
	return nil
}

// isEnough says whether the table should be emptied.
func (o *Partial) isEnough() bool {
	if o.table.keys == nil {
		return false
	}
	if !o.byBatch && o.table.rows >= trialRows {
		o.byBatch = o.table.len()*keptRows > o.table.rows*keptGroups
	}
	return o.table.isFull || o.byBatch && o.table.rows >= columnar.DefaultRows
}

// EndInput implements stream.Operator.
func (o *Partial) EndInput(int, stream.Output) error {
	o.emitting = o.table.rows > 0
	return nil
}

// Resume implements stream.Resumer.
func (o *Partial) Resume(out stream.Output) (bool, error) {
	for out.Room() > 0 {
		switch {
		case o.emitting:
			if err := o.emit(out); err != nil {
				return false, err
			}
		case o.input.rest.Rows() > 0:
			if err := o.fill(); err != nil {
				return false, err
			}
		default:
			return false, nil
		}
	}
	return true, nil
}

// emit emits the next groups, and empties the table after the last.
func (o *Partial) emit(out stream.Output) error {
	if o.next == 0 {
		o.table.grow() // a batch that was refused may have left groups without states
	}
	to := min(o.table.len(), o.next+o.table.step())
	b, err := o.table.partials(o.schema, o.next, to)
	if err != nil {
		return err
	}
	out.Emit(b)
	if o.next = to; to == o.table.len() {
		o.next, o.emitting = 0, false
		o.table.reset()
	}
	return nil
}

// EmitsFresh says that batches may be kept.
func (*Partial) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Partial) Close() error {
	if o.table != nil {
		o.table.free()
	}
	return nil
}
