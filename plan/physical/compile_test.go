package physical_test

import (
	"iter"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

type sale struct {
	Shop   int64
	Item   string
	Amount int64
}

type shop struct {
	ID   int64
	Name string
}

func sales(job *plan.Job) dataset.DataSet[sale] {
	return dataset.Generate(job, 1000, func(i int64) sale { return sale{Shop: i} })
}

func shops(job *plan.Job) dataset.DataSet[shop] {
	return dataset.Generate(job, 10, func(i int64) shop { return shop{ID: i} })
}

func shopOf(s sale) int64 { return s.Shop }
func idOf(s shop) int64   { return s.ID }

func joined(job *plan.Job, hint ...dataset.Hint) dataset.DataSet[string] {
	return dataset.Join(sales(job), shops(job), shopOf, idOf, func(s sale, p shop) string { return p.Name }, hint...)
}

// jobs are the programs whose plans are pinned.
var jobs = map[string]func(job *plan.Job){
	"functions": func(job *plan.Job) {
		words := dataset.FlatMap(sales(job), func(s sale) iter.Seq[string] { return strings.FieldsSeq(s.Item) })
		long := dataset.Filter(words, func(w string) bool { return len(w) > 3 })
		dataset.Collect(dataset.CountByKey(dataset.GroupBy(long, strings.ToLower)))
	},
	"filters": func(job *plan.Job) {
		type cell struct{ Double int64 }
		both := dataset.Union(sales(job), sales(job))
		doubled := dataset.Select[cell](both, dataset.As("double", expr.Col("amount").Mul(2)))
		dataset.Collect(dataset.Where(dataset.Where(doubled, expr.Col("double").Gt(10)), expr.Col("double").Lt(20)))
	},
	"columns": func(job *plan.Job) {
		type total struct{ Sum int64 }
		large := dataset.Where(sales(job), expr.Col("shop").Eq(3))
		dataset.Collect(dataset.SummarizeColumns[total](large, nil, dataset.SumOf("amount", "sum")))
	},
	"join":            func(job *plan.Job) { dataset.Collect(joined(job)) },
	"join hash left":  func(job *plan.Job) { dataset.Collect(joined(job, dataset.HashLeft)) },
	"join broadcast":  func(job *plan.Job) { dataset.Collect(joined(job, dataset.BroadcastRight)) },
	"join sort-merge": func(job *plan.Job) { dataset.Collect(joined(job, dataset.SortMerge)) },
	"sort": func(job *plan.Job) {
		dataset.Collect(dataset.First(dataset.Sort(sales(job), shopOf, dataset.Descending), 3))
	},
	"groups": func(job *plan.Job) {
		dataset.Collect(dataset.ReduceGroup(dataset.GroupBy(sales(job), shopOf), func(k int64, _ iter.Seq[sale]) iter.Seq[int64] {
			return func(yield func(int64) bool) { yield(k) }
		}))
	},
	"diamond": func(job *plan.Job) {
		s := dataset.Map(sales(job), func(s sale) sale { return s })
		sums := dataset.Aggregate(dataset.GroupBy(s, shopOf), agg.Sum(func(s sale) int64 { return s.Amount }), func(k, n int64) sale { return sale{Shop: k, Amount: n} })
		dataset.Collect(dataset.Join(s, sums, shopOf, shopOf, func(a, b sale) int64 { return a.Amount - b.Amount }))
	},
	"one file of a broadcast join": func(job *plan.Job) { oneFile(job, dataset.BroadcastRight) },
	"one file of a hash join":      func(job *plan.Job) { oneFile(job, dataset.HashRight) },
}

// TestPlans prints the stages of a job: "plan NAME [pipelined] [streaming]".
func TestPlans(t *testing.T) { testPlans(t, "testdata/plans", jobs) }

func testPlans(t *testing.T, path string, jobs map[string]func(*plan.Job)) {
	t.Helper()
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		name := strings.ReplaceAll(d.CmdArgs[0].Key, "_", " ")
		build, ok := jobs[name]
		if !ok {
			t.Fatalf("no job %q", name)
		}
		o := runner.Options{Parallelism: 4, Pipelined: d.HasArg("pipelined")}
		o.Streaming.Always = d.HasArg("streaming")
		_, p, err := runner.Plan(t.Context(), build, o)
		if err != nil {
			return err.Error() + "\n"
		}
		var b strings.Builder
		if err := p.Outline().WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	})
}
