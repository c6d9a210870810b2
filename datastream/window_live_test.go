package datastream_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// many is how many bids the jobs of this file have.
const many = 4 * bids

// windowJobs are jobs over windows on slices and by key, that are interrupted.
func windowJobs() map[string]window.Assigner {
	return map[string]window.Assigner{
		"sliding":  window.Sliding(10*time.Second, 2*time.Second),
		"sessions": window.Session(200 * time.Millisecond),
	}
}

// windowJob reads one split: several, of one task, would be given again in any order after a restart, and those of earlier times be late.
func windowJob(a window.Assigner, got **dataset.Result[spanned]) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[bid]{Rows: many, SplitRows: many, At: bidAt})
		timed := datastream.EventTime(in, func(b bid) time.Time { return b.At }, watermark.Bounded(3*time.Second), plan.UID("time"))
		*got = datastream.Collect(summaries(datastream.Window(datastream.KeyBy(timed, func(b bid) int64 { return b.Auction }), a)))
	}
}

// undisturbed returns what a job gives in batch.
func undisturbed(t *testing.T, a window.Assigner) []string {
	t.Helper()
	var got *dataset.Result[spanned]
	if _, err := runner.Run(t.Context(), windowJob(a, &got), runner.Options{Parallelism: 1}); err != nil {
		t.Fatal(err)
	}
	return sorted(got.Records())
}

var errKilled = errors.New("killed by the test")

// TestKilledWindows kills tasks at random turns: each window fires once, with what it fires with undisturbed.
func TestKilledWindows(t *testing.T) {
	for name, a := range windowJobs() {
		t.Run(name, func(t *testing.T) {
			want := undisturbed(t, a)
			for seed := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, 1))
				var got *dataset.Result[spanned]
				kills, left := 3, r.IntN(200)
				lock := make(chan struct{}, 1)
				o := runner.Options{Parallelism: 1 + int(seed%3), Probe: func(control.Attempt) error {
					lock <- struct{}{}
					defer func() { <-lock }()
					if left--; left > 0 || kills == 0 {
						return nil
					}
					kills--
					left = r.IntN(200)
					return errKilled
				}}
				o.Streaming.Always = true
				o.Streaming.Checkpoints.Interval = 3 * time.Millisecond
				o.Streaming.Restart.Delay = time.Millisecond
				if _, err := runner.Run(t.Context(), windowJob(a, &got), o); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
					t.Fatalf("seed %d: windows differ (-want +got):\n%.2000s", seed, diff)
				}
				if kills > 0 {
					t.Errorf("seed %d: %d kills did not come", seed, kills)
				}
			}
		})
	}
}

// TestRescaledWindows stops jobs with a savepoint and goes on at another parallelism.
func TestRescaledWindows(t *testing.T) {
	for name, a := range windowJobs() {
		t.Run(name, func(t *testing.T) {
			want := undisturbed(t, a)
			folder := "file://" + t.TempDir()
			from, stops := "", 0
			var got *dataset.Result[spanned]
			for _, tasks := range []int{1, 4, 1, 3, 7, 2} {
				o := runner.Options{Parallelism: tasks, Name: "windows " + name}
				o.Streaming.Always, o.Streaming.From = true, from
				o.Streaming.Checkpoints.Interval = 5 * time.Millisecond
				var stopped errgroup.Group
				if tasks != 2 { // the last run goes to the end
					o.Running = func(c runner.Controls) {
						stopped.Go(func() error {
							time.Sleep(time.Duration(10+10*stops) * time.Millisecond)
							ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
							defer cancel()
							cp, err := c.Stop(ctx, folder, false)
							if err == nil {
								from = cp.URL
								stops++
							}
							return err
						})
					}
				}
				if _, err := runner.Run(t.Context(), windowJob(a, &got), o); err != nil {
					t.Fatal(err)
				}
				if err := stopped.Wait(); err != nil {
					t.Logf("not stopped any more: %v", err)
					break
				}
			}
			if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
				t.Errorf("after %d stops windows differ (-want +got):\n%.2000s", stops, diff)
			}
			if stops == 0 {
				t.Error("the job was never stopped")
			}
		})
	}
}
