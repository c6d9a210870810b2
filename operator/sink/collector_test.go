package sink_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/operator/sink"
	"github.com/millrace/millrace/stream"
)

var schema = columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true}, columnar.Field{Name: "n", Type: columnar.Int64Type})

func TestCollector(t *testing.T) {
	in := batches.Random(schema, 200, 1)
	for _, limit := range []int{0, 1, 150, 200, 900} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			want := optest.Rows(in)
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return sink.NewCollector(int64(limit)) },
				Inputs: []columnar.Batch{in}, Schema: schema, Want: want, Ordered: true,
			})
		})
	}
}

func TestCollectorRefused(t *testing.T) {
	in := batches.Random(schema, 200, 1)
	op := sink.NewCollector(0)
	if err := op.Open(optest.NewEnv(t, 100, schema)); err != nil {
		t.Fatal(err)
	}
	if err := op.Process(0, in, nil); !errors.Is(err, budget.ErrExceeded) {
		t.Errorf("the error is %v", err)
	}
	if err := op.Close(); err != nil {
		t.Error(err)
	}
}
