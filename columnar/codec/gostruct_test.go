package codec_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Order is what TestGoStruct prints: the test holds that both are the same.
type Order struct {
	OKey      int64                   `col:"oKey"`
	UserID    *string                 // as the column is named
	ShipDate  columnar.DecimalValue   `col:"ship date,decimal(15,2)"`
	Day       []byte                  `col:"day"`
	Prices    []columnar.DecimalValue `col:",decimal(9,1)"`
	Items     []*OrderItems
	ByName    map[string]*float64
	X1st      bool `col:"1st"`
	Hash      [4]byte
	SumAB     float32 `col:"sum(a,b)"`
	X         uint8   `col:"-,"`
	Delivered struct{ At int64 }
}

// OrderItems is a part of it.
type OrderItems struct {
	Sku   string
	Count int32
}

const orderText = "type Order struct {\n" +
	"\tOKey      int64 `col:\"oKey\"`\n" +
	"\tUserID    *string\n" +
	"\tShipDate  columnar.DecimalValue `col:\"ship date,decimal(15,2)\"`\n" +
	"\tDay       []byte\n" +
	"\tPrices    []columnar.DecimalValue `col:\",decimal(9,1)\"`\n" +
	"\tItems     []*OrderItems\n" +
	"\tByName    map[string]*float64\n" +
	"\tX1st      bool `col:\"1st\"`\n" +
	"\tHash      [4]byte\n" +
	"\tSumAB     float32 `col:\"sum(a,b)\"`\n" +
	"\tX         uint8   `col:\"-,\"`\n" +
	"\tDelivered OrderDelivered\n" +
	"}\n\n" +
	"type OrderItems struct {\n\tSku   string\n\tCount int32\n}\n\n" +
	"type OrderDelivered struct {\n\tAt int64\n}\n"

func TestGoStruct(t *testing.T) {
	s, err := codec.SchemaOf(reflect.TypeFor[Order]())
	if err != nil {
		t.Fatal(err)
	}
	got := codec.GoStruct(s, "order")
	if diff := cmp.Diff(orderText, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestGoStructOfOddNames(t *testing.T) {
	s := columnar.NewSchema(
		columnar.Field{Name: "a,b", Type: columnar.Int64Type},
		columnar.Field{Name: "n", Type: columnar.Int64Type},
		columnar.Field{Name: "N", Type: columnar.Int64Type},
		columnar.Field{Name: "days", Type: columnar.MapOf(columnar.DateType, columnar.Int64Type, false)},
		columnar.Field{Name: "日", Type: columnar.Int64Type},
	)
	want := "type T struct {\n\t// \"a,b: int64\" has no Go type\n\tN  int64\n\tN2 int64 `col:\"N\"`\n" +
		"\t// \"days: map<date, int64>\" has no Go type\n\tX日 int64 `col:\"日\"`\n}\n"
	if diff := cmp.Diff(want, codec.GoStruct(s, "t")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
