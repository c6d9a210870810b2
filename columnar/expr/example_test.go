package expr_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

func Example() {
	schema := columnar.NewSchema(
		columnar.Field{Name: "shipped", Type: columnar.DateType},
		columnar.Field{Name: "price", Type: columnar.DecimalOf(15, 2)},
		columnar.Field{Name: "discount", Type: columnar.DecimalOf(15, 2)},
	)
	bb := columnar.NewBatchBuilder(schema, 3)
	for i := range 3 {
		columnar.AppendFixed(bb.Column(0), int32(9000+i))
		columnar.AppendFixed(bb.Column(1), columnar.Decimal128{Lo: 1000})
		columnar.AppendFixed(bb.Column(2), columnar.Decimal128{Lo: uint64(5 + i)})
	}
	bb.Added(3)
	b := bb.Finish()

	day := time.Unix(9000*86400, 0)
	where := expr.Col("shipped").Gt(day).And(expr.Col("discount").Between(0.05, 0.06))
	filter, err := expr.Bind(where, schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	if b.Sel, err = filter.EvalFilter(b, nil); err != nil {
		fmt.Println(err)
		return
	}
	sum, err := expr.Bind(expr.Col("price").Mul(expr.Lit(1).Sub(expr.Col("discount"))), schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := sum.Eval(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(where)
	fmt.Println(b.Sel, sum, sum.Type(), columnar.Values[columnar.Decimal128](c)[1].Lo)

	_, err = expr.Bind(expr.Col("sipped").Gt(day), schema)
	fmt.Println(err)
	// Output:
	// shipped > 1994-08-23 AND discount >= 0.05 AND discount <= 0.06
	// [1] price * (1 - discount) decimal(38,4) 94000
	// binding sipped > 1994-08-23: column "sipped" is not in [shipped price discount]
}
