package runner_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs/mem"
)

// A job may have as many tasks as key groups, each of which then has one.
func TestRescaledToKeyGroups(t *testing.T) {
	for name, backend := range map[string]func(int, *runner.Options){
		"heap": inTurn(runner.StateHeap), "lsm": inTurn(runner.StateLSM), "in turn": inTurn(runner.StateLSM, runner.StateHeap),
	} {
		t.Run(name, func(t *testing.T) {
			rescale(t, stated, func(run int, o *runner.Options) {
				backend(run, o)
				o.Streaming.KeyGroups = 0 // it is known
				if run == 0 {
					o.Streaming.KeyGroups = 8
				}
			}, 1, 4, 8, 3, 8)
		})
	}
}

// saved runs a job without an end until it has made a checkpoint, and returns the savepoint that it is stopped with.
func saved(t *testing.T, o runner.Options) status.Checkpoint {
	t.Helper()
	running, ended := context.WithCancel(t.Context())
	var steering sync.WaitGroup
	var cp status.Checkpoint
	o.Running = func(c runner.Controls) {
		steering.Go(func() { // ends with the stop
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > 0 })
			if n := c.Status().MaxParallelism; n != 8 {
				t.Errorf("it can be given a parallelism of %d", n)
			}
			var err error
			if cp, err = c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
				t.Error(err)
			}
		})
	}
	var got *dataset.Result[total]
	_, err := runner.Run(t.Context(), summed(&got), o)
	ended()
	steering.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return cp
}

// The first savepoint fixes the number of key groups: who goes on from it has as many without saying so, and may not say another.
func TestKeyGroupsAreFixed(t *testing.T) {
	o := stored(t, mem.New("test"))
	o.Streaming.KeyGroups = 8
	cp := saved(t, o)
	for _, c := range []struct {
		groups, tasks int
		want          string // of the error; "": none
	}{
		{0, 8, ""},
		{8, 3, ""},
		{0, 9, "parallelism 9 is more than the 8 key groups"},
		{8, 9, "parallelism 9 is more than the 8 key groups"},
		{16, 9, "fixed 8 key groups, and it is set to 16"},
		{4, 1, "fixed 8 key groups, and it is set to 4"},
		{12, 1, "12 key groups: the number is a power of two"},
	} {
		o.Streaming.From, o.Streaming.KeyGroups, o.Parallelism = cp.URL, c.groups, c.tasks
		if c.want == "" {
			next, err := runner.OpenSaved(t.Context(), o.Files, saved(t, o).URL)
			if err != nil {
				t.Fatal(err)
			}
			if o := next.Manifest.Operator("sums"); next.Manifest.KeyGroups() != 8 || o.KeyGroups != 8 || o.Parallelism != c.tasks {
				t.Errorf("gone on with %d tasks it has %d key groups, and %d tasks", c.tasks, next.Manifest.KeyGroups(), o.Parallelism)
			}
			continue
		}
		var got *dataset.Result[total]
		_, err := runner.Run(t.Context(), summed(&got), o)
		if runner.ExitCode(err) != runner.ExitUsage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d key groups, %d tasks: %v", c.groups, c.tasks, err)
		}
	}
}
