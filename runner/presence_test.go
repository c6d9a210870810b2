package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

// pretended is a stream that runs, as its controls tell.
type pretended struct {
	mu    sync.Mutex // guards all below
	rows  int64
	asked []string
	err   error
}

func (p *pretended) Status() status.Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows += 1000
	at := status.EventTime(time.Now().Add(-2 * time.Second).UnixMicro())
	return status.Job{State: status.Running, Since: time.Now(), Nodes: []status.Node{{Name: "x.go:1: Read", Tasks: 1, RowsIn: p.rows, RowsOut: p.rows, Watermark: at}}}
}

func (p *pretended) ask(what string, args ...any) (status.Checkpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, strings.TrimSpace(fmt.Sprintln(append([]any{what}, args...)...)))
	return status.Checkpoint{ID: 9, Kind: status.Savepoint, State: status.Complete}, p.err
}

func (p *pretended) Checkpoint(context.Context) (status.Checkpoint, error) {
	return p.ask("checkpoint")
}

func (p *pretended) Settle(context.Context) error { return nil }

func (p *pretended) Savepoint(_ context.Context, url string) (status.Checkpoint, error) {
	return p.ask("savepoint", url)
}

func (p *pretended) Stop(_ context.Context, url string, drain bool) (status.Checkpoint, error) {
	return p.ask("stop", url, drain)
}

// pretend returns the presence of a stream called clicks in a folder, and what its command would do next.
func pretend(t *testing.T, stateDir string) (p *presence, o *Options, cancelled func() error) {
	t.Helper()
	s, err := Load(Sources{Flags: map[string]string{"name": "clicks", "state-dir": stateDir, "parallelism": "3"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	program := Program{Name: "clicks", Args: []string{"--in", "x"}, Stderr: &bytes.Buffer{}}
	p, err = program.presence(s, newRunID(time.Now()), cancel)
	if err != nil {
		t.Fatal(err)
	}
	p.show = func(status.Job, time.Time) {}
	o = &Options{Log: slog.New(slog.DiscardHandler), Progress: func(Status) { t.Error("a stream has progress") }}
	p.hook(o, cancel)
	return p, o, func() error { return context.Cause(ctx) }
}

func TestStreamIsPresent(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	p, o, cancelled := pretend(t, dir)
	folder := rest.Folder{Dir: filepath.Join(dir, "jobs")}
	if all, _ := folder.List(); len(all) != 0 {
		t.Errorf("before it is planned: %v", all)
	}
	o.Planned(&plan.Job{}, &physical.Plan{IsStreaming: true})
	k, err := folder.Find("clicks")
	if err != nil || k.Live == nil {
		t.Fatalf("planned: %+v, %v", k, err)
	}
	c, ctx := k.Live.Client(), t.Context()
	if j, err := c.Status(ctx); err != nil || j.State != status.Created || j.Process.Parallelism != 3 {
		t.Errorf("before it runs: %+v, %v", j, err)
	}
	var refused *rest.Error
	if _, err := c.Checkpoint(ctx); !errors.As(err, &refused) || refused.Status != 409 {
		t.Errorf("a checkpoint before it runs: %v", err)
	}
	controls := &pretended{}
	o.Progress(Status{})
	o.Running(controls)
	j, err := c.Status(ctx)
	if err != nil || j.State != status.Running || j.Name != "clicks" || j.RunID != k.Live.RunID || len(j.Config) == 0 || j.Nodes[0].RowsIn == 0 {
		t.Errorf("it runs: %+v, %v", j, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := c.Checkpoint(ctx); return err },
		func() error { _, err := c.Savepoint(ctx, ""); return err },
		func() error { _, err := c.Savepoint(ctx, "hdfs:///sp"); return err },
		func() error { _, err := c.Stop(ctx, "", false); return err },
	} {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	beside := filepath.Join(dir, "checkpoints", "clicks.savepoints")
	if got, want := strings.Join(controls.asked, "\n"), "checkpoint\nsavepoint "+beside+"\nsavepoint hdfs:///sp\nstop "+beside+" false"; got != want {
		t.Errorf("it was asked\n%s\nwant\n%s", got, want)
	}
	if err := c.Cancel(ctx); err != nil || !errors.Is(cancelled(), ErrCancelled) {
		t.Errorf("cancelled: %v, %v", err, cancelled())
	}
	p.ended(nil)
	if err := p.leave(); err != nil {
		t.Error(err)
	}
	if k, err := folder.Find("clicks"); err != nil || k.Live != nil || k.Last.State != status.Stopped || k.Last.RunID != j.RunID {
		t.Errorf("after its end: %+v, %v", k, err)
	}
}

func TestTwoOfOneName(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	first, o, _ := pretend(t, dir)
	o.Planned(&plan.Job{}, &physical.Plan{IsStreaming: true})
	second, o, cancelled := pretend(t, dir)
	o.Planned(&plan.Job{}, &physical.Plan{IsStreaming: true})
	if err := cancelled(); ExitCode(err) != ExitUsage || !errors.Is(err, rest.ErrLive) {
		t.Errorf("the second ends for %v", err)
	}
	for _, p := range []*presence{second, first} {
		p.ended(nil)
		if err := p.leave(); err != nil {
			t.Error(err)
		}
	}
	bounded, o, cancelled := pretend(t, dir)
	o.Planned(&plan.Job{}, &physical.Plan{})
	bounded.ended(errors.New("it broke"))
	if k, err := first.folder.Find("clicks"); err != nil || k.Last.State != status.Finished || cancelled() != nil {
		t.Errorf("a job whose input ends shows: %+v, %v", k, err)
	}
}

// TestUnreachableFolder: a stream whose folder cannot be written runs all the same.
func TestUnreachableFolder(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "jobs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, o, cancelled := pretend(t, dir)
	o.Planned(&plan.Job{}, &physical.Plan{IsStreaming: true})
	o.Running(&pretended{})
	p.ended(nil)
	if err := errors.Join(cancelled(), p.leave()); err != nil {
		t.Error(err)
	}
}

func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want status.State
	}{
		"complete": {nil, status.Finished}, "cancelled": {fmt.Errorf("x: %w", ErrCancelled), status.Cancelled}, "signal": {&SignalError{15}, status.Cancelled},
		"failed": {errors.New("it broke"), status.Failed},
	} {
		s := newSteered(&Settings{}, "run", nil)
		s.ended(c.err)
		if j := s.Status(); j.State != c.want || (j.Error != "") != (c.want == status.Failed) {
			t.Errorf("%s: %+v", name, j)
		}
		if _, err := s.Checkpoint(t.Context()); !errors.Is(err, rest.ErrRefused) {
			t.Errorf("%s: a checkpoint after the end: %v", name, err)
		}
	}
}

// quick is a job that has ended before who stopped it sees the answer.
type quick struct {
	pretended
	end func()
}

func (q *quick) Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error) {
	q.end()
	return q.pretended.Stop(ctx, url, drain)
}

// A job that was stopped is known as stopped, however soon it ends.
func TestStoppedAndEnded(t *testing.T) {
	s, ended := newSteered(&Settings{}, "run", nil), make(chan struct{})
	s.hasControls(&quick{end: func() {
		go func() { // the test waits for it
			s.ended(nil)
			close(ended)
		}()
		for s.stopping.TryRLock() { // until the end waits, or has not waited
			s.stopping.RUnlock()
			select {
			case <-ended:
				return
			default:
				runtime.Gosched()
			}
		}
	}})
	if _, err := s.Stop(t.Context(), "file:///sp", false); err != nil {
		t.Error(err)
	}
	<-ended
	if got := s.Status().State; got != status.Stopped {
		t.Errorf("the job is %s", got)
	}
}

func TestLines(t *testing.T) {
	j := (&pretended{}).Status()
	j.Name, j.Restarts = "clicks", 2
	lag := int64(7)
	j.Nodes[0].Splits = []status.Split{{ID: "a", Lag: &lag}}
	j.Nodes[0].Held = &status.Held{By: "split a", Since: time.Now()}
	j.Checkpoints.Last = []status.Checkpoint{{ID: 4, State: status.Complete}}
	var screen, logs bytes.Buffer
	showLine(&console{out: &screen}, func() int { return 40 })(j, time.Now())
	if line := screen.String(); !strings.HasPrefix(line, "clicks running  ") || len(line) != 40 {
		t.Errorf("drew %q", line)
	}
	show := logLine(slog.New(slog.NewTextHandler(&logs, nil)))
	for after := range 3 {
		show(j, time.Now().Add(time.Duration(after)*lineEvery/2+time.Second))
	}
	want := `msg="at work" state=running in_per_s=0 out_per_s=0 restarts=2 watermark=`
	if got := logs.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) || !strings.HasSuffix(got, ` held_by="split a" lag=7 checkpoint=4 checkpoint_s=0 checkpoint_bytes=0`+"\n") {
		t.Errorf("logged %s", got)
	}
}

func TestCommand(t *testing.T) {
	clean(t)
	t.Setenv("HADOOP_CONF_DIR", "/etc/hadoop")
	t.Setenv("SECRET", "x")
	s, err := Load(Sources{Flags: map[string]string{"parallelism": "3", "checkpoint.interval": "1s"}, Code: Options{Attempts: 2}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Program{Args: []string{"--in", "x"}}.command(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.Env, " "), "MILLRACE_PARALLELISM=3 MILLRACE_CHECKPOINT_INTERVAL=1s HADOOP_CONF_DIR=/etc/hadoop"; got != want {
		t.Errorf("environment %s, want %s", got, want)
	}
	if wd, _ := os.Getwd(); c.Dir != wd || !filepath.IsAbs(c.Path) || strings.Join(c.Args, " ") != "--in x" {
		t.Errorf("got %+v", c)
	}
}
