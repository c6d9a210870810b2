package coordinator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
)

// Workers runs tasks. Its methods do not block, but for Close.
type Workers interface {
	Launch(control.Assignment)
	Stop(control.Attempt)
	Hand(a control.Attempt, h control.Handed)
	Drop(edge int)
	// Trigger has attempts cut their streams for a checkpoint, which is written to place.
	Trigger(attempts []control.Attempt, place checkpoint.Place)
	// Completed tells attempts of a completed checkpoint; those that are done end.
	Completed(attempts, done []control.Attempt, cp stream.CheckpointID)
	// Aborted tells attempts that nothing will come of a checkpoint.
	Aborted(attempts []control.Attempt, cp stream.CheckpointID)
	// Align tells attempts how far the slowest split of an alignment group has come.
	Align(attempts []control.Attempt, group string, least stream.Watermark)
	// Close stops all tasks and waits for them.
	Close()
}

// Config is what a run of the coordinator works with.
type Config struct {
	Plan     *physical.Plan
	Settings Settings
	Workers  Workers
	// Env is what enumerators and committers get of the world.
	Env func(n *plan.Node) connectors.Env
	// Total is told how much a source stage has to read. It may be nil.
	Total func(stage int, k connectors.Known)
	// Verify looks, when all tasks are done, whether their output may be made visible. It may be nil.
	Verify func() error
	// Decided is told what is about to be published. It may be nil.
	Decided func([]Publication)
	// Retried is told of each attempt that failed and is tried again. It may be nil.
	Retried func(control.Attempt, error)
	// Streaming is set for plans that are streaming.
	Streaming *Streaming
}

// Coordinator drives a job's Core: it is the one goroutine that steps it.
type Coordinator struct {
	config Config
	core   *Core
	mail   mailbox
	calls  sync.WaitGroup
	ledger *ledger         // of jobs that take checkpoints
	wakes  map[string]Wake // by the type of the event
	alarm  *time.Timer     // for the first of them; of Run
}

// New returns the coordinator of a job. Post may be called from then on.
func New(ctx context.Context, c Config) (*Coordinator, error) {
	enumerators := map[int]connectors.Enumerator{}
	for _, id := range Sources(c.Plan) {
		e, err := c.enumerator(id)
		if err != nil {
			return nil, err
		}
		enumerators[id] = e
	}
	if c.Streaming != nil {
		c.Settings.Streaming = &c.Streaming.Settings
		c.Settings.Streaming.NewEnumerator = c.enumerator
	}
	for _, s := range c.Plan.Stages {
		if n, sink := sinkOf(s); sink != nil {
			if err := sink.Begin(ctx, c.Env(n)); err != nil {
				return nil, fmt.Errorf("%s: %w", n, err)
			}
		}
	}
	out := &Coordinator{
		config: c, core: NewCore(c.Plan, enumerators, c.Settings), mail: mailbox{ready: make(chan struct{}, 1)}, wakes: map[string]Wake{},
	}
	if c.Streaming != nil {
		out.ledger = newLedger(c, out.mail.put)
	}
	return out, nil
}

// enumerator makes that of a source stage.
func (c Config) enumerator(stage int) (connectors.Enumerator, error) {
	first := c.Plan.Stages[stage].Chain[0]
	read := first.Spec.(physical.Source).Read
	e, err := read.Source.NewEnumerator(c.Env(first.Node), read.Scan, read.Facts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", first.Node, err)
	}
	return e, nil
}

// sinkOf returns the sink that a stage ends in, and its node.
func sinkOf(s *physical.Stage) (*plan.Node, connectors.Sink) {
	last := s.Chain[len(s.Chain)-1]
	if spec, ok := last.Spec.(physical.Sink); ok {
		return last.Node, spec.Op.Sink
	}
	return nil, nil
}

// mailbox holds events until the loop takes them. It is not bounded: there are a few events for each task and split.
type mailbox struct {
	mu     sync.Mutex // guards events
	events []Event
	ready  chan struct{}
}

func (m *mailbox) put(e Event) {
	m.mu.Lock()
	m.events = append(m.events, e)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.events
	m.events = nil
	return out
}

// Post tells the coordinator something. Any goroutine may call it; it does not block.
func (c *Coordinator) Post(e Event) {
	if f, ok := e.(Failed); ok && c.config.Retried != nil && !c.config.Settings.IsFinal(f.Err) {
		c.config.Retried(f.Attempt, f.Err)
	}
	c.mail.put(e)
}

// Run schedules the job to its end and commits it. What it returns was made visible; with an error nothing was, unless the error says so.
// When ctx ends, the job is cancelled, with ctx's cause.
func (c *Coordinator) Run(ctx context.Context) (map[int]connectors.Published, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer c.calls.Wait()
	c.alarm = time.NewTimer(0)
	c.alarm.Stop()
	defer c.alarm.Stop()
	defer cancel()
	if c.ledger != nil {
		c.calls.Go(func() { c.ledger.run(ctx) }) // ends with ctx; waited for above
	}
	c.mail.put(Started{})
	for {
		select {
		case <-c.mail.ready:
		case now := <-c.alarm.C:
			c.ring(now)
		case <-ctx.Done():
			c.mail.put(Cancelled{context.Cause(ctx)})
		}
		for _, e := range c.mail.take() {
			actions, err := c.core.Step(time.Now(), e)
			if err != nil {
				return nil, errors.Join(err, c.abort(ctx))
			}
			for _, a := range actions {
				if f, ok := a.(Finish); ok {
					return c.finish(ctx, f)
				}
				c.do(ctx, a)
			}
		}
	}
}

// do carries an action out.
func (c *Coordinator) do(ctx context.Context, a Action) {
	switch a := a.(type) {
	case Launch:
		c.config.Workers.Launch(a.Assignment)
	case Stop:
		c.config.Workers.Stop(a.Attempt)
	case Hand:
		c.config.Workers.Hand(a.Attempt, a.Handed)
	case Later:
		c.calls.Go(func() { c.later(ctx, a) }) // ends with the time, or ctx; Run waits for it
	case Drop:
		c.config.Workers.Drop(a.Edge)
	case Total:
		if c.config.Total != nil {
			c.config.Total(a.Stage, a.Known)
		}
	case Call:
		c.calls.Go(func() { // ends with the call, which ends with ctx; Run waits for it
			result, err := a.Call.Do(ctx)
			c.mail.put(Called{Stage: a.Stage, Begun: a.Begun, Result: connectors.Called{Name: a.Call.Name, Result: result, Err: err}})
		})
	default:
		c.doStreaming(a)
	}
}

// later tells an enumerator that its time has come.
func (c *Coordinator) later(ctx context.Context, a Later) {
	timer := time.NewTimer(a.Later.After)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.mail.put(Called{Stage: a.Stage, Begun: a.Begun, Result: connectors.Called{Name: a.Later.Name}})
	case <-ctx.Done():
	}
}

// finish commits what was prepared and hands out what was collected, or removes what a failed job left.
func (c *Coordinator) finish(ctx context.Context, f Finish) (map[int]connectors.Published, error) {
	if f.Err != nil {
		return nil, errors.Join(f.Err, c.abort(ctx))
	}
	if c.config.Verify != nil {
		if err := c.config.Verify(); err != nil {
			return nil, errors.Join(err, c.abort(ctx))
		}
	}
	for _, got := range f.Collected {
		stage := c.config.Plan.Stages[got.Stage]
		op := stage.Chain[len(stage.Chain)-1]
		for _, b := range got.Report.Collected {
			if err := op.Spec.(physical.Result).Op.Into(b); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", op.Node, err), c.abort(ctx))
			}
		}
	}
	return c.publish(ctx, f.Prepared)
}

// publish makes the job's outputs visible.
func (c *Coordinator) publish(ctx context.Context, prepared map[int][]connectors.Committable) (map[int]connectors.Published, error) {
	published := map[int]connectors.Published{}
	var all []Publication
	var ids []int
	stages := c.config.Plan.Stages
	if c.ledger != nil { // what they write has been published with the checkpoints
		published, stages = c.ledger.published, nil
		c.leave(ctx)
	}
	for _, s := range stages {
		if n, sink := sinkOf(s); sink != nil {
			all, ids = append(all, Publication{n.String(), sink, c.config.Env(n), prepared[s.ID]}), append(ids, n.ID)
		}
	}
	got, err := Publish(ctx, all, func() {
		if c.config.Decided != nil {
			c.config.Decided(all)
		}
	})
	if _, some := errors.AsType[*PublishError](err); err != nil && !some {
		return nil, errors.Join(err, c.abort(ctx))
	}
	for i, id := range ids {
		published[id] = got[i]
	}
	return published, err
}

// leave has the sinks of a stream tidy up.
func (c *Coordinator) leave(ctx context.Context) {
	for _, s := range c.config.Plan.Stages {
		n, sink := sinkOf(s)
		if sink == nil {
			continue
		}
		committer, err := c.ledger.committer(n, sink)
		if l, is := committer.(connectors.Leaver); is && err == nil {
			err = l.Leave(ctx)
		}
		if err != nil {
			c.config.Streaming.Log.Warn("what a stream has left behind could not be removed", "node", n.String(), "error", err)
		}
	}
}

// abort removes what the job's sinks hold. It goes on when ctx has ended.
func (c *Coordinator) abort(ctx context.Context) error {
	c.config.Workers.Close()
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, s := range c.config.Plan.Stages {
		n, sink := sinkOf(s)
		if sink == nil {
			continue
		}
		committer, err := sink.NewCommitter(c.config.Env(n))
		if err == nil {
			err = committer.Abort(ctx)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: removing what was written: %w", n, err))
		}
	}
	return errors.Join(errs...)
}
