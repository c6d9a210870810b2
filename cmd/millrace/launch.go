package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/rest"
	"github.com/millrace/millrace/runner/status"
)

// backgroundCommand is the command that runs a job as args name it, with the settings of flags in its environment.
func backgroundCommand(args []string, from runner.Sources) (c rest.Command, err error) {
	if isBinary(args[0]) {
		if _, err := os.Stat(args[0]); err != nil {
			return c, &runner.UsageError{Err: err}
		}
		if c.Path, err = filepath.Abs(args[0]); err != nil {
			return c, err
		}
		c.Args = args[1:]
	} else {
		if _, err := find(args[0]); err != nil {
			return c, err
		}
		if c.Path, err = runner.ThisProgram(); err != nil {
			return c, err
		}
		c.Args = append([]string{"submit"}, args...)
	}
	if c.Dir, err = os.Getwd(); err != nil {
		return c, err
	}
	c.Env, err = settingsEnv(from.Flags)
	return c, err
}

// settingsEnv returns settings as environment variables.
func settingsEnv(values map[string]string) (env []string, err error) {
	for name, value := range values {
		variable, err := runner.VariableOf(name)
		if err != nil {
			return nil, err
		}
		env = append(env, variable+"="+value)
	}
	return env, nil
}

// launch starts a job in a session of its own, and returns when it runs, or has ended: then with its exit code as error. What is wrong before
// the job has a log it says on this command's stderr.
func launch(ctx context.Context, c rest.Command, stderr io.Writer) (runner.Started, error) {
	var started runner.Started
	read, write, err := os.Pipe()
	if err != nil {
		return started, err
	}
	defer func() { _ = read.Close() }() // only read from
	p := exec.CommandContext(context.WithoutCancel(ctx), c.Path, c.Args...)
	p.Dir, p.Stdout, p.Stderr = c.Dir, os.Stdout, os.Stderr
	p.Env = lastOnly(append(append(os.Environ(), c.Env...), runner.StarterVariable+"=3")) // the first of ExtraFiles is 3
	p.ExtraFiles = []*os.File{write}
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = p.Start()
	_ = write.Close() // the job has its own end of it
	if err != nil {
		return started, &runner.UsageError{Err: fmt.Errorf("starting %s: %w", c.Path, err)}
	}
	defer context.AfterFunc(ctx, func() { _ = p.Process.Signal(syscall.SIGTERM) })() // one that has ended needs no signal
	text, err := io.ReadAll(read)
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		err = json.Unmarshal(text, &started)
	}
	if err != nil {
		return started, fmt.Errorf("waiting for %s to run: %w", c.Path, err)
	}
	if started.State == status.Running {
		return started, p.Process.Release()
	}
	if started.Error != "" {
		fmt.Fprintf(stderr, "%s %s: %s\nits log is %s\n", started.Name, started.State, started.Error, started.Log)
	}
	_ = p.Wait() // its error is the exit code
	return started, ended(p.ProcessState.ExitCode())
}

// submitDetached starts a job in the background and says where.
func submitDetached(c *cobra.Command, args []string, from runner.Sources) error {
	command, err := backgroundCommand(args, from)
	if err != nil {
		return err
	}
	ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
	defer stop()
	started, err := launch(ctx, command, c.ErrOrStderr())
	if err != nil || started.State == "" { // it has said why
		return err
	}
	if from.Flags["json"] == "true" {
		return printJSON(c.OutOrStdout(), started)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s: process %d, log %s\n", started.Name, started.State, started.PID, started.Log)
	return err
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
