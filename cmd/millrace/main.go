// Command millrace runs jobs, ready-made ones and those of a user's binary, and looks after what belongs to them: files, schemas,
// configuration, the history of runs. `millrace help` lists the commands; each is in a file of its own.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "unknown"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs a command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if reported, ok := errors.AsType[*exitError](err); ok {
		return reported.code
	}
	if err != nil {
		fmt.Fprintf(stderr, "millrace: %v\n", err)
	}
	return runner.ExitCode(err)
}

// exitError is how a command ends that has reported already why.
type exitError struct{ code int }

// Error implements error.
func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// ended is the error for an exit code: nil for complete.
func ended(code int) error {
	if code == runner.ExitComplete {
		return nil
	}
	return &exitError{code}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "millrace",
		Short:         "Run data jobs",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	root.SetFlagErrorFunc(usageError)
	root.AddCommand(newSubmit(), newJobs(), newHistory(), newConfig(), newSchema(), newFS(), newInit(), newDoctor(), newVersion())
	root.AddCommand(newJobList(), newStatus(), newLogs(), newMetrics(), newCheckpoint(), newSavepoint(), newStop(), newCancel(), newRescale(), newState(), newDiff(), newChaos())
	asUsage(root)
	return root
}

// group is what a command does that only has others below it: without one of them it helps.
func group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var names []string
	for _, below := range c.Commands() {
		names = append(names, below.Name())
	}
	return usageError(c, fmt.Errorf("unknown command %q; the nearest is %q", args[0], runner.Nearest(args[0], names)))
}

func usageError(c *cobra.Command, err error) error {
	return &runner.UsageError{Err: fmt.Errorf("%w (%s --help says more)", err, c.CommandPath())}
}

// asUsage makes wrong numbers of arguments, of the command and those below it, usage errors.
func asUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError(c, err)
			}
			return nil
		}
	}
	for _, below := range c.Commands() {
		asUsage(below)
	}
}
