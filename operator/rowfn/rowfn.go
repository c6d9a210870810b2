// Package rowfn is the operator that runs the user's Go functions: a fused program of package rows over each batch.
package rowfn

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/rows"
)

// Operator runs a program. It has one input.
type Operator struct {
	program rows.Program
	env     *stream.Env
	runner  *rows.Runner
	loaded  bool
}

// New returns the operator of a program.
func New(p rows.Program) *Operator { return &Operator{program: p} }

// Open implements stream.Operator: it composes the functions for the input's schema.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	var err error
	o.runner, err = o.program.Bind(env.Inputs[0], rows.Task{Index: env.Task, Bad: o.bad, Ended: o.ended})
	if err != nil {
		return fmt.Errorf("binding functions to columns: %w", err)
	}
	env.Metrics.Declare(o.program.Nodes())
	return nil
}

// ended returns why the task is to end, nil while it is not: functions may take long for a record.
func (o *Operator) ended() error {
	if o.env.Context != nil && o.env.Context.Err() != nil {
		return context.Cause(o.env.Context)
	}
	return nil
}

// maxRecord bounds what a message prints of a record.
const maxRecord = 256

func (o *Operator) bad(_ string, record any, err error) error {
	text := fmt.Sprintf("%+v", record)
	if len(text) > maxRecord {
		text = text[:maxRecord]
	}
	return o.env.Bad(stream.Bad{Record: text, Reason: err})
}

// Process implements stream.Operator.
func (o *Operator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	if err := o.runner.Load(b); err != nil {
		return fmt.Errorf("decoding records: %w", err)
	}
	o.loaded = true
	return nil
}

// Resume implements stream.Resumer: it runs records of the batch until one output batch is full, and keeps what is less for the next.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	if !o.loaded {
		return false, nil
	}
	more, err := o.runner.Run()
	o.env.Metrics.SetFunctions(o.runner.Counts())
	if err != nil {
		return false, err
	}
	if more || o.runner.IsWorthTaking() {
		if err := o.Flush(out); err != nil {
			return false, err
		}
	}
	o.loaded = more
	return more, nil
}

// EndInput implements stream.Operator.
func (o *Operator) EndInput(_ int, out stream.Output) error { return o.Flush(out) }

// Flush implements stream.Flusher.
func (o *Operator) Flush(out stream.Output) error {
	if o.runner.Len() == 0 {
		return nil
	}
	b, err := o.runner.Take()
	if err != nil {
		return fmt.Errorf("encoding records: %w", err)
	}
	out.Emit(b)
	return nil
}

// Where names the user's node and the record that ran last: for messages about panics.
func (o *Operator) Where() string { return o.runner.Where() }

// EmitsFresh says that batches are freshly encoded unless the records' columns are passed on.
func (o *Operator) EmitsFresh(input bool) bool { return input || !o.program.PassesOn() }

// Close implements stream.Operator.
func (o *Operator) Close() error { return nil }
