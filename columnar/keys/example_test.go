package keys_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Count the rows of each key.
func ExampleGrouper() {
	words := columnar.NewBuilder(columnar.StringType, 0)
	for _, w := range []string{"to", "be", "or", "not", "to", "be"} {
		words.AppendString(w)
	}
	column := words.Finish()

	g := keys.NewGrouper([]columnar.Type{columnar.StringType}, nil)
	defer g.Free()
	groups := make([]int32, column.Len)
	if err := g.Find([]columnar.Column{column}, nil, column.Len, groups); err != nil {
		fmt.Println(err)
		return
	}
	counts := make([]int, g.Len())
	for _, group := range groups {
		counts[group]++
	}
	found := g.Keys(0, g.Len())[0]
	for group, n := range counts {
		fmt.Println(found.Text(group), n)
	}
	// Output:
	// to 2
	// be 2
	// or 1
	// not 1
}

// Sort the rows of a batch, the greatest first.
func ExampleSort() {
	column := columnar.Of(columnar.Int64Type, []int64{3, -1, 7}, columnar.Bitmap{})
	encoder := keys.NewSortEncoder([]columnar.Field{{Name: "n", Type: columnar.Int64Type}}, []keys.Order{{Descending: true}})
	sortKeys := []columnar.Column{encoder.Encode([]columnar.Column{column}, nil, column.Len)}

	entries := keys.AppendEntries(nil, &sortKeys[0], 0)
	keys.Sort(entries, sortKeys)
	for _, e := range entries {
		fmt.Println(columnar.Values[int64](column)[e.Row])
	}
	// Output:
	// 7
	// 3
	// -1
}
