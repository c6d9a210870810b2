package windowed

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
)

// gatherAll returns the states of groups, by call.
func gatherAll(states []agg.Accumulator, groups []int32) ([][]columnar.Column, error) {
	out := make([][]columnar.Column, len(states))
	for i, a := range states {
		var err error
		if out[i], err = agg.Gather(a, groups); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// upTo returns 0 to n-1.
func upTo(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}
