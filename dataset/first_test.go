package dataset_test

import (
	"testing"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestFirstStopsReading checks that a job which needs a few records does not read the rest.
func TestFirstStopsReading(t *testing.T) {
	got := run(t, runner.Options{Parallelism: 2}, func(job *plan.Job) dataset.DataSet[int64] {
		return dataset.First(dataset.Generate(job, 1<<50, func(i int64) int64 { return i }), 10)
	})
	if len(got) != 10 {
		t.Errorf("%d records", len(got))
	}
}
