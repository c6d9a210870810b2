package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs"
)

// folderCommand makes a command of one that works on the folder of jobs: work gets it, and a context that ends at the first signal.
func folderCommand(c *cobra.Command, work func(ctx context.Context, folder rest.Folder, args []string) error) *cobra.Command {
	engine := addEngineFlags(c.Flags(), "state-dir")
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		s, err := engine.load()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, _ := runner.FolderOf(s).List() // without it there is nothing to offer
		return namesOf(all), cobra.ShellCompDirectiveNoFileComp
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := engine.load()
		if err != nil {
			return err
		}
		ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
		defer stop()
		return runner.Cause(ctx, work(ctx, runner.FolderOf(s), args))
	}
	return c
}

// jobCommand makes a command of one that steers the job that its first argument names.
func jobCommand(c *cobra.Command, work func(ctx context.Context, job *atWork, args []string) error) *cobra.Command {
	return folderCommand(c, func(ctx context.Context, folder rest.Folder, args []string) error {
		job, err := findAtWork(folder, args[0])
		if err != nil {
			return err
		}
		return work(ctx, job, args[1:])
	})
}

// atWork is a job that runs on this machine.
type atWork struct {
	*rest.Client
	live   *rest.Live
	folder rest.Folder
}

// findKnown returns what is known of a job.
func findKnown(folder rest.Folder, name string) (rest.Known, error) {
	k, err := folder.Find(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	all, listErr := folder.List()
	if listErr != nil {
		return k, listErr
	}
	if len(all) == 0 {
		err = fmt.Errorf("no job is known in %s; --state-dir names another folder", folder.Dir)
	} else {
		err = fmt.Errorf("no job is called %q; the nearest is %q (millrace list shows all)", name, runner.Nearest(name, namesOf(all)))
	}
	return k, &runner.UsageError{Err: err}
}

func namesOf(all []rest.Known) []string {
	var names []string
	for _, k := range all {
		names = append(names, k.Name)
	}
	return names
}

// findAtWork returns a job that can be steered.
func findAtWork(folder rest.Folder, name string) (*atWork, error) {
	k, err := findKnown(folder, name)
	if err != nil {
		return nil, err
	}
	if k.Live == nil {
		return nil, fmt.Errorf("%s is not at work: %s since %s", name, k.Last.State, k.Last.Since.Local().Format(time.DateTime))
	}
	if !k.Live.IsHere() {
		return nil, fmt.Errorf("%s is at work on %s and can be reached only there", name, k.Live.Host)
	}
	return &atWork{k.Live.Client(), k.Live, folder}, nil
}

// patience is how long a job may take to end after it has been told to.
const patience = 5 * time.Minute

// waitForEnd waits until the job is no longer at work, and returns what it told last.
func (j *atWork) waitForEnd(ctx context.Context) (status.Job, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s does not end; it is process %d", j.live.Name, j.live.PID))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		k, err := j.folder.Find(j.live.Name)
		if err != nil {
			return status.Job{}, err
		}
		if k.Live == nil || k.Live.RunID != j.live.RunID {
			if k.Last == nil || k.Last.RunID != j.live.RunID {
				return status.Job{Name: j.live.Name, State: status.Failed, Error: "what became of it is not known"}, nil
			}
			return *k.Last, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return status.Job{}, context.Cause(ctx)
		}
	}
}

// absolute makes a path of this machine independent of the working folder: the job has another one.
func absolute(url string) (string, error) {
	if url == "" {
		return "", nil
	}
	return vfs.Absolute(url)
}

// exitOf is how a command ends that asked a job something: what the job says is not possible is the user's mistake, what may pass is the
// surroundings' fault.
func exitOf(err error) error {
	var e *rest.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Status {
	case 400:
		return &runner.UsageError{Err: err}
	case 503:
		return vfs.Unavailable(err)
	default:
		return err
	}
}
