// Package chaos runs a user's job again and again under faults that are drawn from seeds, and compares what its sink holds in the end with what an
// undisturbed run writes. What is compared is the content of the output folder, as a multiset of lines: so a job fits whose results do not depend on
// the order in which its tasks come to run.
//
//	New    the undisturbed run: what the output has to be, and how many turns the job's tasks take
//	Try    one seed: a chain of runs, each killed, stopped, aborted or left without its store somewhere, until one comes to the end
//
// A chain's runs are runs of runner.Run in this process. A seed fixes what is tried and at which turns; which record a task has in its hands then
// is left to the scheduler, so a seed that fails may need a few tries to fail again.
//
// Stability: engine-private.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
)

// Fault is a kind of fault.
type Fault string

// The faults.
const (
	Kill    Fault = "kill"    // attempts are killed at turns of their loops
	Store   Fault = "store"   // calls to the store of checkpoints fail, some after they have taken effect
	Slow    Fault = "slow"    // calls to the store of checkpoints, and to the files of the job, take long
	Rescale Fault = "rescale" // the job is stopped with a savepoint, and goes on from it with another number of tasks
	Abort   Fault = "abort"   // the run ends at once, and another goes on from the last complete checkpoint
	Damage  Fault = "damage"  // as abort, and the last checkpoint is damaged meanwhile; the sink has to take back what that has committed
)

// All returns all faults.
func All() []Fault { return []Fault{Kill, Store, Slow, Rescale, Abort, Damage} }

// ParseFaults reads faults with commas between.
func ParseFaults(text string) ([]Fault, error) {
	var out []Fault
	for word := range strings.SplitSeq(text, ",") {
		f := Fault(strings.TrimSpace(word))
		if !slices.Contains(All(), f) {
			return nil, fmt.Errorf("unknown fault %q; there are %s", f, Join(All()))
		}
		out = append(out, f)
	}
	return out, nil
}

// Join lists faults with commas between.
func Join(faults []Fault) string {
	words := make([]string, len(faults))
	for i, f := range faults {
		words[i] = string(f)
	}
	return strings.Join(words, ",")
}

// Job is the job under test. Build returns what builds it, with out as its output folder.
type Job struct {
	Name  string
	Build func(out string) (func(*plan.Job), error)
}

// Options say how a job is tried. The zero value works.
type Options struct {
	Faults      []Fault               // default: All
	Parallelism int                   // at most so many tasks of a stage; default 4
	Scratch     string                // folder for outputs and checkpoints; default: the system's temporary folder
	Timeout     time.Duration         // of one seed; default 2 min
	Openers     map[string]vfs.Opener // of file systems besides file
	State       runner.StateBackend   // "": drawn by the seed
}

func (o Options) withDefaults() Options {
	if len(o.Faults) == 0 {
		o.Faults = All()
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

// Tester tries one job.
type Tester struct {
	job     Job
	options Options
	want    content
	turns   int64         // of the undisturbed run
	took    time.Duration // it
}

// Result is what became of a seed.
type Result struct {
	Seed   uint64
	Counts Counts
	// Difference tells in which lines the output differs; "": in none.
	Difference string
}

// Counts are the faults that took place. A run may end before those drawn for it come.
type Counts struct {
	Runs, Kills, Failed, Delayed, Rescales, Aborts, Damaged int
}

// Add adds those of another seed.
func (c *Counts) Add(by Counts) {
	c.Runs += by.Runs
	c.Kills += by.Kills
	c.Failed += by.Failed
	c.Delayed += by.Delayed
	c.Rescales += by.Rescales
	c.Aborts += by.Aborts
	c.Damaged += by.Damaged
}

// String is one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d runs, %d kills, %d calls failed, %d delayed, %d rescales, %d aborts, %d damaged checkpoints",
		c.Runs, c.Kills, c.Failed, c.Delayed, c.Rescales, c.Aborts, c.Damaged)
}

// New runs a job undisturbed. A job without output in its folder is an error: there would be nothing to compare.
func New(ctx context.Context, job Job, o Options) (*Tester, error) {
	t := &Tester{job: job, options: o.withDefaults()}
	dir, err := os.MkdirTemp(t.options.Scratch, "millrace-chaos-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	build, err := job.Build(filepath.Join(dir, "out"))
	if err != nil {
		return nil, err
	}
	var turns atomic.Int64
	began := time.Now()
	settings := runner.Options{Name: job.Name, Parallelism: 2, Scratch: dir, Files: t.files(nil, nil), Probe: func(control.Attempt) error {
		turns.Add(1)
		return nil
	}}
	settings.Streaming.Always = true
	settings.Streaming.Checkpoints.Interval = -1
	if _, err := runner.Run(ctx, build, settings); err != nil {
		return nil, fmt.Errorf("the undisturbed run of %s: %w", job.Name, err)
	}
	t.turns, t.took = turns.Load(), time.Since(began)
	if t.want, err = read(ctx, local.FS{}, filepath.Join(dir, "out")); err != nil {
		return nil, err
	}
	if t.want.files == 0 {
		return nil, errors.New("the undisturbed run of " + job.Name + " has written nothing to the output folder")
	}
	return t, nil
}

// Lines is how many lines the undisturbed output has.
func (t *Tester) Lines() int { return t.want.lines() }

// Try runs the job under a seed's faults. An error says that the job did not come to its end, or that its output cannot be read; it ends with
// ctx's when that ends first.
func (t *Tester) Try(ctx context.Context, seed uint64) (Result, error) {
	dir, err := os.MkdirTemp(t.options.Scratch, fmt.Sprintf("millrace-chaos-%d-", seed))
	if err != nil {
		return Result{Seed: seed}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	within, cancel := context.WithTimeoutCause(ctx, t.options.Timeout, fmt.Errorf("it has not ended within %v", t.options.Timeout))
	defer cancel()
	c := newChain(t, seed, dir)
	result := Result{Seed: seed}
	err = c.run(within)
	result.Counts = c.counts
	if err != nil {
		return result, fmt.Errorf("seed %d, run %d: %w", seed, c.counts.Runs, err)
	}
	got, err := read(ctx, local.FS{}, c.out)
	if err != nil {
		return result, err
	}
	result.Difference = t.want.difference(got)
	return result, nil
}
