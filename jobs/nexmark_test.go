package jobs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// A query's results are the same in batch and in stream, in one task and in two, and do not depend on where checkpoints fall. Those of query 4
// change as bids come; its last averages count.
func TestNexmark(t *testing.T) {
	for _, query := range []string{"q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8"} {
		t.Run(query, func(t *testing.T) {
			batch := nexmark(t, query, runner.Options{Parallelism: 2})
			if len(batch) == 0 {
				t.Fatal("there are no results")
			}
			for _, tasks := range []int{1, 2} {
				o := runner.Options{Parallelism: tasks}
				o.Streaming.Always = true
				o.Streaming.Checkpoints.Interval = 20 * time.Millisecond
				if diff := gocmp.Diff(batch, nexmark(t, query, o)); diff != "" {
					t.Errorf("stream in %d tasks differs from batch (-batch +stream):\n%.2000s", tasks, diff)
				}
			}
		})
	}
}

// nexmark returns the lines that a query gives, sorted; of query 4 the last of each category.
func nexmark(t *testing.T, query string, o runner.Options) []string {
	t.Helper()
	out := t.TempDir()
	o.Name = query
	if _, err := runner.Run(t.Context(), (&jobs.Nexmark{Query: query, Events: 150_000, Out: out}).Build, o); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var lines []string
	last := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			category, _, _ := strings.Cut(line, ",")
			last[category] = line
			lines = append(lines, line)
		}
	}
	if query == "q4" {
		lines = lines[:0]
		for _, line := range last {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
