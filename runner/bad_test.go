package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestBadRecordsOfKilledStream checks that of a stream whose tasks are killed at random turns each record that cannot be decoded is written to
// the side sink once, as are the others to theirs.
func TestBadRecordsOfKilledStream(t *testing.T) {
	in, want, wantBad := badFiles(t)
	for seed := range uint64(6) {
		killer := disturb.NewKiller(seed, 4, 60)
		o := killer.Options(1 + int(seed%3))
		o.Name, o.BatchRows = "refused", 100
		out, bad := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "bad")
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			dataset.WriteBad(job, "refused", file.Sink[onbad.Record]{Path: bad, Format: csv.Format[onbad.Record]{}})
			read := datastream.Read(job, file.Source[sample]{Path: in, Format: csv.Format[sample]{}, OnBad: onbad.Side("refused")})
			datastream.Write(read, file.Sink[sample]{Path: out, Format: csv.Format[sample]{}})
		}, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, csvRows(t, out, 0)); diff != "" {
			t.Fatalf("seed %d: records:\n%.2000s", seed, diff)
		}
		if diff := cmp.Diff(wantBad, csvRows(t, bad, 3)); diff != "" {
			t.Fatalf("seed %d: bad records:\n%.2000s", seed, diff)
		}
		if left := killer.Left(); left > 0 {
			t.Errorf("seed %d: %d kills did not come", seed, left)
		}
	}
}

// badFiles writes files of which every 13th line is no sample, and returns the lines of either kind, sorted.
func badFiles(t *testing.T) (dir string, good, bad []string) {
	t.Helper()
	dir = t.TempDir()
	for f := range 8 {
		text := ""
		for i := range 1000 {
			line := fmt.Sprintf("%d,%d", f, i)
			if i%13 == 5 {
				line = fmt.Sprintf("%d,x%d", f, i)
				bad = append(bad, line)
			} else {
				good = append(good, line)
			}
			text += line + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.csv", f)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(good)
	slices.Sort(bad)
	return dir, good, bad
}

// csvRows returns the rows of all files in a folder, sorted: whole, or one quoted field of each.
func csvRows(t *testing.T, dir string, field int) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if row := strings.TrimSuffix(line, "\n"); field == 0 {
				rows = append(rows, row)
			} else {
				rows = append(rows, strings.Split(row, `"`)[1])
			}
		}
	}
	slices.Sort(rows)
	return rows
}
