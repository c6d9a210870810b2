package runner

import (
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/runner/worker"
)

// Link is what carries messages between the coordinator and the worker of a run. Each method is called once, with the receiving end, and returns
// the sending end. What is told to the worker does not block, but for Close, which comes at the latest when the job has failed; messages that are
// under way then may be dropped, and none may be delivered after it has returned.
type Link interface {
	Workers(to coordinator.Workers) coordinator.Workers
	Events(to worker.Events) worker.Events
}

// direct is the Link within a process: calls.
type direct struct{}

func (direct) Workers(to coordinator.Workers) coordinator.Workers { return to }
func (direct) Events(to worker.Events) worker.Events              { return to }
