package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// outWord stands in a job's flags for the output folder.
const outWord = "{out}"

func newChaos() *cobra.Command {
	c := &cobra.Command{
		Use:   "chaos [options] JOB|./BINARY [the job's flags]",
		Short: "Run a job under seeded faults, and compare its output with the undisturbed one",
		Long: `Run a job as a stream, first undisturbed and then, for each seed, under faults, and compare what the output folder holds in the end: lines
of files, however many files there are and in whatever order the lines. A job fits whose results do not depend on the order in which tasks
come to run, and whose input ends, or stays as it is (--quiet). In the job's flags, {out} is the output folder; it is a temporary one.

A program is run as processes, one after the other: one is killed (kill -9) at some moment of its start or its work, another stopped with a
savepoint and gone on from with another number of tasks, another interrupted, and the last checkpoint is damaged in between. A ready-made job
is run in this process: its attempts are killed, and calls to the store of checkpoints fail or take long, too. With --processes it is run as a
program is.
The first seed with another output is told, with the command that tries it again.`,
		Example: `  millrace chaos ./myjob --in books --out {out}
  millrace chaos --seeds 100 --quiet 2s ./clicks --brokers kafka:9092 --out {out}
  millrace chaos --seeds 100 --faults kill,abort nexmark --query q3 --events 150000 --out {out}`,
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeJob,
	}
	c.Flags().SetInterspersed(false)
	t := seeded{first: c.Flags().Uint64("seed", 1, "the first seed"), seeds: c.Flags().Int("seeds", 20, "how many seeds are tried")}
	faults := c.Flags().String("faults", "", "`kinds` of faults with commas between, of "+fault.Join(chaos.All())+"; of processes: "+fault.Join(chaos.Killing())+"; default: all")
	processes := c.Flags().Bool("processes", false, "run a ready-made job as processes, too")
	quiet := c.Flags().Duration("quiet", 0, "a program's input that does not end is taken to be read when no record has come for that `time`: the job is drained")
	o := chaos.Options{Openers: map[string]vfs.Opener{"hdfs": hdfs.Options{}.Open}}
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 4, "at most so many `tasks` of a stage")
	c.Flags().StringVar(&o.Scratch, "scratch", "", "`folder` for outputs and checkpoints; default: the system's temporary folder")
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		if *faults != "" {
			o.Faults, err = fault.Parse(*faults, chaos.All())
		}
		if err == nil && *t.seeds < 1 {
			err = errors.New("--seeds is less than 1")
		}
		if err != nil {
			return usageError(c, err)
		}
		ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
		defer stop()
		again := []string{"millrace", "chaos", "--seeds", "1", "--seed", "%d", "-p", strconv.Itoa(o.Parallelism)}
		c.Flags().Visit(func(f *pflag.Flag) {
			if f.Name == "faults" || f.Name == "processes" || f.Name == "quiet" {
				again = append(again, "--"+f.Name+"="+f.Value.String())
			}
		})
		t.again = strings.Join(again, " ") + " " + strings.ReplaceAll(quoted(args), "%", "%%")
		tester, err := testerOf(ctx, args, o, *processes, *quiet)
		if err != nil {
			return err
		}
		return t.try(ctx, c.OutOrStdout(), tester)
	}
	return c
}

// tester tries a job under a seed's faults.
type tester interface {
	Lines() int
	Try(ctx context.Context, seed uint64) (chaos.Result, error)
}

// testerOf runs the job undisturbed.
func testerOf(ctx context.Context, args []string, o chaos.Options, processes bool, quiet time.Duration) (tester, error) {
	if isBinary(args[0]) || processes {
		command, err := chaosCommand(args)
		if err == nil {
			err = namesOut(args)
		}
		if err != nil {
			return nil, err
		}
		command.Quiet = quiet
		for _, f := range o.Faults {
			if !slices.Contains(chaos.Killing(), f) {
				return nil, &runner.UsageError{Err: fmt.Errorf("the fault %s is not for processes; there are %s", f, fault.Join(chaos.Killing()))}
			}
		}
		return chaos.NewCommand(ctx, command, o)
	}
	job, err := chaosJob(args)
	if err == nil {
		err = namesOut(args)
	}
	if err != nil {
		return nil, err
	}
	return chaos.New(ctx, job, o)
}

// namesOut refuses a job's words without the output folder.
func namesOut(args []string) error {
	if slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, outWord) }) {
		return nil
	}
	return &runner.UsageError{Err: fmt.Errorf("none of %s's flags has %s, the output folder: --out %s", args[0], outWord, outWord)}
}

// seeded is which seeds are tried, and how to try one again.
type seeded struct {
	first *uint64
	seeds *int
	again string // with %d for the seed
}

// try tries seeds until one fails, and says what was tried.
func (t seeded) try(ctx context.Context, w io.Writer, tester tester) error {
	fmt.Fprintf(w, "undisturbed: %d lines\n", tester.Lines())
	total := fault.Counts{}
	seed := *t.first
	for range *t.seeds {
		result, err := tester.Try(ctx, seed)
		total.Add(result.Counts)
		if err != nil {
			return fmt.Errorf("%w; to try it again: "+t.again, err, seed)
		}
		if result.Difference != "" {
			fmt.Fprintf(w, "seed %d: %s\n%s\n", seed, result.Counts, result.Difference)
			fmt.Fprintf(w, "to try it again: "+t.again+"\n", seed)
			return ended(runner.ExitFailed)
		}
		seed++
	}
	fmt.Fprintf(w, "seeds %d to %d: no difference; %s\n", *t.first, seed-1, total)
	return nil
}

// chaosCommand returns the program that args name, which is this one for a ready-made job.
func chaosCommand(args []string) (chaos.Command, error) {
	command, err := backgroundCommand(args, runner.Sources{})
	if err != nil {
		return chaos.Command{}, err
	}
	return chaos.Command{Name: filepath.Base(args[0]), Path: command.Path, Dir: command.Dir, Args: func(out string) []string {
		return withOut(command.Args, out)
	}}, nil
}

// withOut puts the output folder into a job's words.
func withOut(words []string, out string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = strings.ReplaceAll(w, outWord, out)
	}
	return all
}

// chaosJob returns the ready-made job that args name.
func chaosJob(args []string) (chaos.Job, error) {
	entry, err := find(args[0])
	if err != nil {
		return chaos.Job{}, err
	}
	return chaos.Job{Name: entry.Name, Build: func(out string) (func(*plan.Job), error) {
		job := entry.New()
		flags := flag.NewFlagSet(entry.Name, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		job.Flags(flags)
		err := flags.Parse(withOut(args[1:], out))
		if v, ok := job.(interface{ Validate() error }); ok && err == nil {
			err = v.Validate()
		}
		if err != nil {
			return nil, &runner.UsageError{Err: fmt.Errorf("%s: %w", entry.Name, err)}
		}
		return job.Build, nil
	}}, nil
}

// quoted is a command's words as a shell reads them.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\n'\"\\$*?[]{}()<>|&;~#`") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
