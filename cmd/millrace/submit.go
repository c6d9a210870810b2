package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

func newSubmit() *cobra.Command {
	c := &cobra.Command{
		Use:   "submit [engine options] JOB|./BINARY [the job's flags]",
		Short: "Run a job",
		Long: `Run a job: a ready-made one by its name, or a program that calls runner.Main by its path.
Engine options come first, then the job, then the job's own flags. Any setting can also come from the environment
or from a file; millrace config prints them all.`,
		Example: `  millrace submit wordcount --in 'books/*.txt' --out counts
  millrace submit -p 2 --memory 1g ./myjob --in hdfs://ns1/books --out hdfs://ns1/counts
  millrace submit --detach --name clicks ./clicks --brokers kafka:9092
  millrace submit --explain wordcount --in books --out counts`,
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeJob,
	}
	engine := addEngineFlags(c.Flags())
	detach := c.Flags().Bool("detach", false, "run it in the background; return when it runs or has failed")
	c.RunE = func(c *cobra.Command, args []string) error {
		from, err := engine.sources()
		if err != nil {
			return err
		}
		if *detach {
			return submitDetached(c, args, from)
		}
		if isBinary(args[0]) {
			return become(args[0], args[1:], from)
		}
		p, err := readyMade(c, args)
		if err != nil {
			return err
		}
		s, err := runner.Load(from)
		if err != nil {
			return err
		}
		return ended(p.Execute(s))
	}
	return c
}

// readyMade returns the job that args name, with its flags.
func readyMade(c *cobra.Command, args []string) (runner.Program, error) {
	entry, err := find(args[0])
	if err != nil {
		return runner.Program{}, err
	}
	return runner.Program{
		Name: entry.Name, Job: entry.New(), Args: args[1:], Again: append([]string{"submit"}, args...), Stdout: c.OutOrStdout(), Stderr: c.ErrOrStderr(),
	}, nil
}

// find returns the ready-made job of that name.
func find(name string) (jobs.Entry, error) {
	if e, ok := jobs.Find(name); ok {
		return e, nil
	}
	var names []string
	for _, e := range jobs.All() {
		names = append(names, e.Name)
	}
	err := fmt.Errorf("no ready-made job is called %q; the nearest is %q (millrace jobs lists them; a binary is given by its path, as ./%s)",
		name, runner.Nearest(name, names), name)
	return jobs.Entry{}, &runner.UsageError{Err: err}
}

// completeJob offers the names of the ready-made jobs, and files.
func completeJob(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range jobs.All() {
		if len(args) == 0 && strings.HasPrefix(e.Name, begun) {
			names = append(names, e.Name+"\t"+e.Short)
		}
	}
	return names, cobra.ShellCompDirectiveDefault
}

// isBinary says whether a job is given by the path of its program.
func isBinary(job string) bool { return strings.ContainsRune(job, '/') }

// become replaces this process by the user's program, which gets settings by its environment: so its output, exit code and signals are its
// own. extra are more variables.
func become(path string, args []string, from runner.Sources, extra ...string) error {
	if _, err := os.Stat(path); err != nil {
		return &runner.UsageError{Err: err}
	}
	settings, err := settingsEnv(from.Flags)
	if err != nil {
		return err
	}
	env := lastOnly(slices.Concat(os.Environ(), extra, settings))
	if err := syscall.Exec(path, append([]string{path}, args...), env); err != nil {
		return &runner.UsageError{Err: fmt.Errorf("starting %s: %w", path, err)}
	}
	return nil
}

// lastOnly leaves out variables that a later entry sets again.
func lastOnly(env []string) []string {
	last := map[string]int{}
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		last[name] = i
	}
	var out []string
	for i, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); last[name] == i {
			out = append(out, entry)
		}
	}
	return out
}
