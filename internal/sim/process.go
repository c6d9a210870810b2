package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

// process is one run of the job, as a process of its own: coordinator, worker and all. It sees the file system through a disk that dies with it.
type process struct {
	cluster  *cluster
	number   int
	from     string // what it begins from
	script   script
	began    time.Time
	log      *slog.Logger
	disk     *disk
	link     *link
	cancel   context.CancelCauseFunc
	rivalled bool // another process has taken the job over: it comes to nothing, in one way or another

	mu        sync.Mutex // guards all below
	turns     int64
	killed    int
	granted   int // wishes
	savepoint string
	cancelled bool
}

func newProcess(c *cluster, number int, s script) *process {
	now := time.Now()
	p := &process{cluster: c, number: number, from: c.from, script: s, began: now, log: c.logger.With("process", number)}
	s.disk.calm, s.link.calm = now.Add(calm), now.Add(calm)
	s.disk.dieAt, s.disk.gently, s.link.dieAt = s.end.call, s.end.gently, s.end.message
	for _, o := range s.outages {
		s.disk.outages = append(s.disk.outages, outage{now.Add(o.from), now.Add(o.to)})
	}
	p.disk = newDisk(c.disk, s.disk, p.log, p.end)
	p.link = newLink(s.link, p.log, p.end)
	return p
}

// end ends the process as its script says: gently, or as kill -9 does: nothing that it does from now on takes effect. What runs here is told to go.
func (p *process) end() {
	if p.script.end.gently {
		p.mu.Lock()
		p.cancelled = true
		p.mu.Unlock()
		p.cancel(errCancelled)
		return
	}
	p.disk.die()
	p.cancel(errCrashed)
}

// run runs the job to its end, or to that of the process. It is a hangError when neither comes.
func (p *process) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	p.cancel = cancel
	var beside sync.WaitGroup
	defer beside.Wait()
	defer p.link.close()
	defer cancel(nil)
	beside.Go(p.link.run) // ends with close
	if at := p.script.end.at; at > 0 {
		defer time.AfterFunc(at, p.end).Stop()
	}
	o := p.options()
	o.Running = func(c runner.Controls) {
		for _, w := range p.script.wishes {
			beside.Go(func() { p.ask(ctx, c, w) }) // ends with ctx
		}
	}
	ended := make(chan error, 1)
	beside.Go(func() { // ends with ctx; if not, the bubble tells
		_, err := runner.Run(ctx, p.cluster.build, o)
		ended <- err
	})
	late := time.NewTimer(p.cluster.longest)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
	}
	hang := &hangError{p.cluster.longest, stacks()}
	cancel(hang)
	late.Reset(grace)
	select {
	case err := <-ended:
		return errors.Join(hang, err)
	case <-late.C:
		panic(fmt.Sprintf("sim: the job has not ended after %v, nor when it was cancelled %v ago:\n%s\n\nbefore:\n%s", hang.after, grace, stacks(), hang.stacks))
	}
}

func (p *process) options() runner.Options {
	s := p.script
	o := runner.Options{
		Name: p.cluster.job.Name, RunID: fmt.Sprintf("run%d", p.number), Parallelism: s.tasks, Memory: 128 << 20, Scratch: p.cluster.scratch,
		Log: p.log, Files: p.cluster.resolver(p.disk), Probe: p.turn, Link: p.link, Clock: clock(p.began, s.jumps),
	}
	o.Streaming.Always, o.Streaming.From = true, p.from
	c := &o.Streaming.Checkpoints
	c.Folder, c.Interval, c.Timeout, c.TolerableFailures = checkpointFolder, s.interval, s.timeout, s.failures
	c.AlignmentTimeout, c.Keep = s.align, s.keep
	return o
}

// turn implements runner.Options.Probe.
func (p *process) turn(a control.Attempt) error {
	p.mu.Lock()
	p.turns++
	turn := p.turns
	kill := p.killed < len(p.script.kills) && turn >= p.script.kills[p.killed]
	if kill {
		p.killed++
	}
	p.mu.Unlock()
	if turn == p.script.end.turn {
		p.end()
	}
	if kill {
		return fmt.Errorf("%s at turn %d: %w", a, turn, errKilled)
	}
	if d := p.script.stalls[turn]; d > 0 {
		<-time.After(d)
	}
	return nil
}

// ask has a wish told to the job when its time has come.
func (p *process) ask(ctx context.Context, c runner.Controls, w wish) {
	timer := time.NewTimer(w.at)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	var err error
	switch w.kind {
	case wantCheckpoint:
		_, err = c.Checkpoint(ctx)
	case wantSavepoint:
		_, err = c.Savepoint(ctx, savepointFolder)
	case wantStop:
		stopped, stopErr := c.Stop(ctx, savepointFolder, false)
		if err = stopErr; err == nil {
			p.mu.Lock()
			p.savepoint = stopped.URL
			p.mu.Unlock()
		}
	}
	if err == nil {
		p.mu.Lock()
		p.granted++
		p.mu.Unlock()
	}
}

// mayEndBy says whether the script explains a run's error.
func (p *process) mayEndBy(err error) bool {
	if _, hangs := errors.AsType[*hangError](err); hangs {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disk.isDead() || p.cancelled || p.rivalled ||
		errors.Is(err, errInjected) || errors.Is(err, errKilled) || errors.Is(err, errCut)
}

// jumpy is a clock that jumps.
type jumpy struct {
	began time.Time
	jumps []jump
}

func clock(began time.Time, jumps []jump) jumpy { return jumpy{began, jumps} }

// Now implements stream.Clock.
func (c jumpy) Now() time.Time {
	now := time.Now()
	ahead := time.Duration(0)
	for _, j := range c.jumps {
		if now.Sub(c.began) >= j.at {
			ahead = j.by
		}
	}
	return now.Add(ahead)
}
