package aggregate_test

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/aggregate"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
)

// prefixes is what a rolling aggregate gives: of each row's key, the last group of the reference over the rows up to it.
func prefixes(b columnar.Batch, keys []int, out *columnar.Schema) []string {
	var want []string
	for i := range b.Len {
		same := columnar.Batch{Schema: b.Schema}
		for k := range b.Columns {
			same.Columns = append(same.Columns, b.Columns[k].Slice(0, i+1))
		}
		same.Len = i + 1
		picked := b.Project(b.Schema.Select(keys), keys)
		picked.Time, picked.Kind = nil, nil
		key := batches.RowText(picked, i)
		groups := reference(same, keys, out)
		heads := groups.Project(groups.Schema.Select([]int{0}), []int{0})
		for g := range groups.Len {
			if batches.RowText(heads, g) == key {
				groups.Time, groups.Kind = nil, nil
				want = append(want, batches.RowText(groups, g))
			}
		}
	}
	return want
}

func TestRolling(t *testing.T) {
	in := batches.Random(schema, 150, 5)
	in.Time, in.Kind = nil, nil
	for i := range columnar.Values[uint8](in.Columns[1]) {
		columnar.Values[uint8](in.Columns[1])[i] %= 5
	}
	keys := []int{1}
	optest.Run(t, optest.Case{
		New:     func() stream.Operator { return aggregate.NewRolling(keys, calls()) },
		Inputs:  []columnar.Batch{in},
		Schema:  output(keys, calls()),
		Want:    prefixes(in, keys, output(keys, calls())),
		Ordered: true,
		Memory:  256 << 10,
	})
}
