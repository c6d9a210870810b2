package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

// subject is one of the two jobs: its folder, its process and what has been seen of it.
type subject struct {
	name     string
	dir      string
	rate     float64
	from     string   // see clicks
	settings []string // more of them, as variables

	process     *exec.Cmd
	incarnation int
	ended       chan error // what the process ended with
	began       time.Time  // of this process
	output      totals
	samples     []sample
	restores    []time.Duration // from a start after a kill until all tasks ran
}

const jobName = "soak"

func newSubject(dir, name string, rate float64) (*subject, error) {
	s := &subject{name: name, dir: filepath.Join(dir, name), rate: rate}
	s.settings = []string{"MILLRACE_CHECKPOINT_INTERVAL=5s", "MILLRACE_MEMORY=512m", "MILLRACE_PARALLELISM=2"}
	s.output = totals{want: int64(rate * windowSize.Seconds()), sums: map[int64]int64{}}
	return s, os.MkdirAll(filepath.Join(s.dir, "scratch"), 0o755)
}

func (s *subject) path(name string) string { return filepath.Join(s.dir, name) }

// start starts the job's process, which goes on from the latest checkpoint unless it is the first, and waits until all tasks run.
func (s *subject) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()                                                                                           // the process has its own descriptor
	c := exec.Command(self, "job", "--out", s.path("out"), "--rate", strconv.FormatFloat(s.rate, 'f', -1, 64), "--from", s.from) //nolint:noctx,gosec // it is ended by kill
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), "MILLRACE_NAME="+jobName, "MILLRACE_STATE_DIR="+s.path("state"), "MILLRACE_SCRATCH="+s.path("scratch"),
		innardsVariable+"="+s.path("innards.json"))
	c.Env = append(c.Env, s.settings...)
	if s.incarnation > 0 {
		c.Env = append(c.Env, "MILLRACE_FROM=latest")
	}
	s.began = time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	s.process, s.ended = c, make(chan error, 1)
	s.incarnation++
	go func(ended chan<- error) { ended <- c.Wait() }(s.ended) // ends with the process
	if err := s.untilRunning(ctx); err != nil {
		return fmt.Errorf("starting %s, process %d of it: %w", s.name, s.incarnation, err)
	}
	if s.incarnation > 1 {
		s.restores = append(s.restores, time.Since(s.began))
	}
	return nil
}

// patience is how long a job may take to begin.
const patience = 2 * time.Minute

func (s *subject) untilRunning(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if j, err := s.status(ctx); err == nil && j.State == status.Running && j.Process.PID == s.process.Process.Pid {
			return nil
		}
		select {
		case err := <-s.ended:
			return fmt.Errorf("the process has ended: %w (see %s)", err, s.path("log"))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// kill ends the process as kill -9 does.
func (s *subject) kill() error {
	if s.process == nil {
		return nil
	}
	if err := s.process.Process.Kill(); err != nil {
		return err
	}
	<-s.ended //nolint:errcheck // that it was killed
	s.process = nil
	return nil
}

// client returns what the job is steered by.
func (s *subject) client() (*rest.Client, error) {
	k, err := rest.Folder{Dir: filepath.Join(s.path("state"), "jobs")}.Find(jobName)
	if err != nil {
		return nil, err
	}
	if k.Live == nil {
		return nil, errors.New("the job is not at work")
	}
	return k.Live.Client(), nil
}

func (s *subject) status(ctx context.Context) (status.Job, error) {
	c, err := s.client()
	if err != nil {
		return status.Job{}, err
	}
	return c.Status(ctx)
}

// keptSavepoints is how many savepoints are kept, as a careful user would.
const keptSavepoints = 2

// savepoint makes one and removes older ones.
func (s *subject) savepoint(ctx context.Context) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	folder := s.path("savepoints")
	if _, err := c.Savepoint(ctx, folder); err != nil {
		return fmt.Errorf("a savepoint of %s: %w", s.name, err)
	}
	entries, err := os.ReadDir(folder) // names are in the order of time
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	for len(names) > keptSavepoints {
		if err := os.RemoveAll(filepath.Join(folder, names[0])); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}

// bytesIn returns the bytes of a folder's files; files that go while it looks do not count.
func bytesIn(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it has just been removed
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
