package program_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/program"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// A job whose tasks are killed reads programs exactly once, whether they begin anew or behind a position.
func TestJob(t *testing.T) {
	sources := map[string]program.Source[number]{
		"from its start": {Command: command(t, "numbers", "{split}", "900"), Splits: 3},
		"by position":    {Command: command(t, "numbers", "{split}", "900", "{position}"), Splits: 3, Replay: program.ByPosition, Position: "n"},
	}
	for name, s := range sources {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			killer := disturb.NewKiller(1, 3, 60)
			_, err := runner.Run(t.Context(), func(job *plan.Job) {
				datastream.Write(datastream.Read(job, s, plan.UID("in")), file.Sink[number]{Path: dir, Format: csv.Format[number]{}}, plan.UID("out"))
			}, killer.Options(2))
			if err != nil {
				t.Fatal(err)
			}
			var rows *dataset.Result[number]
			if _, err := runner.Run(t.Context(), func(job *plan.Job) {
				rows = dataset.Collect(dataset.Read(job, file.Source[number]{Path: dir, Format: csv.Format[number]{}}))
			}); err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, r := range rows.Records() {
				got = append(got, r.N)
			}
			slices.Sort(got)
			if want := slices.Concat(span(0, 900), span(1000, 1900), span(2000, 2900)); !slices.Equal(got, want) {
				t.Errorf("%d records of %d are there", len(got), len(want))
			}
			if n := killer.Left(); n > 0 {
				t.Errorf("%d kills did not come", n)
			}
		})
	}
}
