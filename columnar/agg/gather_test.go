package agg

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// values returns the rows of columns.
func valuesOf(cols []columnar.Column, rows []int32) [][]any {
	var out [][]any
	for _, r := range rows {
		var row []any
		for i := range cols {
			row = append(row, codec.Value(&cols[i], int(r)))
		}
		out = append(out, row)
	}
	return out
}

func TestGather(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := c.make(t)
				r := drawRows(t, f.Input)
				acc := f.New()
				defer acc.Free()
				acc.Grow(testGroups)
				must(t, acc.Add(r.groups, r.cols, r.sel))
				groups := rapid.SliceOfN(rapid.Int32Range(0, testGroups-1), 1, 9).Draw(t, "gathered")
				all, err := acc.State(0, testGroups)
				must(t, err)
				got, err := Gather(acc, groups)
				must(t, err)
				each := make([]int32, len(groups))
				for k := range each {
					each[k] = int32(k)
				}
				checkColumns(t, f.State, got, len(groups))
				if diff := gocmp.Diff(valuesOf(all, groups), valuesOf(got, each), gocmp.AllowUnexported(columnar.Type{})); diff != "" {
					t.Fatalf("%s: %s", f.Name, diff)
				}
			})
		})
	}
}

func TestSubtract(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := c.make(t)
				acc := f.New()
				defer acc.Free()
				if !CanSubtract(acc) {
					return
				}
				acc.Grow(testGroups)
				kept, taken := drawRows(t, f.Input), drawRows(t, f.Input)
				must(t, acc.Add(kept.groups, kept.cols, kept.sel))
				part := f.New()
				defer part.Free()
				part.Grow(testGroups)
				must(t, part.Add(taken.groups, taken.cols, taken.sel))
				state, err := part.State(0, testGroups)
				must(t, err)
				must(t, acc.Merge([]int32{0, 1, 2, 3}, state, nil))
				must(t, Subtract(acc, []int32{3, 2, 1, 0}, state, []int32{3, 2, 1, 0}))
				check(t, "subtracted", f, resultsOf(t, acc), c.want, byGroup([]rows{kept}))
			})
		})
	}
}
