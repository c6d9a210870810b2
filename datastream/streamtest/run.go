package streamtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// Run plays the script to a job. build is called for the job, and again after each Rescale; what it collects is complete, over all of that,
// when Run has returned. Options are those of the job; its parallelism, checkpoints and restarts are the script's. An error of the job's
// functions ends the run.
func (s *Script) Run(ctx context.Context, build func(*plan.Job), options ...runner.Options) error {
	return s.play(ctx, s.steps, build, options)
}

// Disturb plays the script undisturbed, and then, for each of its steps, once with a checkpoint before the step and a crash after it, and once
// with another number of tasks from there on. After each run it calls check, which says what it finds wrong with the results; where tells
// the disturbance, "" the undisturbed run. Scripts of n steps are played 2n+1 times, some milliseconds each.
func (s *Script) Disturb(ctx context.Context, build func(*plan.Job), check func(where string), options ...runner.Options) error {
	if err := s.play(ctx, s.steps, build, options); err != nil {
		return err
	}
	check("")
	for i := range s.steps {
		crash := inserted(inserted(s.steps, i+1, step{kind: crashed}), i, step{kind: checkpointed})
		rescale := inserted(s.steps, i, step{kind: rescaled, tasks: s.tasks()%3 + 2})
		for _, steps := range [][]step{crash, rescale} {
			where := fmt.Sprintf("with %s at step %d", steps[i], i+1)
			if err := s.play(ctx, steps, build, options); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			check(where)
		}
		if s.steps[i].kind == stopped {
			break
		}
	}
	return nil
}

func (s *Script) tasks() int { return max(s.Parallelism, 1) }

func (s *Script) play(ctx context.Context, steps []step, build func(*plan.Job), options []runner.Options) error {
	folder, err := os.MkdirTemp("", "millrace-streamtest-")
	if err != nil {
		return err
	}
	o := s.options(steps, options)
	p := &player{inputs: s.inputs, steps: steps, savepoints: "file://" + folder, clock: s.newClock(steps)}
	if p.clock != nil {
		o.Clock = p.clock
	}
	err = p.play(ctx, build, o)
	return errors.Join(err, os.RemoveAll(folder))
}

// options are those of the first run.
func (s *Script) options(steps []step, options []runner.Options) runner.Options {
	var o runner.Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Name == "" {
		o.Name = "streamtest"
	}
	o.Parallelism = s.tasks()
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = -1
	o.Streaming.Restart = runner.Restart{Strategy: runner.RestartNone}
	for _, s := range steps {
		if s.kind == crashed {
			o.Streaming.Restart.Strategy, o.Streaming.Restart.Delay = runner.RestartFixed, time.Millisecond
			o.Streaming.Restart.Attempts++
		}
	}
	return o
}

// player plays steps to a job.
type player struct {
	inputs     []feed
	steps      []step
	next       int // the step to come
	savepoints string
	clock      *clock // nil: the machine's
}

// play runs the job until the script is over: one run after the other, where it is rescaled.
func (p *player) play(ctx context.Context, build func(*plan.Job), o runner.Options) error {
	for _, f := range p.inputs {
		f.begin()
	}
	for {
		again, err := p.run(ctx, build, &o)
		if err != nil || !again {
			return err
		}
		for _, f := range p.inputs {
			f.bury(false)
		}
	}
}

// run runs the job until it is rescaled, which it says and changes o for, or over.
func (p *player) run(ctx context.Context, build func(*plan.Job), o *runner.Options) (again bool, err error) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next, played := *o, make(chan error, 1)
	begun := false
	o.Running = func(c runner.Controls) {
		begun = true
		go func() { // ends with the steps of this run, or with it; waited for below
			var err error
			again, err = p.steer(ctx, running, c, &next)
			if err != nil {
				cancel(err)
			}
			played <- err
		}()
	}
	_, err = runner.Run(running, build, *o)
	cancel(errOver)
	if begun {
		if failed := <-played; failed != nil && !errors.Is(err, failed) && (err == nil || !errors.Is(failed, errOver)) {
			err = errors.Join(failed, err)
		}
	}
	*o = next
	return again && err == nil, err
}

// errOver is why steps are not done any more.
var errOver = errors.New("the job has ended")

// steer does steps until the job is rescaled, which changes next, or no step is left. running is of ctx and ends with the job; what has been asked of c is
// answered then.
func (p *player) steer(ctx, running context.Context, c runner.Controls, next *runner.Options) (again bool, err error) {
	for ; p.next < len(p.steps); p.next++ {
		s := p.steps[p.next]
		if s.kind == item {
			continue
		}
		if err := p.reach(running, p.next); err != nil {
			return false, fmt.Errorf("playing step %d, %s: %w", p.next+1, s, err)
		}
		ends, err := p.do(ctx, running, c, s, next)
		if err != nil {
			return false, fmt.Errorf("playing step %d, %s: %w", p.next+1, s, err)
		}
		if ends {
			p.next++
			return s.kind == rescaled, nil
		}
	}
	for i, n := range before(p.steps, len(p.steps), len(p.inputs)) {
		p.inputs[i].allow(n, true)
	}
	return false, nil
}

// reach waits until all items before a step have gone into the job.
func (p *player) reach(ctx context.Context, at int) error {
	counts := before(p.steps, at, len(p.inputs))
	for i, n := range counts {
		p.inputs[i].allow(n, false)
	}
	for i, n := range counts {
		for {
			yes, changed := p.inputs[i].has(n)
			if yes {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return fmt.Errorf("input %s has not come so far: %w", p.inputs[i].name, context.Cause(ctx))
			}
		}
	}
	return nil
}

// do does a step that is no item. ends says that it ends the run. ctx and running are as of steer.
func (p *player) do(ctx, running context.Context, c runner.Controls, s step, next *runner.Options) (ends bool, err error) {
	switch s.kind {
	case checkpointed:
		_, err = c.Checkpoint(ctx)
		return false, err
	case crashed:
		for i, f := range p.inputs {
			f.bury(i == 0)
		}
		return false, nil
	case passed:
		return false, p.pass(running, c, s.by)
	default:
		saved, err := c.Stop(ctx, p.savepoints, false)
		next.Streaming.From, next.Parallelism = saved.URL, s.tasks
		return err == nil, err
	}
}

// pass lets time pass for a job in which nothing moves, and waits until what is due has been done.
func (p *player) pass(ctx context.Context, c runner.Controls, by time.Duration) error {
	if err := c.Settle(ctx); err != nil {
		return err
	}
	p.clock.move(by)
	return c.Settle(ctx)
}
