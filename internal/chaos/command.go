package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/vfs"
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
	// Obeys says that the program runs with the options of Obey: there are all faults, and steps of it in which it dies.
	Obeys bool
	// Checkpoints is the URL of the folder for checkpoints, in which each seed has one; "": in Options.Scratch.
	Checkpoints string
	// Prepare makes what a seed needs beside its folder; nil: nothing.
	Prepare func(ctx context.Context, out string) error
	// Read returns the lines of the output; nil: those of the files in out.
	Read func(ctx context.Context, out string) ([]string, error)
	// Quiet is for jobs whose input does not end: when no record has come for so long, all have, and the job is stopped and drained. 0: its
	// input ends.
	Quiet time.Duration
}

// faults returns the faults that there are for the program.
func (c Command) faults() []fault.Kind {
	if c.Obeys {
		return All()
	}
	return Killing()
}

// CommandTester tries one program.
type CommandTester struct {
	command Command
	options Options
	want    fault.Output
	pace    pace
}

// pace is how long the program takes when it is left alone.
type pace struct {
	first time.Duration // to the first checkpoint, or to the end if none was seen
	rest  time.Duration // from there to the end
	steps step          // how many there are
}

// measured is the interval of checkpoints in the run that pace is taken from.
const measured = 30 * time.Millisecond

// NewCommand runs a program twice undisturbed, the second time with checkpoints. One without output is an error, there would be nothing to compare,
// and so is one whose output is another the second time.
func NewCommand(ctx context.Context, c Command, o Options) (*CommandTester, error) {
	t := &CommandTester{command: c, options: o.withDefaults(c.faults())}
	for _, f := range t.options.Faults {
		if !slices.Contains(c.faults(), f) {
			return nil, fmt.Errorf("the fault %s is not for programs; there are %s", f, fault.Join(c.faults()))
		}
	}
	var err error
	if t.want, _, err = t.leave(ctx, time.Minute); err != nil {
		return nil, err
	}
	if t.want.Lines() == 0 {
		return nil, fmt.Errorf("the undisturbed run of %s has written nothing to the output folder", c.Path)
	}
	again, took, err := t.leave(ctx, measured)
	if err != nil {
		return nil, err
	}
	if difference := t.want.Difference(again); difference != "" {
		return nil, fmt.Errorf("two undisturbed runs of %s differ: %s", c.Path, difference)
	}
	t.pace = took
	return t, nil
}

// leave leaves the program alone until it ends.
func (t *CommandTester) leave(ctx context.Context, interval time.Duration) (out fault.Output, took pace, err error) {
	dir, err := os.MkdirTemp(t.options.Scratch, "millrace-chaos-0-")
	if err != nil {
		return out, took, err
	}
	defer func() { _ = os.RemoveAll(dir) }()       // what stays is in the temporary folder
	p := t.begin(rand.New(rand.NewPCG(0, 0)), dir) //nolint:gosec // nothing is drawn
	if err = p.prepare(ctx); err != nil {
		return out, took, err
	}
	l, err := p.one(ctx, script{tasks: 2, interval: interval})
	if err != nil || l.end != completed {
		return out, took, fmt.Errorf("the undisturbed run of %s: %w", t.command.Path, errors.Join(err, context.Cause(ctx)))
	}
	out, err = p.read(ctx)
	return out, pace{l.first, max(l.took-l.first-t.command.Quiet, 0), step{l.Turns, l.Calls}}, err
}

// Lines is how many lines the undisturbed output has.
func (t *CommandTester) Lines() int { return t.want.Lines() }

// Try runs the program under a seed's faults; see Tester.Try.
func (t *CommandTester) Try(ctx context.Context, seed uint64) (Result, error) {
	return t.options.try(ctx, seed, t.want, func(r *rand.Rand, dir string) runs { return t.begin(r, dir) })
}

// begin returns the runs of one seed, whose files are in dir.
func (t *CommandTester) begin(r *rand.Rand, dir string) *processes {
	p := &processes{tester: t, rand: r, dir: dir, out: filepath.Join(dir, "out"), left: t.pace.rest, counts: fault.Counts{}}
	switch {
	case t.command.Checkpoints != "":
		p.checkpoints = vfs.Join(t.command.Checkpoints, filepath.Base(dir))
	case t.command.Obeys:
		p.checkpoints = storeScheme + "://" + filepath.Join(dir, "checkpoints")
	default:
		p.checkpoints = filepath.Join(dir, "checkpoints")
	}
	return p
}

// files returns the file systems that checkpoints may be in.
func (t *CommandTester) files() *vfs.Resolver {
	return resolver(map[string]vfs.Opener{vfs.Local: plain(nil), storeScheme: plain(nil)}, t.options.Openers)
}
