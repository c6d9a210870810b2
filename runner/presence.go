package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

// presence is how a command's job is there for others: its API, its entry in the folder of jobs, and its line on the terminal. A job is present
// when its input need not end, or when it runs in the background.
type presence struct {
	job     *steered
	folder  rest.Folder
	command rest.Command
	keep    time.Duration               // what is known of jobs that have ended
	show    func(status.Job, time.Time) // called once a second, of a job whose input need not end
	starter *starter                    // nil: the job is in the foreground

	isOpen bool
	end    context.CancelFunc // ends the goroutines
	wait   sync.WaitGroup     // for them
}

// presence returns that of the program's job, which nobody sees yet.
func (p Program) presence(s *Settings, runID string, cancel context.CancelCauseFunc) (*presence, error) {
	command, err := p.command(s)
	if err != nil {
		return nil, err
	}
	starter, err := takeStarter()
	return &presence{
		job: newSteered(s, runID, cancel), folder: FolderOf(s), command: command, keep: time.Duration(s.HistoryDays) * 24 * time.Hour, starter: starter,
	}, err
}

// FolderOf returns the folder of jobs that the settings name.
func FolderOf(s *Settings) rest.Folder { return rest.Folder{Dir: filepath.Join(s.StateDir, "jobs")} }

// open makes the job present. With rest.ErrLive there is another of its name, and it must not run.
func (p *presence) open(log *slog.Logger) error {
	if p.isOpen {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	server, err := rest.NewServer(ctx, p.job)
	if err != nil {
		cancel()
		return err
	}
	p.end, p.isOpen = cancel, true
	p.wait.Go(func() { // ends with ctx, in ended
		if err := server.Run(ctx); err != nil {
			log.Warn("the job's API could not be served", "error", err)
		}
	})
	known := &p.job.known
	live := rest.Live{Name: known.Name, RunID: known.RunID, Address: server.Address(), Token: server.Token(), Started: known.Started}
	err = errors.Join(p.folder.Prune(time.Now().Add(-p.keep)), p.folder.Claim(live, p.command))
	if err != nil {
		p.end()
		p.wait.Wait()
		p.isOpen = false
		return err
	}
	p.wait.Go(func() { p.watch(ctx) }) // ends with ctx, in ended
	return nil
}

// hook lets the presence know what the engine does. The job becomes present when it turns out that its input need not end.
func (p *presence) hook(o *Options, cancel context.CancelCauseFunc) {
	log, progress := o.Log, o.Progress
	o.Planned = func(_ *plan.Job, compiled *physical.Plan) {
		p.job.planned(compiled)
		switch {
		case compiled.IsStreaming:
		case o.Streaming.From != "":
			cancel(&UsageError{fmt.Errorf("the job's input ends: it has no state to go on with from %s", o.Streaming.From)})
			return
		default:
			p.tell()
			return
		}
		switch err := refusedName(p.open(log)); {
		case errors.As(err, new(*UsageError)):
			cancel(err)
		case err != nil:
			log.Warn("this job cannot be asked or steered by other commands", "error", err)
		}
	}
	o.Progress = func(s Status) {
		p.job.hasProgress(s)
		if !p.job.streams() {
			progress(s)
		}
	}
	o.Running = func(c Controls) {
		p.job.hasControls(c)
		p.tell()
	}
}

// tell tells the command that started the job how it is.
func (p *presence) tell() {
	j := p.job.Status()
	p.starter.tell(Started{Name: j.Name, RunID: j.RunID, PID: j.Process.PID, Log: p.folder.LogOf(j.Name), State: j.State, Error: j.Error})
}

// toBackground makes the job present, and gives the process's stdout and stderr to the job's log.
func (p *presence) toBackground(logger *slog.Logger) error {
	if err := p.open(logger); err != nil {
		return err
	}
	log, err := p.folder.OpenLog(p.job.known.Name)
	if err == nil {
		fd := int(log.Fd())
		err = errors.Join(unix.Dup2(fd, 1), unix.Dup2(fd, 2), log.Close())
	}
	if err != nil {
		p.ended(err)
		return errors.Join(err, p.leave())
	}
	return nil
}

// watch looks at the job once a second until ctx ends: its rates are over the last seconds.
func (p *presence) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if j := p.job.Status(); p.job.streams() {
				p.show(j, now)
			}
		case <-ctx.Done():
			return
		}
	}
}

// ended says how the job ended. From now on nothing is shown and nobody is answered.
func (p *presence) ended(err error) {
	p.job.ended(err)
	if p.isOpen {
		p.end()
		p.wait.Wait()
	}
}

// leave leaves the last word about a job that has ended, behind all that it prints.
func (p *presence) leave() error {
	p.tell()
	if !p.isOpen {
		return nil
	}
	p.isOpen = false
	return p.folder.Release(p.job.known.Name, p.job.Status())
}

// showLine draws a job's line on a terminal.
func showLine(c *console, width func() int) func(status.Job, time.Time) {
	return func(j status.Job, now time.Time) {
		c.draw([]byte(cut(j.Line(now), width()-1) + "\n"))
	}
}

// lineEvery is the time between log lines about a job whose input need not end.
const lineEvery = time.Minute

// logLine logs how a job is now and then.
func logLine(log *slog.Logger) func(status.Job, time.Time) {
	last := time.Now()
	return func(j status.Job, now time.Time) {
		if now.Sub(last) < lineEvery {
			return
		}
		last = now
		_, in := j.RowsIn()
		_, out := j.RowsOut()
		facts := []any{slog.String("state", string(j.State)), slog.Float64("in_per_s", toMillis(in)), slog.Float64("out_per_s", toMillis(out)), slog.Int("restarts", j.Restarts)}
		if w := j.Watermark(); w != nil {
			facts = append(facts, slog.Time("watermark", *w))
		}
		if n := j.HeldBack(); n != nil {
			facts = append(facts, slog.String("held_by", n.Held.By))
		}
		if lag, ok := j.Lag(); ok {
			facts = append(facts, slog.Int64("lag", lag))
		}
		if c := j.Checkpoints.LastComplete(); c != nil {
			facts = append(facts, slog.Int64("checkpoint", c.ID), slog.Float64("checkpoint_s", toMillis(c.Duration)), slog.Int64("checkpoint_bytes", c.Bytes))
		}
		log.Info("at work", facts...)
	}
}

// command says how this process can be started again: with all settings in its environment that are neither defaults nor the program's.
func (p Program) command(s *Settings) (rest.Command, error) {
	path, err := ThisProgram()
	if err != nil {
		return rest.Command{}, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return rest.Command{}, err
	}
	c := rest.Command{Path: path, Args: p.Args, Dir: dir}
	if p.Again != nil {
		c.Args = p.Again
	}
	for _, setting := range AllSettings() {
		for _, v := range s.values {
			if v.Name == setting.Name && v.Origin != originDefault && v.Origin != originCode {
				c.Env = append(c.Env, setting.Variable()+"="+v.Value)
			}
		}
	}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "HADOOP_") || strings.HasPrefix(entry, "KRB5") {
			c.Env = append(c.Env, entry)
		}
	}
	return c, nil
}

// ThisProgram returns the path that this process was started by: a later version may lie there when it is started again.
func ThisProgram() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return os.Executable()
	}
	return filepath.Abs(path)
}

// refusedName makes a usage error of a name that another job has or that no job can have.
func refusedName(err error) error {
	switch {
	case errors.Is(err, rest.ErrLive):
		return &UsageError{fmt.Errorf("%w; choose another with --name, or stop it", err)}
	case errors.Is(err, rest.ErrName):
		return &UsageError{fmt.Errorf("%w; choose another with --name", err)}
	default:
		return err
	}
}
