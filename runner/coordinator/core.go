// Package coordinator schedules a job.
//
// [Core] decides: it is step(event) -> actions, pure, and knows regions of stages, attempts of tasks, splits of sources, and what a stage's
// facts mean for the next one: how many tasks its consumer gets, and where ranges are cut. Stages joined by pipelined edges are started, and
// fail, together; behind blocking edges a failed task alone is tried again; what was lost on a blocking edge is made again, with all that
// depends on it (lost.go). The job ends once: with the first error that trying again will not mend, or with what the winning attempts
// prepared, to be committed.
//
// [Run] is the loop around it that does what it says, with workers, enumerators and committers.
//
// Stability: engine-private.
package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
)

// Event is something the coordinator learns.
type Event interface{ event() }

// The events.
type (
	// Started is the first event: the job is to run.
	Started struct{}
	// Succeeded says that an attempt is done, and what it left.
	Succeeded struct {
		Attempt control.Attempt
		Report  control.Report
	}
	// Failed says that an attempt has ended with an error.
	Failed struct {
		Attempt control.Attempt
		Err     error
	}
	// SplitsWanted says that a source's attempt has nothing to read.
	SplitsWanted struct{ Attempt control.Attempt }
	// Called is the result of an enumerator's call.
	Called struct {
		Stage, Begun int // as in Call or Later
		Result       connectors.Called
	}
	// Cancelled says that the job is to end without a result.
	Cancelled struct{ Cause error }
)

func (Started) event()      {}
func (Succeeded) event()    {}
func (Failed) event()       {}
func (SplitsWanted) event() {}
func (Called) event()       {}
func (Cancelled) event()    {}

// Action is something the coordinator wants done.
type Action interface{ action() }

// The actions.
type (
	// Launch starts an attempt.
	Launch struct{ Assignment control.Assignment }
	// Stop ends an attempt that runs; it will still be reported.
	Stop struct{ Attempt control.Attempt }
	// Drop forgets what an attempt wrote to its output edges, or what all wrote to an edge that nobody reads any more.
	Drop struct{ Edge int }
	// Hand gives splits to an attempt.
	Hand struct {
		Attempt control.Attempt
		control.Handed
	}
	// Later has Called come for an enumerator after a time.
	Later struct {
		Stage, Begun int // Begun: how often the stage's enumerator had been made anew
		Later        connectors.Later
	}
	// Call is I/O of an enumerator's, answered by Called.
	Call struct {
		Stage, Begun int // as in Later
		Call         connectors.Call
	}
	// Total tells how much a source stage has to read.
	Total struct {
		Stage int
		Known connectors.Known
	}
	// Finish ends the job: with Err, or by committing what the attempts prepared and handing out what they collected.
	Finish struct {
		Err       error
		Prepared  map[int][]connectors.Committable // by sink stage
		Collected []Collected
	}
)

// Collected is what a collect stage's task gathered.
type Collected struct {
	Stage, Task int
	Report      control.Report
}

func (Launch) action() {}
func (Stop) action()   {}
func (Drop) action()   {}
func (Hand) action()   {}
func (Call) action()   {}
func (Later) action()  {}
func (Total) action()  {}
func (Finish) action() {}

// Settings shape scheduling.
type Settings struct {
	Attempts  int   // how often a task is tried; at least 1
	TaskBytes int64 // a consumer of a blocking edge has a task for so many bytes; 0: all tasks the plan allows
	// IsFinal says of an error that trying again will not help.
	IsFinal func(error) bool
	// Streaming is set for plans that are streaming.
	Streaming *StreamingSettings
}

// Core schedules a job: step by step, events in, actions out. It does no I/O, reads no clock and starts nothing; the same events give the
// same actions.
type Core struct {
	plan     *physical.Plan
	settings Settings
	regions  []*region
	stages   []*stageState
	ended    bool
	failure  error
	flow     *flow // of a plan that is streaming
}

// region is stages that run together.
type region struct {
	stages  []*stageState
	running int // attempts
	done    bool
	started bool
	failed  bool // attempts are being stopped before the region may start anew
}

type stageState struct {
	stage     *physical.Stage
	region    *region
	tasks     int
	attempt   []int // by task: the number of the current attempt
	spared    []int // by task: attempts that ended through no fault of the task's
	done      []bool
	running   []bool
	reports   []control.Report
	begun     int // how often enum has been made anew
	enum      connectors.Enumerator
	assigned  []given  // by task: what its current attempt has been given
	waiting   []bool   // by task: asked for splits, not answered
	exhausted bool     // of streaming plans: tasks know that no split is left
	held      [][]Hand // by task: not handed out yet, because the task is taking part in a checkpoint
}

// given is splits, and where in each reading began; nil: at its start.
type given struct {
	splits []connectors.Split
	from   []connectors.Position
}

func (g *given) add(splits []connectors.Split, from []connectors.Position) {
	g.splits = append(g.splits, splits...)
	for i := range splits {
		var at connectors.Position
		if i < len(from) {
			at = from[i]
		}
		g.from = append(g.from, at)
	}
}

// NewCore returns the scheduler of a plan. Enumerators are those of the source stages, by stage ID.
func NewCore(p *physical.Plan, enumerators map[int]connectors.Enumerator, s Settings) *Core {
	c := &Core{plan: p, settings: s, stages: make([]*stageState, len(p.Stages))}
	if s.Streaming != nil {
		c.flow = &flow{settings: *s.Streaming, protocol: checkpoint.NewCore(s.Streaming.Checkpoints)}
	}
	for _, stages := range p.Regions() {
		r := &region{}
		for _, s := range stages {
			st := &stageState{stage: s, region: r, enum: enumerators[s.ID]}
			c.stages[s.ID] = st
			r.stages = append(r.stages, st)
		}
		c.regions = append(c.regions, r)
	}
	return c
}

// Step takes an event and returns what is to be done. now never goes back.
func (c *Core) Step(now time.Time, e Event) ([]Action, error) {
	if c.ended {
		return nil, nil
	}
	out, err := c.step(now, e)
	if err != nil || c.flow == nil || c.ended {
		return out, err
	}
	more, err := c.lookBack(now)
	return append(out, more...), err
}

func (c *Core) step(now time.Time, e Event) ([]Action, error) {
	switch e := e.(type) {
	case Started:
		if c.flow != nil {
			return []Action{Load{}}, nil
		}
		return c.schedule()
	case Succeeded:
		return c.succeeded(now, e)
	case Failed:
		return c.failedAttempt(now, e)
	case SplitsWanted:
		return c.splitsWanted(e)
	case Called:
		s := c.stages[e.Stage]
		if e.Begun != s.begun { // the enumerator that asked is gone; the one there is now asks itself
			return nil, nil
		}
		return c.enumerate(s, e.Result)
	case Cancelled:
		return c.fail(e.Cause), nil
	default:
		return c.stepStreaming(now, e)
	}
}

// schedule starts every region whose inputs are there; when all are done it finishes the job.
func (c *Core) schedule() ([]Action, error) {
	var out []Action
	all := true
	for _, r := range c.regions {
		all = all && r.done
		if r.started || !c.isReady(r) {
			continue
		}
		actions, err := c.start(r)
		if err != nil {
			return nil, err
		}
		out = append(out, actions...)
	}
	if all {
		return append(out, c.finish()), nil
	}
	if !slices.ContainsFunc(c.regions, func(r *region) bool { return r.running > 0 }) {
		return nil, errors.New("broken invariant: regions are left, none of them can start, and nothing runs")
	}
	return out, nil
}

// isReady says whether all that a region reads is there, and nobody reads what it will write anew.
func (c *Core) isReady(r *region) bool {
	for _, s := range r.stages {
		for _, e := range s.stage.Inputs {
			if from := c.stages[e.From.ID]; from.region != r && !from.region.done {
				return false
			}
		}
		for _, e := range s.stage.Outputs {
			if c.stages[e.To.ID].region.failed {
				return false
			}
		}
	}
	return true
}

// start launches the tasks of a region that are not done, consumers first so that their gates are open when producers write.
func (c *Core) start(r *region) ([]Action, error) {
	r.started = true
	var out []Action
	for _, s := range r.stages {
		if s.attempt == nil {
			c.size(s)
		}
	}
	for _, s := range slices.Backward(r.stages) {
		for t, done := range s.done {
			if done {
				continue
			}
			a, err := c.launch(s, t)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
		if s.enum == nil || c.flow == nil && s.attempt[0] > 0 {
			continue
		}
		first, err := c.firstEvent(s)
		if err != nil {
			return nil, err
		}
		actions, err := c.enumerate(s, first)
		if err != nil {
			return nil, err
		}
		out = append(out, actions...)
	}
	return out, nil
}

// size decides in how many tasks a stage runs, now that its inputs are known.
func (c *Core) size(s *stageState) {
	n := s.stage.Tasks
	if bytes, known := c.inputBytes(s.stage); known && !s.stage.Fixed && c.settings.TaskBytes > 0 {
		n = min(n, int(max(1, (bytes+c.settings.TaskBytes-1)/c.settings.TaskBytes)))
	}
	s.tasks = n
	s.attempt, s.spared, s.done, s.running, s.waiting = make([]int, n), make([]int, n), make([]bool, n), make([]bool, n), make([]bool, n)
	s.reports, s.assigned, s.held = make([]control.Report, n), make([]given, n), make([][]Hand, n)
}

// inputBytes sums what the producers of blocking edges reported; false when an input is pipelined or there is none.
func (c *Core) inputBytes(s *physical.Stage) (int64, bool) {
	var sum int64
	for _, e := range s.Inputs {
		if !e.Blocking || e.Kind == physical.Index {
			return 0, false
		}
		for _, f := range c.facts(e) {
			for _, b := range f.Bytes {
				sum += b
			}
		}
	}
	return sum, len(s.Inputs) > 0
}

// facts returns what the producers of an edge reported, by control.
func (c *Core) facts(e *physical.Edge) []shuffle.Facts {
	from := c.stages[e.From.ID]
	at := slices.Index(e.From.Outputs, e)
	out := make([]shuffle.Facts, from.tasks)
	for t := range out {
		if at < len(from.reports[t].Facts) {
			out[t] = from.reports[t].Facts[at]
		}
	}
	return out
}

func (c *Core) launch(s *stageState, t int) (Action, error) {
	s.running[t] = true
	s.region.running++
	l := control.Assignment{Attempt: name(s, t), Tasks: s.tasks, Ranges: map[int]control.Range{}, Bounds: map[int][][]byte{}, Sizes: map[int]int{}}
	for _, other := range s.region.stages {
		l.Sizes[other.stage.ID] = other.tasks
	}
	for _, e := range s.stage.Inputs {
		l.Ranges[e.ID] = c.partitions(e, s.tasks, t)
		if e.Kind == physical.Range {
			l.Bounds[e.ID] = bounds(c.facts(e), s.tasks)
		}
	}
	var err error
	l.Restore, err = c.restore(s, t)
	return Launch{l}, err
}

// name returns the current attempt at task t.
func name(s *stageState, t int) control.Attempt {
	return control.Attempt{Stage: s.stage.ID, Task: t, Number: s.attempt[t]}
}

// partitions returns which partitions of an edge task t of n reads.
func (c *Core) partitions(e *physical.Edge, n, t int) control.Range {
	switch e.Kind {
	case physical.Range, physical.Broadcast, physical.Gather:
		return control.Range{From: 0, To: 1}
	case physical.Forward:
		total := c.stages[e.From.ID].tasks
		return control.Range{From: t * total / n, To: (t + 1) * total / n}
	default:
		total := e.To.Tasks
		return control.Range{From: t * total / n, To: (t + 1) * total / n}
	}
}

// bounds cuts the keys sampled by all producers into n ranges of about equal numbers of rows: n-1 keys, each the first of its range.
func bounds(facts []shuffle.Facts, n int) [][]byte {
	var all [][]byte
	for _, f := range facts {
		all = append(all, f.Keys...)
	}
	slices.SortFunc(all, func(a, b []byte) int { return slices.Compare(a, b) })
	out := make([][]byte, 0, n-1)
	for i := 1; i < n && len(all) > 0; i++ {
		out = append(out, all[i*len(all)/n])
	}
	return out
}

func (c *Core) state(a control.Attempt) (s *stageState, current bool) {
	s = c.stages[a.Stage]
	return s, a.Task < len(s.attempt) && s.attempt[a.Task] == a.Number && s.running[a.Task]
}

func (c *Core) succeeded(now time.Time, e Succeeded) ([]Action, error) {
	s, current := c.state(e.Attempt)
	if !current {
		return nil, nil
	}
	s.running[e.Attempt.Task] = false
	s.region.running--
	if c.flow != nil {
		return c.attemptEnded(now, s, e.Attempt.Task, &e.Report, nil)
	}
	if s.region.failed {
		return c.restart(s.region)
	}
	s.done[e.Attempt.Task] = true
	s.reports[e.Attempt.Task] = e.Report
	if !isDone(s.region) {
		return nil, nil
	}
	s.region.done = true
	out := c.dropInputs(s.region)
	next, err := c.schedule()
	return append(out, next...), err
}

func isDone(r *region) bool {
	for _, s := range r.stages {
		if slices.Contains(s.done, false) {
			return false
		}
	}
	return true
}

// dropInputs forgets the blocking inputs of a region that is done, as far as nobody else will read them.
func (c *Core) dropInputs(r *region) []Action {
	var out []Action
	for _, s := range r.stages {
		for _, e := range s.stage.Inputs {
			if e.Blocking {
				out = append(out, Drop{e.ID})
			}
		}
	}
	return out
}

// failedAttempt tries again, or ends the job.
func (c *Core) failedAttempt(now time.Time, e Failed) ([]Action, error) {
	s, current := c.state(e.Attempt)
	if !current {
		return nil, nil
	}
	s.running[e.Attempt.Task] = false
	s.region.running--
	if c.flow != nil {
		return c.attemptEnded(now, s, e.Attempt.Task, nil, e.Err)
	}
	if s.region.failed { // stopped together with the one that failed first
		return c.restart(s.region)
	}
	if c.settings.IsFinal(e.Err) || e.Attempt.Number+1-s.spared[e.Attempt.Task] >= c.settings.Attempts {
		return c.fail(e.Err), nil
	}
	if lost, ok := errors.AsType[*control.LostError](e.Err); ok {
		return c.lost(s, e.Attempt.Task, lost)
	}
	if len(s.region.stages) == 1 {
		return c.retry(s, e.Attempt.Task)
	}
	s.region.failed = true
	out := stopAll(s.region)
	more, err := c.restart(s.region)
	return append(out, more...), err
}

// retry launches the next attempt at one task.
func (c *Core) retry(s *stageState, t int) ([]Action, error) {
	out, err := c.reset(s, t)
	if err != nil {
		return nil, err
	}
	a, err := c.launch(s, t)
	return append([]Action{a}, out...), err
}

// reset forgets the current attempt at a task, which does not run any more, so that the next can be launched.
func (c *Core) reset(s *stageState, t int) ([]Action, error) {
	out, err := c.giveBack(s, t)
	s.attempt[t]++
	s.done[t], s.reports[t] = false, control.Report{}
	return out, err
}

// giveBack returns a failed attempt's splits to the enumerator.
func (c *Core) giveBack(s *stageState, t int) ([]Action, error) {
	back := s.assigned[t]
	s.assigned[t], s.waiting[t], s.held[t] = given{}, false, nil
	if s.enum == nil || len(back.splits) == 0 || c.flow != nil { // there the enumerator is a new one

		return nil, nil
	}
	return c.enumerate(s, connectors.Returned{Splits: back.splits, Positions: back.from})
}

// restart makes a region start anew, once its last attempt has ended and what it reads is there.
func (c *Core) restart(r *region) ([]Action, error) {
	if r.running > 0 {
		return nil, nil
	}
	out, err := c.resetAll(r)
	if err != nil {
		return nil, err
	}
	more, err := c.schedule()
	return append(out, more...), err
}

// resetAll forgets all attempts at a region, none of which runs any more.
func (c *Core) resetAll(r *region) ([]Action, error) {
	r.started, r.done, r.failed = false, false, false
	var out []Action
	for _, s := range r.stages {
		for _, e := range s.stage.Inputs {
			if !e.Blocking {
				out = append(out, Drop{e.ID})
			}
		}
		for t := range s.tasks {
			actions, err := c.reset(s, t)
			if err != nil {
				return nil, err
			}
			out = append(out, actions...)
		}
	}
	return out, nil
}

func stopAll(r *region) []Action {
	var out []Action
	for _, s := range r.stages {
		for t, running := range s.running {
			if running {
				out = append(out, Stop{name(s, t)})
			}
		}
	}
	return out
}

func (c *Core) splitsWanted(e SplitsWanted) ([]Action, error) {
	s, current := c.state(e.Attempt)
	if !current {
		return nil, nil
	}
	s.waiting[e.Attempt.Task] = true
	return c.enumerate(s, connectors.Requested{Task: e.Attempt.Task})
}

// enumerate hands an event to a stage's enumerator and carries its actions on.
func (c *Core) enumerate(s *stageState, e connectors.Event) ([]Action, error) {
	actions, err := s.enum.Step(e)
	if err != nil {
		return c.fail(fmt.Errorf("%s: %w", s.stage.Chain[0].Node, err)), nil
	}
	var out []Action
	for _, a := range actions {
		switch a := a.(type) {
		case connectors.Assign:
			s.assigned[a.Task].add(a.Splits, a.Positions)
			out = append(out, c.hand(s, a.Task, control.Handed{Splits: a.Splits, Positions: a.Positions})...)
		case connectors.NoMore:
			out = append(out, c.hand(s, a.Task, control.Handed{NoMore: true})...)
		case connectors.Later:
			out = append(out, Later{Stage: s.stage.ID, Begun: s.begun, Later: a})
		case connectors.Call:
			out = append(out, Call{Stage: s.stage.ID, Begun: s.begun, Call: a})
		case connectors.Known:
			out = append(out, Total{Stage: s.stage.ID, Known: a})
		}
	}
	if x, ok := s.enum.(connectors.Exhaustible); ok && c.flow != nil && !s.exhausted && x.IsExhausted() {
		s.exhausted = true
		for t := range s.tasks {
			out = append(out, c.orHold(s, t, control.Handed{Exhausted: true})...)
		}
	}
	return out, nil
}

// hand gives a task splits, now or when it has answered a trigger.
func (c *Core) hand(s *stageState, t int, what control.Handed) []Action {
	s.waiting[t] = false
	return c.orHold(s, t, what)
}

// orHold tells a task something, behind what is held back for it.
func (c *Core) orHold(s *stageState, t int, what control.Handed) []Action {
	h := Hand{Attempt: name(s, t), Handed: what}
	if c.isCutting(checkpoint.Task{Stage: s.stage.ID, Index: t}) {
		s.held[t] = append(s.held[t], h)
		return nil
	}
	return []Action{h}
}

// fail ends the job with an error: what runs is stopped, nothing is committed.
func (c *Core) fail(err error) []Action {
	if err == nil {
		err = errors.New("cancelled")
	}
	c.ended, c.failure = true, err
	var out []Action
	for _, r := range c.regions {
		out = append(out, stopAll(r)...)
	}
	return append(out, Finish{Err: err})
}

func (c *Core) finish() Finish {
	c.ended = true
	f := Finish{Prepared: map[int][]connectors.Committable{}}
	for _, s := range c.stages {
		for t, r := range s.reports {
			if isSink(s.stage) {
				f.Prepared[s.stage.ID] = append(f.Prepared[s.stage.ID], r.Prepared...)
			}
			if r.Collected != nil {
				f.Collected = append(f.Collected, Collected{s.stage.ID, t, r})
			}
		}
	}
	return f
}

// isSink says whether the stage ends in a sink.
func isSink(s *physical.Stage) bool {
	_, ok := s.Chain[len(s.Chain)-1].Spec.(physical.Sink)
	return ok
}

// isCollect says whether the stage ends in the program that runs the job.
func isCollect(s *physical.Stage) bool {
	_, ok := s.Chain[len(s.Chain)-1].Spec.(physical.Result)
	return ok
}
