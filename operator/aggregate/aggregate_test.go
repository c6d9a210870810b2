package aggregate_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/aggregate"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
)

var schema = columnar.NewSchema(
	columnar.Field{Name: "word", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "small", Type: columnar.Type{Kind: columnar.Uint8}},
	columnar.Field{Name: "n", Type: columnar.Type{Kind: columnar.Int32}, Nullable: true},
)

func must(f agg.Function, err error) agg.Function {
	if err != nil {
		panic(err)
	}
	return f
}

// calls are count(*), sum(n) as total.
func calls() []aggregate.Call {
	return []aggregate.Call{
		{Function: agg.CountRows(), Name: "rows"},
		{Function: must(agg.SumOf(schema.Fields[2].Type)), Inputs: []int{2}, Name: "total"},
	}
}

// reference groups the rows of b one by one and returns the results in the order of the groups' first rows.
func reference(b columnar.Batch, keys []int, out *columnar.Schema) columnar.Batch {
	type group struct{ row, rows, values, sum int64 }
	var order []*group
	groups := map[string]*group{}
	if len(keys) == 0 {
		order = append(order, &group{})
		groups[""] = order[0]
	}
	picked := b.Project(b.Schema.Select(keys), keys)
	picked.Time, picked.Kind = nil, nil
	for i := range b.Len {
		key := ""
		if len(keys) > 0 {
			key = batches.RowText(picked, i)
		}
		g := groups[key]
		if g == nil {
			g = &group{row: int64(i)}
			groups[key] = g
			order = append(order, g)
		}
		g.rows++
		if n := b.Columns[2]; !n.IsNull(i) {
			g.values++
			g.sum += int64(columnar.Values[int32](n)[i])
		}
	}
	bb := columnar.NewBatchBuilder(out, len(order))
	for _, g := range order {
		for k := range keys {
			bb.Column(k).Append(picked.Columns[k], []int32{int32(g.row)})
		}
		if len(out.Fields) > len(keys) {
			columnar.AppendFixed(bb.Column(len(keys)), g.rows)
			if g.values == 0 {
				bb.Column(len(keys) + 1).AppendNulls(1)
			} else {
				columnar.AppendFixed(bb.Column(len(keys)+1), g.sum)
			}
		}
	}
	bb.Added(len(order))
	return bb.Finish()
}

// output returns the schema of the results.
func output(keys []int, calls []aggregate.Call) *columnar.Schema {
	s := schema.Select(keys)
	for _, c := range calls {
		f := c.Function.Result
		f.Name = c.Name
		s.Fields = append(s.Fields, f)
	}
	return s
}

// partials returns what Partials make of b cut into pieces: keys and states, some keys more than once.
func partials(t testing.TB, b columnar.Batch, keys []int, calls []aggregate.Call) columnar.Batch {
	t.Helper()
	var bb *columnar.BatchBuilder
	for from := 0; from < max(b.Len, 1); from += 500 {
		op := aggregate.NewPartial(keys, calls)
		piece := b.Slice(from, min(500, b.Len-from))
		optest.Drive(t, op, optest.NewEnv(t, 0, b.Schema), [][]columnar.Batch{{piece}}, func(out columnar.Batch) {
			if bb == nil {
				bb = columnar.NewBatchBuilder(out.Schema, out.Len)
			}
			bb.Append(out, out.Sel)
		})
	}
	if bb == nil {
		t.Fatal("no partial states")
	}
	return bb.Finish()
}

// first returns 0 to n-1.
func first(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

var groupings = map[string]struct {
	keys  []int
	calls []aggregate.Call
}{
	"by word": {[]int{0}, calls()}, "by number": {[]int{1}, calls()}, "by both": {[]int{1, 0}, calls()}, "distinct": {[]int{0, 2}, nil},
	"whole input": {nil, calls()},
}

func TestFinal(t *testing.T) {
	in := batches.Random(schema, 1500, 11)
	for name, g := range groupings {
		t.Run(name, func(t *testing.T) {
			out := output(g.keys, g.calls)
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return aggregate.NewFinal(first(len(g.keys)), g.calls) },
				Inputs: []columnar.Batch{partials(t, in, g.keys, g.calls)}, Schema: out, Want: optest.Rows(reference(in, g.keys, out)),
				Memory: 48 << 10, Spills: len(g.keys) > 0 && name != "by number",
			})
		})
	}
}

// TestPartial checks that whatever a Partial emits merges to the reference.
func TestPartial(t *testing.T) {
	in := batches.Random(schema, 1500, 12)
	for name, g := range groupings {
		t.Run(name, func(t *testing.T) {
			out := output(g.keys, g.calls)
			want := optest.Rows(reference(in, g.keys, out))
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return aggregate.NewPartial(g.keys, g.calls) },
				Inputs: []columnar.Batch{in}, Free: true, Memory: 48 << 10,
				Check: func(t *testing.T, states []columnar.Batch) {
					t.Helper()
					op := aggregate.NewFinal(first(len(g.keys)), g.calls)
					var got []string
					optest.Drive(t, op, optest.NewEnv(t, 0, states[0].Schema), [][]columnar.Batch{states}, func(b columnar.Batch) {
						got = append(got, optest.Rows(b)...)
					})
					optest.CompareSets(t, got, want)
				},
			})
		})
	}
}

func TestFinalOfNothing(t *testing.T) {
	empty := batches.Random(schema, 0, 1)
	states := func(keys []int) columnar.Batch {
		some := partials(t, batches.Random(schema, 1, 1), keys, calls())
		return some.Slice(0, 0)
	}
	for name, keys := range map[string][]int{"with keys": {0}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			out := output(keys, calls())
			optest.Run(t, optest.Case{
				New:    func() stream.Operator { return aggregate.NewFinal(first(len(keys)), calls()) },
				Inputs: []columnar.Batch{states(keys)}, Schema: out, Want: optest.Rows(reference(empty, keys, out)),
			})
		})
	}
}

// TestPartialGivesUp checks that rows which do not reduce do not fill memory: however many come, it takes no more than the trial.
func TestPartialGivesUp(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Type: columnar.Int64Type})
	peak := func(batches int) int64 {
		env := optest.NewEnv(t, 0, schema)
		var in []columnar.Batch
		for i := range batches {
			values := make([]int64, columnar.DefaultRows)
			for k := range values {
				values[k] = int64(i*columnar.DefaultRows + k)
			}
			in = append(in, columnar.Batch{
				Schema: schema, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})}, Len: len(values),
			})
		}
		given := 0
		optest.Drive(t, aggregate.NewPartial([]int{0}, nil), env, [][]columnar.Batch{in}, func(b columnar.Batch) { given += b.Rows() })
		if given != batches*columnar.DefaultRows {
			t.Errorf("%d groups of %d rows", given, batches*columnar.DefaultRows)
		}
		return env.Memory.Peak()
	}
	const trial = 128 // batches, of 1 Mi rows
	if one, three := peak(trial+1), peak(3*trial); three > one {
		t.Errorf("%d bytes for one trial's rows, %d for three times as many", one, three)
	}
}

func BenchmarkFinal(b *testing.B) {
	for _, c := range []struct {
		name   string
		groups uint64
		memory int64
	}{{"groups=1000", 1000, 0}, {"groups=1e6", 1_000_000, 0}, {"groups=1e6,spilled", 1_000_000, 24 << 20}} {
		b.Run("int64/"+c.name, func(b *testing.B) {
			const rows = 2_000_000
			s := columnar.NewSchema(columnar.Field{Name: "k", Type: columnar.Int64Type}, columnar.Field{Name: "0.count", Type: columnar.Int64Type})
			var in []columnar.Batch
			seed := uint64(1)
			for range rows / columnar.DefaultRows {
				k, n := make([]int64, columnar.DefaultRows), make([]int64, columnar.DefaultRows)
				for i := range k {
					seed = seed*6364136223846793005 + 1442695040888963407
					k[i], n[i] = int64(seed>>20%c.groups), 1
				}
				in = append(in, columnar.Batch{Schema: s, Len: len(k), Columns: []columnar.Column{
					columnar.Of(columnar.Int64Type, k, columnar.Bitmap{}), columnar.Of(columnar.Int64Type, n, columnar.Bitmap{}),
				}})
			}
			b.ReportAllocs()
			for b.Loop() {
				op := aggregate.NewFinal([]int{0}, []aggregate.Call{{Function: agg.CountRows()}})
				optest.Drive(b, op, optest.NewEnv(b, c.memory, s), [][]columnar.Batch{in}, func(columnar.Batch) {})
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkPartial(b *testing.B) {
	for _, words := range []uint64{1000, 1_000_000} {
		b.Run(fmt.Sprintf("string/groups=%d", words), func(b *testing.B) {
			const rows = 2_000_000
			s := columnar.NewSchema(columnar.Field{Name: "word", Type: columnar.StringType})
			var in []columnar.Batch
			seed := uint64(1)
			for range rows / columnar.DefaultRows {
				bb := columnar.NewBatchBuilder(s, columnar.DefaultRows)
				for range columnar.DefaultRows {
					seed = seed*6364136223846793005 + 1442695040888963407
					bb.Column(0).AppendString(fmt.Sprint("word", seed>>20%words))
				}
				bb.Added(columnar.DefaultRows)
				in = append(in, bb.Finish())
			}
			b.ReportAllocs()
			for b.Loop() {
				op := aggregate.NewPartial([]int{0}, []aggregate.Call{{Function: agg.CountRows()}})
				optest.Drive(b, op, optest.NewEnv(b, 0, s), [][]columnar.Batch{in}, func(columnar.Batch) {})
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
