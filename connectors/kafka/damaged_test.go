package kafka_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/coordinator"
)

// TestDamagedCheckpoint damages the last two checkpoints of a job that has committed transactions by them: to go on is refused, until it is allowed.
func TestDamagedCheckpoint(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "in"), kfake.SeedTopics(1, "out"))
	want := numbers(0, 1500)
	produce(t, addr, "in", 0, want...)
	build := func(job *plan.Job) {
		in := ratelimit.Source[string]{TypedSource: kafka.Source[string]{Brokers: addr, Topic: "in", Format: text.Lines{}, Stop: kafka.AtLatest()}, Rows: 1000}
		rows := datastream.Read(job, in, plan.UID("in"))
		datastream.Write(rows, kafka.Sink[string]{Brokers: addr, Topic: "out", Format: text.Lines{}, Delivery: kafka.ExactlyOnce}, plan.UID("out"))
	}
	folder := t.TempDir()
	o := runner.Options{Name: "copy", Parallelism: 1, Streaming: runner.Streaming{
		Always: true, Checkpoints: runner.Checkpoints{Interval: 30 * time.Millisecond, Folder: folder},
	}}
	manifests := func() []string {
		all, err := filepath.Glob(filepath.Join(folder, "copy", "chk-*", "manifest.json"))
		if err != nil {
			t.Error(err)
		}
		return all
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	errEnough := errors.New("there are checkpoints enough")
	first := o
	first.Probe = func(control.Attempt) error {
		if all := manifests(); len(all) >= 3 && !strings.Contains(all[len(all)-1], "chk-00000003") {
			cancel(errEnough)
		}
		return nil
	}
	if _, err := runner.Run(ctx, build, first); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	all := manifests()
	for _, m := range all[len(all)-2:] { // what the newest has prepared may not be committed yet; that of the one before is
		if err := os.Truncate(m, 100); err != nil {
			t.Fatal(err)
		}
	}

	o.Streaming.From = runner.FromLatest
	_, err := runner.Run(t.Context(), build, o)
	refused, is := errors.AsType[*coordinator.DuplicatesError](err)
	if !is || len(refused.Doubled) != 1 || len(refused.Skipped) != 2 || !strings.Contains(err.Error(), "allow-duplicates") {
		t.Fatalf("the error is %v", err)
	}
	o.Streaming.AllowDuplicates = true
	if _, err := runner.Run(t.Context(), build, o); err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, v := range consume(t, addr, "out", len(want)) {
		times[v]++
	}
	if got := slices.Sorted(maps.Keys(times)); !slices.Equal(got, sorted(want)) {
		t.Errorf("%d records of %d are there", len(got), len(want))
	}
	twice := 0
	for _, n := range times {
		if n == 2 {
			twice++
		}
	}
	if twice == 0 || twice == len(want) {
		t.Errorf("%d records are there twice", twice)
	}
}
