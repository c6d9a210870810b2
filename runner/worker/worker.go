// Package worker runs tasks: it makes operators of a stage's plan, connects them with the exchanges, and runs each task on a goroutine of its
// own.
//
// A [Worker] is one process's. It holds what tasks share: the memory budget, the scratch folder, the exchanges of the job. The coordinator
// tells it what to launch, stop and drop; it answers with events. What an attempt wrote to a blocking edge counts once the attempt has
// succeeded; the next attempt's replaces it.
//
// Goroutines: one a running task, which ends with the task; Close stops and waits for all.
//
// Stability: engine-private.
package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/operator/build"
	"github.com/millrace/millrace/operator/sink"
	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// Config is what a worker works with.
type Config struct {
	Plan   *physical.Plan
	RunID  string
	Memory *budget.Budget
	Spill  *spill.Manager
	Files  *vfs.Resolver
	Log    *slog.Logger
	// Bad takes a record that a node could not process; its error ends the task.
	Bad func(a control.Attempt, n *plan.Node, b stream.Bad) error
	// Probe is called once a turn of each task's loop; an error kills the attempt. nil: none.
	Probe func(control.Attempt) error
	// BatchRows bounds the rows of each batch; 0: batches are as they come.
	BatchRows int
	// Streaming is set for jobs that take checkpoints.
	Streaming *Streaming
	// Backend makes the keyed state of operators that have some.
	Backend Backend
}

// Events is what a worker tells its coordinator. Its functions may be called from any goroutine.
type Events struct {
	Succeeded    func(control.Attempt, control.Report)
	Failed       func(control.Attempt, error)
	SplitsWanted func(control.Attempt)
	Acked        func(control.Attempt, control.Ack)
	Ended        func(control.Attempt)
	Paced        func(control.Attempt, control.Pace)
	Backlogged   func(a control.Attempt, is bool) // the attempt's reader has come into its backlog, or out of it
}

// Worker runs the tasks of one job in this process.
type Worker struct {
	config Config
	events Events
	ctx    context.Context //nolint:containedctx // the life of the worker: tasks are children of it
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	held   *budget.Budget // for what lies on exchanges
	common commons
	clock  stream.Clock // of all tasks of a job that takes checkpoints: it never goes back

	mu        sync.Mutex // guards all below
	exchanges map[int]*exchange
	running   map[control.Attempt]*running
	metrics   map[Place]map[int]*metrics.Set // by task: of the latest attempt
	places    map[stream.CheckpointID]checkpoint.Place
}

type running struct {
	cancel  context.CancelCauseFunc
	task    *task.Task
	fetcher *source.Fetcher
}

// New returns a worker. Close ends it.
func New(ctx context.Context, c Config, e Events) *Worker {
	w := &Worker{
		config: c, events: e, exchanges: map[int]*exchange{}, running: map[control.Attempt]*running{}, metrics: map[Place]map[int]*metrics.Set{},
		places: map[stream.CheckpointID]checkpoint.Place{},
	}
	w.held = c.Memory.Child("exchanges", c.Memory.Total()*exchangeShare/100)
	if c.Streaming != nil {
		w.clock = stream.NewSteady(c.Streaming.Clock)
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	for _, edge := range c.Plan.Edges {
		w.exchanges[edge.ID] = &exchange{edge: edge}
	}
	return w
}

// exchangeShare is how much of the memory, in percent, may lie on exchanges: the rest is for the operators that read them.
const exchangeShare = 50

// ErrStopped is why a task ends that was told to stop.
var ErrStopped = errors.New("the task was stopped")

// Close stops all tasks, waits for them and drops what is left on the exchanges.
func (w *Worker) Close() {
	w.cancel(ErrStopped)
	w.tasks.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.exchanges {
		x.drop()
	}
	w.common.close()
	w.held.Close()
}

// Launch starts an attempt. Its end is told by Events.
func (w *Worker) Launch(a control.Assignment) {
	w.tasks.Add(1)
	ctx, cancel := context.WithCancelCause(w.ctx)
	r := &running{cancel: cancel}
	w.mu.Lock()
	w.running[a.Attempt] = r
	w.mu.Unlock()
	t := w.prepare(ctx, a, r)
	w.mu.Lock()
	r.task = t.task
	w.mu.Unlock()
	go func() { // ends with the task; Close waits for it
		defer w.tasks.Done()
		defer cancel(nil)
		w.run(ctx, a, t)
	}()
}

// prepared is a task ready to run, or the error that says why there is none.
type prepared struct {
	task    *task.Task
	outputs []shuffle.Writer
	memory  []*budget.Account
	cuts    *cuts // nil: there are none
	err     error
}

// free gives the task's memory back, as soon as its snapshots, which hold some of it, have been written.
func (w *Worker) free(p prepared) {
	free := func() {
		for _, m := range p.memory {
			m.Close()
		}
	}
	if p.cuts == nil {
		free()
		return
	}
	w.tasks.Go(func() { // ends with the writing; Close waits for it
		p.cuts.writing.Wait()
		free()
	})
}

func (w *Worker) run(ctx context.Context, a control.Assignment, p prepared) {
	report, err := control.Report{}, p.err
	if err == nil {
		report, err = p.task.Run(ctx)
	} else {
		for _, o := range p.outputs {
			o.Abort()
		}
	}
	w.free(p)
	w.mu.Lock()
	delete(w.running, a.Attempt)
	if err == nil {
		w.keep(a, p.outputs)
	}
	w.mu.Unlock()
	if err != nil {
		w.events.Failed(a.Attempt, err)
		return
	}
	w.events.Succeeded(a.Attempt, report)
}

// keep makes what an attempt wrote to blocking edges what consumers read. The caller holds mu.
func (w *Worker) keep(a control.Assignment, outputs []shuffle.Writer) {
	for i, e := range w.config.Plan.Stages[a.Attempt.Stage].Outputs {
		w.exchanges[e.ID].keep(a.Attempt.Task, outputs[i])
	}
}

// Stop ends an attempt; it will be reported as failed.
func (w *Worker) Stop(a control.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.running[a]; r != nil {
		r.cancel(ErrStopped)
	}
}

// Hand answers an attempt's wish for splits.
func (w *Worker) Hand(a control.Attempt, h control.Handed) {
	w.mu.Lock()
	r := w.running[a]
	w.mu.Unlock()
	if r != nil && r.fetcher != nil {
		r.fetcher.Assign(source.Assignment(h))
	}
}

// Drop forgets what lies on an edge.
func (w *Worker) Drop(edge int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exchanges[edge].drop()
}

// Place is an operator of the plan: a stage, and the position in its chain.
type Place struct{ Stage, Op int }

// Metrics returns what each operator's tasks have counted so far.
func (w *Worker) Metrics() map[Place]metrics.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[Place]metrics.Values, len(w.metrics))
	for place, tasks := range w.metrics {
		var all []metrics.Values
		for _, set := range tasks {
			all = append(all, set.Values())
		}
		out[place] = metrics.Sum(all...)
	}
	return out
}

// prepare makes the task of an assignment.
func (w *Worker) prepare(ctx context.Context, a control.Assignment, r *running) (p prepared) {
	stage := w.config.Plan.Stages[a.Attempt.Stage]
	var origin *stream.Env
	var schema *columnar.Schema
	config := task.Config{Probe: w.probe(a.Attempt)}
	for i, op := range stage.Chain {
		env := w.environment(ctx, a, i, op, inputs(stage, i, schema))
		p.memory = append(p.memory, env.Memory)
		if _, ok := op.Spec.(physical.Source); ok {
			origin = env
		} else {
			o, err := build.New(op)
			if err != nil {
				p.err = err
				return p
			}
			config.Operators = append(config.Operators, w.operator(a, op, o, env))
		}
		schema = stage.Schema(i)
	}
	if w.config.Streaming != nil {
		p.cuts = &cuts{worker: w, assignment: a, stage: stage}
		config.Cut, config.Ended = p.cuts.take, func() { w.events.Ended(a.Attempt) }
		config.Paced = func(pace control.Pace) { w.events.Paced(a.Attempt, pace) }
		config.InFlight = func() *budget.Account { return w.held.Account(fmt.Sprintf("rows in flight to %s", a.Attempt)) }
	}
	config.BatchRows = w.config.BatchRows
	p.task = task.New(config)
	if origin != nil {
		p.err = w.read(p.task, stage, a, origin, r)
		if p.err != nil {
			return p
		}
	}
	p.err = w.connect(ctx, &p, stage, a)
	return p
}

// inputs returns the schemas of an operator's inputs, by port: of what comes from the operator before it, if there is one, and over edges.
func inputs(s *physical.Stage, at int, before *columnar.Schema) []*columnar.Schema {
	var out []*columnar.Schema
	main := 0
	for _, e := range s.Inputs {
		if e.At != at {
			continue
		}
		if e.Port == main && before != nil { // the other input is fed by the operator before
			main++
		}
		for len(out) <= e.Port {
			out = append(out, nil)
		}
		out[e.Port] = e.Schema
	}
	for len(out) <= main {
		out = append(out, nil)
	}
	if before != nil {
		out[main] = before
	}
	return out
}

func (w *Worker) probe(a control.Attempt) func() error {
	if w.config.Probe == nil {
		return nil
	}
	return func() error { return w.config.Probe(a) }
}

// environment makes what an operator gets of the world.
func (w *Worker) environment(ctx context.Context, a control.Assignment, at int, op physical.Op, in []*columnar.Schema) *stream.Env {
	n := op.Node
	name := n.String()
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", w.config.Plan.Job.Name, n.ID)
	env := &stream.Env{
		Context: ctx, Job: w.config.Plan.Job.Name, RunID: w.config.RunID, Node: name,
		Task: a.Attempt.Task, Tasks: a.Tasks, Attempt: a.Attempt.Number, Inputs: in,
		Log:     w.config.Log.With("task", a.Attempt.String(), "node", name),
		Metrics: w.set(Place{a.Attempt.Stage, at}, a.Attempt.Task),
		Memory:  w.config.Memory.Account(fmt.Sprintf("%s, %s", name, a.Attempt)),
		Spill:   w.config.Spill, Files: w.config.Files,
		Rand: rand.New(rand.NewPCG(h.Sum64(), uint64(a.Attempt.Task))), //nolint:gosec // samples and shuffles are no secrets
		Bad:  func(b stream.Bad) error { return w.config.Bad(a.Attempt, n, b) },

		Shared: w.common.at(Place{a.Attempt.Stage, at}, op, w.config.Plan.Stages[a.Attempt.Stage], w.config.Memory),
	}
	w.stream(env, op)
	return env
}

// set returns a fresh set of counters for an operator of a task, in place of an earlier attempt's.
func (w *Worker) set(at Place, task int) *metrics.Set {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.metrics[at] == nil {
		w.metrics[at] = map[int]*metrics.Set{}
	}
	s := &metrics.Set{}
	w.metrics[at][task] = s
	return s
}

// read makes a source's task read.
func (w *Worker) read(t *task.Task, stage *physical.Stage, a control.Assignment, env *stream.Env, r *running) error {
	read := stage.Chain[0].Spec.(physical.Source).Read
	scan := read.Scan
	if w.config.BatchRows > 0 {
		scan.Rows = w.config.BatchRows
	}
	open := func(report func(connectors.Bad) error) (connectors.Reader, error) {
		env := sink.Env(env)
		env.Report = report
		return read.Source.NewReader(env, scan)
	}
	f, err := source.NewFetcher(open, func() { w.events.SplitsWanted(a.Attempt) }, t.Wake)
	if err != nil {
		return fmt.Errorf("%s: opening %s: %w", env.Node, read.Source.Describe(), err)
	}
	if w.config.Streaming != nil {
		f.OnBacklog(func(is bool) { w.events.Backlogged(a.Attempt, is) })
	}
	w.mu.Lock()
	r.fetcher = f
	w.mu.Unlock()
	t.ReadFrom(f, env, read.Source.IsBounded())
	return nil
}

// connect gives a task its gates and writers.
func (w *Worker) connect(ctx context.Context, p *prepared, stage *physical.Stage, a control.Assignment) error {
	var in []task.Input
	failed := func(doing string, stage int, err error) error {
		err = fmt.Errorf("opening the exchange %s stage %d: %w", doing, stage, err)
		for _, i := range in {
			err = errors.Join(err, i.Gate.Close())
		}
		return err
	}
	for _, e := range stage.Inputs {
		gate, err := w.gate(ctx, e, a, p.task.Wake)
		if err != nil {
			return failed("from", e.From.ID, err)
		}
		at := e.At
		if stage.IsSource() {
			at-- // the source itself is no operator
		}
		in = append(in, task.Input{At: at, Port: e.Port, Gate: gate, Aligned: !flies(e), Restore: w.restoreFlights(ctx, e, a, gate)})
	}
	var to []task.Output
	for _, e := range stage.Outputs {
		out, err := w.writer(ctx, e, a, p.task.Wake)
		if err != nil {
			return failed("to", e.To.ID, err)
		}
		p.outputs = append(p.outputs, out)
		to = append(to, output(stage, e, out))
	}
	p.task.Connect(in, to)
	return nil
}

// output says what of a task's output goes over an edge.
func output(stage *physical.Stage, e *physical.Edge, w shuffle.Writer) task.Output {
	if e.Side == nil {
		return task.Output{Writer: w}
	}
	at := e.Side.At
	if stage.IsSource() {
		at-- // the source itself is no operator
	}
	return task.Output{Writer: w, IsSide: true, At: at, Side: e.Side.Number}
}
