package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
)

// Command is a job under test as a program, which calls runner.Main: each run is a process of its own, that is killed as a machine's end would
// kill it.
type Command struct {
	Name string // the job's: a name for folders
	Path string // of the program
	// Args returns its arguments, with out as its output folder: a name that no other seed has.
	Args func(out string) []string
	Env  []string // beside this process's own
	Dir  string   // that it runs in; "": where this process does
	// Checkpoints is the URL of the folder for checkpoints, in which each seed has one; "": in Options.Scratch.
	Checkpoints string
	// Read returns the lines of the output; nil: those of the files in out.
	Read func(ctx context.Context, out string) ([]string, error)
	// Quiet is for jobs whose input does not end: when no record has come for so long, all have, and the job is stopped and drained. 0: its
	// input ends.
	Quiet time.Duration
}

// Killing returns the faults that there are for programs: Kill is SIGKILL, at any step; what the program does with its files is left alone.
func Killing() []Fault { return []Fault{Kill, Rescale, Abort, Damage} }

// CommandTester tries one program.
type CommandTester struct {
	command Command
	options Options
	want    content
	took    time.Duration // the undisturbed run
}

// NewCommand runs a program undisturbed. One without output is an error: there would be nothing to compare.
func NewCommand(ctx context.Context, c Command, o Options) (*CommandTester, error) {
	if len(o.Faults) == 0 {
		o.Faults = Killing()
	}
	for _, f := range o.Faults {
		if !slices.Contains(Killing(), f) {
			return nil, fmt.Errorf("the fault %s is not for programs; there are %s", f, Join(Killing()))
		}
	}
	t := &CommandTester{command: c, options: o.withDefaults()}
	dir, err := os.MkdirTemp(t.options.Scratch, "millrace-chaos-0-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()               // what stays is in the temporary folder
	p := newProcesses(t, rand.New(rand.NewPCG(0, 0)), dir) //nolint:gosec // nothing is drawn
	began := time.Now()
	if end, err := p.one(ctx, ending{tasks: 2, interval: time.Minute}); err != nil || end != completed {
		return nil, fmt.Errorf("the undisturbed run of %s: %w", c.Path, errors.Join(err, context.Cause(ctx)))
	}
	t.took = time.Since(began)
	if t.want, err = p.read(ctx); err != nil {
		return nil, err
	}
	if t.want.lines() == 0 {
		return nil, fmt.Errorf("the undisturbed run of %s has written nothing to the output folder", c.Path)
	}
	return t, nil
}

// Lines is how many lines the undisturbed output has.
func (t *CommandTester) Lines() int { return t.want.lines() }

// Try runs the program under a seed's faults; see Tester.Try.
func (t *CommandTester) Try(ctx context.Context, seed uint64) (Result, error) {
	dir, err := os.MkdirTemp(t.options.Scratch, fmt.Sprintf("millrace-chaos-%d-", seed))
	if err != nil {
		return Result{Seed: seed}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	within, cancel := context.WithTimeoutCause(ctx, t.options.Timeout, fmt.Errorf("it has not ended within %v", t.options.Timeout))
	defer cancel()
	p := newProcesses(t, rand.New(rand.NewPCG(seed, 0)), dir) //nolint:gosec // a seed that can be given again
	err = p.run(within)
	result := Result{Seed: seed, Counts: p.counts}
	if err != nil {
		return result, fmt.Errorf("seed %d, run %d: %w", seed, p.counts.Runs, err)
	}
	got, err := p.read(ctx)
	if err != nil {
		return result, err
	}
	result.Difference = t.want.difference(got)
	return result, nil
}

// read reads the output.
func (p *processes) read(ctx context.Context) (content, error) {
	if p.tester.command.Read == nil {
		return read(ctx, local.FS{}, p.out)
	}
	lines, err := p.tester.command.Read(ctx, p.out)
	if err != nil {
		return content{}, fmt.Errorf("reading the output: %w", err)
	}
	c := content{times: map[string]int{}}
	for _, line := range lines {
		c.times[line]++
	}
	return c, nil
}

// files returns the file systems that checkpoints may be in.
func (t *CommandTester) files() *vfs.Resolver {
	openers := map[string]vfs.Opener{vfs.Local: func(context.Context, string) (vfs.FileSystem, error) { return local.FS{NoSync: true}, nil }}
	maps.Copy(openers, t.options.Openers)
	return vfs.NewResolver(openers)
}

// ending is how one run is to end.
type ending struct {
	tasks    int
	interval time.Duration // of checkpoints
	state    string        // the setting; "": the default
	fault    Fault         // "": it is left to run
	after    time.Duration // when
}

// draw draws the ending of the n-th run.
func (t *CommandTester) draw(r *rand.Rand, n int) ending {
	e := ending{tasks: 1 + r.IntN(t.options.Parallelism), interval: time.Duration(5+r.IntN(100)) * time.Millisecond, state: string(t.options.State)}
	if e.state == "" {
		e.state = []string{"heap", "heap", "heap", "lsm"}[r.IntN(4)]
	}
	if n < disturbed && r.IntN(8) > 0 {
		e.fault = t.options.Faults[r.IntN(len(t.options.Faults))]
		e.after = time.Duration(r.Int64N(int64(t.took) + 1))
	}
	return e
}

// newProcesses returns the runs of one seed, whose files are in dir.
func newProcesses(t *CommandTester, r *rand.Rand, dir string) *processes {
	checkpoints := filepath.Join(dir, "checkpoints")
	if t.command.Checkpoints != "" {
		checkpoints = vfs.Join(t.command.Checkpoints, filepath.Base(dir))
	}
	return &processes{tester: t, rand: r, dir: dir, out: filepath.Join(dir, "out"), checkpoints: checkpoints}
}
