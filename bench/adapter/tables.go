package main

import (
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/plan"
)

// table reads a Parquet file of a folder.
func table[T any](job *plan.Job, in, name string) dataset.DataSet[T] {
	return dataset.Read(job, file.Source[T]{Path: in + "/" + name + ".parquet", Format: parquet.Format[T]{}})
}

// report writes records as CSV with a header.
func report[T any](d dataset.DataSet[T], out string) {
	dataset.Write(d, file.Sink[T]{Path: out, Format: csv.Format[T]{Header: true}, Mode: file.Overwrite})
}

// grouped sums by one of the columns k_1k, k_1m, s_1k, s_1m.
func grouped(in, out, column string) func(*plan.Job) {
	return func(job *plan.Job) {
		report(dataset.SummarizeColumns[columnar.Row](table[columnar.Row](job, in, "groups"), []string{column},
			dataset.CountRows("n"), dataset.SumOf("v1", "v1_sum"), dataset.AvgOf("v2", "v2_avg")), out)
	}
}

// joined joins ten facts to each row of a dimension and sums by region.
func joined(in, out string) func(*plan.Job) {
	type Fact struct{ Key, Amount int64 }
	type Dim struct {
		Key    int64
		Region string
	}
	type Sale struct {
		Region string
		Amount int64
	}
	type Total struct {
		Region    string
		N         int64
		AmountSum int64
	}
	return func(job *plan.Job) {
		sales := dataset.Join(table[Fact](job, in, "fact"), table[Dim](job, in, "dim"),
			func(f Fact) int64 { return f.Key }, func(d Dim) int64 { return d.Key }, func(f Fact, d Dim) Sale { return Sale{d.Region, f.Amount} })
		totals := dataset.Summarize(dataset.GroupBy(sales, func(s Sale) string { return s.Region }), func(k string, t *Total) { t.Region = k },
			agg.Into(func(t *Total) *int64 { return &t.N }, agg.Count[Sale]()),
			agg.Into(func(t *Total) *int64 { return &t.AmountSum }, agg.Sum(func(s Sale) int64 { return s.Amount })))
		report(dataset.Sort(totals, func(t Total) string { return t.Region }, dataset.Ascending), out)
	}
}

// scanned filters lineitem and aggregates what passes.
func scanned(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		lines := table[columnar.Row](job, in, "lineitem")
		kept := dataset.Where(lines, expr.And(
			expr.Col("l_shipdate").Ge("1994-01-01"), expr.Col("l_shipdate").Lt("1996-01-01"),
			expr.Col("l_discount").Between(0.05, 0.07)))
		report(dataset.SummarizeColumns[columnar.Row](kept, nil, dataset.CountRows("n"),
			dataset.SumOf("l_quantity", "quantity_sum"), dataset.SumOf("l_extendedprice", "price_sum"), dataset.SumOf("l_tax", "tax_sum"),
			dataset.MinOf("l_comment", "comment_min"), dataset.MaxOf("l_comment", "comment_max")), out)
	}
}

// Order is a record of the CSV files.
type Order struct {
	ID       int64
	Account  int64
	Quantity int64
	Price    float64
	Discount *float64
	Weight   float64
	Status   string
	Customer string
	Note     *string
	Created  time.Time `col:",date"`
}

// parsed reads every column of CSV files and aggregates each.
func parsed(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		orders := dataset.Read(job, file.Source[Order]{Path: in + "/*.csv", Format: csv.Format[Order]{Header: true}})
		calls := []dataset.Summary{dataset.CountRows("n")}
		for _, c := range []string{"id", "account", "quantity", "price", "discount", "weight", "status", "customer", "note", "created"} {
			calls = append(calls, dataset.CountOf(c, c+"_n"))
			if c != "status" && c != "customer" && c != "note" && c != "created" {
				calls = append(calls, dataset.SumOf(c, c+"_sum"))
			}
			calls = append(calls, dataset.MinOf(c, c+"_min"), dataset.MaxOf(c, c+"_max"))
		}
		report(dataset.SummarizeColumns[columnar.Row](orders, nil, calls...), out)
	}
}
