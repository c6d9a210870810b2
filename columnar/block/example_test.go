package block_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
)

func Example() {
	schema := columnar.NewSchema(columnar.Field{Name: "word", Type: columnar.StringType})
	rows := columnar.NewBatchBuilder(schema, 3)
	for _, word := range []string{"mill", "race", "weir"} {
		rows.Column(0).AppendString(word)
	}
	rows.Added(3)

	encoder := block.NewEncoder(schema, block.LZ4)
	batch := rows.Finish()
	batch.Sel = []int32{0, 2} // only these rows are written
	bytes, err := encoder.Encode(nil, 7, 0, batch)
	if err != nil {
		panic(err)
	}

	header, decoded, err := block.NewDecoder(schema).Decode(bytes)
	if err != nil {
		panic(err)
	}
	fmt.Println(header.Channel, header.Rows, decoded.Columns[0].Text(1))
	// Output: 7 2 weir
}
