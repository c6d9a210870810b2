package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

func newJobList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the jobs at work and those that have ended in the last days",
		Long: `List the jobs of --state-dir: those at work, which are jobs whose input need not end and jobs in the background, and those
that have ended in the last --history-days.`,
		Args: cobra.NoArgs,
	}
	asJSON := c.Flags().Bool("json", false, "print what the jobs tell about themselves, as JSON")
	return folderCommand(c, func(ctx context.Context, folder rest.Folder, _ []string) error {
		all, err := folder.List()
		if err != nil {
			return err
		}
		jobs := []status.Job{}
		for _, k := range all {
			jobs = append(jobs, ask(ctx, k))
		}
		if *asJSON {
			return printJSON(c.OutOrStdout(), jobs)
		}
		return printList(c.OutOrStdout(), jobs, time.Now())
	})
}

// ask returns what a job tells about itself, or told last.
func ask(ctx context.Context, k rest.Known) status.Job {
	if k.Live == nil {
		return *k.Last
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if k.Live.IsHere() {
		if j, err := k.Live.Client().Status(ctx); err == nil {
			return j
		}
	}
	j := status.Job{Name: k.Live.Name, RunID: k.Live.RunID, State: "not answering", Since: k.Live.Started, Started: k.Live.Started}
	if !k.Live.IsHere() {
		j.State = status.State("on " + k.Live.Host)
	}
	j.Process.PID, j.Process.Host = k.Live.PID, k.Live.Host
	j.Normalise()
	return j
}

// printList writes a line for each job, those at work first.
func printList(w io.Writer, jobs []status.Job, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tFOR\tPID\tIN\tOUT\tBEHIND\tRESTARTS\tNOTE")
	for _, ended := range []bool{false, true} {
		for _, j := range jobs {
			if j.State.IsEnd() == ended {
				fmt.Fprintln(t, listLine(j, now))
			}
		}
	}
	return t.Flush()
}

func listLine(j status.Job, now time.Time) string {
	_, in := j.RowsIn()
	_, out := j.RowsOut()
	pid, rates, late, note := fmt.Sprint(j.Process.PID), fmt.Sprintf("%s/s\t%s/s", status.ShortNumber(int64(in)), status.ShortNumber(int64(out))), "", ""
	if w := j.Watermark(); w != nil {
		late = status.ShortDuration(now.Sub(*w))
	}
	if j.State.IsEnd() {
		pid, rates, late = "", "\t", ""
	}
	switch c := j.Checkpoints.LastComplete(); {
	case j.Error != "":
		note = firstLine(j.Error)
	case j.State == status.Stopped && c != nil:
		note = c.URL
	case j.HeldBack() != nil:
		note = "held back by " + j.HeldBack().Held.By
	case c != nil:
		note = fmt.Sprintf("%s %d", c.Kind, c.ID)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s", j.Name, j.State, status.ShortDuration(now.Sub(j.Since)), pid, rates, late, j.Restarts, note)
}
