package runner

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
)

// Order and Customer are the records of the plans in testdata.
type Order struct {
	ID, Customer int64
	Price        float64
}

type Customer struct {
	ID   int64
	Name string
}

func orders(job *plan.Job) dataset.DataSet[Order] {
	return dataset.Generate(job, 100, func(i int64) Order { return Order{ID: i} })
}

func customers(job *plan.Job) dataset.DataSet[Customer] {
	return dataset.Generate(job, 10, func(i int64) Customer { return Customer{ID: i} })
}

func write[T any](d dataset.DataSet[T]) {
	dataset.Write(d, file.Sink[T]{Path: "out", Format: csv.Format[T]{}})
}

// explained has the jobs whose plans are in testdata/explain.
func explained() map[string]func(*plan.Job) {
	join := func(hint plan.JoinHint) func(*plan.Job) {
		return func(job *plan.Job) {
			write(dataset.Join(orders(job), customers(job), func(o Order) int64 { return o.Customer }, func(c Customer) int64 { return c.ID },
				func(o Order, c Customer) Customer { return Customer{o.ID, c.Name} }, hint))
		}
	}
	return map[string]func(*plan.Job){
		"chain": func(job *plan.Job) {
			cheap := dataset.Where(orders(job), expr.Col("price").Lt(10.0))
			write(dataset.Map(dataset.Filter(cheap, func(o Order) bool { return o.ID > 3 }), func(o Order) Customer { return Customer{ID: o.ID} }))
		},
		"group": func(job *plan.Job) {
			groups := dataset.GroupBy(orders(job), func(o Order) int64 { return o.Customer })
			write(dataset.Aggregate(groups, agg.Count[Order](), func(id, n int64) Order { return Order{ID: id, Customer: n} }))
		},
		"sort": func(job *plan.Job) {
			write(dataset.Sort(orders(job), func(o Order) int64 { return o.Customer }, dataset.Descending))
		},
		"join":           join(plan.Auto),
		"join by hash":   join(plan.HashRight),
		"join by merge":  join(plan.SortMerge),
		"distinct":       func(job *plan.Job) { write(dataset.Distinct(dataset.Union(orders(job), orders(job)))) },
		"first of print": func(job *plan.Job) { dataset.Print(orders(job), &bytes.Buffer{}, 3) },
	}
}

// TestExplain prints plans: "explain [form=text|json|dot] [pipelined]" with the job's name below.
func TestExplain(t *testing.T) {
	datadriven.RunTest(t, "testdata/explain", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		build, ok := explained()[d.Input]
		if !ok {
			t.Fatalf("there is no job %q", d.Input)
		}
		form := "text"
		d.MaybeScanArgs(t, "form", &form)
		logical, compiled, err := Plan(t.Context(), build, Options{Parallelism: 4, Pipelined: d.HasArg("pipelined"), Name: d.Input})
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		if err := Explain(&b, form, logical, compiled); err != nil {
			return err.Error()
		}
		return places.ReplaceAllString(b.String(), "$1")
	})
}

// places are numbers of lines and of function literals, which change with this file.
var places = regexp.MustCompile(`(\.go|\.func)[0-9:.]+`)
