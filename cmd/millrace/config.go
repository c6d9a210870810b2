package main

import (
	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
)

func newConfig() *cobra.Command {
	c := &cobra.Command{
		Use:                   "config [engine options] [JOB|./BINARY [the job's flags]]",
		Short:                 "Print each setting, its value and where that comes from",
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeJob,
	}
	engine := addEngineFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		from, err := engine.sources()
		if err != nil {
			return err
		}
		if len(args) > 0 && isBinary(args[0]) {
			return become(args[0], args[1:], from, "MILLRACE_SHOW=config")
		}
		s, err := runner.Load(from)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			runner.PrintValues(c.OutOrStdout(), s.Values())
			return nil
		}
		p, err := readyMade(c, args)
		if err != nil {
			return err
		}
		return ended(p.ShowConfig(s))
	}
	return c
}
