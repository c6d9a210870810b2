package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs"
)

// Controls are how a running job whose input need not end is looked at and steered; Options.Running hands them out. Any goroutine may use them,
// also after the job has ended.
//
// Of a status.Job the runtime fills in State, Since, Error, Restarts, LastFailure, Checkpoints and Nodes without Rates; the rest is known to the
// command. The other methods are those of rest.Job; they are always given a folder.
type Controls interface {
	Status() status.Job
	Checkpoint(ctx context.Context) (status.Checkpoint, error)
	Savepoint(ctx context.Context, url string) (status.Checkpoint, error)
	Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error)
	// Settle waits until no task has anything to do: what sources have read has gone through the job, and what is due has fired. Not waited for
	// are sources, which may read more at any time, and answers from outside. It is for tests.
	Settle(ctx context.Context) error
}

// ErrCancelled is why a job ended that was told to, by its API.
var ErrCancelled = errors.New("cancelled")

// steered is a command's job as its API knows it: a rest.Job from before it runs until after it has ended. Until it has Controls, and when its
// input ends and it never gets any, it knows what Progress tells.
type steered struct {
	known      status.Job // what does not change
	savepoints string     // the folder for those that nobody gives another for
	cancel     context.CancelCauseFunc
	stopping   sync.RWMutex // held for reading while somebody stops the job, for writing when it has ended

	mu       sync.Mutex // guards all below
	meter    status.Meter
	controls Controls // nil: none yet
	plan     *physical.Plan
	progress Status
	state    status.State // until there are controls, and after the end
	since    time.Time
	err      string
	stopped  bool // Stop has succeeded
}

var _ rest.Job = (*steered)(nil)

func newSteered(s *Settings, runID string, cancel context.CancelCauseFunc) *steered {
	now := time.Now().UTC()
	j := status.Job{Name: s.Name, RunID: runID, Started: now}
	host, _ := os.Hostname() // "": this machine has no name
	j.Process = status.Process{PID: os.Getpid(), Host: host, Parallelism: s.Parallelism}
	for _, v := range s.values {
		j.Config = append(j.Config, status.Setting{Name: v.Name, Value: mask(v.Name, v.Value), Origin: v.Origin})
		if v.Name == "master" {
			j.Process.Master = v.Value
		}
	}
	savepoints := vfs.Join(s.Streaming.Checkpoints.Folder, s.Name+".savepoints")
	return &steered{known: j, savepoints: savepoints, cancel: cancel, state: status.Created, since: now}
}

// planned says that the job has a plan. When it runs as a stream it is not running before it has controls.
func (s *steered) planned(p *physical.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan = p; !p.IsStreaming {
		s.state, s.since = status.Running, time.Now().UTC()
	}
}

// streams says whether the job runs as a stream.
func (s *steered) streams() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan != nil && s.plan.IsStreaming
}

// hasProgress takes what a job tells that has no controls.
func (s *steered) hasProgress(p Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = p
}

func (s *steered) hasControls(c Controls) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.controls = c
}

// ended says how the job ended. It waits for who is stopping it: the answer is there by now, but may not have been looked at.
func (s *steered) ended(err error) {
	s.stopping.Lock()
	defer s.stopping.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now().UTC()
	var signal *SignalError
	switch {
	case err == nil && s.stopped:
		s.state = status.Stopped
	case err == nil:
		s.state = status.Finished
	case errors.Is(err, ErrCancelled), errors.As(err, &signal):
		s.state = status.Cancelled
	default:
		s.state, s.err = status.Failed, err.Error()
	}
}

// Status implements rest.Job.
func (s *steered) Status() status.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := status.Job{State: s.state, Since: s.since}
	if s.controls != nil {
		j = s.controls.Status()
	} else {
		j.Nodes = s.stages()
	}
	j.Name, j.RunID, j.Started, j.Process, j.Config = s.known.Name, s.known.RunID, s.known.Started, s.known.Process, s.known.Config
	if s.state.IsEnd() {
		j.State, j.Since, j.Error = s.state, s.since, s.err
	} else {
		s.meter.Fill(time.Now(), j.Nodes)
	}
	return j
}

// stages are nodes made of the stages of a job without controls.
func (s *steered) stages() []status.Node {
	if s.plan == nil {
		return nil // nothing is known yet
	}
	var nodes []status.Node
	for i, stage := range s.plan.Stages {
		n := status.Node{ID: stage.ID, Name: stageName(stage), Stage: stage.ID}
		for _, e := range stage.Inputs {
			n.Inputs = append(n.Inputs, e.From.ID)
		}
		if i < len(s.progress.Stages) {
			p := s.progress.Stages[i]
			n.Tasks, n.RowsIn, n.RowsOut, n.BytesIn, n.Spilled, n.Ended = p.Tasks, p.RowsIn, p.RowsOut, p.BytesIn, p.Spilled, p.Tasks > 0 && !p.IsRunning()
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// steer returns the controls.
func (s *steered) steer() (Controls, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.IsEnd():
		return nil, fmt.Errorf("%w: the job has ended", rest.ErrRefused)
	case s.controls != nil:
		return s.controls, nil
	case s.state == status.Created:
		return nil, fmt.Errorf("%w: the job does not run yet", rest.ErrRefused)
	default:
		return nil, fmt.Errorf("%w: the job's input ends, so it makes no checkpoints; it can be cancelled", rest.ErrRefused)
	}
}

// Checkpoint implements rest.Job, as do the others.
func (s *steered) Checkpoint(ctx context.Context) (status.Checkpoint, error) {
	c, err := s.steer()
	if err != nil {
		return status.Checkpoint{}, err
	}
	return c.Checkpoint(ctx)
}

func (s *steered) Savepoint(ctx context.Context, url string) (status.Checkpoint, error) {
	c, err := s.steer()
	if err != nil {
		return status.Checkpoint{}, err
	}
	return c.Savepoint(ctx, cmp.Or(url, s.savepoints))
}

func (s *steered) Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error) {
	s.stopping.RLock()
	defer s.stopping.RUnlock()
	c, err := s.steer()
	if err != nil {
		return status.Checkpoint{}, err
	}
	cp, err := c.Stop(ctx, cmp.Or(url, s.savepoints), drain)
	if err == nil {
		s.mu.Lock()
		s.stopped = !drain // a drained job has seen the end of time: it is not gone on from
		s.mu.Unlock()
	}
	return cp, err
}

func (s *steered) Cancel(context.Context) error {
	s.cancel(ErrCancelled)
	return nil
}
