package columnar_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

func Example() {
	schema := columnar.NewSchema(
		columnar.Field{Name: "word", Type: columnar.StringType},
		columnar.Field{Name: "n", Type: columnar.Int64Type, Nullable: true},
	)
	bb := columnar.NewBatchBuilder(schema, columnar.DefaultRows)
	bb.Column(0).AppendString("a")
	columnar.AppendFixed(bb.Column(1), int64(7))
	bb.Column(0).AppendString("b")
	bb.Column(1).AppendNulls(1)
	bb.Added(2)
	b := bb.Finish()

	b.Sel = []int32{1} // a filter's work: only the second row counts
	n := b.Column("n")
	fmt.Println(b.Rows(), b.Column("word").Text(b.Row(0)), n.IsNull(b.Row(0)), columnar.Values[int64](*n)[0])
	// Output: 1 b true 7
}
