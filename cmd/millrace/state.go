package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

func newState() *cobra.Command {
	c := &cobra.Command{Use: "state", Short: "Look into checkpoints and savepoints", Args: cobra.ArbitraryArgs, RunE: group}
	c.AddCommand(newInspect())
	return c
}

func newInspect() *cobra.Command {
	c := &cobra.Command{
		Use:   "inspect URL",
		Short: "Show what a checkpoint or savepoint has: operators, tables, sizes, the rows of a key",
		Long: `Show the operators and tables of a checkpoint or savepoint with their columns, numbers of rows and sizes, and with --key the rows of
that key. Of a folder of checkpoints the last one is shown.`,
		Args: cobra.ExactArgs(1),
	}
	var what checkpoint.Inspection
	c.Flags().StringVar(&what.Operator, "operator", "", "show only the operator of this `UID`")
	c.Flags().StringVar(&what.Key, "key", "", "show the rows of this `key`; the columns of one with several are separated by commas")
	c.Flags().IntVar(&what.Rows, "rows", 100, "show at most so many `rows` of a table")
	asJSON := c.Flags().Bool("json", false, "print it as JSON")
	engine := addEngineFlags(c.Flags(), hdfsSettings...)
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		saved, err := runner.OpenSaved(ctx, files, args[0])
		if errors.Is(err, fs.ErrNotExist) {
			return &runner.UsageError{Err: err}
		}
		if err != nil {
			return err
		}
		report, err := saved.Inspect(ctx, what)
		if err != nil {
			return err
		}
		if *asJSON {
			return report.WriteJSON(c.OutOrStdout())
		}
		return report.Write(c.OutOrStdout())
	})
}

func newDiff() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff --from URL [engine options] JOB|./BINARY [the job's flags]",
		Short: "Compare a job with saved state before it is deployed",
		Long: `Print what a job would make of a checkpoint or savepoint, without running it: for each operator with state whether that is the same,
migrates, is new, rebuilt, dropped or refused, and what has changed about which field. The exit code is 1 when the job could not begin from it.
--allow-dropped-state names operators whose state may be lost.`,
		Example: `  millrace diff --from hdfs:///sp/clicks-00000042 ./clicks-v2 --brokers kafka:9092
  millrace diff --from latest --name clicks ./clicks-v2 --brokers kafka:9092`,
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeJob,
	}
	engine := addEngineFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		from, err := engine.sources()
		if err != nil {
			return err
		}
		if isBinary(args[0]) {
			return become(args[0], args[1:], from, "MILLRACE_SHOW=diff")
		}
		p, err := readyMade(c, args)
		if err != nil {
			return err
		}
		s, err := runner.Load(from)
		if err != nil {
			return err
		}
		return ended(p.Diff(s))
	}
	return c
}
