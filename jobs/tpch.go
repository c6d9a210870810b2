package jobs

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/plan"
)

// TPCH runs a query of the TPC-H benchmark (version 3, with the validation parameters) over Parquet files. Each table is a file or a
// folder, In/orders.parquet. Amounts are counted in hundredths and their products in 10^-4 and 10^-6, exactly: sums overflow, with an error, at
// about a scale factor of 80.
type TPCH struct {
	Query   int // 1, 3 or 6
	In, Out string
	Mode    file.Mode
}

// Flags implements runner.Job.
func (q *TPCH) Flags(f *flag.FlagSet) {
	f.IntVar(&q.Query, "query", q.Query, "`number` of the query: 1, 3 or 6")
	f.StringVar(&q.In, "in", q.In, "`folder` with the tables: lineitem.parquet, orders.parquet, customer.parquet")
	f.StringVar(&q.Out, "out", q.Out, "output `folder`, for one CSV file with a header")
	f.Var(&q.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (q *TPCH) Validate() error {
	if !slices.Contains([]int{1, 3, 6}, q.Query) {
		return fmt.Errorf("--query is %d; there are 1, 3 and 6", q.Query)
	}
	return needed(param{"in", q.In}, param{"out", q.Out})
}

// Build implements runner.Job.
func (q *TPCH) Build(job *plan.Job) {
	switch q.Query {
	case 1:
		answer(q, q1(job, q.In))
	case 3:
		answer(q, q3(job, q.In))
	case 6:
		answer(q, q6(job, q.In))
	default:
		job.Fail("tpch", fmt.Errorf("--query is %d; there are 1, 3 and 6", q.Query))
	}
}

// table reads the columns of T of a table.
func table[T any](job *plan.Job, in, name string) dataset.DataSet[T] {
	return dataset.Read(job, file.Source[T]{Path: strings.TrimSuffix(in, "/") + "/" + name + ".parquet", Format: parquet.Format[T]{}})
}

func answer[T any](q *TPCH, d dataset.DataSet[T]) {
	dataset.Write(d, file.Sink[T]{Path: q.Out, Format: csv.Format[T]{Header: true}, Mode: q.Mode, Files: 1})
}
