package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/plan"
)

// Job is a job under test. Build returns what builds it, with out as the folder of its outputs. Its results must not depend on the order in which
// tasks come to run.
type Job struct {
	Name  string
	Build func(out string) func(*plan.Job)
}

// Options say how a job is tried.
type Options struct {
	Faults []Fault    // that it meets
	Log    slog.Level // Debug: all messages and calls of the file system are logged
	// Longest is how long, after a process's start, the job may take to its end; default 6 h. Faults end after the first.
	Longest time.Duration
}

// Tester tries one job.
type Tester struct {
	job  Job
	want content
	of   size
}

// Counts are the faults that took place.
type Counts struct {
	Processes, Kills, Crashes, Cancels, Rivals, Failed, Lost, Cuts, Restarts, Wishes, Resizes int
	Time                                                                                      time.Duration // virtual
}

// Add adds those of another seed.
func (c *Counts) Add(by Counts) {
	c.Processes += by.Processes
	c.Kills += by.Kills
	c.Crashes += by.Crashes
	c.Cancels += by.Cancels
	c.Rivals += by.Rivals
	c.Failed += by.Failed
	c.Lost += by.Lost
	c.Cuts += by.Cuts
	c.Restarts += by.Restarts
	c.Wishes += by.Wishes
	c.Resizes += by.Resizes
	c.Time += by.Time
}

// String is one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d processes, %d crashes, %d cancelled, %d taken over, %d kills, %d cuts, %d restarts, %d calls failed, %d messages lost, %d wishes granted, %d resizes, %v",
		c.Processes, c.Crashes, c.Cancels, c.Rivals, c.Kills, c.Cuts, c.Restarts, c.Failed, c.Lost, c.Wishes, c.Resizes, c.Time.Round(time.Second))
}

// New runs a job undisturbed. One that writes nothing fails the test: there would be nothing to compare.
func New(t *testing.T, job Job) *Tester {
	t.Helper()
	tester := &Tester{job: job}
	scratch := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(job, 0, scratch, slog.LevelInfo)
		p := newProcess(c, 0, script{tasks: 2, interval: time.Second, timeout: time.Minute, link: linkScript{hosts: 1}})
		err := p.run(t.Context())
		if err != nil {
			t.Fatalf("the undisturbed run: %v\n%s", err, c.log.String())
		}
		tester.of = size{p.turns, p.disk.calls, p.link.messages, time.Since(p.began)}
		if tester.want, err = c.output(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(tester.want) == 0 {
			t.Fatal("the undisturbed run has written nothing")
		}
	})
	return tester
}

// String tells how large the undisturbed run is.
func (t *Tester) String() string {
	return fmt.Sprintf("%s: %d lines, %d turns, %d calls, %d messages, %v", t.job.Name, t.want.lines(), t.of.turns, t.of.calls, t.of.messages, t.of.took)
}

func (c *cluster) output(ctx context.Context) (content, error) {
	_, root, err := c.resolver(c.disk).FS(ctx, outFolder)
	if err != nil {
		return nil, err
	}
	return read(ctx, c.disk, root)
}

// Try runs the job under a seed's faults. An error says that the job did not come to its end, or that its output is another than the undisturbed
// one's; log is what the processes have logged.
func (tester *Tester) Try(t *testing.T, seed uint64, o Options) (counts Counts, log string, err error) {
	t.Helper()
	scratch := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(tester.job, seed, scratch, o.Log)
		c.faults, c.of, c.longest = o.Faults, tester.of, cmp.Or(o.Longest, longest)
		err = c.run(t.Context())
		if err == nil {
			var got content
			if got, err = c.output(t.Context()); err == nil {
				if difference := tester.want.difference(got); difference != "" {
					err = errors.New(difference)
				}
			}
		}
		counts, log = c.counts, c.log.String()
	})
	return counts, log, err
}
