package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
)

// processes is the runs of a program under one seed.
type processes struct {
	tester      *CommandTester
	rand        *rand.Rand
	dir         string
	out         string
	checkpoints string        // URL
	from        string        // what the next run begins from
	left        time.Duration // about what the job takes from here to its end
	counts      fault.Counts
}

// end is how a process came to its end.
type end int

const (
	completed end = iota
	killed
	stopped // with a savepoint
	aborted
	failed // as its calls have
)

// life is a process that has ended.
type life struct {
	progress
	end   end
	first time.Duration // until its first complete checkpoint was seen; took if none was
	took  time.Duration
}

// run implements runs.
func (p *processes) run(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	for n := 0; ; n++ {
		s := p.draw(n)
		p.counts[Runs]++
		l, err := p.one(ctx, s)
		if err != nil {
			return err
		}
		count(p.counts, s.store, int(l.Store))
		count(p.counts, s.files, int(l.Files))
		p.left = max(p.left-(l.took-l.first), p.tester.pace.rest/8)
		switch l.end {
		case completed:
			return nil
		case stopped:
			p.counts[Rescales]++
			continue
		case killed:
			p.counts[Kills]++
		case aborted:
			p.counts[Aborts]++
		case failed:
			p.counts[FailedRuns]++
		}
		if err := p.goOn(ctx, s.end == Damage && l.end == killed); err != nil {
			return err
		}
	}
}

func (p *processes) prepare(ctx context.Context) error {
	if p.tester.command.Prepare == nil {
		return nil
	}
	return p.tester.command.Prepare(ctx, p.out)
}

func (p *processes) tally() fault.Counts { return p.counts }

func (p *processes) read(ctx context.Context) (fault.Output, error) {
	if p.tester.command.Read == nil {
		return fault.ReadOutput(ctx, local.FS{}, p.out)
	}
	lines, err := p.tester.command.Read(ctx, p.out)
	if err != nil {
		return fault.Output{}, fmt.Errorf("reading the output: %w", err)
	}
	return fault.OutputOf(lines), nil
}

// draw draws the script of the n-th run.
func (p *processes) draw(n int) script {
	r, o := p.rand, p.tester.options
	s := o.draw(r, n)
	s.interval = time.Duration(5+r.IntN(100)) * time.Millisecond
	if n >= disturbed || r.IntN(8) == 0 {
		return s
	}
	if s.end = o.one(r, Killing()...); s.end != "" {
		s.moment = p.moment(s.end)
	}
	return s
}

// moment draws when a process ends: in a step, if it obeys; by the time it has been there, now and then, so that its start is hit; or by the
// time since its first checkpoint, which does not depend on how long it takes to start.
func (p *processes) moment(end fault.Kind) moment {
	r, pace := p.rand, p.tester.pace
	upTo := func(n int64) int64 { return 1 + r.Int64N(max(n, 1)) }
	if p.tester.command.Obeys && (end == Kill || end == Damage) && r.IntN(4) > 0 {
		most := pace.steps
		if r.IntN(2) == 0 { // a run that goes on has fewer steps
			most = step{upTo(most.Turn), upTo(most.Call)}
		}
		if r.IntN(3) == 0 {
			return moment{step: step{Turn: upTo(most.Turn)}}
		}
		return moment{step: step{Call: upTo(most.Call)}}
	}
	if r.IntN(4) == 0 && (end == Kill || end == Abort) { // the others find nothing yet
		return moment{after: time.Duration(upTo(int64(pace.first)))}
	}
	left := int64(p.left)
	switch { // how long it takes varies: not too many shall come too late
	case end == Rescale: // a job that is about to end is not stopped any more
		left /= 2
	case r.IntN(4) > 0:
		left = left * 3 / 4
	}
	return moment{runs: true, after: time.Duration(upTo(left))}
}

// goOn finds what the next process begins from, after one that left no savepoint.
func (p *processes) goOn(ctx context.Context, damaging bool) error {
	files := p.tester.files()
	defer func() { _ = files.Close() }() // nothing is written through it any more
	fsys, path, err := files.FS(ctx, vfs.Join(p.checkpoints, p.tester.command.Name))
	if err != nil {
		return err
	}
	at, o := checkpoint.Folder{FS: fsys, Path: path}, checkpoint.Options{Job: p.tester.command.Name, Resolve: files.FS}
	if damaging {
		damaged, err := damage(ctx, p.rand, at, o)
		if err != nil {
			return err
		}
		if damaged {
			p.counts[Damages]++
		}
	}
	saved, err := checkpoint.Latest(ctx, at, o)
	p.from = ""
	if saved != nil {
		p.from = runner.FromLatest
	}
	return err
}

// one runs the program once.
func (p *processes) one(ctx context.Context, s script) (life, error) {
	c := p.tester.command
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Path, c.Args(p.out)...) //nolint:gosec // the user names the program
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, c.Dir
	env, err := p.environment(s)
	if err != nil {
		return life{}, err
	}
	cmd.Env = append(append(os.Environ(), c.Env...), env...)
	cmd.WaitDelay = time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return life{}, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // ends with the process, which ctx ends
	w := watch{processes: p, script: s, process: cmd.Process, exited: exited, began: began}
	err = w.run(ctx)
	l := life{first: w.first, took: time.Since(began)}
	if l.first == 0 {
		l.first = l.took
	}
	if ctx.Err() != nil {
		return l, fmt.Errorf("%w: %s", context.Cause(ctx), tail(said.String()))
	}
	if c.Obeys {
		var noted error
		if l.progress, noted = readProgress(p.progressFile()); noted != nil {
			return l, noted
		}
	}
	if err == nil {
		l.end = p.completed(&w)
	} else {
		l.end, err = p.explain(&w, err, said.String())
	}
	return l, err
}

// completed says how a job has ended whose process had no error.
func (p *processes) completed(w *watch) end {
	last := p.last(w.began)
	if last == nil || last.State != status.Stopped || w.isDraining {
		return completed
	}
	p.from = last.Checkpoints.LastComplete().URL // known from here: the answer to who stopped it may have been lost
	return stopped
}

// explain says how a process has come to its end by an error. It returns the error if the script does not explain it.
func (p *processes) explain(w *watch, err error, said string) (end, error) {
	code, signal := -1, syscall.Signal(0)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
		if how, ok := exit.Sys().(syscall.WaitStatus); ok && how.Signaled() {
			signal = how.Signal()
		}
	}
	message := said
	if last := p.last(w.began); last != nil {
		message = last.Error
	}
	switch {
	case signal == syscall.SIGKILL && (w.script.end == Kill || w.script.end == Damage):
		return killed, nil
	case w.isAborted && (signal == syscall.SIGTERM || code == 128+int(syscall.SIGTERM)):
		return aborted, nil
	case len(w.script.store) > 0 && isInjected(message):
		return failed, nil
	default:
		return failed, fmt.Errorf("%w: %s", err, tail(said))
	}
}

// tail is the end of what a process has said.
func tail(said string) string {
	said = strings.TrimSpace(said)
	return said[max(0, len(said)-4000):]
}

// environment is that of a run, beside the command's own.
func (p *processes) environment(s script) ([]string, error) {
	patience := "none"
	if s.patience != 0 {
		patience = max(s.patience, 0).String()
	}
	values := map[string]string{
		"NAME": p.tester.command.Name, "STREAM": "true", "PARALLELISM": strconv.Itoa(s.tasks), "CHECKPOINT_FOLDER": p.checkpoints,
		"CHECKPOINT_INTERVAL": s.interval.String(), "CHECKPOINT_ALIGNMENT_TIMEOUT": patience, "CHECKPOINT_TOLERABLE_FAILURES": "100",
		"STATE_DIR": filepath.Join(p.dir, "state"), "SCRATCH": p.dir, "FROM": p.from, "STATE_BACKEND": string(s.state),
		"RESTART_DELAY": "10ms", "RESTART_MAX_DELAY": "50ms", "LOG_LEVEL": "warn",
	}
	var env []string
	for name, value := range values {
		if value != "" {
			env = append(env, "MILLRACE_"+name+"="+value)
		}
	}
	if !p.tester.command.Obeys {
		return env, nil
	}
	o := orders{Die: s.moment.step, Store: s.store, Files: s.files, Progress: p.progressFile()}
	text, err := json.Marshal(o)
	if err == nil {
		err = os.WriteFile(o.Progress, nil, 0o600) // not that of the process before
	}
	return append(env, ordersVariable+"="+string(text)), err
}

func (p *processes) progressFile() string { return filepath.Join(p.dir, "progress") }

// jobs returns the folder in which the job says where it is.
func (p *processes) jobs() rest.Folder {
	return rest.Folder{Dir: filepath.Join(p.dir, "state", "jobs")}
}

// job returns a client of the job, nil while there is none.
func (p *processes) job() *rest.Client {
	known, err := p.jobs().Find(p.tester.command.Name)
	if err != nil || known.Live == nil {
		return nil
	}
	return known.Live.Client()
}

// last returns what a job that began after some time has told at its end; nil: nothing.
func (p *processes) last(after time.Time) *status.Job {
	known, err := p.jobs().Find(p.tester.command.Name)
	if err != nil || known.Last == nil || known.Last.Started.Before(after) {
		return nil
	}
	return known.Last
}

// stop asks for the job to be stopped with a savepoint, and says whether it was. A job that is not there yet, or not any more, is left alone.
func (p *processes) stop(ctx context.Context, drain bool) bool {
	job := p.job()
	if job == nil {
		return false
	}
	_, err := job.Stop(ctx, vfs.Join(p.checkpoints, "savepoints"), drain)
	return err == nil
}
