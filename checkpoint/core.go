package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/stream"
)

// Settings say when checkpoints are made.
type Settings struct {
	First    stream.CheckpointID // the number of the first, greater than all of earlier incarnations; 0: 1
	Interval time.Duration       // from start to start; 0: only what is asked for, and the last
	// InBacklog is the interval while sources work off a backlog; 0: Interval; negative: only what is asked for.
	InBacklog time.Duration
	Pause     time.Duration // at least that long from the end of one to the start of the next that nobody asked for
	Timeout   time.Duration // from the start until all tasks have acked; 0: 10 minutes
	InFlight  int           // how many may be under way at once; 0: 1
	Failures  int           // how many may fail in a row without failing the job
}

// retryPause is at least how long the protocol waits before it tries the last checkpoint again.
const retryPause = time.Second

var (
	errSubsumed = errors.New("a later checkpoint was completed first")
	errExpired  = errors.New("tasks did not answer in time")
	errOver     = errors.New("the job has ended")
	errLast     = errors.New("the last checkpoint comes by itself")
	errStopping = errors.New("the job is being stopped")
)

// Core is the protocol: when checkpoints begin, when they are complete, what is committed then. It is step(event) -> actions: it does no I/O,
// reads no clock and starts nothing; the same events give the same actions.
//
// Asynchronous barrier snapshots (Carbone et al. 2015), with the rules of Flink for what surrounds them: tasks that have ended count with
// their final state, and the end of bounded input is a last checkpoint (FLIP-147); a savepoint in passing commits nothing, as recovery does not
// start from it (FLIP-203).
type Core struct {
	settings Settings
	next     stream.CheckpointID

	running bool
	live    map[Task]bool   // tasks that answer triggers
	ended   map[Task]bool   // of live: their inputs have ended
	final   map[Task]Handle // tasks that have gone, with their final snapshot

	pending  []*pending  // under way, by number
	requests []Requested // to be begun
	stopping bool        // a Stop or Drain is among pending or requests
	over     bool

	backlog  bool      // sources work off one
	last     time.Time // when the last one began by the interval, or the job did
	quiet    time.Time // nothing that was not asked for begins before
	woken    time.Time // what Wake asked for last
	failures int

	issued      stream.CheckpointID // the last whose Commit was issued
	uncommitted []Committable       // of issued commits that are not known to be done
}

// pending is a checkpoint under way.
type pending struct {
	id           stream.CheckpointID
	kind         Kind
	request      *Requested // nil: nobody's
	tasks        []Task
	waits        map[Task]bool // tasks that have not acked
	handles      map[Task]Handle
	final        map[Task]bool
	committables []Committable
	deadline     time.Time
	storing      bool
}

// NewCore returns the protocol of a job of which nothing runs yet.
func NewCore(s Settings) *Core {
	s.First, s.InFlight, s.Timeout = max(s.First, 1), max(s.InFlight, 1), cmp.Or(s.Timeout, 10*time.Minute)
	return &Core{settings: s, next: s.First}
}

// Step takes an event and returns what is to be done. now never goes back.
func (c *Core) Step(now time.Time, e Event) []Action {
	var out []Action
	switch e := e.(type) {
	case Running:
		c.begin(now, e.Tasks)
	case Interrupted:
		out = c.interrupt(e.Err)
	case Due:
		c.woken = time.Time{}
		out = c.expire(now)
	case Requested:
		out = c.request(e)
	case Acked:
		c.ack(e)
	case Declined:
		if p := c.find(e.ID); p != nil && p.waits[e.Task] {
			out = c.fail(now, p, fmt.Errorf("%s: %w", e.Task, e.Err))
		}
	case Stored:
		out = c.stored(now, e)
	case Committed:
		c.uncommitted = slices.DeleteFunc(c.uncommitted, func(x Committable) bool { return x.Checkpoint <= e.ID })
	case Backlog:
		c.backlog = e.Is
	case TaskEnded:
		if c.live[e.Task] {
			c.ended[e.Task] = true
		}
	}
	out = append(out, c.persist()...)
	out = append(out, c.start(now)...)
	return append(out, c.wake()...)
}

func (c *Core) begin(now time.Time, tasks []Task) {
	c.running = true
	c.live, c.ended, c.final = map[Task]bool{}, map[Task]bool{}, map[Task]Handle{}
	for _, t := range tasks {
		c.live[t] = true
	}
	c.last = now
}

func (c *Core) find(id stream.CheckpointID) *pending {
	for _, p := range c.pending {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (c *Core) remove(p *pending) {
	c.pending = slices.DeleteFunc(c.pending, func(q *pending) bool { return p == q })
	c.stopping = c.stopping && (p.kind != Stop && p.kind != Drain)
}

// interrupt aborts what is under way. What is being stored can still become complete: its outcome decides what to begin from.
func (c *Core) interrupt(err error) (out []Action) {
	if c.over {
		return nil
	}
	c.running = false
	c.live, c.ended = nil, nil
	for _, p := range slices.Clone(c.pending) {
		if !p.storing {
			out = append(out, c.abort(p, fmt.Errorf("the job was interrupted: %w", err))...)
		}
	}
	if len(c.pending) == 0 {
		out = append(out, Settled{})
	}
	return out
}

// abort gives a checkpoint up.
func (c *Core) abort(p *pending, err error) []Action {
	c.remove(p)
	out := []Action{Abort{ID: p.id, Tasks: c.alive(p.tasks), Err: err}}
	if p.request != nil {
		out = append(out, Answer{Number: p.request.Number, ID: p.id, Err: err})
	}
	return out
}

// fail aborts a checkpoint that went wrong, and gives the job up when too many have.
func (c *Core) fail(now time.Time, p *pending, err error) []Action {
	out := c.abort(p, err)
	c.quiet = now.Add(max(c.settings.Pause, retryPause))
	if p.kind == Checkpoint || p.kind == Last {
		c.failures++
	}
	switch {
	case !c.running:
		return out
	case errors.Is(err, ErrFenced):
		err = fmt.Errorf("%s %d: %w", p.kind, p.id, err)
	case p.kind == Drain:
		err = fmt.Errorf("drained for savepoint %d, which failed: %w", p.id, err)
	case c.failures > c.settings.Failures:
		err = fmt.Errorf("%s %d failed, the %d. in a row: %w", p.kind, p.id, c.failures, err)
		c.failures = 0
	default:
		return out
	}
	c.running = false
	return append(out, FailJob{Err: err})
}

// alive returns those of tasks that still run.
func (c *Core) alive(tasks []Task) []Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool { return !c.live[t] })
}

func (c *Core) expire(now time.Time) (out []Action) {
	for _, p := range slices.Clone(c.pending) {
		if p.storing || len(p.waits) == 0 || now.Before(p.deadline) {
			continue
		}
		waits := slices.SortedFunc(maps.Keys(p.waits), Task.compare)
		out = append(out, c.fail(now, p, fmt.Errorf("%w: %d of %d, the first %s", errExpired, len(waits), len(p.tasks), waits[0]))...)
	}
	return out
}

func (c *Core) request(r Requested) []Action {
	if c.over {
		return []Action{Answer{Number: r.Number, Err: errOver}}
	}
	if r.Kind == Last {
		return []Action{Answer{Number: r.Number, Err: errLast}}
	}
	if c.stopping {
		return []Action{Answer{Number: r.Number, Err: errStopping}}
	}
	c.stopping = r.Kind.Ends()
	c.requests = append(c.requests, r)
	return nil
}

func (c *Core) ack(e Acked) {
	p := c.find(e.ID)
	if p == nil || !p.waits[e.Task] {
		return
	}
	delete(p.waits, e.Task)
	e.Handle.Ended = e.Final
	p.handles[e.Task] = e.Handle
	p.committables = append(p.committables, e.Committables...)
	if e.Final {
		p.final[e.Task] = true
	}
}

// persist has the manifest of the next checkpoint that all tasks have acked written. It is one at a time, so that they become complete in order.
func (c *Core) persist() []Action {
	for _, p := range c.pending {
		if p.storing {
			return nil
		}
	}
	for _, p := range c.pending {
		if len(p.waits) > 0 {
			continue
		}
		p.storing = true
		handles := maps.Clone(c.final)
		maps.Copy(handles, p.handles)
		s := Persist{ID: p.id, Kind: p.kind, Committables: c.open(p)}
		if p.request != nil {
			s.Target = p.request.Target
		}
		for _, t := range slices.SortedFunc(maps.Keys(handles), Task.compare) {
			s.Handles = append(s.Handles, handles[t])
		}
		return []Action{s}
	}
	return nil
}

// open returns the committables that whoever begins from a checkpoint must commit.
func (c *Core) open(p *pending) []Committable {
	// What a later checkpoint has committed is not of this cut.
	earlier := slices.DeleteFunc(slices.Clone(c.uncommitted), func(x Committable) bool { return x.Checkpoint > p.id })
	return append(earlier, c.fresh(p)...)
}

// fresh returns the committables of a checkpoint whose commit has not been issued, in order.
func (c *Core) fresh(p *pending) []Committable {
	out := slices.DeleteFunc(slices.Clone(p.committables), func(x Committable) bool { return x.Checkpoint <= c.issued })
	slices.SortStableFunc(out, func(a, b Committable) int {
		return cmp.Or(cmp.Compare(a.Checkpoint, b.Checkpoint), cmp.Compare(a.UID, b.UID), a.Task-b.Task)
	})
	return out
}

func (c *Core) stored(now time.Time, e Stored) (out []Action) {
	p := c.find(e.ID)
	if p == nil || !p.storing {
		return nil
	}
	if e.Err != nil {
		out = c.fail(now, p, fmt.Errorf("storing it: %w", e.Err))
	} else {
		out = c.complete(now, p)
	}
	if !c.running && !c.over && len(c.pending) == 0 && c.live == nil {
		out = append(out, Settled{})
	}
	return out
}

// complete draws the consequences of a checkpoint whose manifest is in place.
func (c *Core) complete(now time.Time, p *pending) (out []Action) {
	c.remove(p)
	c.quiet = now.Add(c.settings.Pause)
	if p.kind != Savepoint {
		c.failures = 0
		out = c.succeed(p)
	}
	if p.request != nil {
		out = append(out, Answer{Number: p.request.Number, ID: p.id})
	}
	if c.over {
		out = append(out, c.end(p.id)...)
	}
	return out
}

// succeed makes a checkpoint the one that recovery begins from: what was prepared up to it is committed, and tasks learn of it.
func (c *Core) succeed(p *pending) (out []Action) {
	for _, older := range slices.Clone(c.pending) {
		if older.id < p.id && older.kind == Checkpoint {
			out = append(out, c.abort(older, errSubsumed)...)
		}
	}
	done := c.release(p)
	c.over = p.kind.Ends() || c.running && len(c.live) == 0
	fresh := c.fresh(p)
	c.issued = max(c.issued, p.id)
	c.uncommitted = append(c.uncommitted, fresh...)
	final := c.over && p.kind != Stop
	if len(fresh) > 0 || final {
		out = append(out, Commit{ID: p.id, Committables: fresh, Final: final})
	}
	if c.running {
		out = append(out, Notify{ID: p.id, Tasks: c.told(done), Done: done})
	}
	return out
}

// release lets the tasks go that have nothing left to do, and returns them.
func (c *Core) release(p *pending) (done []Task) {
	for _, t := range p.tasks {
		if c.live[t] && (p.final[t] || p.kind.Ends()) {
			delete(c.live, t)
			delete(c.ended, t)
			c.final[t] = p.handles[t]
			done = append(done, t)
		}
	}
	for _, other := range c.pending {
		for _, t := range done { // it may not be there any more to answer; its state is the final one
			delete(other.waits, t)
		}
	}
	return done
}

// told returns who is notified: all that run, and those that go.
func (c *Core) told(done []Task) []Task {
	tasks := append(slices.Clone(done), slices.Collect(maps.Keys(c.live))...)
	slices.SortFunc(tasks, Task.compare)
	return tasks
}

// end refuses what is left to do.
func (c *Core) end(id stream.CheckpointID) (out []Action) {
	for _, p := range slices.Clone(c.pending) {
		out = append(out, c.abort(p, errOver)...)
	}
	for _, r := range c.requests {
		out = append(out, Answer{Number: r.Number, Err: errOver})
	}
	c.requests = nil
	return append(out, Over{ID: id})
}

// start begins checkpoints that may begin.
func (c *Core) start(now time.Time) (out []Action) {
	for c.running && !c.over && len(c.pending) < c.settings.InFlight && !c.isEnding() {
		switch {
		case len(c.requests) > 0:
			r := c.requests[0]
			c.requests = c.requests[1:]
			out = append(out, c.trigger(now, r.Kind, &r))
		case c.isIdle():
			if len(c.pending) > 0 || c.failures > 0 && now.Before(c.quiet) {
				return out
			}
			out = append(out, c.trigger(now, Last, nil))
		case c.interval() > 0 && !now.Before(c.due()) && !now.Before(c.quiet):
			out = append(out, c.trigger(now, Checkpoint, nil))
		default:
			return out
		}
	}
	return out
}

// interval is from the start of a checkpoint to that of the next; 0 or less: none begins by itself.
func (c *Core) interval() time.Duration {
	if c.backlog && c.settings.InBacklog != 0 {
		return c.settings.InBacklog
	}
	return c.settings.Interval
}

// due is when the next is to begin by the interval. When a backlog has been worked off that may have been long ago.
func (c *Core) due() time.Time { return c.last.Add(c.interval()) }

// isEnding says whether a checkpoint is under way after which the job ends.
func (c *Core) isEnding() bool {
	return slices.ContainsFunc(c.pending, func(p *pending) bool { return p.kind.Ends() })
}

// isIdle says whether the input of all tasks has ended.
func (c *Core) isIdle() bool { return len(c.ended) == len(c.live) }

func (c *Core) trigger(now time.Time, k Kind, r *Requested) Action {
	p := &pending{
		id: c.next, kind: k, request: r, tasks: slices.SortedFunc(maps.Keys(c.live), Task.compare), waits: maps.Clone(c.live),
		handles: map[Task]Handle{}, final: map[Task]bool{}, deadline: now.Add(c.settings.Timeout),
	}
	c.next++
	c.pending = append(c.pending, p)
	if k == Checkpoint {
		c.last = now
	}
	t := Trigger{ID: p.id, Kind: k, Tasks: p.tasks}
	if r != nil {
		t.Target = r.Target
	}
	return t
}

// wake asks for the next moment at which something is to be done without an event.
func (c *Core) wake() []Action {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, p := range c.pending {
		if !p.storing && len(p.waits) > 0 {
			sooner(p.deadline)
		}
	}
	if c.running && !c.over && len(c.pending) < c.settings.InFlight && !c.isEnding() {
		switch {
		case c.isIdle():
			if len(c.pending) == 0 {
				sooner(c.quiet)
			}
		case c.interval() > 0:
			sooner(later(c.due(), c.quiet))
		}
	}
	if at.IsZero() || at.Equal(c.woken) {
		return nil
	}
	c.woken = at
	return []Action{Wake{At: at}}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
