package chaos

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/millrace/millrace/runner/status"
)

// watch looks at a process until it has ended, and ends it when its moment has come.
type watch struct {
	processes *processes
	script    script
	process   *os.Process
	exited    <-chan error
	began     time.Time

	first      time.Duration // from the start to when a complete checkpoint was seen; 0: none has been
	isStopping bool          // the job was asked to stop with a savepoint
	isDraining bool          // the job was stopped, as there is nothing more to read
	isAborted  bool          // the process was told to terminate
}

// lookEvery is the time between looks at a process.
const lookEvery = 20 * time.Millisecond

// run watches until the process has ended, and returns what waiting for it returned.
func (w *watch) run(ctx context.Context) error {
	moment := time.NewTimer(w.script.moment.after)
	defer moment.Stop()
	if w.script.end == "" || w.script.moment.step != (step{}) || w.script.moment.runs {
		moment.Stop()
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	q := quiet{patience: w.processes.tester.command.Quiet, since: time.Now()}
	for {
		select {
		case err := <-w.exited:
			return err
		case <-moment.C:
			w.end(ctx)
		case <-look.C:
			if w.first > 0 && q.patience == 0 {
				continue
			}
			job := w.look(ctx)
			if job != nil && w.first == 0 && job.Checkpoints.Completed > 0 {
				w.first = time.Since(w.began)
				if w.script.moment.runs {
					moment.Reset(w.script.moment.after)
				}
			}
			if q.patience > 0 && !w.isStopping && !w.isDraining && q.isOver(job) {
				w.isDraining = w.processes.stop(ctx, true)
			}
		}
	}
}

// end ends the process as the script says. What it is told it does some time later, or not at all, if it ends by itself.
func (w *watch) end(ctx context.Context) {
	switch w.script.end {
	case Rescale:
		w.isStopping = w.processes.stop(ctx, false)
	case Abort:
		w.isAborted = true
		_ = w.process.Signal(syscall.SIGTERM) // one that has ended needs none
	default:
		_ = w.process.Kill()
	}
}

// look returns what the job tells; nil: nothing.
func (w *watch) look(ctx context.Context) *status.Job {
	client := w.processes.job()
	if client == nil {
		return nil
	}
	job, err := client.Status(ctx)
	if err != nil {
		return nil
	}
	return &job
}

// quiet notices that a job has read all there is.
type quiet struct {
	patience time.Duration
	rows     int64
	since    time.Time
}

// isOver takes what the job tells.
func (q *quiet) isOver(job *status.Job) bool {
	if job == nil {
		q.since = time.Now()
		return false
	}
	if rows, _ := job.RowsIn(); rows != q.rows || rows == 0 {
		q.rows, q.since = rows, time.Now()
	}
	return time.Since(q.since) >= q.patience
}
