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

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/testkit/subject"
)

// Options say how a job is tried.
type Options struct {
	Faults []fault.Kind // that it meets
	Log    slog.Level   // Debug: all messages and calls of the file system are logged
	// Longest is how long, after a process's start, the job may take to its end; default 6 h. Faults end after the first.
	Longest time.Duration
}

// Tester tries one job.
type Tester struct {
	job  subject.Job
	want fault.Output
	of   size
}

// What takes place under faults.
const (
	Processes    fault.Event = "processes"
	Crashes      fault.Event = "crashes"
	Cancels      fault.Event = "cancelled runs"
	TakeOvers    fault.Event = "take-overs" // by rivals
	Kills        fault.Event = "kills"
	Cuts         fault.Event = "cuts"
	Restarts     fault.Event = "restarts"
	FailedCalls  fault.Event = "failed calls"
	LostMessages fault.Event = "lost messages"
	Wishes       fault.Event = "wishes granted"
	Resizes      fault.Event = "resizes"
	Minutes      fault.Event = "virtual minutes"
)

// New runs a job undisturbed. One that writes nothing fails the test: there would be nothing to compare.
func New(t *testing.T, job subject.Job) *Tester {
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
		if tester.want.Lines() == 0 {
			t.Fatal("the undisturbed run has written nothing")
		}
	})
	return tester
}

// String tells how large the undisturbed run is.
func (t *Tester) String() string {
	return fmt.Sprintf("%s: %d lines, %d turns, %d calls, %d messages, %v", t.job.Name, t.want.Lines(), t.of.turns, t.of.calls, t.of.messages, t.of.took)
}

func (c *cluster) output(ctx context.Context) (fault.Output, error) {
	_, root, err := c.resolver(c.disk).FS(ctx, outFolder)
	if err != nil {
		return fault.Output{}, err
	}
	return fault.ReadOutput(ctx, c.disk, root)
}

// Try runs the job under a seed's faults. An error says that the job did not come to its end, or that its output is another than the undisturbed
// one's; log is what the processes have logged.
func (tester *Tester) Try(t *testing.T, seed uint64, o Options) (counts fault.Counts, log string, err error) {
	t.Helper()
	scratch := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(tester.job, seed, scratch, o.Log)
		c.faults, c.of, c.longest = o.Faults, tester.of, cmp.Or(o.Longest, longest)
		err = c.run(t.Context())
		if err == nil {
			var got fault.Output
			if got, err = c.output(t.Context()); err == nil {
				if difference := tester.want.Difference(got); difference != "" {
					err = errors.New(difference)
				}
			}
		}
		counts, log = c.counts, c.log.String()
	})
	return counts, log, err
}
