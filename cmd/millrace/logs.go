package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner/rest"
)

func newLogs() *cobra.Command {
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print a job's log",
		Long:  `Print what a job in the background has written to stdout and stderr; of one in the foreground, the log of its run.`,
		Args:  cobra.ExactArgs(1),
	}
	follow := c.Flags().BoolP("follow", "f", false, "go on until the job has ended")
	return folderCommand(c, func(ctx context.Context, folder rest.Folder, args []string) error {
		k, err := findKnown(folder, args[0])
		if err != nil {
			return err
		}
		log, err := openLog(folder, k)
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }() // only read from
		if !*follow {
			_, err = io.Copy(c.OutOrStdout(), log)
			return err
		}
		return followLog(ctx, c.OutOrStdout(), log, folder, k)
	})
}

// openLog opens the log of a job that is in the background or was, or else the log that the history has of its run.
func openLog(folder rest.Folder, k rest.Known) (*os.File, error) {
	log, err := os.Open(folder.LogOf(k.Name))
	if !errors.Is(err, fs.ErrNotExist) {
		return log, err
	}
	return os.Open(filepath.Join(filepath.Dir(folder.Dir), "history", k.RunID(), "log"))
}

// followLog copies what is added to a log until the job has ended.
func followLog(ctx context.Context, w io.Writer, log io.Reader, folder rest.Folder, k rest.Known) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for atWork := k.Live != nil; ; {
		if _, err := io.Copy(w, log); err != nil {
			return err
		}
		if !atWork {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, err := folder.Find(k.Name)
		if err != nil {
			return err
		}
		atWork = now.Live != nil && now.Live.RunID == k.Live.RunID
	}
}
