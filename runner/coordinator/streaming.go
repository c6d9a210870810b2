package coordinator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
)

// The events of jobs that take checkpoints.
type (
	// Loaded answers Load: what the job begins from; nil is nothing. What it has to be committed has been.
	Loaded struct {
		Saved *checkpoint.Saved
		Err   error
	}
	// Acked is an attempt's answer to a trigger.
	Acked struct {
		Attempt control.Attempt
		Ack     control.Ack
	}
	// Ended says that an attempt has nothing left to do and waits to be released.
	Ended struct{ Attempt control.Attempt }
	// Protocol is an event for the checkpoint protocol as it is: Due, Requested, Stored, Committed.
	Protocol struct{ Event checkpoint.Event }
	// NotCommitted says that output could not be made visible, also when tried again.
	NotCommitted struct{ Err error }
	// Resume says that the delay before a restart is over.
	Resume struct{}
)

func (Loaded) event()   {}
func (Acked) event()    {}
func (Ended) event()    {}
func (Protocol) event() {}
func (Resume) event()   {}

func (NotCommitted) event() {}

// The actions of jobs that take checkpoints.
type (
	// Load looks for the newest complete checkpoint, or what the job is to begin from, and commits what it has to be committed.
	Load struct{}
	// Wake has an event come at a time, in place of an earlier one of its type.
	Wake struct {
		At    time.Time
		Event Event
	}
	// Trigger has attempts cut their streams.
	Trigger struct {
		Checkpoint checkpoint.Trigger
		Attempts   []control.Attempt
	}
	// Store writes a manifest; the answer is Protocol{Stored}. Operators are all of the job, those of sources with their enumerators.
	Store struct {
		Checkpoint checkpoint.Persist
		Operators  []checkpoint.Operator
	}
	// Commit makes output visible, one after another in the order of these actions; the answer is Protocol{Committed}, or NotCommitted.
	Commit struct{ Checkpoint checkpoint.Commit }
	// Completed tells attempts of a completed checkpoint. Those of Done end.
	Completed struct {
		ID             stream.CheckpointID
		Attempts, Done []control.Attempt
	}
	// Aborted tells attempts that nothing will come of a checkpoint.
	Aborted struct {
		ID       stream.CheckpointID
		Attempts []control.Attempt
		Err      error
	}
	// Begun tells from what the job has begun.
	Begun struct{ Saved *checkpoint.Saved }
	// Answer tells who requested a checkpoint what became of it.
	Answer struct{ Answer checkpoint.Answer }
)

func (Load) action()      {}
func (Wake) action()      {}
func (Trigger) action()   {}
func (Store) action()     {}
func (Commit) action()    {}
func (Completed) action() {}
func (Aborted) action()   {}
func (Answer) action()    {}
func (Begun) action()     {}

// StreamingSettings are those of jobs that take checkpoints.
type StreamingSettings struct {
	Checkpoints checkpoint.Settings
	Restarts    Restarts
	// NewEnumerator makes that of a source stage anew, for each time the job begins.
	NewEnumerator func(stage int) (connectors.Enumerator, error)
}

// flow is what Core knows of a job that takes checkpoints. All its stages are one region or several that run at once; when one of its
// attempts fails, all begin again from the newest complete checkpoint.
type flow struct {
	settings StreamingSettings
	protocol *checkpoint.Core
	saved    *checkpoint.Saved // what the tasks that run, or are to run, have begun from
	cuts     map[stream.CheckpointID]*sourceCut
	pacing   pacing
	backlog  backlog

	restarting bool  // attempts are being stopped
	cause      error // why
	settled    bool  // the protocol knows what to begin from
	resumeAt   time.Time
	over       bool // the checkpoint that ends the job is complete
	commits    int  // issued, not answered
}

// sourceCut is what the sources of a checkpoint are, as far as it is known.
type sourceCut struct {
	enumerators map[int][]byte // by stage, as they were when the checkpoint began
	splits      map[int]*given // by stage: assigned then
	positions   map[string]connectors.Position
	done        map[string]bool
	waits       map[checkpoint.Task]bool // source tasks that have not answered
}

// savedSource is what a manifest has of a source's enumerator, as JSON.
type savedSource struct {
	Enumerator []byte
	Splits     []connectors.Split
	Positions  []connectors.Position
}

// key names a position: split IDs are unique within their source only.
func key(stage int, split string) string { return strconv.Itoa(stage) + " " + split }

// loaded begins from a checkpoint, or from nothing.
func (c *Core) loaded(now time.Time, e Loaded) ([]Action, error) {
	f := c.flow
	if e.Err != nil {
		return c.fail(fmt.Errorf("finding what to begin from: %w", e.Err)), nil //nolint:nilerr // it is the job's, and told by an action
	}
	if e.Saved != nil && e.Saved.Manifest.Kind == checkpoint.Last { // the job had ended, and all it had to do was to commit
		for _, s := range c.stages {
			if isCollect(s.stage) {
				return c.fail(fmt.Errorf("the job has ended before, with checkpoint %d: what %s collected went to the program that ran it then",
					e.Saved.Manifest.ID, s.stage.Chain[len(s.stage.Chain)-1].Node)), nil
			}
		}
		c.ended = true
		return []Action{Finish{}}, nil
	}
	f.saved, f.restarting, f.settled = e.Saved, false, false
	f.cuts = map[stream.CheckpointID]*sourceCut{}
	f.pacing = newPacing(c.plan)
	f.backlog.behind = map[control.Attempt]bool{}
	var out []Action
	for _, s := range c.stages {
		if !s.stage.IsSource() {
			continue
		}
		s.exhausted = false
		s.begun++
		var err error
		if s.enum, err = f.settings.NewEnumerator(s.stage.ID); err != nil {
			return nil, err
		}
	}
	for _, r := range c.regions {
		r.failed = false
		if r.started {
			actions, err := c.resetAll(r)
			if err != nil {
				return nil, err
			}
			out = append(out, actions...)
		}
	}
	started, err := c.schedule()
	if err != nil {
		return nil, err
	}
	var tasks []checkpoint.Task
	for _, s := range c.stages {
		for t := range s.tasks {
			tasks = append(tasks, checkpoint.Task{Stage: s.stage.ID, Index: t})
		}
	}
	more, err := c.protocol(now, checkpoint.Running{Tasks: tasks})
	return slices.Concat(out, started, []Action{Begun{f.saved}}, more), err
}

// firstEvent is what a source's enumerator is told first.
func (c *Core) firstEvent(s *stageState) (connectors.Event, error) {
	started := connectors.Started{Tasks: s.tasks}
	if c.flow == nil || c.flow.saved == nil {
		return started, nil
	}
	op := c.flow.saved.Manifest.Operator(physical.UID(s.stage.Chain[0]))
	if op == nil || op.Enumerator == nil {
		return started, nil
	}
	var saved savedSource
	if err := json.Unmarshal(op.Enumerator, &saved); err != nil {
		return nil, fmt.Errorf("%s: reading the enumerator's state: %w", s.stage.Chain[0].Node, err)
	}
	return connectors.Restored{Tasks: s.tasks, State: saved.Enumerator, Splits: saved.Splits, Positions: saved.Positions}, nil
}

// restore says what a task goes on from; nil: nothing.
func (c *Core) restore(s *stageState, t int) (*control.Restore, error) {
	if c.flow == nil || c.flow.saved == nil {
		return nil, nil
	}
	r := &control.Restore{Saved: c.flow.saved, Watermarks: map[string]stream.Watermark{}}
	for _, op := range s.stage.Chain {
		uid := physical.UID(op)
		saved := c.flow.saved.Manifest.Operator(uid)
		if saved == nil {
			continue
		}
		for i, part := range saved.Parts {
			if text, ok := part.Blobs[control.WatermarkBlob]; ok {
				n, err := strconv.ParseInt(string(text), 10, 64)
				if err != nil {
					return nil, fmt.Errorf("the watermark of %s in checkpoint %d: %w", uid, c.flow.saved.Manifest.ID, err)
				}
				w, is := r.Watermarks[uid]
				if !is || stream.Watermark(n) < w {
					r.Watermarks[uid] = stream.Watermark(n)
				}
			}
			if writer, ok := part.Blobs[control.WriterBlob]; ok && i%s.tasks == t {
				r.Writers = append(r.Writers, writer)
			}
		}
	}
	return r, nil
}

// protocol has the checkpoint protocol take an event, and carries out what it wants.
func (c *Core) protocol(now time.Time, e checkpoint.Event) ([]Action, error) {
	f := c.flow
	var out []Action
	for _, a := range f.protocol.Step(now, e) {
		switch a := a.(type) {
		case checkpoint.Wake:
			out = append(out, Wake{At: a.At, Event: Protocol{checkpoint.Due{}}})
		case checkpoint.Trigger:
			cut, err := c.beginCut(a)
			if err != nil {
				return nil, err
			}
			f.cuts[a.ID] = cut
			out = append(out, Trigger{Checkpoint: a, Attempts: c.attempts(a.Tasks)})
		case checkpoint.Persist:
			store, err := c.store(a)
			if err != nil {
				return nil, err
			}
			out = append(out, store)
		case checkpoint.Commit:
			f.commits++
			out = append(out, Commit{a})
		case checkpoint.Notify:
			c.forgetDone(f.cuts[a.ID])
			delete(f.cuts, a.ID)
			out = append(out, Completed{ID: a.ID, Attempts: c.attempts(a.Tasks), Done: c.attempts(a.Done)})
		case checkpoint.Abort:
			delete(f.cuts, a.ID)
			out = append(out, Aborted{ID: a.ID, Attempts: c.attempts(a.Tasks), Err: a.Err})
			out = append(out, c.release()...)
		case checkpoint.Answer:
			out = append(out, Answer{a})
		case checkpoint.FailJob:
			actions, err := c.interrupt(now, a.Err)
			if err != nil {
				return nil, err
			}
			out = append(out, actions...)
		case checkpoint.Settled:
			f.settled = true
			out = append(out, c.resumeIfStopped()...)
		case checkpoint.Over:
			f.over = true
			if f.restarting { // it was being stored when an attempt failed
				f.restarting = false
				for _, s := range c.stages {
					out = append(out, c.concede(s)...)
				}
			}
		}
	}
	return out, nil
}

// attempts returns the current attempts at tasks.
func (c *Core) attempts(tasks []checkpoint.Task) []control.Attempt {
	out := make([]control.Attempt, 0, len(tasks))
	for _, t := range tasks {
		out = append(out, name(c.stages[t.Stage], t.Index))
	}
	return out
}

// beginCut takes the sources as they are. Splits that enumerators assign to a task from now on are held back until the task has answered: so
// what is assigned in the snapshot is what the task may know of.
func (c *Core) beginCut(t checkpoint.Trigger) (*sourceCut, error) {
	cut := &sourceCut{
		enumerators: map[int][]byte{}, splits: map[int]*given{}, positions: map[string]connectors.Position{}, done: map[string]bool{},
		waits: map[checkpoint.Task]bool{},
	}
	for _, task := range t.Tasks {
		s := c.stages[task.Stage]
		if s.enum == nil {
			continue
		}
		cut.waits[task] = true
		if cut.splits[task.Stage] == nil {
			cut.splits[task.Stage] = &given{}
		}
		g := s.assigned[task.Index]
		cut.splits[task.Stage].add(g.splits, g.from)
	}
	for _, s := range c.stages {
		if s.enum == nil {
			continue
		}
		state, err := s.enum.Snapshot()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.stage.Chain[0].Node, err)
		}
		cut.enumerators[s.stage.ID] = state
	}
	return cut, nil
}

// isCutting says whether a source's task has not answered a trigger.
func (c *Core) isCutting(task checkpoint.Task) bool {
	if c.flow == nil {
		return false
	}
	for _, cut := range c.flow.cuts {
		if cut.waits[task] {
			return true
		}
	}
	return false
}

// release hands out what was held back for tasks that have answered, or need not any more.
func (c *Core) release() []Action {
	var out []Action
	for _, s := range c.stages {
		for t, held := range s.held {
			if len(held) == 0 || c.isCutting(checkpoint.Task{Stage: s.stage.ID, Index: t}) {
				continue
			}
			s.held[t] = nil
			for _, h := range held {
				h.Attempt = name(s, t)
				out = append(out, h)
			}
		}
	}
	return out
}

// acked takes an attempt's part of a checkpoint.
func (c *Core) acked(now time.Time, e Acked) ([]Action, error) {
	_, current := c.state(e.Attempt)
	if !current {
		return nil, nil
	}
	task := checkpoint.Task{Stage: e.Attempt.Stage, Index: e.Attempt.Task}
	if cut := c.flow.cuts[e.Ack.ID]; cut != nil {
		delete(cut.waits, task)
		for split, at := range e.Ack.Positions {
			cut.positions[key(task.Stage, split)] = at
		}
		for _, split := range e.Ack.Done {
			cut.done[key(task.Stage, split)] = true
		}
	}
	out := c.release()
	var event checkpoint.Event = checkpoint.Acked{
		ID: e.Ack.ID, Task: task, Handle: e.Ack.Handle, Final: e.Ack.Final, Committables: e.Ack.Prepared,
	}
	if e.Ack.Err != nil {
		event = checkpoint.Declined{ID: e.Ack.ID, Task: task, Err: e.Ack.Err}
	}
	more, err := c.protocol(now, event)
	return append(out, more...), err
}

// store adds what the coordinator has to a checkpoint.
func (c *Core) store(a checkpoint.Persist) (Action, error) {
	cut := c.flow.cuts[a.ID]
	out := Store{Checkpoint: a}
	for _, s := range c.stages {
		for _, op := range s.stage.Chain {
			o := checkpoint.Operator{UID: physical.UID(op), Name: op.Node.String(), Parallelism: s.tasks, KeyGroups: c.plan.KeyGroups}
			if _, is := op.Spec.(physical.Source); is && cut != nil {
				var err error
				if o.Enumerator, err = cut.source(s.stage.ID); err != nil {
					return nil, err
				}
			}
			out.Operators = append(out.Operators, o)
		}
	}
	return out, nil
}

// source is what the manifest has of a source's enumerator.
func (c *sourceCut) source(stage int) ([]byte, error) {
	saved := savedSource{Enumerator: c.enumerators[stage]}
	g := c.splits[stage]
	if g == nil {
		g = &given{}
	}
	for i, split := range g.splits {
		k := key(stage, split.ID)
		if c.done[k] {
			continue
		}
		at, known := c.positions[k]
		if !known { // the task has not begun to read it
			at = g.from[i]
		}
		saved.Splits = append(saved.Splits, split)
		saved.Positions = append(saved.Positions, at)
	}
	return json.Marshal(saved)
}

// forgetDone drops splits that a completed checkpoint has as read. Their tasks do so too when they hear of it, so a checkpoint that has begun
// before takes from here that they are read.
func (c *Core) forgetDone(cut *sourceCut) {
	if cut == nil {
		return
	}
	for _, later := range c.flow.cuts {
		maps.Copy(later.done, cut.done)
	}
	for _, s := range c.stages {
		for t := range s.assigned {
			var left given
			for i, split := range s.assigned[t].splits {
				if !cut.done[key(s.stage.ID, split.ID)] {
					left.add([]connectors.Split{split}, s.assigned[t].from[i:i+1])
				}
			}
			s.assigned[t] = left
		}
	}
}

// interrupt stops all attempts after one has failed, or gives the job up.
func (c *Core) interrupt(now time.Time, err error) ([]Action, error) {
	f := c.flow
	if f.restarting {
		return nil, nil
	}
	if c.settings.IsFinal(err) || errors.Is(err, checkpoint.ErrFenced) {
		return c.fail(err), nil
	}
	delay, ok := f.settings.Restarts.Failed(now)
	if !ok {
		return c.fail(err), nil
	}
	f.restarting, f.cause, f.settled, f.resumeAt = true, err, false, now.Add(delay)
	var out []Action
	for _, r := range c.regions {
		r.failed = true
		out = append(out, stopAll(r)...)
	}
	more, err := c.protocol(now, checkpoint.Interrupted{Err: err})
	if err != nil {
		return nil, err
	}
	out = append(out, more...)
	return append(out, c.resumeIfStopped()...), nil
}

// resumeIfStopped has the job begin again, after a delay, when nothing runs any more and it is known from what.
func (c *Core) resumeIfStopped() []Action {
	f := c.flow
	if !f.restarting || !f.settled || slices.ContainsFunc(c.regions, func(r *region) bool { return r.running > 0 }) {
		return nil
	}
	f.settled = false // once
	return []Action{Wake{At: f.resumeAt, Event: Resume{}}}
}

// attemptEnded is what follows in a job that takes checkpoints when an attempt does not run any more. A failed one has err.
func (c *Core) attemptEnded(now time.Time, s *stageState, t int, report *control.Report, err error) ([]Action, error) {
	f := c.flow
	switch {
	case f.restarting:
		return c.resumeIfStopped(), nil
	case f.over && err != nil:
		f.cause = cmp.Or(f.cause, err)
		return append(c.concede(s), c.endIfDone()...), nil
	case err != nil:
		return c.interrupt(now, err)
	}
	s.done[t], s.reports[t] = true, *report
	return c.endIfDone(), nil
}

// concede takes tasks as done that have not come to their end, and do not run: all that counts is in the checkpoint that ends the job. What they
// have collected for the program that runs the job is not.
func (c *Core) concede(s *stageState) []Action {
	for t := range s.tasks {
		if s.running[t] || s.done[t] {
			continue
		}
		if isCollect(s.stage) {
			return c.fail(fmt.Errorf("the job's last checkpoint is complete, but what %s collected is lost: %w", s.stage.Chain[len(s.stage.Chain)-1].Node, c.flow.cause))
		}
		s.done[t] = true
	}
	return nil
}

// endIfDone finishes the job when all tasks have ended and everything has been committed.
func (c *Core) endIfDone() []Action {
	if !c.flow.over || c.flow.commits > 0 {
		return nil
	}
	for _, r := range c.regions {
		if !isDone(r) {
			return nil
		}
	}
	f := c.finish()
	f.Prepared = nil
	return []Action{f}
}

// stepStreaming takes the events that only jobs with checkpoints have.
func (c *Core) stepStreaming(now time.Time, e Event) ([]Action, error) {
	switch e := e.(type) {
	case Loaded:
		return c.loaded(now, e)
	case Acked:
		return c.acked(now, e)
	case Ended:
		if _, current := c.state(e.Attempt); !current {
			return nil, nil
		}
		return c.protocol(now, checkpoint.TaskEnded{Task: checkpoint.Task{Stage: e.Attempt.Stage, Index: e.Attempt.Task}})
	case NotCommitted:
		return c.fail(e.Err), nil
	case Resume:
		return []Action{Load{}}, nil
	case Paced:
		return c.paced(now, e), nil
	case AlignDue:
		return c.align(now), nil
	case Backlogged:
		c.backlogged(e)
		return nil, nil
	case Protocol:
		if _, is := e.Event.(checkpoint.Committed); is {
			c.flow.commits--
		}
		out, err := c.protocol(now, e.Event)
		return append(out, c.endIfDone()...), err
	default:
		return nil, fmt.Errorf("the coordinator knows no event %T", e)
	}
}

// Sources returns the IDs of stages that read, for those who make enumerators.
func Sources(p *physical.Plan) []int {
	ids := map[int]bool{}
	for _, s := range p.Stages {
		if s.IsSource() {
			ids[s.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}
