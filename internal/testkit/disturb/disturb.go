// Package disturb kills and rescales jobs that tests run, so that they can say: what a job gives is the same as undisturbed.
//
//	k := disturb.NewKiller(seed, 3, 200)
//	summary, err := runner.Run(ctx, build, k.Options(2))
//	...
//	stops := disturb.Rescale(t, build, runner.Options{Name: "clicks"}, 1, 4, 2)
//
// Test-only.
package disturb

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

// ErrKilled is what a killed attempt fails with.
var ErrKilled = errors.New("killed by the test")

// Killer kills attempts of tasks at random turns. Many goroutines may use it.
type Killer struct {
	mu     sync.Mutex // guards all below
	rand   *rand.Rand
	kills  int // that are to come
	within int
	turns  int // until the next
}

// NewKiller returns a killer of so many attempts, each within so many turns, over all tasks, of the one before.
func NewKiller(seed uint64, kills, within int) *Killer {
	r := rand.New(rand.NewPCG(seed, 1))
	return &Killer{rand: r, kills: kills, within: within, turns: r.IntN(within)}
}

// Probe is a runner.Options.Probe.
func (k *Killer) Probe(control.Attempt) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turns--; k.turns > 0 || k.kills == 0 {
		return nil
	}
	k.kills--
	k.turns = k.rand.IntN(k.within)
	return ErrKilled
}

// Left returns how many kills have not come.
func (k *Killer) Left() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kills
}

// Options returns those of a stream that is killed, with checkpoints every 3 milliseconds and restarts at once.
func (k *Killer) Options(tasks int) runner.Options {
	o := runner.Options{Parallelism: tasks, Probe: k.Probe}
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = 3 * time.Millisecond
	o.Streaming.Restart.Delay = time.Millisecond
	return o
}

// Rescale runs a job as a stream, stops it with a savepoint after some milliseconds and goes on from that with the next number of tasks, until the
// last, with which it goes to its end. It returns how often the job was stopped before it ended, which fails the test when it is never. prepare,
// unless nil, changes the options of each run.
func Rescale(t *testing.T, build func(*plan.Job), o runner.Options, prepare func(run int, o *runner.Options), tasks ...int) (stops int) {
	t.Helper()
	folder := "file://" + t.TempDir()
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = 5 * time.Millisecond
	for i, n := range tasks {
		o.Parallelism = n
		if prepare != nil {
			prepare(i, &o)
		}
		var stopped errgroup.Group
		o.Running = nil
		if i < len(tasks)-1 {
			o.Running = func(c runner.Controls) {
				stopped.Go(func() error { // waited for below
					time.Sleep(time.Duration(10+10*stops) * time.Millisecond)
					cp, err := c.Stop(context.Background(), folder, false) // is answered when the job ends, too
					if err == nil {
						o.Streaming.From = cp.URL
						stops++
					}
					return err
				})
			}
		}
		if _, err := runner.Run(t.Context(), build, o); err != nil {
			t.Fatal(err)
		}
		if err := stopped.Wait(); err != nil {
			t.Logf("not stopped any more: %v", err)
			break
		}
	}
	if stops == 0 {
		t.Error("the job was never stopped")
	}
	return stops
}
