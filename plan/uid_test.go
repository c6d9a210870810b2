package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
)

// identities builds a job and returns what its sources and event times are found by.
func identities(build func(*plan.Job)) (ids []string) {
	job := plan.NewJob("test")
	build(job)
	for _, n := range job.Nodes {
		switch n.Op.(type) {
		case plan.Read, plan.EventTime:
			ids = append(ids, n.Identity())
		}
	}
	return ids
}

func read(job *plan.Job, rate float64, options ...plan.Option) datastream.Stream[int64] {
	in := datastream.Read(job, generate.Source[int64]{Endless: true, Rate: rate, At: func(i int64) int64 { return i }}, options...)
	return in
}

func timed(s datastream.Stream[int64]) datastream.Stream[int64] {
	return datastream.EventTime(s, time.UnixMicro, watermark.Monotonous())
}

// Without a UID a source is found by its place among its kind: another rate, or a node in between, does not make another one of it.
func TestIdentity(t *testing.T) {
	want := []string{"generate-source-1", "event-time-1", "mine", "generate-source-3", "event-time-2"}
	before := identities(func(job *plan.Job) {
		datastream.Collect(timed(read(job, 10)))
		read(job, 20, plan.UID("mine"))
		datastream.Collect(timed(read(job, 30)))
	})
	after := identities(func(job *plan.Job) {
		more := datastream.Filter(read(job, 99), func(int64) bool { return true })
		datastream.Collect(timed(datastream.Map(more, func(i int64) int64 { return i })))
		read(job, 98, plan.UID("mine"))
		datastream.Collect(timed(read(job, 97)))
	})
	if !slices.Equal(before, want) || !slices.Equal(after, want) {
		t.Errorf("before %v, after %v, want %v", before, after, want)
	}
	_, _, err := runner.Plan(t.Context(), func(job *plan.Job) {
		datastream.Collect(read(job, 1))
		datastream.Collect(read(job, 1, plan.UID("generate-source-1")))
	}, runner.Options{})
	if runner.ExitCode(err) != runner.ExitUsage {
		t.Errorf("a UID that is another's place: %v", err)
	}
}
