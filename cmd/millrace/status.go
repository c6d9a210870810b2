package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

func newStatus() *cobra.Command {
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show a job: rates, watermarks and what holds them back, lag, checkpoints",
		Args:  cobra.ExactArgs(1),
	}
	asJSON := c.Flags().Bool("json", false, "print it as JSON; with --watch a line each second")
	watch := c.Flags().Bool("watch", false, "go on until the job has ended")
	return folderCommand(c, func(ctx context.Context, folder rest.Folder, args []string) error {
		show := showText(c.OutOrStdout(), *watch)
		switch {
		case *asJSON && *watch:
			show = json.NewEncoder(c.OutOrStdout()).Encode
		case *asJSON:
			show = func(j any) error { return printJSON(c.OutOrStdout(), j) }
		}
		k, err := findKnown(folder, args[0])
		if err != nil {
			return err
		}
		j := ask(ctx, k)
		if err := show(j); err != nil || !*watch {
			return err
		}
		return watchJob(ctx, folder, j, show)
	})
}

// showText returns a function that writes jobs as text: over the last one on a terminal, else a line each when there are several to come.
func showText(w io.Writer, several bool) func(any) error {
	f, ok := w.(*os.File)
	drawn := ok && term.IsTerminal(int(f.Fd()))
	return func(v any) error {
		j, _ := v.(status.Job) // all that come are
		if several && !drawn {
			_, err := io.WriteString(w, j.Line(time.Now())+"\n")
			return err
		}
		var b bytes.Buffer
		if several {
			b.WriteString("\x1b[H\x1b[2J") // ECMA-48: cursor to the upper left, erase the screen
		}
		if err := j.WriteText(&b, time.Now()); err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	}
}

// watchJob shows a job once a second until it has ended.
func watchJob(ctx context.Context, folder rest.Folder, j status.Job, show func(any) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for run := j.RunID; !j.State.IsEnd() && j.RunID == run; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		k, err := folder.Find(j.Name)
		if err != nil {
			return err
		}
		j = ask(ctx, k)
		if err := show(j); err != nil {
			return err
		}
	}
	return nil
}
