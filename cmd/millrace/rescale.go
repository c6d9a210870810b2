package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

func newRescale() *cobra.Command {
	c := &cobra.Command{
		Use:   "rescale NAME --parallelism N",
		Short: "Give a job another parallelism: stop it with a savepoint, and go on from it",
		Long: `Stop a job with a savepoint and start it again from that, in the background, with the command line and settings it was started with
but for its parallelism. The savepoint stays. The parallelism can be as large as the number of key groups that the job's first checkpoint has fixed
(--key-groups, 1024 if nobody has said another).`,
		Args: cobra.ExactArgs(1),
	}
	parallelism := c.Flags().IntP("parallelism", "p", 0, "`tasks` of a stage that run at once")
	to := c.Flags().String("savepoint", "", "`URL` of the folder for the savepoint; default: one beside the job's checkpoints")
	return jobCommand(c, func(ctx context.Context, job *atWork, _ []string) error {
		if *parallelism < 1 {
			return usageError(c, errors.New("--parallelism is missing, or is not a number of at least 1"))
		}
		now, err := job.Status(ctx)
		if err != nil {
			return err
		}
		if most := now.MaxParallelism; most > 0 && *parallelism > most {
			return usageError(c, fmt.Errorf("%s has %d key groups, which is the most tasks that share its state; their number was fixed by its first checkpoint", job.live.Name, most))
		}
		url, err := absolute(*to)
		if err != nil {
			return err
		}
		command, err := job.folder.CommandOf(job.live.Name)
		if err != nil {
			return fmt.Errorf("how %s was started is not known: %w", job.live.Name, err)
		}
		began := time.Now()
		cp, err := job.Stop(ctx, url, false)
		if err := report(c, cp, exitOf(err)); err != nil {
			return err
		}
		if _, err := job.waitForEnd(ctx); err != nil {
			return err
		}
		stopped := time.Since(began)
		started, err := resume(ctx, c, command, cp.URL, *parallelism)
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "%s is stopped; --from %s goes on\n", job.live.Name, cp.URL)
			return err
		}
		_, err = fmt.Fprintf(c.ErrOrStderr(), "%s %s with parallelism %d: process %d, log %s; stopped in %s, running again in %s\n", started.Name, started.State,
			*parallelism, started.PID, started.Log, status.ShortDuration(stopped), status.ShortDuration(time.Since(began)-stopped))
		return err
	})
}

// resume starts a job again from a savepoint.
func resume(ctx context.Context, c *cobra.Command, command rest.Command, from string, parallelism int) (runner.Started, error) {
	env, err := settingsEnv(map[string]string{"from": from, "parallelism": strconv.Itoa(parallelism)})
	if err != nil {
		return runner.Started{}, err
	}
	command.Env = append(command.Env, env...)
	started, err := launch(ctx, command, c.ErrOrStderr())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; it was started by this path", err)
	}
	return started, err
}
