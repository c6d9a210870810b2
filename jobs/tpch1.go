package jobs

import (
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// q1Shipped is the last day of what query 1 reports: 90 days before the end of the data.
var q1Shipped = time.Date(1998, 9, 2, 0, 0, 0, 0, time.UTC)

// q1Line is a line item as query 1 needs it. Amounts are in hundredths.
type q1Line struct {
	ReturnFlag string `col:"l_returnflag"`
	LineStatus string `col:"l_linestatus"`
	Quantity   int64  `col:"l_quantity,decimal(15,2)"`
	Price      int64  `col:"l_extendedprice,decimal(15,2)"`
	Discount   int64  `col:"l_discount,decimal(15,2)"`
	Tax        int64  `col:"l_tax,decimal(15,2)"`
	ShipDate   int32  `col:"l_shipdate,date"`
}

// discounted is the price to pay, in 10^-4.
func (l q1Line) discounted() int64 { return l.Price * (100 - l.Discount) }

// charge is the same with tax, in 10^-6.
func (l q1Line) charge() int64 { return l.discounted() * (100 + l.Tax) }

type q1Key struct {
	ReturnFlag string `col:"l_returnflag"`
	LineStatus string `col:"l_linestatus"`
}

// Q1 is a row of query 1, the pricing summary report.
type Q1 struct {
	q1Key
	Quantity    int64   `col:"sum_qty,decimal(18,2)"`
	Price       int64   `col:"sum_base_price,decimal(18,2)"`
	Discounted  int64   `col:"sum_disc_price,decimal(18,4)"`
	Charge      int64   `col:"sum_charge,decimal(18,6)"`
	AvgQuantity float64 `col:"avg_qty"`
	AvgPrice    float64 `col:"avg_price"`
	AvgDiscount float64 `col:"avg_disc"`
	Orders      int64   `col:"count_order"`
}

func q1(job *plan.Job, in string) dataset.DataSet[Q1] {
	lines := dataset.Where(table[q1Line](job, in, "lineitem"), expr.Col("l_shipdate").Le(q1Shipped))
	groups := dataset.GroupBy(lines, func(l q1Line) q1Key { return q1Key{l.ReturnFlag, l.LineStatus} })
	sums := dataset.Summarize(groups, func(k q1Key, r *Q1) { r.q1Key = k },
		agg.Into(func(r *Q1) *int64 { return &r.Quantity }, agg.Sum(func(l q1Line) int64 { return l.Quantity })),
		agg.Into(func(r *Q1) *int64 { return &r.Price }, agg.Sum(func(l q1Line) int64 { return l.Price })),
		agg.Into(func(r *Q1) *int64 { return &r.Discounted }, agg.Sum(q1Line.discounted)),
		agg.Into(func(r *Q1) *int64 { return &r.Charge }, agg.Sum(q1Line.charge)),
		agg.Into(func(r *Q1) *float64 { return &r.AvgDiscount }, agg.Avg(func(l q1Line) int64 { return l.Discount })),
		agg.Into(func(r *Q1) *int64 { return &r.Orders }, agg.Count[q1Line]()))
	report := dataset.Map(sums, func(r Q1) Q1 {
		n := 100 * float64(r.Orders)
		r.AvgQuantity, r.AvgPrice, r.AvgDiscount = float64(r.Quantity)/n, float64(r.Price)/n, r.AvgDiscount/100
		return r
	})
	return dataset.Sort(report, func(r Q1) q1Key { return r.q1Key }, dataset.Ascending)
}
