package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/operator/sink"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Streaming is what tasks of a job that takes checkpoints work with.
type Streaming struct {
	Snapshots   *checkpoint.Writer
	AtLeastOnce bool // barriers do not block
	// Patience is how long a task waits for the barriers of a checkpoint before it does without waiting; negative: however long it takes.
	// Savepoints are always waited for.
	Patience time.Duration
	Clock    stream.Clock
}

// Backend makes keyed stores.
type Backend func(StoreConfig) (state.Store, error)

// StoreConfig is what a store is made of.
type StoreConfig struct {
	Name   string // of the operator's task, usable as that of a file
	Keys   []columnar.Field
	Groups state.Groups
	Memory *budget.Account
	Clock  stream.Clock
	OneKey bool // rows come in the order of their keys: a state.OneKey is enough
}

// stream completes the environment of an operator.
func (w *Worker) stream(env *stream.Env, op physical.Op) {
	env.UID = physical.UID(op)
	env.Groups = state.Share(env.Task, env.Tasks, w.config.Plan.KeyGroups)
	env.Clock = stream.SystemClock{}
	s := w.config.Streaming
	if s != nil {
		env.IsStreaming, env.Clock = true, w.clock
	}
	env.NewStore = func(keys []columnar.Field) (state.Store, error) {
		name := fmt.Sprintf("%s-%d-%d", url.PathEscape(env.UID), env.Task, env.Attempt)
		placed, _ := op.Spec.(physical.Placed)
		return w.config.Backend(StoreConfig{
			Name: name, Keys: keys, Groups: env.Groups, Memory: env.Memory, Clock: env.Clock, OneKey: placed.KeyOrder,
		})
	}
}

// operator says how an operator is restored.
func (w *Worker) operator(a control.Assignment, op physical.Op, o stream.Operator, env *stream.Env) task.Operator {
	out := task.Operator{Name: op.Node.String(), Op: o, Env: env, Watermark: stream.NoWatermark}
	if a.Restore == nil {
		return out
	}
	if m, ok := a.Restore.Watermarks[env.UID]; ok {
		out.Watermark = m
	}
	out.Restore = func() error {
		if s, ok := o.(*sink.Operator); ok {
			return s.RestoreWriter(a.Restore.Writers)
		}
		if s, ok := o.(stream.Stateful); ok {
			return restore(env, a.Restore.Saved, s)
		}
		return nil
	}
	return out
}

// restore gives an operator the rows of its tables that belong to its task.
func restore(env *stream.Env, saved *checkpoint.Saved, op stream.Stateful) error {
	tables, err := op.Tables(env.Inputs)
	if err != nil {
		return err
	}
	share := checkpoint.Share{Task: env.Task, Tasks: env.Tasks, KeyGroups: env.Groups.Max}
	return saved.Restore(env.Context, env.UID, tables, share, op.Restore)
}

// cuts writes what a task leaves at barriers.
type cuts struct {
	worker     *Worker
	assignment control.Assignment
	stage      *physical.Stage
	writing    sync.WaitGroup
}

// take writes a cut on a goroutine of its own, which ends with the write, or the worker; Close waits for it.
func (c *cuts) take(cut task.Cut) {
	w := c.worker
	w.tasks.Add(1)
	c.writing.Add(1)
	go func() {
		defer w.tasks.Done()
		defer c.writing.Done()
		defer cut.Release()
		ack := control.Ack{ID: cut.Barrier.ID, Final: cut.Final, Positions: cut.Positions, Done: cut.Done, Err: cut.Err}
		uid := physical.UID(c.stage.Chain[len(c.stage.Chain)-1])
		for _, p := range cut.Prepared {
			for _, o := range p.Output {
				ack.Prepared = append(ack.Prepared, checkpoint.Committable{
					Checkpoint: p.Checkpoint, UID: uid, Task: c.assignment.Attempt.Task, Data: o.Data, Rows: o.Rows, Bytes: o.Bytes, Files: o.Files,
				})
			}
		}
		if ack.Err == nil {
			ack.Handle, ack.Err = c.write(w.ctx, cut)
		}
		if w.ctx.Err() == nil || !errors.Is(ack.Err, context.Canceled) {
			w.events.Acked(c.assignment.Attempt, ack)
		}
	}()
}

func (c *cuts) write(ctx context.Context, cut task.Cut) (checkpoint.Handle, error) {
	at := checkpoint.Task{Stage: c.assignment.Attempt.Stage, Index: c.assignment.Attempt.Task}
	var operators []checkpoint.OperatorState
	chain := c.stage.Chain
	if c.stage.IsSource() {
		chain = chain[1:]
	}
	for i, op := range chain {
		o := checkpoint.OperatorState{UID: physical.UID(op), Frozen: cut.States[i], Blobs: map[string][]byte{
			control.WatermarkBlob: fmt.Append(nil, int64(cut.Watermarks[i])),
		}}
		if i == len(chain)-1 && cut.Writer != nil {
			o.Blobs[control.WriterBlob] = cut.Writer
		}
		c.addFlights(&o, i+len(c.stage.Chain)-len(chain), cut)
		operators = append(operators, o)
	}
	w := c.worker
	w.mu.Lock()
	place, ok := w.places[cut.Barrier.ID]
	w.mu.Unlock()
	if !ok {
		return checkpoint.Handle{}, fmt.Errorf("checkpoint %d has been given up", cut.Barrier.ID)
	}
	h, err := w.config.Streaming.Snapshots.Write(ctx, place, at, operators)
	h.Ended, h.Unaligned = cut.Final, cut.Unaligned
	return h, err
}

// Trigger has attempts cut their streams for a checkpoint, which is written to place.
func (w *Worker) Trigger(attempts []control.Attempt, place checkpoint.Place) {
	w.mu.Lock()
	w.places[place.ID] = place
	maps.DeleteFunc(w.places, func(id stream.CheckpointID, _ checkpoint.Place) bool { return id < place.ID-oldPlaces })
	w.mu.Unlock()
	k := place.Kind
	b := stream.Barrier{ID: place.ID, Stop: k == checkpoint.Stop || k == checkpoint.Drain, Drain: k == checkpoint.Drain}
	patience := time.Duration(-1)
	if k == checkpoint.Checkpoint {
		patience = w.config.Streaming.Patience
	}
	w.each(attempts, func(t *task.Task) { t.Trigger(b, patience) })
}

// oldPlaces is how many checkpoints' places are remembered, so that a late cut knows where it goes.
const oldPlaces = 16

// Completed tells attempts of a completed checkpoint; those that are done end.
func (w *Worker) Completed(attempts, done []control.Attempt, cp stream.CheckpointID) {
	w.each(attempts, func(t *task.Task) { t.Completed(cp) })
	w.each(done, (*task.Task).Release)
}

// Aborted tells attempts that nothing will come of a checkpoint.
func (w *Worker) Aborted(attempts []control.Attempt, cp stream.CheckpointID) {
	w.each(attempts, func(t *task.Task) { t.Aborted(cp) })
}

// Align tells attempts how far the slowest split of an alignment group has come.
func (w *Worker) Align(attempts []control.Attempt, group string, least stream.Watermark) {
	w.each(attempts, func(t *task.Task) { t.Align(group, least) })
}

func (w *Worker) each(attempts []control.Attempt, f func(*task.Task)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range attempts {
		if r := w.running[a]; r != nil && r.task != nil {
			f(r.task)
		}
	}
}

// Inspect returns what running tasks show of their event time, as far as they answer before ctx ends. all says that every task has, also those
// that are only being made.
func (w *Worker) Inspect(ctx context.Context) (views map[control.Attempt]task.View, all bool) {
	type answer struct {
		attempt control.Attempt
		view    task.View
	}
	w.mu.Lock()
	answers := make(chan answer, len(w.running)) // nobody who answers late is blocked
	asked, running := 0, len(w.running)
	for a, r := range w.running {
		if r.task != nil {
			r.task.Inspect(func(v task.View) { answers <- answer{a, v} })
			asked++
		}
	}
	w.mu.Unlock()
	views = map[control.Attempt]task.View{}
	for range asked {
		select {
		case a := <-answers:
			views[a.attempt] = a.view
		case <-ctx.Done():
			return views, false
		}
	}
	return views, asked == running
}
