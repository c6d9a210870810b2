package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/runner/status"
)

func newMetrics() *cobra.Command {
	c := &cobra.Command{
		Use:   "metrics NAME",
		Short: "Print a job's numbers in Prometheus' text format",
		Args:  cobra.ExactArgs(1),
	}
	return jobCommand(c, func(ctx context.Context, job *atWork, _ []string) error {
		text, err := job.Metrics(ctx)
		if err != nil {
			return exitOf(err)
		}
		_, err = c.OutOrStdout().Write(text)
		return err
	})
}

func newCheckpoint() *cobra.Command {
	c := &cobra.Command{
		Use:   "checkpoint NAME",
		Short: "Make a checkpoint of a job now, and wait for it",
		Args:  cobra.ExactArgs(1),
	}
	return jobCommand(c, func(ctx context.Context, job *atWork, _ []string) error {
		cp, err := job.Checkpoint(ctx)
		return report(c, cp, exitOf(err))
	})
}

func newSavepoint() *cobra.Command {
	c := &cobra.Command{
		Use:   "savepoint NAME [URL]",
		Short: "Save a job's state in a folder of its own, which is yours to keep",
		Long: `Save a job's state in a new folder in the folder URL, by default in one beside the job's checkpoints, and print its URL. The job
goes on. Nothing removes a savepoint but you.`,
		Args: cobra.RangeArgs(1, 2),
	}
	return jobCommand(c, func(ctx context.Context, job *atWork, args []string) error {
		url, err := absolute(append(args, "")[0])
		if err != nil {
			return err
		}
		cp, err := job.Savepoint(ctx, url)
		return report(c, cp, exitOf(err))
	})
}

// report prints the URL of a checkpoint, and about it what a person wants to know.
func report(c *cobra.Command, cp status.Checkpoint, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s %d complete in %s, %s written\n",
		cp.Kind, cp.ID, status.ShortDuration(time.Duration(cp.Duration*float64(time.Second))), budget.FormatSize(cp.Bytes))
	_, err = fmt.Fprintln(c.OutOrStdout(), cp.URL)
	return err
}

func newStop() *cobra.Command {
	c := &cobra.Command{
		Use:   "stop NAME",
		Short: "End a job with a savepoint that it can go on from",
		Long: `End a job with a savepoint, behind which no record is processed, and print its URL; millrace submit --from URL goes on from it. With
--drain event time comes to its end before, so that all windows and timers fire: for a job that will not go on.`,
		Args: cobra.ExactArgs(1),
	}
	to := c.Flags().String("savepoint", "", "`URL` of the folder for the savepoint; default: one beside the job's checkpoints")
	drain := c.Flags().Bool("drain", false, "let all windows and timers fire before")
	return jobCommand(c, func(ctx context.Context, job *atWork, _ []string) error {
		url, err := absolute(*to)
		if err != nil {
			return err
		}
		cp, err := job.Stop(ctx, url, *drain)
		if err := report(c, cp, exitOf(err)); err != nil {
			return err
		}
		last, err := job.waitForEnd(ctx)
		if err == nil && last.State == status.Failed {
			err = fmt.Errorf("%s failed after its savepoint was complete: %s", last.Name, last.Error)
		}
		return err
	})
}

func newCancel() *cobra.Command {
	c := &cobra.Command{
		Use:   "cancel NAME",
		Short: "End a job as it is, without a savepoint",
		Long:  `End a job as it is and wait for the end. A job that makes checkpoints can go on from the last one: millrace submit --from latest.`,
		Args:  cobra.ExactArgs(1),
	}
	return jobCommand(c, func(ctx context.Context, job *atWork, _ []string) error {
		if err := job.Cancel(ctx); err != nil {
			return exitOf(err)
		}
		last, err := job.waitForEnd(ctx)
		if err == nil {
			fmt.Fprintf(c.ErrOrStderr(), "%s %s\n", last.Name, last.State)
		}
		return err
	})
}
