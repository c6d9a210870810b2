package checkpoint

import (
	"time"

	"github.com/millrace/millrace/stream"
)

// Event is something the protocol learns.
type Event interface{ event() }

// The events.
type (
	// Running says that those tasks have been given their state and run: they answer triggers.
	Running struct{ Tasks []Task }
	// Interrupted says that attempts have failed and all will begin anew. Answers of theirs do not count any more. What to begin from may
	// be looked for after Settled.
	Interrupted struct{ Err error }
	// Due says that the time has come which Wake asked for.
	Due struct{}
	// Requested says that somebody wants a checkpoint of that kind, which is not Last. Number comes back in Answer.
	Requested struct {
		Number int
		Kind   Kind
		Target string // where to put a savepoint
	}
	// Acked says that a task's snapshot is durable.
	Acked struct {
		ID     stream.CheckpointID
		Task   Task
		Handle Handle
		// Final says that the snapshot was taken after the end of all the task's inputs, when it had nothing left to do.
		Final bool
		// Committables are what the task's sinks have prepared, for this checkpoint and for all since the last of which the task knows that
		// it is complete. So nothing is lost when a checkpoint is not completed, or an answer not heard.
		Committables []Committable
	}
	// Declined says that a task cannot make its part.
	Declined struct {
		ID   stream.CheckpointID
		Task Task
		Err  error
	}
	// Stored answers Persist. After an error it is not known to be complete; it may still be found to be so.
	Stored struct {
		ID  stream.CheckpointID
		Err error
	}
	// Committed says that what was committed with the checkpoint of that number, and before, is visible.
	Committed struct{ ID stream.CheckpointID }
	// Backlog says whether sources work off what was there before they come to what is new: then Settings.InBacklog is the interval. At first
	// they do not.
	Backlog struct{ Is bool }
	// TaskEnded says that a task has dealt with the end of all its inputs. It waits for the first checkpoint that it acks as Final and that
	// is completed; until then it answers triggers.
	TaskEnded struct{ Task Task }
)

func (Running) event()     {}
func (Interrupted) event() {}
func (Due) event()         {}
func (Requested) event()   {}
func (Acked) event()       {}
func (Declined) event()    {}
func (Stored) event()      {}
func (Committed) event()   {}
func (Backlog) event()     {}
func (TaskEnded) event()   {}

// Action is something the protocol wants done. Actions are carried out in order.
type Action interface{ action() }

// The actions.
type (
	// Wake asks for Due at that time. It replaces the Wake before.
	Wake struct{ At time.Time }
	// Trigger begins a checkpoint: those tasks, which are all that run, are told of it. A task that has inputs waits for their barriers,
	// counting those that have ended as there; one without emits its own. Each answers by Acked or Declined.
	Trigger struct {
		ID     stream.CheckpointID
		Kind   Kind
		Target string
		Tasks  []Task
	}
	// Persist makes a checkpoint complete: its manifest is to be written. Stored answers, in any case and in bounded time.
	Persist struct {
		ID           stream.CheckpointID
		Kind         Kind
		Target       string
		Handles      []Handle      // of all tasks, also of those that have gone, by stage and task
		Committables []Committable // that are not known to be visible, by checkpoint, stage and task
	}
	// Commit makes what sinks prepared visible. Commits are issued, and to be carried out, in the order of checkpoints; they are idempotent.
	// Committed answers when it is done; a Commit that fails for good is a failure of the job.
	Commit struct {
		ID           stream.CheckpointID
		Committables []Committable
		Final        bool // the input has ended: nothing will follow
	}
	// Notify tells tasks that a checkpoint, and with it all before, is complete.
	Notify struct {
		ID    stream.CheckpointID
		Tasks []Task
		Done  []Task // of Tasks: those that have nothing left to do and end
	}
	// Abort tells tasks that nothing will come of a checkpoint. What is there of it can be removed. Tasks that stopped for it go on. Its
	// barriers may reach a task after this does: they are let pass then, and above all nothing stops for them.
	Abort struct {
		ID    stream.CheckpointID
		Tasks []Task
		Err   error
	}
	// Answer tells who requested a checkpoint what became of it.
	Answer struct {
		Number int
		ID     stream.CheckpointID
		Err    error
	}
	// FailJob says that attempts must be failed with that error, and the job begun anew or given up as its restart strategy says.
	FailJob struct{ Err error }
	// Settled says, after Interrupted, that no checkpoint is being completed: the newest complete one is what to begin from.
	Settled struct{}
	// Over says that the checkpoint that ends the job is complete. Whatever happens now, nothing is begun anew.
	Over struct{ ID stream.CheckpointID }
)

func (Wake) action()    {}
func (Trigger) action() {}
func (Persist) action() {}
func (Commit) action()  {}
func (Notify) action()  {}
func (Abort) action()   {}
func (Answer) action()  {}
func (FailJob) action() {}
func (Settled) action() {}
func (Over) action()    {}
