package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// fileCommand makes a command of one that works on files: work gets the file systems as the settings say, and a context that ends at the
// first signal.
func fileCommand(c *cobra.Command, engine *engineFlags, work func(ctx context.Context, files *vfs.Resolver, args []string) error) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := engine.load()
		if err != nil {
			return err
		}
		ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
		defer stop()
		files := runner.NewFiles(s.HDFS)
		defer func() { _ = files.Close() }() // what was written is closed
		return runner.Cause(ctx, work(ctx, files, args))
	}
	return c
}
