package setop_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/operator/setop"
	"github.com/millrace/millrace/stream"
)

func TestLimit(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type}, columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true})
	in := batches.Random(schema, 100, 1)
	for _, n := range []int{0, 1, 30, 99, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return setop.NewLimit(int64(n)) },
				Inputs: []columnar.Batch{in}, Schema: schema, Want: optest.Rows(in)[:min(n, 100)], Ordered: true,
			})
		})
	}
}

func TestLimitFinishes(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	in := batches.Random(schema, 100, 1)
	op := setop.NewLimit(3)
	if op.IsFinished() {
		t.Error("finished before the first row")
	}
	given := 0
	optest.Drive(t, op, optest.NewEnv(t, 0, schema), [][]columnar.Batch{{in.Slice(0, 2), in.Slice(2, 2), in.Slice(4, 96)}},
		func(b columnar.Batch) { given += b.Rows() })
	if given != 3 || !op.IsFinished() {
		t.Errorf("%d rows given, finished: %v", given, op.IsFinished())
	}
}
