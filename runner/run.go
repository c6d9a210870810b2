package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/optimize"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/mem"
)

// Options are how a job is run. The zero value works.
type Options struct {
	Name        string       // of the job; default: "job"
	Parallelism int          // tasks of a stage; default: the processors Go uses
	Memory      int64        // bytes for the whole process; default: half of what the machine or its container has
	Govern      bool         // set the Go runtime's limits by Memory while the job runs: for a process that is the job's alone
	Scratch     string       // folder for spilled data; default: the system's temporary folder
	Pipelined   bool         // exchanges flow instead of being complete before they are read
	Attempts    int          // tries of a task; default 3
	Broadcast   int64        // a join side of at most so many bytes goes to all tasks; default 16 MiB
	Log         *slog.Logger // default: none
	Files       *vfs.Resolver
	RunID       string    // default: a new one
	Streaming   Streaming // of jobs whose input need not end
	// Record is a file that says, while the job's outputs are being made visible, what has to be; should that fail, a run with Complete ends
	// it. "": none.
	Record string
	// Complete is the Record of a run that was not able to publish all of its output: what it prepared is published, nothing else is run. The
	// job must be the same, with the same parameters.
	Complete string
	// Planned is called with the logical graph and the physical plan before they are run. nil: nobody wants to know.
	Planned func(*plan.Job, *physical.Plan)
	// Progress is called about ten times a second with what has been done so far. nil: nobody wants to know.
	Progress func(Status)
	// Running is called when all tasks of a job whose input need not end run for the first time. nil: nobody wants to know.
	Running func(Controls)
	// Probe is called once a turn of each task's loop; its error kills the attempt: for tests. nil: none.
	Probe func(control.Attempt) error
	// Link stands between the coordinator and the worker, and Clock tells tasks the time: for simulations. nil: nothing does; the system's.
	Link  Link
	Clock stream.Clock
	// BatchRows bounds the rows of each batch that sources, operators and exchanges hand on, of jobs whose input ends: for tests, which show
	// with it that results do not depend on it. Default: what is fast, about 8192.
	BatchRows int
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "job"
	}
	if o.Parallelism <= 0 {
		o.Parallelism = runtime.GOMAXPROCS(0)
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory()
	}
	if o.Scratch == "" {
		o.Scratch = os.TempDir()
	}
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RunID == "" {
		o.RunID = newRunID(time.Now())
	}
	if o.Link == nil {
		o.Link = direct{}
	}
	if o.Clock == nil {
		o.Clock = stream.SystemClock{}
	}
	o.Streaming = o.Streaming.withDefaults()
	return o
}

// Run builds a job and runs it in this process to its end. It returns a summary also with an error, as far as the job came. When ctx ends
// the job is cancelled: nothing it wrote becomes visible.
func Run(ctx context.Context, build func(*plan.Job), options ...Options) (*Summary, error) {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	o = o.withDefaults()
	files := o.Files
	if files == nil {
		files = NewFiles(hdfs.Options{})
		defer func() { _ = files.Close() }() // nothing is written through it any more
	}
	r := &run{options: o, files: files, id: o.RunID, started: time.Now(), bad: newBadRecords()}
	return r.do(ctx, build)
}

// NewFiles returns the file systems that a job can name.
func NewFiles(h hdfs.Options) *vfs.Resolver {
	return newFiles(h, local.Open)
}

func newFiles(h hdfs.Options, file vfs.Opener) *vfs.Resolver {
	memory := mem.New("")
	return vfs.NewResolver(map[string]vfs.Opener{
		"file": file,
		"mem":  func(context.Context, string) (vfs.FileSystem, error) { return memory, nil },
		"hdfs": h.Open,
	})
}

// run is one run of one job.
type run struct {
	options Options
	files   *vfs.Resolver
	id      string
	started time.Time
	plan    *physical.Plan
	bad     *badRecords
	totals  totals
	tracker tracker
	counts  func() map[string]int64 // the user's; nil before the job is built
	live    *live                   // of a job that takes checkpoints
}

func (r *run) do(ctx context.Context, build func(*plan.Job)) (*Summary, error) {
	if r.options.Complete != "" {
		return r.complete(ctx, build)
	}
	logical, p, err := r.prepare(ctx, build)
	if err != nil {
		return r.summary(nil, nil, nil, err), err
	}
	r.plan = p
	if r.options.Planned != nil {
		r.options.Planned(logical, p)
	}
	memory := budget.New(r.arenas())
	defer r.govern(memory)()
	scratch, err := r.scratch()
	if err != nil {
		return r.summary(nil, nil, nil, err), err
	}
	if p.IsStreaming {
		if r.live, err = r.goLive(ctx); err != nil {
			err = errors.Join(err, scratch.Close(context.WithoutCancel(ctx)))
			return r.summary(nil, nil, nil, err), err
		}
	}
	published, counts, err := r.execute(ctx, memory, scratch)
	if r.live != nil {
		err = errors.Join(err, r.live.close())
	}
	err = errors.Join(err, scratch.Close(context.WithoutCancel(ctx)))
	return r.summary(published, counts, scratch, err), err
}

// arenaShare is how much of the process's memory, in percent, operators may hold; the rest is for the binary, stacks, batches on their way
// and what the user's functions allocate.
const arenaShare = 60

// leastArenas is the smallest part of the process's memory that operators are left with: one in leastArenas bytes.
const leastArenas = 4

// arenas is how much operators may hold: of a process that is the job's alone, a part of what the binary leaves.
func (r *run) arenas() int64 {
	total := r.options.Memory
	if r.options.Govern {
		total -= outsideHeap()
	}
	return max(total*arenaShare/100, r.options.Memory/leastArenas)
}

// Plan builds a job, asks its sources what they know, and returns its logical graph as it was written and its stages. Nothing is run.
func Plan(ctx context.Context, build func(*plan.Job), o Options) (*plan.Job, *physical.Plan, error) {
	o = o.withDefaults()
	if o.Files == nil {
		o.Files = NewFiles(hdfs.Options{})
		defer func() { _ = o.Files.Close() }()
	}
	r := &run{options: o, files: o.Files, id: o.RunID}
	return r.prepare(ctx, build)
}

// prepare makes the logical graph and the physical plan of a program.
func (r *run) prepare(ctx context.Context, build func(*plan.Job)) (*plan.Job, *physical.Plan, error) {
	job := plan.NewJob(r.options.Name)
	build(job)
	r.counts = job.Counts
	if err := r.check(job); err != nil {
		return nil, nil, &BuildError{err}
	}
	if err := r.discover(ctx, job); err != nil {
		return nil, nil, err
	}
	optimised, err := optimize.Job(job)
	if err != nil {
		return nil, nil, &BuildError{err}
	}
	optimised.RouteBad()
	p, err := physical.Compile(optimised, physical.Options{
		Parallelism: r.options.Parallelism, Pipelined: r.options.Pipelined, BroadcastBytes: r.options.Broadcast, Streaming: r.isStreaming(job),
		KeyGroups: r.options.Streaming.KeyGroups,
	})
	if err == nil {
		err = checkAlignment(p)
	}
	if err != nil {
		return nil, nil, &BuildError{err}
	}
	return job, p, nil
}

// discover asks all sources at once what they know, and computes the schemas that depend on it.
func (r *run) discover(ctx context.Context, job *plan.Job) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, n := range job.Nodes {
		read, ok := n.Op.(plan.Read)
		if !ok {
			continue
		}
		g.Go(func() error { // ends with gctx; waited for below
			facts, err := read.Source.Discover(gctx, r.env(n))
			if err != nil {
				return fmt.Errorf("%s: %w", n, err)
			}
			read.Facts = facts
			n.Op = read
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, n := range job.Nodes {
		if err := n.Derive(); err != nil {
			return &BuildError{fmt.Errorf("%s: %w", n, err)}
		}
	}
	return nil
}

func (r *run) env(n *plan.Node) connectors.Env {
	e := connectors.Env{
		Files: r.files, Log: r.options.Log.With("node", n.String()), RunID: r.id, Job: r.options.Name, Node: n.String(), UID: physical.UID(physical.Op{Node: n}),
	}
	if r.live != nil {
		e.IsStreaming, e.Checkpoints = true, r.live.options.Checkpoints.longest()
	}
	return e
}

func (r *run) scratch() (*spill.Manager, error) {
	return spill.NewManager(spill.Options{
		Dirs: []spill.Dir{{FS: local.FS{NoSync: true}, Path: r.options.Scratch}}, Owner: r.id,
	})
}

// execute runs the stages and commits.
func (r *run) execute(ctx context.Context, memory *budget.Budget, scratch *spill.Manager) (map[int]connectors.Published, map[worker.Place]metrics.Values, error) {
	var c *coordinator.Coordinator
	var liveWorker *worker.Streaming
	var liveCoordinator *coordinator.Streaming
	if r.live != nil {
		liveWorker, liveCoordinator = r.live.worker(), r.live.coordinator()
	}
	w := worker.New(context.WithoutCancel(ctx), worker.Config{
		Streaming: liveWorker, Backend: r.newStore, Plan: r.plan, RunID: r.id, Memory: memory, Spill: scratch, Files: r.files, Log: r.options.Log, Probe: r.options.Probe,
		Bad:       func(a control.Attempt, n *plan.Node, b stream.Bad) error { return r.bad.take(a, n, b) },
		BatchRows: r.options.BatchRows,
	}, r.options.Link.Events(worker.Events{
		Succeeded: func(a control.Attempt, report control.Report) {
			r.bad.succeeded(a)
			r.tracker.succeeded(a, report)
			c.Post(coordinator.Succeeded{Attempt: a, Report: report})
		},
		Failed: func(a control.Attempt, err error) {
			r.bad.failed(a, IsFinal(err))
			c.Post(coordinator.Failed{Attempt: a, Err: err})
		},
		SplitsWanted: func(a control.Attempt) { c.Post(coordinator.SplitsWanted{Attempt: a}) },
		Acked:        func(a control.Attempt, ack control.Ack) { c.Post(coordinator.Acked{Attempt: a, Ack: ack}) },
		Ended:        func(a control.Attempt) { c.Post(coordinator.Ended{Attempt: a}) },
		Paced:        func(a control.Attempt, p control.Pace) { c.Post(coordinator.Paced{Attempt: a, Pace: p}) },
		Backlogged:   func(a control.Attempt, is bool) { c.Post(coordinator.Backlogged{Attempt: a, Is: is}) },
	}))
	defer w.Close()
	var err error
	c, err = coordinator.New(ctx, coordinator.Config{
		Streaming: liveCoordinator, Plan: r.plan, Workers: r.options.Link.Workers(watchedWorker{w, &r.tracker, r.bad}), Env: r.env, Total: r.totals.set, Retried: r.retried,
		Verify:   func() error { return r.bad.check(w.Metrics(), r.plan) },
		Decided:  r.decided,
		Settings: coordinator.Settings{Attempts: r.options.Attempts, TaskBytes: taskBytes, IsFinal: IsFinal},
	})
	if err != nil {
		return nil, nil, err
	}
	if r.live != nil {
		r.live.helm.worker, r.live.helm.coordinator = w, c
		defer r.live.helm.over()
	}
	stop := r.report(w)
	published, err := c.Run(ctx)
	stop()
	return published, w.Metrics(), r.published(err)
}

// taskBytes is the data for which the consumer of a blocking exchange gets another task: below it, starting one and writing another file costs
// more than it saves.
const taskBytes = 4 << 20

func (r *run) retried(a control.Attempt, err error) {
	if errors.Is(err, worker.ErrStopped) || errors.Is(err, context.Canceled) {
		return
	}
	if r.live != nil {
		r.live.helm.failed(a, err)
	}
	r.options.Log.Warn("an attempt failed", "task", a.String(), "error", err)
}

// report calls Progress now and then until the function it returns is called, which gives the last word and waits.
func (r *run) report(w *worker.Worker) func() {
	if r.options.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends when done is closed
		defer close(ended)
		every := progressEvery
		if r.live != nil { // it runs for months
			every = time.Second
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.options.Progress(r.status(w.Metrics()))
			case <-done:
				r.options.Progress(r.status(w.Metrics()))
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

const progressEvery = 100 * time.Millisecond
