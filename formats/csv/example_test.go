package csv_test

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/csv"
)

// The columns wanted are found by the names in the header; their types are those of the struct.
func ExampleFormat() {
	type Sale struct {
		Shop string
		Sum  float64
	}
	in := newFile("sales.csv", "day,shop,sum\n2026-01-02,\"North, old\",12.50\n2026-01-02,South,7\n")
	format := csv.Format[Sale]{Header: true}
	r, err := format.NewReader(context.Background(), in, formats.Range{To: in.Size()}, formats.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	b, err := r.Next(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range b.Rows() {
		fmt.Println(b.Column("shop").Text(i), columnar.Values[float64](*b.Column("sum"))[i])
	}
	// Output:
	// North, old 12.5
	// South 7
}
