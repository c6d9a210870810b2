// Package sink is the operator at the end of a job: it writes batches with a connector's writer and, when the input has ended, has what was
// written made durable. Making it visible is the coordinator's, with the committables of the attempts that won.
package sink

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// Operator writes to a sink. It has one input and no output.
type Operator struct {
	sink     connectors.Sink
	env      *stream.Env
	writer   connectors.Writer
	prepared []connectors.Committable
}

// New returns the operator that writes to sink.
func New(sink connectors.Sink) *Operator { return &Operator{sink: sink} }

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	w, err := o.sink.NewWriter(env.Context, Env(env), env.Inputs[0])
	if err != nil {
		return fmt.Errorf("opening %s %s: %w", o.sink.Name(), o.sink.Describe(), err)
	}
	o.writer = w
	return nil
}

// Env returns what a connector gets of a task's environment.
func Env(env *stream.Env) connectors.TaskEnv {
	return connectors.TaskEnv{
		Env:  connectors.Env{Files: env.Files, Log: env.Log, RunID: env.RunID, Job: env.Job, Node: env.Node, UID: env.UID},
		Task: env.Task, Tasks: env.Tasks, Attempt: env.Attempt, Count: env.Metrics.Count,
		Report: func(b connectors.Bad) error {
			return env.Bad(stream.Bad{Source: b.Source, Offset: b.Offset, Record: string(b.Record), Reason: b.Reason})
		},
	}
}

// Process implements stream.Operator.
func (o *Operator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	if err := o.writer.Write(o.env.Context, b); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// EndInput implements stream.Operator: what was written becomes durable.
func (o *Operator) EndInput(int, stream.Output) error {
	c, err := o.writer.Prepare(o.env.Context)
	if err != nil {
		return fmt.Errorf("finishing output: %w", err)
	}
	o.prepared = c
	for _, p := range c {
		o.env.Metrics.BytesOut.Add(p.Bytes)
	}
	return nil
}

// Prepared returns what has to be committed, after EndInput.
func (o *Operator) Prepared() []connectors.Committable { return o.prepared }

// Close implements stream.Operator. Output that was not prepared is removed.
func (o *Operator) Close() error {
	if o.writer == nil {
		return nil
	}
	return o.writer.Close()
}
