package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
)

func newHistory() *cobra.Command {
	c := &cobra.Command{
		Use:   "history [RUN|NAME]",
		Short: "List the runs of the last days, all or those of one job name, or show one run",
		Args:  cobra.MaximumNArgs(1),
	}
	engine := addEngineFlags(c.Flags(), "state-dir")
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := engine.load()
		if err != nil {
			return err
		}
		history, job := runner.HistoryOf(s), ""
		if len(args) == 1 {
			if args[0][0] >= '0' && args[0][0] <= '9' {
				return history.Show(c.OutOrStdout(), args[0])
			}
			job = args[0]
		}
		runs, err := history.List(job)
		for _, r := range runs {
			fmt.Fprintln(c.OutOrStdout(), historyLine(r))
		}
		return err
	}
	return c
}

// historyLine is one run: id, start, how it ended and how long it took, job, error.
func historyLine(r runner.Past) string {
	if r.Summary == nil {
		return fmt.Sprintf("%s  running, or ended without a word", r.ID)
	}
	s := r.Summary
	outcome := "complete"
	if s.Error != "" {
		outcome = "failed"
	}
	line := fmt.Sprintf("%s  %s  %-8s  %9.3fs  %s", r.ID, s.Started.Local().Format(time.DateTime), outcome, s.Wall, s.Job)
	if s.Error != "" {
		line += "  " + firstLine(s.Error)
	}
	return line
}

func firstLine(s string) string {
	for i, r := range s {
		if r == '\n' {
			return s[:i]
		}
	}
	return s
}
