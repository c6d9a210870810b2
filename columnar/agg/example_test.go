package agg_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
)

// Sum two groups in two parts, as two tasks would, and merge the partial states.
func ExampleFunction() {
	sum, err := agg.Builtin("sum", []columnar.Type{columnar.Int64Type})
	if err != nil {
		fmt.Println(err)
		return
	}
	total := sum.New()
	total.Grow(2)
	for _, values := range [][]int64{{1, 2, 3}, {10, 20, 30}} {
		part := sum.New()
		part.Grow(2)
		in := []columnar.Column{columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})}
		if err := part.Add([]int32{0, 1, 0}, in, nil); err != nil {
			fmt.Println(err)
			return
		}
		state, err := part.State(0, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := total.Merge([]int32{0, 1}, state, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	result, err := total.Result(0, 2)
	fmt.Println(columnar.Values[int64](result), err)
	// Output: [44 22] <nil>
}
