package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/vfs/local"
)

// Job is the job under test. Build returns what builds it, with out as its output folder.
type Job struct {
	Name  string
	Build func(out string) (func(*plan.Job), error)
}

// Tester tries one job, in this process.
type Tester struct {
	job     Job
	options Options
	want    fault.Output
	turns   int64 // of the undisturbed run
}

// New runs a job undisturbed. A job without output in its folder is an error: there would be nothing to compare.
func New(ctx context.Context, job Job, o Options) (*Tester, error) {
	t := &Tester{job: job, options: o.withDefaults(All())}
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
	settings := runner.Options{Name: job.Name, Parallelism: 2, Scratch: dir, Files: t.files(nil, nil), Probe: func(control.Attempt) error {
		turns.Add(1)
		return nil
	}}
	settings.Streaming.Always = true
	settings.Streaming.Checkpoints.Interval = -1
	if _, err := runner.Run(ctx, build, settings); err != nil {
		return nil, fmt.Errorf("the undisturbed run of %s: %w", job.Name, err)
	}
	t.turns = turns.Load()
	if t.want, err = fault.ReadOutput(ctx, local.FS{}, filepath.Join(dir, "out")); err != nil {
		return nil, err
	}
	if t.want.Lines() == 0 {
		return nil, errors.New("the undisturbed run of " + job.Name + " has written nothing to the output folder")
	}
	return t, nil
}

// Lines is how many lines the undisturbed output has.
func (t *Tester) Lines() int { return t.want.Lines() }

// Try runs the job under a seed's faults. An error says that the job did not come to its end, or that its output cannot be read; it ends with
// ctx's when that ends first.
func (t *Tester) Try(ctx context.Context, seed uint64) (Result, error) {
	return t.options.try(ctx, seed, t.want, func(r *rand.Rand, dir string) runs {
		return &chain{tester: t, rand: r, dir: dir, out: filepath.Join(dir, "out"), counts: fault.Counts{}}
	})
}
