// Package keyed is the operator that runs the user's functions with state, timers and rules: a program of package stream/process.
//
// What is emitted for a batch is handed on with the batch. Timers fire when event time, or the clock, passes them, a full batch at a time, so
// that a snapshot may come between them: those that have not fired are still state.
//
// Stability: engine-private.
package keyed

import (
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/process"
)

// Operator runs a program.
type Operator struct {
	program process.Program
	env     *stream.Env
	runner  *process.Runner
	ended   bool      // the rules have
	alarm   time.Time // that is set; zero: none
	sweep   time.Time // when to look for expired state; zero: none of it expires
}

// Expired state is looked for in small steps, so that records do not wait, and again some time after all of it has been looked at.
const (
	sweepCells = 1024
	sweepStep  = 10 * time.Millisecond
	sweepPause = time.Second
)

// New returns the operator of a program.
func New(p process.Program) *Operator { return &Operator{program: p} }

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) (err error) {
	o.env = env
	if o.runner, err = o.program.Open(env); err != nil {
		return err
	}
	tables, err := o.Tables(env.Inputs)
	if err != nil {
		return err
	}
	if env.IsStreaming && slices.ContainsFunc(tables, func(t state.Table) bool { return t.TTL > 0 }) {
		o.sweep = env.Clock.Now().Add(sweepPause)
		o.setAlarm()
	}
	return nil
}

// Wants implements stream.Chooser: where the input ends, the rules come first.
func (o *Operator) Wants() stream.InputSet {
	if o.program.Rules >= 0 && !o.env.IsStreaming && !o.ended {
		return stream.Input(o.program.Rules)
	}
	return stream.AllInputs
}

// Process implements stream.Operator.
func (o *Operator) Process(input int, b columnar.Batch, _ stream.Output) error {
	return o.runner.Load(input, b)
}

// Resume implements stream.Resumer.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	more, err := o.runner.Run()
	if err != nil {
		return false, err
	}
	if err := o.runner.Flush(out); err != nil {
		return false, err
	}
	if !more {
		o.setAlarm()
	}
	return more, nil
}

// setAlarm asks to be called at the earliest alarm, or to look for expired state.
func (o *Operator) setAlarm() {
	at, ok := o.runner.NextAlarm()
	if !ok || !o.sweep.IsZero() && o.sweep.Before(at) {
		at = o.sweep
	}
	if !at.Equal(o.alarm) {
		o.alarm = at
		o.env.SetAlarm(at)
	}
}

// Advance implements stream.Timed. Resume fires the timers.
func (o *Operator) Advance(w stream.Watermark, _ stream.Output) error {
	o.runner.Advance(w)
	return nil
}

// Alarm implements stream.Alarmed. Resume fires the alarms.
func (o *Operator) Alarm(now time.Time, _ stream.Output) error {
	o.alarm = time.Time{} // it has been used up
	o.runner.Ring(now)
	if o.sweep.IsZero() || now.Before(o.sweep) {
		return nil
	}
	more, err := o.runner.Sweep(sweepCells)
	o.sweep = now.Add(sweepPause)
	if more {
		o.sweep = now.Add(sweepStep)
	}
	return err
}

// EndInput implements stream.Operator.
func (o *Operator) EndInput(input int, _ stream.Output) error {
	o.ended = o.ended || input == o.program.Rules
	return nil
}

// Tables implements stream.Stateful.
func (o *Operator) Tables(in []*columnar.Schema) ([]state.Table, error) {
	return o.program.Tables(in[0].Fields[:o.program.Keys[0]])
}

// Restore implements stream.Stateful. Alarms that have come meanwhile are due at once.
func (o *Operator) Restore(i int, b columnar.Batch) error {
	if err := o.runner.Restore(i, b); err != nil {
		return err
	}
	o.setAlarm()
	return nil
}

// Snapshot implements stream.Stateful.
func (o *Operator) Snapshot(stream.CheckpointID) (state.Frozen, error) { return o.runner.Freeze() }

// Where names the user's node and the record that ran last: for messages about panics.
func (o *Operator) Where() string { return o.runner.Where() }

// EmitsFresh says that batches are freshly encoded.
func (*Operator) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Operator) Close() error {
	if o.runner == nil {
		return nil
	}
	return o.runner.Close()
}
