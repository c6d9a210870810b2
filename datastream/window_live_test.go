package datastream_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
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
func windowJob(a window.Assigner, got **dataset.Result[spanned], options ...plan.Option) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[bid]{Rows: many, SplitRows: many, At: bidAt})
		timed := datastream.EventTime(in, func(b bid) time.Time { return b.At }, watermark.Bounded(3*time.Second), plan.UID("time"))
		*got = datastream.Collect(summaries(datastream.Window(datastream.KeyBy(timed, func(b bid) int64 { return b.Auction }), a), options...))
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

// TestKilledWindows kills tasks at random turns: each window fires once, with what it fires with undisturbed.
func TestKilledWindows(t *testing.T) {
	for name, a := range windowJobs() {
		t.Run(name, func(t *testing.T) {
			want := undisturbed(t, a)
			for seed := range uint64(4) {
				var got *dataset.Result[spanned]
				killer := disturb.NewKiller(seed, 3, 200)
				if _, err := runner.Run(t.Context(), windowJob(a, &got), killer.Options(1+int(seed%3))); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
					t.Fatalf("seed %d: windows differ (-want +got):\n%.2000s", seed, diff)
				}
				if n := killer.Left(); n > 0 {
					t.Errorf("seed %d: %d kills did not come", seed, n)
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
			var got *dataset.Result[spanned]
			stops := disturb.Rescale(t, windowJob(a, &got), runner.Options{Name: "windows " + name}, nil, 1, 4, 1, 3, 7, 2)
			if diff := gocmp.Diff(want, sorted(got.Records())); diff != "" {
				t.Errorf("after %d stops windows differ (-want +got):\n%.2000s", stops, diff)
			}
		})
	}
}
