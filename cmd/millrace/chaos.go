package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// outWord stands in a job's flags for the output folder.
const outWord = "{out}"

func newChaos() *cobra.Command {
	c := &cobra.Command{
		Use:   "chaos [options] JOB [the job's flags]",
		Short: "Run a job under seeded faults, and compare its output with the undisturbed one",
		Long: `Run a ready-made job as a stream, once undisturbed and once for each seed under faults: attempts are killed, calls to the store of
checkpoints fail or take long, the job is stopped and goes on with another number of tasks, runs end at once and others go on from the
last checkpoint. In the job's flags, {out} is the output folder; it is a temporary one. Files of lines are compared, however many there
are and in whatever order the lines; a job fits whose results do not depend on the order in which tasks come to run, and whose input ends.
The first seed with another output is told, with the command that tries it again.`,
		Example: `  millrace chaos nexmark --query q8 --events 150000 --out {out}
  millrace chaos --seeds 100 --faults kill,abort nexmark --query q3 --events 150000 --out {out}`,
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeJob,
	}
	c.Flags().SetInterspersed(false)
	seeds := c.Flags().Int("seeds", 20, "how many seeds are tried")
	first := c.Flags().Uint64("seed", 1, "the first seed")
	faults := c.Flags().String("faults", chaos.Join(chaos.All()), "`kinds` of faults with commas between, of "+chaos.Join(chaos.All()))
	o := chaos.Options{Openers: map[string]vfs.Opener{"hdfs": hdfs.Options{}.Open}}
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 4, "at most so many `tasks` of a stage")
	c.Flags().StringVar(&o.Scratch, "scratch", "", "`folder` for outputs and checkpoints; default: the system's temporary folder")
	c.RunE = func(c *cobra.Command, args []string) error {
		kinds, err := chaos.ParseFaults(*faults)
		if err == nil && *seeds < 1 {
			err = errors.New("--seeds is less than 1")
		}
		if err != nil {
			return usageError(c, err)
		}
		o.Faults = kinds
		job, err := chaosJob(args)
		if err != nil {
			return err
		}
		ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
		defer stop()
		again := fmt.Sprintf("millrace chaos --seeds 1 --seed %%d --faults %s -p %d %s", *faults, o.Parallelism, quoted(args))
		return try(ctx, c.OutOrStdout(), job, o, *first, *seeds, again)
	}
	return c
}

// try tries seeds until one fails, and says what was tried.
func try(ctx context.Context, w io.Writer, job chaos.Job, o chaos.Options, first uint64, seeds int, again string) error {
	tester, err := chaos.New(ctx, job, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "undisturbed: %d lines\n", tester.Lines())
	var total chaos.Counts
	for n := range seeds {
		seed := first + uint64(n) //nolint:gosec // n is not negative
		result, err := tester.Try(ctx, seed)
		total.Add(result.Counts)
		if err != nil {
			return fmt.Errorf("%w; to try it again: "+again, err, seed)
		}
		if result.Difference != "" {
			fmt.Fprintf(w, "seed %d: %s\n%s\n", seed, result.Counts, result.Difference)
			fmt.Fprintf(w, "to try it again: "+again+"\n", seed)
			return ended(runner.ExitFailed)
		}
	}
	fmt.Fprintf(w, "seeds %d to %d: no difference; %s\n", first, first+uint64(seeds)-1, total) //nolint:gosec // seeds is not negative
	return nil
}

// chaosJob returns the ready-made job that args name.
func chaosJob(args []string) (chaos.Job, error) {
	if isBinary(args[0]) {
		return chaos.Job{}, &runner.UsageError{Err: fmt.Errorf("%s is a program; chaos runs ready-made jobs", args[0])}
	}
	entry, err := find(args[0])
	if err != nil {
		return chaos.Job{}, err
	}
	if !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, outWord) }) {
		return chaos.Job{}, &runner.UsageError{Err: fmt.Errorf("none of %s's flags has %s, the output folder: --out %s", args[0], outWord, outWord)}
	}
	return chaos.Job{Name: entry.Name, Build: func(out string) (func(*plan.Job), error) {
		job := entry.New()
		flags := flag.NewFlagSet(entry.Name, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		job.Flags(flags)
		words := make([]string, len(args)-1)
		for i, a := range args[1:] {
			words[i] = strings.ReplaceAll(a, outWord, out)
		}
		err := flags.Parse(words)
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
