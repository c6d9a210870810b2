// Package chaos runs a user's job again and again under faults that are drawn from seeds, and compares what its sink holds in the end with what an
// undisturbed run writes. What is compared is the content of the output folder, as a multiset of lines: so a job fits whose results do not depend on
// the order in which its tasks come to run.
//
//	New, NewCommand    the undisturbed run: what the output has to be, and how long the job takes, by which faults are placed
//	Try                one seed: runs follow one another, each killed, stopped, aborted or left without its store somewhere, until one comes to the end
//
// A Tester's runs are runs of runner.Run in this process, in which attempts are killed. A CommandTester's are processes, which die by SIGKILL: at a
// time that the seed says, counted from the start or from the first checkpoint; and, if the program lets that be done to it (Obey), at a step:
// before or after a call to its file systems takes effect, or at a turn of a task.
//
//	seed -> script -> run 0, killed at its 57th call -> run 1, stopped with a savepoint -> ... -> run 5, left alone -> output
//	                       '--- checkpoints ---------------'
//
// A seed fixes what is tried and at which turns, calls and times; which record a task has in its hands then is left to the scheduler, so a seed that
// fails may need a few tries to fail again.
//
// Stability: engine-private.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// The faults.
const (
	Kill    fault.Kind = "kill"    // attempts are killed at turns of their loops; of a program the process, at any step
	Store   fault.Kind = "store"   // calls to the store of checkpoints fail, some after they have taken effect
	Slow    fault.Kind = "slow"    // calls to the store of checkpoints, and to the files of the job, take long
	Rescale fault.Kind = "rescale" // the job is stopped with a savepoint, and goes on from it with another number of tasks
	Abort   fault.Kind = "abort"   // the run is ended, and another goes on from the last complete checkpoint
	Damage  fault.Kind = "damage"  // as abort, or kill, and the last checkpoint is damaged meanwhile; the sink has to take back what that has committed
)

// All returns all faults.
func All() []fault.Kind { return []fault.Kind{Kill, Store, Slow, Rescale, Abort, Damage} }

// Killing returns the faults that there are for any program: what it does with its files is left alone.
func Killing() []fault.Kind { return []fault.Kind{Kill, Rescale, Abort, Damage} }

// What takes place under faults.
const (
	Runs        fault.Event = "runs"
	Kills       fault.Event = "kills"
	FailedCalls fault.Event = "failed calls"
	SlowCalls   fault.Event = "slow calls"
	FailedRuns  fault.Event = "failed runs" // that failing calls have brought down
	Rescales    fault.Event = "rescales"
	Aborts      fault.Event = "aborts"
	Damages     fault.Event = "damaged checkpoints"
)

// Options say how a job is tried. The zero value works.
type Options struct {
	Faults      []fault.Kind          // default: all that there are for the job
	Parallelism int                   // at most so many tasks of a stage; default 4
	Scratch     string                // folder for outputs and checkpoints; default: the system's temporary folder
	Timeout     time.Duration         // of one seed; default 2 min
	Openers     map[string]vfs.Opener // of file systems besides file
	State       runner.StateBackend   // "": drawn by the seed
}

func (o Options) withDefaults(faults []fault.Kind) Options {
	if len(o.Faults) == 0 {
		o.Faults = faults
	}
	if o.Parallelism <= 0 {
		o.Parallelism = 4
	}
	if o.Scratch == "" {
		o.Scratch = os.TempDir()
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	return o
}

// Result is what became of a seed.
type Result struct {
	Seed   uint64
	Counts fault.Counts
	// Difference tells in which lines the output differs; "": in none.
	Difference string
}

// runs are the runs of one seed.
type runs interface {
	// run has runs follow one another until one comes to the end.
	run(ctx context.Context) error
	tally() fault.Counts
	read(ctx context.Context) (fault.Output, error)
}

// try tries the runs that begin makes, with the seed's random numbers and a folder for their files, and compares their output.
func (o Options) try(ctx context.Context, seed uint64, want fault.Output, begin func(r *rand.Rand, dir string) runs) (Result, error) {
	result := Result{Seed: seed}
	dir, err := os.MkdirTemp(o.Scratch, fmt.Sprintf("millrace-chaos-%d-", seed))
	if err != nil {
		return result, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	within, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("it has not ended within %v", o.Timeout))
	defer cancel()
	all := begin(rand.New(rand.NewPCG(seed, 0)), dir) //nolint:gosec // a seed that can be given again
	err = all.run(within)
	result.Counts = all.tally()
	if err != nil {
		return result, fmt.Errorf("seed %d, run %d: %w", seed, result.Counts[Runs], err)
	}
	got, err := all.read(ctx)
	if err != nil {
		return result, err
	}
	result.Difference = want.Difference(got)
	return result, nil
}
