package main

import (
	"flag"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

func newJobs() *cobra.Command {
	return &cobra.Command{
		Use:               "jobs [NAME|./BINARY]",
		Short:             "List the ready-made jobs, or the flags of one",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeJob,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, e := range jobs.All() {
					fmt.Fprintf(c.OutOrStdout(), "%-14s %s\n", e.Name, e.Short)
				}
				return nil
			}
			if isBinary(args[0]) {
				return become(args[0], []string{"--help"}, runner.Sources{})
			}
			entry, err := find(args[0])
			if err != nil {
				return err
			}
			flags := flag.NewFlagSet(entry.Name, flag.ContinueOnError)
			entry.New().Flags(flags)
			fmt.Fprintf(c.OutOrStdout(), "%s: %s\n\n", entry.Name, entry.Short)
			runner.PrintFlags(c.OutOrStdout(), flags)
			return nil
		},
	}
}
