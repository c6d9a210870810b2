package chaos

import (
	"bytes"
	"context"
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
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/vfs"
)

// processes is the runs of a program under one seed.
type processes struct {
	tester      *CommandTester
	rand        *rand.Rand
	dir         string
	out         string
	checkpoints string // URL
	from        string // what the next run begins from
	counts      Counts
}

// end is how a process came to its end.
type end int

const (
	completed end = iota
	killed
	stopped // with a savepoint
	aborted
)

// run has processes follow one another until one comes to the end.
func (p *processes) run(ctx context.Context) error {
	for n := 0; ; n++ {
		e := p.tester.draw(p.rand, n)
		p.counts.Runs++
		how, err := p.one(ctx, e)
		switch {
		case err != nil || how == completed:
			return err
		case how == stopped:
			p.counts.Rescales++
			continue
		case how == killed:
			p.counts.Kills++
		default:
			p.counts.Aborts++
		}
		if err := p.goOn(ctx, e.fault == Damage); err != nil {
			return err
		}
	}
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
			p.counts.Damaged++
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
func (p *processes) one(ctx context.Context, e ending) (end, error) {
	c := p.tester.command
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Path, c.Args(p.out)...) //nolint:gosec // the user names the program
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, c.Dir
	cmd.Env = append(append(os.Environ(), c.Env...), p.settings(e)...)
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return completed, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // ends with the process, which ctx ends
	how, err := p.disturb(ctx, e, cmd.Process, exited)
	if how == killed || how == aborted || err == nil {
		return how, nil
	}
	text := strings.TrimSpace(said.String())
	return how, fmt.Errorf("%w: %s", errors.Join(err, context.Cause(ctx)), text[max(0, len(text)-2000):])
}

// settings is the environment of a run.
func (p *processes) settings(e ending) []string {
	values := map[string]string{
		"NAME": p.tester.command.Name, "STREAM": "true", "PARALLELISM": strconv.Itoa(e.tasks), "CHECKPOINT_FOLDER": p.checkpoints,
		"CHECKPOINT_INTERVAL": e.interval.String(), "STATE_DIR": filepath.Join(p.dir, "state"), "SCRATCH": p.dir, "FROM": p.from,
		"STATE_BACKEND": e.state, "RESTART_DELAY": "10ms", "LOG_LEVEL": "warn",
	}
	var env []string
	for name, value := range values {
		if value != "" {
			env = append(env, "MILLRACE_"+name+"="+value)
		}
	}
	return env
}

// lookEvery is the time between looks at a process.
const lookEvery = 20 * time.Millisecond

// disturb lets a process run until it is to end, and ends it. It returns how it ended, and the process's error.
func (p *processes) disturb(ctx context.Context, e ending, process *os.Process, exited <-chan error) (end, error) {
	var fault <-chan time.Time
	if e.fault != "" {
		timer := time.NewTimer(e.after)
		defer timer.Stop()
		fault = timer.C
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	q := quiet{patience: p.tester.command.Quiet, since: time.Now()}
	stopping := false
	for {
		select {
		case err := <-exited:
			if stopping && err == nil && p.from != "" {
				return stopped, nil
			}
			return completed, err
		case <-fault:
			switch e.fault {
			case Rescale:
				stopping = p.stop(ctx, false)
			case Abort:
				return aborted, p.await(process, syscall.SIGTERM, exited)
			default:
				return killed, p.await(process, syscall.SIGKILL, exited)
			}
		case <-look.C:
			if !stopping && q.patience > 0 && q.isOver(ctx, p) {
				stopping = p.stop(ctx, true)
				p.from = "" // drained, it is complete
			}
		}
	}
}

// await ends a process by a signal; one that has ended before has no error.
func (p *processes) await(process *os.Process, signal syscall.Signal, exited <-chan error) error {
	_ = process.Signal(signal) // one that has ended needs none
	return <-exited
}

// job returns a client of the job, nil while there is none.
func (p *processes) job() *rest.Client {
	known, err := rest.Folder{Dir: filepath.Join(p.dir, "state", "jobs")}.Find(p.tester.command.Name)
	if err != nil || known.Live == nil {
		return nil
	}
	return known.Live.Client()
}

// stop stops the job with a savepoint, from which the next process begins. A job that is not there yet, or not any more, is left alone.
func (p *processes) stop(ctx context.Context, drain bool) bool {
	job := p.job()
	if job == nil {
		return false
	}
	cp, err := job.Stop(ctx, vfs.Join(p.checkpoints, "savepoints"), drain)
	if err != nil || cp.URL == "" {
		return false
	}
	p.from = cp.URL
	return true
}

// quiet notices that a job has read all there is.
type quiet struct {
	patience time.Duration
	rows     int64
	since    time.Time
}

func (q *quiet) isOver(ctx context.Context, p *processes) bool {
	job := p.job()
	if job == nil {
		q.since = time.Now()
		return false
	}
	s, err := job.Status(ctx)
	if err != nil {
		return false
	}
	if rows, _ := s.RowsIn(); rows != q.rows || rows == 0 {
		q.rows, q.since = rows, time.Now()
	}
	return time.Since(q.since) >= q.patience
}
