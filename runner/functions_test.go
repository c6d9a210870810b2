package runner_test

import (
	"bytes"
	"iter"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestSummaryCountsFunctions runs functions that are fused into one operator: the summary says of each what it took and gave, over all tasks
// and without the attempts that failed.
func TestSummaryCountsFunctions(t *testing.T) {
	for _, o := range []runner.Options{{Parallelism: 1}, {Parallelism: 3}} {
		s, err := runner.Run(t.Context(), func(job *plan.Job) {
			n := dataset.Generate(job, 100_000, func(i int64) int64 { return i })
			even := dataset.Filter(n, func(i int64) bool { return i%2 == 0 })
			twice := dataset.FlatMap(even, func(i int64) iter.Seq[int64] {
				return func(yield func(int64) bool) { _ = yield(i) && yield(-i) }
			})
			dataset.Collect(dataset.Aggregate(dataset.GroupBy(twice, func(i int64) int64 { return i % 10 }), agg.Count[int64](), func(k, n int64) int64 { return n }))
		}, o)
		if err != nil {
			t.Fatal(err)
		}
		type want struct {
			name    string
			in, out int64
		}
		var got []want
		for _, stage := range s.Stages {
			for _, op := range stage.Operators {
				for _, f := range op.Functions {
					name := f.Name[strings.LastIndex(f.Name, " ")+1:]
					if !strings.HasPrefix(f.Name, "functions_test.go:") || f.PerSecond <= 0 {
						t.Errorf("the summary says %+v", f)
					}
					got = append(got, want{name, f.RowsIn, f.RowsOut})
				}
			}
		}
		wants := []want{{"Filter", 100_000, 50_000}, {"FlatMap", 50_000, 100_000}, {"Aggregate", 9, 9}}
		if len(got) != len(wants) {
			t.Fatalf("got %v", got)
		}
		for i := range wants {
			if got[i] != wants[i] {
				t.Errorf("%d tasks: got %v, want %v", o.Parallelism, got[i], wants[i])
			}
		}
		var table bytes.Buffer
		if err := s.PrintStages(&table); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(table.String(), ": FlatMap ") || !strings.Contains(table.String(), "50000") {
			t.Errorf("the table is\n%s", table.Bytes())
		}
	}
}
