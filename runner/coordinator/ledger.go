package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream"
)

// Streaming is what a run of the coordinator works with in jobs that take checkpoints.
type Streaming struct {
	Settings StreamingSettings
	Store    *checkpoint.Store
	// Load returns what the job begins from. The first call is when the job starts.
	Load func(ctx context.Context) (Origin, error)
	// AllowDuplicates has the job go on where output cannot be taken back that will be made again.
	AllowDuplicates bool
	// Triggered is told of checkpoints that begin, Completed, with the folder, and Aborted of what became of them, Answered of one that was
	// requested. They do not block.
	Triggered func(checkpoint.Trigger)
	Completed func(m *checkpoint.Manifest, url string)
	Aborted   func(stream.CheckpointID, error)
	Answered  func(checkpoint.Answer)
	// InBacklog is told of the source stages that work off a backlog, when they are others than before. It does not block.
	InBacklog func(stages []int)
	// Begun is told from what the job has begun, again after each failure; nil is nothing. It does not block.
	Begun func(*checkpoint.Saved)
	Log   *slog.Logger
}

// ledger does what must be durable, one thing after another: manifests are written, output is committed, and what to begin from is looked
// for, in the order in which the core wants it.
type ledger struct {
	config     Config
	put        func(Event)
	committers map[int]connectors.Committer // by node
	published  map[int]connectors.Published // by node; read by others when all work is done
	places     map[stream.CheckpointID]checkpoint.Place

	mu    sync.Mutex // guards work
	work  []Action
	ready chan struct{}
}

func newLedger(c Config, put func(Event)) *ledger {
	return &ledger{
		config: c, put: put, committers: map[int]connectors.Committer{}, published: map[int]connectors.Published{},
		places: map[stream.CheckpointID]checkpoint.Place{}, ready: make(chan struct{}, 1),
	}
}

// add gives the ledger something to do.
func (l *ledger) add(a Action) {
	l.mu.Lock()
	l.work = append(l.work, a)
	l.mu.Unlock()
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (l *ledger) run(ctx context.Context) {
	for {
		select {
		case <-l.ready:
		case <-ctx.Done():
			return
		}
		l.mu.Lock()
		work := l.work
		l.work = nil
		l.mu.Unlock()
		for _, a := range work {
			if e := l.do(ctx, a); e != nil {
				l.put(e)
			}
		}
	}
}

func (l *ledger) do(ctx context.Context, a Action) Event {
	switch a := a.(type) {
	case Load:
		saved, err := l.load(ctx)
		return Loaded{Saved: saved, Err: err}
	case Trigger:
		return l.begin(ctx, a)
	case Store:
		return Protocol{checkpoint.Stored{ID: a.Checkpoint.ID, Err: l.store(ctx, a)}}
	case Aborted:
		l.discard(ctx, a.ID)
		return nil
	case Commit:
		if err := l.commit(ctx, l.point(a.Checkpoint.ID), a.Checkpoint.Committables, a.Checkpoint.Final); err != nil {
			return NotCommitted{Err: err}
		}
		return Protocol{checkpoint.Committed{ID: a.Checkpoint.ID}}
	default:
		panic(fmt.Sprintf("coordinator: %T is not for the ledger", a))
	}
}

// begin makes room for a checkpoint and has the tasks make it.
func (l *ledger) begin(ctx context.Context, a Trigger) Event {
	t := a.Checkpoint
	place, err := l.config.Streaming.Store.Begin(ctx, t.ID, t.Kind, t.Target)
	if err != nil {
		return Protocol{checkpoint.Declined{ID: t.ID, Task: t.Tasks[0], Err: err}}
	}
	l.places[t.ID] = place
	l.config.Workers.Trigger(a.Attempts, place)
	return nil
}

func (l *ledger) store(ctx context.Context, a Store) error {
	c := a.Checkpoint
	m, err := l.config.Streaming.Store.Complete(ctx, checkpoint.Completion{
		Place: l.places[c.ID], Handles: c.Handles, Committables: c.Committables, Operators: a.Operators,
	})
	if err != nil {
		return err
	}
	url := l.places[c.ID].Folder().String()
	delete(l.places, c.ID)
	l.config.Streaming.Completed(m, url)
	return nil
}

// discard removes what is there of a checkpoint of which nothing will come.
func (l *ledger) discard(ctx context.Context, id stream.CheckpointID) {
	if _, ok := l.places[id]; !ok {
		return
	}
	delete(l.places, id)
	if err := l.config.Streaming.Store.Discard(ctx, id); err != nil {
		l.config.Streaming.Log.Warn("a given up checkpoint could not be removed", "checkpoint", id, "error", err)
	}
}

// load finds what the job begins from. Output that the job will make again is taken back, and that of what it begins from is committed,
// before anything runs.
func (l *ledger) load(ctx context.Context) (*checkpoint.Saved, error) {
	from, err := l.config.Streaming.Load(ctx)
	if err == nil {
		err = l.goBack(ctx, from)
	}
	if err != nil || from.Saved == nil {
		return nil, err
	}
	m := from.Saved.Manifest
	if m.Kind == checkpoint.Savepoint { // nothing was committed by it, and is not its own
		return from.Saved, nil
	}
	output := m.Committables
	if len(from.Skipped) > 0 {
		output = l.takenBack(output)
	}
	return from.Saved, l.commit(ctx, l.point(from.To), output, m.Kind == checkpoint.Last)
}

// commitTries is how often a commit is tried, commitPause how long the ledger waits after the first.
const (
	commitTries = 6
	commitPause = 100 * time.Millisecond
)

// point is where the job is when it commits a checkpoint's output.
func (l *ledger) point(id stream.CheckpointID) connectors.Point {
	at := connectors.Point{ID: id, Oldest: id}
	if oldest := l.config.Streaming.Store.Oldest(); oldest > 0 {
		at.Oldest = min(oldest, id)
	}
	return at
}

// commit makes output visible, sink after sink.
func (l *ledger) commit(ctx context.Context, at connectors.Point, all []checkpoint.Committable, final bool) error {
	bySink := map[string][]connectors.Committable{}
	for _, c := range all {
		bySink[c.UID] = append(bySink[c.UID], connectors.Committable{Data: c.Data, Rows: c.Rows, Bytes: c.Bytes, Files: c.Files})
	}
	for _, s := range l.config.Plan.Stages {
		n, sink := sinkOf(s)
		if sink == nil {
			continue
		}
		output := bySink[physical.UID(s.Chain[len(s.Chain)-1])]
		if len(output) == 0 && !final {
			continue
		}
		if err := l.commitTo(ctx, n, sink, at, output, final); err != nil {
			return fmt.Errorf("%s: publishing: %w", n, err)
		}
	}
	return nil
}

func (l *ledger) commitTo(
	ctx context.Context, n *plan.Node, sink connectors.Sink, at connectors.Point, output []connectors.Committable, final bool,
) error {
	committer, err := l.committer(n, sink)
	if err != nil {
		return err
	}
	return l.tried(ctx, n, "publishing", func() error {
		var p connectors.Published
		var err error
		if undoer, is := committer.(connectors.Undoer); is {
			p, err = undoer.CommitAt(ctx, at, output, final)
		} else {
			p, err = committer.Commit(ctx, output, final)
		}
		if err != nil {
			return err
		}
		sum := l.published[n.ID]
		l.published[n.ID] = connectors.Published{
			Files: sum.Files + p.Files, Partitions: max(sum.Partitions, p.Partitions), Rows: sum.Rows + p.Rows, Bytes: sum.Bytes + p.Bytes,
		}
		return nil
	})
}

// committer returns that of a sink.
func (l *ledger) committer(n *plan.Node, sink connectors.Sink) (connectors.Committer, error) {
	if c := l.committers[n.ID]; c != nil {
		return c, nil
	}
	c, err := sink.NewCommitter(l.config.Env(n))
	if err == nil {
		l.committers[n.ID] = c
	}
	return c, err
}

// tried calls do until it succeeds, a few times.
func (l *ledger) tried(ctx context.Context, n *plan.Node, what string, do func() error) error {
	pause := commitPause
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == commitTries || ctx.Err() != nil || errors.Is(err, connectors.ErrPublic) {
			return err
		}
		l.config.Streaming.Log.Warn("a sink's call failed and is tried again", "doing", what, "node", n.String(), "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause *= 2
	}
}

// doStreaming carries out what only jobs with checkpoints do.
func (c *Coordinator) doStreaming(a Action) {
	s := c.config.Streaming
	switch a := a.(type) {
	case Load, Store, Commit:
		c.ledger.add(a)
	case Trigger:
		s.Triggered(a.Checkpoint)
		c.ledger.add(a)
	case Wake:
		c.wake(a)
	case Completed:
		c.config.Workers.Completed(a.Attempts, a.Done, a.ID)
	case Aborted:
		c.config.Workers.Aborted(a.Attempts, a.ID)
		s.Aborted(a.ID, a.Err)
		c.ledger.add(a)
	case Answer:
		s.Answered(a.Answer)
	case Begun:
		s.Begun(a.Saved)
	case InBacklog:
		s.InBacklog(a.Stages)
	case Align:
		c.config.Workers.Align(a.Attempts, a.Group, a.Least)
	}
}

// wake has an event come at a time, instead of an earlier one of its type.
func (c *Coordinator) wake(a Wake) {
	c.wakes[fmt.Sprintf("%T", a.Event)] = a
	c.setAlarm()
}

// ring gives the events whose time has come.
func (c *Coordinator) ring(now time.Time) {
	for kind, w := range c.wakes {
		if !now.Before(w.At) {
			delete(c.wakes, kind)
			c.mail.put(w.Event)
		}
	}
	c.setAlarm()
}

// setAlarm sets the alarm to the first wake.
func (c *Coordinator) setAlarm() {
	c.alarm.Stop()
	var first time.Time
	for _, w := range c.wakes {
		if first.IsZero() || w.At.Before(first) {
			first = w.At
		}
	}
	if !first.IsZero() {
		c.alarm.Reset(time.Until(first))
	}
}

// Request asks for a checkpoint of a kind. What becomes of it is told to Streaming.Answered, with the number. Any goroutine may call it.
func (c *Coordinator) Request(number int, k checkpoint.Kind, target string) {
	c.mail.put(Protocol{checkpoint.Requested{Number: number, Kind: k, Target: target}})
}
