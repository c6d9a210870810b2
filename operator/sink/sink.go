// Package sink is the operator at the end of a job: it writes batches with a connector's writer and, when the input has ended, has what was
// written made durable. Making it visible is the coordinator's, with the committables of the attempts that won.
package sink

import (
	"context"
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

	watermark stream.Watermark
	idle      bool
}

var _ stream.Relay = (*Operator)(nil)

// New returns the operator that writes to sink.
func New(sink connectors.Sink) *Operator {
	return &Operator{sink: sink, watermark: stream.NoWatermark}
}

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
		Env:  connectors.Env{Files: env.Files, Log: env.Log, RunID: env.RunID, Job: env.Job, Node: env.Node, UID: env.UID, IsStreaming: env.IsStreaming},
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

// Advance implements stream.Timed, for writers that want to know.
func (o *Operator) Advance(w stream.Watermark, _ stream.Output) error {
	o.watermark = w
	if t, ok := o.writer.(connectors.Timed); ok {
		t.Advance(w)
	}
	return nil
}

// Idle implements stream.Relay, for writers that want to know.
func (o *Operator) Idle(is bool) {
	o.idle = is
	if t, ok := o.writer.(connectors.Timed); ok {
		t.Idle(is)
	}
}

// Mark implements stream.Relay. There is nobody to hand marks on to.
func (o *Operator) Mark() (stream.Watermark, bool) { return o.watermark, o.idle }

// EndInput implements stream.Operator: what was written becomes durable.
func (o *Operator) EndInput(int, stream.Output) error {
	prepare := o.writer.Prepare
	if e, ok := o.writer.(connectors.Ender); ok {
		prepare = e.End
	}
	c, err := o.prepare(prepare)
	o.prepared = c
	return err
}

func (o *Operator) prepare(prepare func(context.Context) ([]connectors.Committable, error)) ([]connectors.Committable, error) {
	c, err := prepare(o.env.Context)
	if err != nil {
		return nil, fmt.Errorf("finishing output: %w", err)
	}
	for _, p := range c {
		o.env.Metrics.BytesOut.Add(p.Bytes)
	}
	return c, nil
}

// Cut makes durable what was written since the last checkpoint. It returns what has to be committed, and what the writer wants to be told
// when the job goes on from the checkpoint; nil: nothing.
func (o *Operator) Cut() (prepared []connectors.Committable, writer []byte, err error) {
	prepared, err = o.prepare(o.writer.Prepare)
	prepared = append(o.prepared, prepared...)
	o.prepared = nil
	if s, ok := o.writer.(connectors.Stater); ok && err == nil {
		if writer, err = s.State(o.env.Context); err != nil {
			err = fmt.Errorf("asking the writer for its state: %w", err)
		}
	}
	return prepared, writer, err
}

// RestoreWriter gives the writer what writers of an earlier run left of themselves, after Open.
func (o *Operator) RestoreWriter(states [][]byte) error {
	s, ok := o.writer.(connectors.Stater)
	if !ok {
		return nil
	}
	if err := s.Restore(o.env.Context, states); err != nil {
		return fmt.Errorf("giving the writer its state back: %w", err)
	}
	return nil
}

// Prepared returns what has to be committed since the last Cut, after EndInput.
func (o *Operator) Prepared() []connectors.Committable { return o.prepared }

// Close implements stream.Operator. Output that was not prepared is removed.
func (o *Operator) Close() error {
	if o.writer == nil {
		return nil
	}
	return o.writer.Close()
}
