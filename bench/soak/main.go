// Command soak runs streaming jobs for hours and says whether their memory is flat: `make soak`.
//
//	soak run [--for 2h] [--dir FOLDER] [--report FILE.md]   both jobs, samples, the verdict
//	soak idle [--for 60s] [--dir FOLDER]                    what a job costs that has nothing to do
//	soak report SAMPLES.csv FILE.md                         the verdict on samples that are there
//	soak job ...                                            one of them: what run starts
//
// Two processes run the same program (job.go), at different rates. "steady" is never ended: its memory is what the verdict is about. "killed" gets
// a kill -9 every ten minutes and goes on from its latest checkpoint; there each process's memory must be that of the one before. Of both a savepoint
// is made every ten minutes. Their output is added up as it comes, window by window, and removed: each window must have exactly the clicks that
// were made, so that the hours prove exactly-once as well.
//
// Every half minute a line goes to samples.csv in the folder, and the report is written anew.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/millrace/millrace/runner"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "job":
			os.Exit(job(os.Args[2:]))
		case "run":
			exit(run(os.Args[2:]))
		case "idle":
			exit(idle(os.Args[2:]))
		case "report":
			if len(os.Args) == 4 {
				exit(reportOf(os.Args[2], os.Args[3]))
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: soak run [--for 2h] [--dir FOLDER] [--report FILE.md] | soak idle [--for 60s] | soak report SAMPLES.csv FILE.md")
	os.Exit(2)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// innardsVariable names the file into which a job's process writes what only it knows of itself.
const innardsVariable = "SOAK_INNARDS"

// job runs the job in this process.
func job(args []string) int {
	s, err := runner.Load(runner.Sources{})
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return runner.ExitCode(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if path := os.Getenv(innardsVariable); path != "" {
		go writeInnards(ctx, path) // ends with ctx, or with the process
	}
	return runner.Program{Name: "soak", Job: &clicks{Rate: 1000}, Args: args, Stdout: os.Stdout, Stderr: os.Stderr}.Execute(s)
}

// schedule is what run is told.
type schedule struct {
	length, sample, kill, savepoint time.Duration
	dir, report                     string
}

func run(args []string) error {
	s := schedule{}
	f := flag.NewFlagSet("soak run", flag.ContinueOnError)
	f.DurationVar(&s.length, "for", 2*time.Hour, "how `long`")
	f.DurationVar(&s.sample, "sample", 30*time.Second, "`time` between two samples")
	f.DurationVar(&s.kill, "kill", 10*time.Minute, "`time` between two kills of the one job")
	f.DurationVar(&s.savepoint, "savepoint", 10*time.Minute, "`time` between two savepoints")
	f.StringVar(&s.dir, "dir", filepath.Join(os.TempDir(), "millrace-soak"), "`folder` for everything; what is there is removed")
	f.StringVar(&s.report, "report", "soak.md", "`file` for the verdict")
	rate := f.Float64("rate", 20_000, "clicks a `second` of the steady job; the killed one gets a quarter")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	steady, err := newSubject(s.dir, "steady", *rate)
	if err != nil {
		return err
	}
	killed, err := newSubject(s.dir, "killed", *rate/4)
	if err != nil {
		return err
	}
	d := &driver{schedule: s, steady: steady, killed: killed, began: time.Now()}
	return errors.Join(d.drive(ctx), steady.kill(), killed.kill())
}
