package runner

import (
	"sync"
	"time"

	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/worker"
)

// tracker knows, for progress and summary, in how many tasks each stage runs, which are done, what they handed on, and how many were tried
// again.
type tracker struct {
	mu      sync.Mutex // guards all below
	stages  map[int]*tracked
	retries int64 // attempts after the first
}

type tracked struct {
	began, ended time.Time // ended is zero while tasks run
	tasks        int
	bytes        map[int]int64 // by task that is done: written to exchanges
}

func (t *tracker) launched(a control.Assignment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stages == nil {
		t.stages = map[int]*tracked{}
	}
	s := t.stages[a.Attempt.Stage]
	if s == nil {
		s = &tracked{bytes: map[int]int64{}, began: time.Now()}
		t.stages[a.Attempt.Stage] = s
	}
	s.tasks = a.Tasks
	if a.Attempt.Number > 0 {
		t.retries++
	}
	s.ended = time.Time{}
	delete(s.bytes, a.Attempt.Task) // an earlier attempt's result is lost
}

func (t *tracker) succeeded(a control.Attempt, r control.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum int64
	for _, f := range r.Facts {
		for _, n := range f.Bytes {
			sum += n
		}
	}
	s := t.stages[a.Stage]
	if s == nil {
		return
	}
	if s.bytes[a.Task] = sum; len(s.bytes) == s.tasks {
		s.ended = time.Now()
	}
}

// of returns a stage's tasks, how many are done, and the bytes they wrote to exchanges. Zeros: the stage has not begun.
func (t *tracker) of(stage int) (tasks, done int, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stages[stage]
	if s == nil {
		return 0, 0, 0
	}
	for _, n := range s.bytes {
		bytes += n
	}
	return s.tasks, len(s.bytes), bytes
}

// elapsed returns how long a stage has been at work, or was.
func (t *tracker) elapsed(stage int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch s := t.stages[stage]; {
	case s == nil:
		return 0
	case s.ended.IsZero():
		return time.Since(s.began)
	default:
		return s.ended.Sub(s.began)
	}
}

// retried returns how many attempts there were after the first.
func (t *tracker) retried() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.retries
}

// watchedWorker tells a tracker, and those who count bad records, what is launched.
type watchedWorker struct {
	*worker.Worker
	tracker *tracker
	bad     *badRecords
}

// Launch implements coordinator.Workers.
func (w watchedWorker) Launch(a control.Assignment) {
	w.tracker.launched(a)
	w.bad.launched(a.Attempt)
	w.Worker.Launch(a)
}
