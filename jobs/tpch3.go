package jobs

import (
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// q3Day is the day on which query 3 asks for orders that have been taken and not shipped.
var q3Day = time.Date(1995, 3, 15, 0, 0, 0, 0, time.UTC)

const (
	q3Segment = "BUILDING"
	q3Rows    = 10
)

type q3Customer struct {
	Key     int64  `col:"c_custkey"`
	Segment string `col:"c_mktsegment"`
}

type q3Order struct {
	Key      int64 `col:"o_orderkey"`
	Customer int64 `col:"o_custkey"`
	Date     int32 `col:"o_orderdate,date"`
	Priority int32 `col:"o_shippriority"`
}

type q3Line struct {
	Order    int64 `col:"l_orderkey"`
	Price    int64 `col:"l_extendedprice,decimal(15,2)"`
	Discount int64 `col:"l_discount,decimal(15,2)"`
	ShipDate int32 `col:"l_shipdate,date"`
}

type q3Key struct {
	Order    int64
	Date     int32
	Priority int32
}

// q3Item is a line of an order that counts.
type q3Item struct {
	Key     q3Key
	Revenue int64
}

// Q3 is a row of query 3, the unshipped orders of the highest value.
type Q3 struct {
	Order    int64 `col:"l_orderkey"`
	Revenue  int64 `col:"revenue,decimal(18,4)"`
	Date     int32 `col:"o_orderdate,date"`
	Priority int32 `col:"o_shippriority"`
}

func q3(job *plan.Job, in string) dataset.DataSet[Q3] {
	customers := dataset.Where(table[q3Customer](job, in, "customer"), expr.Col("c_mktsegment").Eq(q3Segment))
	orders := dataset.Where(table[q3Order](job, in, "orders"), expr.Col("o_orderdate").Lt(q3Day))
	lines := dataset.Where(table[q3Line](job, in, "lineitem"), expr.Col("l_shipdate").Gt(q3Day))

	theirs := dataset.SemiJoin(orders, customers, func(o q3Order) int64 { return o.Customer }, func(c q3Customer) int64 { return c.Key })
	items := dataset.Join(lines, theirs, func(l q3Line) int64 { return l.Order }, func(o q3Order) int64 { return o.Key },
		func(l q3Line, o q3Order) q3Item {
			return q3Item{q3Key{o.Key, o.Date, o.Priority}, l.Price * (100 - l.Discount)}
		})
	revenues := dataset.Aggregate(dataset.GroupBy(items, func(i q3Item) q3Key { return i.Key }), agg.Sum(func(i q3Item) int64 { return i.Revenue }),
		func(k q3Key, revenue int64) Q3 { return Q3{k.Order, revenue, k.Date, k.Priority} })
	return dataset.First(dataset.Sort(revenues, q3PlaceOf, dataset.Ascending), q3Rows)
}

// q3Place orders rows by falling revenue and rising date; the order's number makes the result the same each time.
type q3Place struct {
	Loss  int64
	Date  int32
	Order int64
}

func q3PlaceOf(r Q3) q3Place { return q3Place{-r.Revenue, r.Date, r.Order} }
