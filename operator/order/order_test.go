package order_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/operator/order"
	"github.com/millrace/millrace/stream"
)

var schema = columnar.NewSchema(
	columnar.Field{Name: "word", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "small", Type: columnar.Type{Kind: columnar.Int8}},
	columnar.Field{Name: "items", Type: columnar.ListOf(columnar.Int64Type, true), Nullable: true},
	columnar.Field{Name: "text", Type: columnar.StringType},
	columnar.Field{Name: "flag", Type: columnar.BoolType, Nullable: true},
)

// reference returns the rows of b sorted by comparing them, stably.
func reference(b columnar.Batch, columns []int, orders []keys.Order) []string {
	picked := b.Project(b.Schema.Select(columns), columns).Columns
	rows := make([]int, b.Len)
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(i, j int) int { return keys.Compare(picked, i, picked, j, orders) })
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = batches.RowText(b, r)
	}
	return out
}

func TestOrder(t *testing.T) {
	in := batches.Random(schema, 3000, 7)
	for name, by := range map[string]struct {
		columns []int
		orders  []keys.Order
	}{
		"null strings, numbers": {[]int{0, 1}, []keys.Order{{}, {Descending: true}}},
		"numbers only":          {[]int{1}, []keys.Order{{}}},
		"plain strings":         {[]int{3}, []keys.Order{{}}},
		"lists":                 {[]int{4, 2}, []keys.Order{{NullsFirst: true}, {Descending: true, NullsFirst: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return order.New(by.columns, by.orders) },
				Inputs: []columnar.Batch{in}, Schema: schema, Want: reference(in, by.columns, by.orders), Ordered: true,
			})
		})
	}
}

func TestOrderOfNothing(t *testing.T) {
	optest.Run(t, optest.Case{
		New:    func() stream.Operator { return order.New([]int{1}, []keys.Order{{}}) },
		Inputs: []columnar.Batch{batches.Random(schema, 0, 1)}, Schema: schema,
	})
}

func TestOrderAnySchema(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := batches.Schema(rt, 4)
		in := batches.Random(s, rapid.IntRange(0, 300).Draw(rt, "rows"), rapid.Uint64().Draw(rt, "seed"))
		var columns []int
		var orders []keys.Order
		for range rapid.IntRange(1, 3).Draw(rt, "keys") {
			columns = append(columns, rapid.IntRange(0, len(s.Fields)-1).Draw(rt, "column"))
			orders = append(orders, keys.Order{Descending: rapid.Bool().Draw(rt, "descending"), NullsFirst: rapid.Bool().Draw(rt, "nulls first")})
		}
		env := optest.NewEnv(t, rapid.SampledFrom([]int64{0, 4 << 10}).Draw(rt, "memory"), s)
		var pieces []columnar.Batch
		for from := 0; from < in.Len; from += 50 {
			pieces = append(pieces, in.Slice(from, min(50, in.Len-from)))
		}
		var got []string
		optest.Drive(t, order.New(columns, orders), env, [][]columnar.Batch{pieces}, func(b columnar.Batch) {
			got = append(got, batches.Text(b)...)
		})
		if want := reference(in, columns, orders); !slices.Equal(got, want) {
			rt.Fatalf("got\n%q\nwant\n%q", got, want)
		}
	})
}

// BenchmarkOrder sorts records of 100 bytes by a string of 10, as word lists and logs have them.
func BenchmarkOrder(b *testing.B) {
	for name, memory := range map[string]int64{"memory": 0, "spilled": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			const rows = 2_000_000
			records := sortRecords(rows)
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				env := optest.NewEnv(b, memory, records[0].Schema)
				optest.Drive(b, order.New([]int{0}, []keys.Order{{}}), env, [][]columnar.Batch{records}, func(out columnar.Batch) { n += out.Len })
				if n != rows {
					b.Fatalf("%d rows", n)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func sortRecords(n int) (out []columnar.Batch) {
	s := columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.StringType}, columnar.Field{Name: "value", Type: columnar.StringType})
	seed := uint64(1)
	value := make([]byte, 90)
	for from := 0; from < n; from += columnar.DefaultRows {
		bb := columnar.NewBatchBuilder(s, columnar.DefaultRows)
		rows := min(columnar.DefaultRows, n-from)
		for range rows {
			var key [10]byte
			for i := range key {
				seed = seed*6364136223846793005 + 1442695040888963407
				key[i] = ' ' + byte(seed>>57)%95
			}
			bb.Column(0).AppendBytes(key[:])
			bb.Column(1).AppendBytes(value)
		}
		bb.Added(rows)
		out = append(out, bb.Finish())
	}
	return out
}
