package codec_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

func Example() {
	type Order struct {
		ID      int64 `col:"o_id"`
		Shipped time.Time
		Note    *string
	}
	c, err := codec.Of[Order]()
	if err != nil {
		panic(err)
	}
	fmt.Print(c.Schema())

	e := c.Encoder()
	e.Append(Order{ID: 1, Shipped: time.Date(1998, 9, 2, 12, 0, 0, 0, time.UTC)})
	e.Append(Order{ID: 2, Note: new("fragile")})
	columns, err := e.Finish()
	if err != nil {
		panic(err)
	}

	d, err := c.Decoder(c.Schema())
	if err != nil {
		panic(err)
	}
	orders, err := d.Decode(columnar.Batch{Schema: c.Schema(), Columns: columns, Len: 2}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(orders[0].ID, orders[0].Shipped, orders[0].Note == nil, *orders[1].Note)
	// Output:
	// o_id: int64
	// shipped: timestamp
	// note: string?
	// 1 1998-09-02 12:00:00 +0000 UTC true fragile
}

func ExampleGoStruct() {
	s := columnar.NewSchema(
		columnar.Field{Name: "l_orderkey", Type: columnar.Int64Type},
		columnar.Field{Name: "L_TAX", Type: columnar.DecimalOf(15, 2), Nullable: true},
		columnar.Field{Name: "tags", Type: columnar.ListOf(columnar.StringType, false)},
	)
	fmt.Print(codec.GoStruct(s, "lineitem"))
	// Output:
	// type Lineitem struct {
	// 	LOrderkey int64
	// 	LTAX      *columnar.DecimalValue `col:"L_TAX,decimal(15,2)"`
	// 	Tags      []string
	// }
}
