package streamtest

import (
	"fmt"
	"slices"
	"time"
)

// Script is what happens to a job, step by step. The zero value is empty. One goroutine uses it; it may be run often, one run after the other.
type Script struct {
	// Parallelism is how many tasks a stage has until the first Rescale; default 1.
	Parallelism int
	// Start is the processing time at which the script begins; default: 2000-01-01, midnight UTC. With it, or a Pass, processing time is the
	// script's.
	Start time.Time

	inputs []feed
	steps  []step
}

// step is an item of an input, or something done to the job.
type step struct {
	kind  kind
	input int // of an item
	tasks int // of a Rescale
	by    time.Duration
}

type kind uint8

const (
	item kind = iota
	checkpointed
	crashed
	rescaled
	stopped
	passed // by
)

// Checkpoint makes a checkpoint: the job goes on from it after a crash.
func (s *Script) Checkpoint() { s.add(step{kind: checkpointed}) }

// Crash kills a task. The job goes on from the last checkpoint, or, if there is none, from the last Rescale or the beginning: what came since
// comes again.
func (s *Script) Crash() { s.add(step{kind: crashed}) }

// Rescale stops the job with a savepoint and goes on from it with so many tasks a stage: 1 at least. A new job is built.
func (s *Script) Rescale(tasks int) { s.add(step{kind: rescaled, tasks: max(tasks, 1)}) }

// Stop ends the script before the inputs end: windows and timers that event time has not reached do not fire. Later steps are not done.
func (s *Script) Stop() { s.add(step{kind: stopped}) }

// Pass lets processing time pass: what becomes due fires. With a negative duration the machine's clock is set back, which the job must not
// notice: its time stands until the clock has come to it again.
func (s *Script) Pass(by time.Duration) { s.add(step{kind: passed, by: by}) }

func (s *Script) add(next step) { s.steps = append(s.steps, next) }

// before returns how many items of each input come before a step.
func before(steps []step, at int, inputs int) []int {
	counts := make([]int, inputs)
	for _, s := range steps[:at] {
		if s.kind == item {
			counts[s.input]++
		}
	}
	return counts
}

// inserted returns the steps with others before the one at that place.
func inserted(steps []step, at int, others ...step) []step {
	return slices.Insert(slices.Clone(steps), at, others...)
}

func (s step) String() string {
	switch s.kind {
	case checkpointed:
		return "checkpoint"
	case crashed:
		return "crash"
	case rescaled:
		return fmt.Sprintf("rescale to %d", s.tasks)
	case stopped:
		return "stop"
	case passed:
		return fmt.Sprintf("pass of %s", s.by)
	default:
		return fmt.Sprintf("item of input %d", s.input)
	}
}
