package jobs

import (
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// The year, discounts and quantities of query 6.
var (
	q6From = time.Date(1994, 1, 1, 0, 0, 0, 0, time.UTC)
	q6To   = time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC)
)

type q6Line struct {
	Quantity int64 `col:"l_quantity,decimal(15,2)"`
	Price    int64 `col:"l_extendedprice,decimal(15,2)"`
	Discount int64 `col:"l_discount,decimal(15,2)"`
	ShipDate int32 `col:"l_shipdate,date"`
}

// Q6 is the row of query 6, the revenue that other discounts would have brought.
type Q6 struct {
	Revenue int64 `col:"revenue,decimal(18,4)"`
}

func q6(job *plan.Job, in string) dataset.DataSet[Q6] {
	lines := dataset.Where(table[q6Line](job, in, "lineitem"), expr.And(
		expr.Col("l_shipdate").Ge(q6From), expr.Col("l_shipdate").Lt(q6To),
		expr.Col("l_discount").Between(0.05, 0.07), expr.Col("l_quantity").Lt(24)))
	return dataset.Aggregate(dataset.All(lines), agg.Sum(func(l q6Line) int64 { return l.Price * l.Discount }), func(_ struct{}, sum int64) Q6 { return Q6{sum} })
}
