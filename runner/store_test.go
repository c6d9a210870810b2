package runner_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

// fullDisk is a file system that may be full.
type fullDisk struct {
	vfs.FileSystem
	isFull atomic.Bool
}

func (d *fullDisk) Create(ctx context.Context, path string) (vfs.Writer, error) {
	if d.isFull.Load() {
		return nil, vfs.PathError("create", path, syscall.ENOSPC)
	}
	return d.FileSystem.Create(ctx, path)
}

func (d *fullDisk) Mkdir(ctx context.Context, path string) error {
	if d.isFull.Load() {
		return vfs.PathError("mkdir", path, syscall.ENOSPC)
	}
	return d.FileSystem.Mkdir(ctx, path)
}

// summed counts for ever, in keyed state.
func summed(got **dataset.Result[total]) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Endless: true, Rate: 5000, At: func(i int64) sample { return sample{i % 7, 1} }}, plan.UID("in"))
		timed := datastream.EventTime(in, func(s sample) time.Time { return time.Unix(s.Key, 0) }, watermark.Monotonous())
		keyed := datastream.KeyBy(timed, func(s sample) int64 { return s.Key })
		sums := datastream.Aggregate(keyed, agg.Sum(func(s sample) int64 { return s.Value }), func(k, n int64) total { return total{k, n} }, plan.UID("sums"))
		*got = datastream.Collect(sums)
	}
}

// stored are options of a job with its checkpoints in a folder of a disk.
func stored(t *testing.T, disk vfs.FileSystem) runner.Options {
	t.Helper()
	files := vfs.NewResolver(map[string]vfs.Opener{"mem": func(context.Context, string) (vfs.FileSystem, error) { return disk, nil }})
	t.Cleanup(func() { _ = files.Close() })
	o := runner.Options{Name: "stored", Parallelism: 2, Files: files}
	o.Streaming.Checkpoints.Folder = "mem:///checkpoints"
	o.Streaming.Checkpoints.Interval = 10 * time.Millisecond
	o.Streaming.Restart.Strategy = runner.RestartNone
	return o
}

// until looks at a job again and again, as long as it runs.
func until(running context.Context, c runner.Controls, is func(status.Job) bool) {
	for running.Err() == nil {
		if is(c.Status()) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A disk that is full fails checkpoints, not the job; when there is room again there are checkpoints again.
func TestFullCheckpointStore(t *testing.T) {
	disk := &fullDisk{FileSystem: mem.New("test")}
	o := stored(t, disk)
	var steering sync.WaitGroup
	running, ended := context.WithCancel(t.Context())
	o.Running = func(c runner.Controls) {
		steering.Go(func() { // ends with the stop
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > 0 })
			checkShown(t, c.Status())
			disk.isFull.Store(true)
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Failed >= 2 })
			if j := c.Status(); j.State != status.Running || j.Restarts > 0 {
				t.Errorf("the job is %s, %d restarts", j.State, j.Restarts)
			}
			if _, err := c.Savepoint(t.Context(), "mem:///savepoints"); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the savepoint's error is %v", err)
			} else if n := strings.Count(err.Error(), syscall.ENOSPC.Error()); n != 1 {
				t.Errorf("the savepoint's error says the same %d times: %v", n, err)
			}
			disk.isFull.Store(false)
			before := c.Status().Checkpoints.Completed
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > before })
			if _, err := c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
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
	seen := map[total]bool{}
	for _, r := range got.Records() {
		if seen[r] {
			t.Fatalf("%+v is there twice", r)
		}
		seen[r] = true
	}
}

// After so many failures in a row the job is given up, with the reason.
func TestCheckpointStoreFullForEver(t *testing.T) {
	disk := &fullDisk{FileSystem: mem.New("test")}
	o := stored(t, disk)
	o.Streaming.Checkpoints.TolerableFailures = 1
	o.Running = func(runner.Controls) { disk.isFull.Store(true) }
	var got *dataset.Result[total]
	_, err := runner.Run(t.Context(), summed(&got), o)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the 2. in a row") || runner.ExitCode(err) != runner.ExitSurroundings {
		t.Errorf("the job ends with exit code %d: %v", runner.ExitCode(err), err)
	}
}

// A second incarnation of a job on the same folder fences the first, which ends; the second goes on.
func TestTwoIncarnations(t *testing.T) {
	disk := mem.New("test")
	first, second := stored(t, disk), stored(t, disk)
	controls := make(chan runner.Controls, 1)
	first.Running = func(c runner.Controls) { controls <- c }
	ended := make(chan error, 1)
	go func() { // ends with the first incarnation; waited for below
		var got *dataset.Result[total]
		_, err := runner.Run(t.Context(), summed(&got), first)
		ended <- err
	}()
	until(t.Context(), <-controls, func(j status.Job) bool { return j.Checkpoints.Completed > 0 })

	second.Streaming.From = runner.FromLatest
	var steering sync.WaitGroup
	running, over := context.WithCancel(t.Context())
	second.Running = func(c runner.Controls) {
		steering.Go(func() { // ends with the stop
			if err := <-ended; !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("the first incarnation ends with %v", err)
			}
			before := c.Status().Checkpoints.Completed
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > before })
			if _, err := c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
				t.Error(err)
			}
		})
	}
	var got *dataset.Result[total]
	_, err := runner.Run(t.Context(), summed(&got), second)
	over()
	steering.Wait()
	if err != nil {
		t.Error(err)
	}
}

// checkShown checks what a status tells of memory and of the source's splits, when rows have come through.
func checkShown(t *testing.T, j status.Job) {
	t.Helper()
	sums, splits := 0, 0
	defer func() {
		if sums != 1 || splits == 0 {
			t.Errorf("%d nodes with state and %d splits are shown", sums, splits)
		}
	}()
	for _, n := range j.Nodes {
		if n.UID == "sums" {
			sums++
			if n.State <= 0 {
				t.Errorf("%s holds %d bytes", n.Name, n.State)
			}
		}
		if n.UID != "in" {
			continue
		}
		for _, s := range n.Splits {
			splits++
			if s.LastRow == nil || s.Watermark == nil {
				t.Errorf("split %s: last row %v, watermark %v", s.ID, s.LastRow, s.Watermark)
			}
		}
	}
}
