package join_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/join"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
)

var types = map[string]join.Type{
	"inner": join.Inner, "left": join.Left, "right": join.Right, "full": join.Full, "semi": join.Semi, "anti": join.Anti, "cross": join.Cross,
}

var (
	leftSchema = columnar.NewSchema(
		columnar.Field{Name: "k", Type: columnar.Type{Kind: columnar.Uint8}, Nullable: true},
		columnar.Field{Name: "word", Type: columnar.StringType},
		columnar.Field{Name: "flag", Type: columnar.BoolType},
		columnar.Field{Name: "pad", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 100}})
	rightSchema = columnar.NewSchema(
		columnar.Field{Name: "flag", Type: columnar.BoolType, Nullable: true},
		columnar.Field{Name: "items", Type: columnar.ListOf(columnar.Int64Type, true), Nullable: true},
		columnar.Field{Name: "k", Type: columnar.Type{Kind: columnar.Uint8}},
		columnar.Field{Name: "more", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 150}})
)

// random returns rows without times and kinds.
func random(s *columnar.Schema, n int, seed uint64) columnar.Batch {
	b := batches.Random(s, n, seed)
	b.Time, b.Kind = nil, nil
	return b
}

// matches says whether row i of l and row j of r have equal keys, none of them null.
func matches(l, r []columnar.Column, i, j int) bool {
	for k := range l {
		if l[k].IsNull(i) || r[k].IsNull(j) || keys.CompareValues(&l[k], i, &r[k], j) != 0 {
			return false
		}
	}
	return true
}

func pick(b columnar.Batch, columns []int) []columnar.Column {
	return b.Project(b.Schema.Select(columns), columns).Columns
}

// reference joins row by row.
func reference(spec join.Spec, l, r columnar.Batch) (*columnar.Schema, []string) {
	lk, rk := pick(l, spec.LeftKeys), pick(r, spec.RightKeys)
	var left, right []columnar.Place
	add := func(i, j int) {
		place := func(row int) columnar.Place {
			if row < 0 {
				return columnar.Place{Batch: columnar.NoBatch}
			}
			return columnar.Place{Row: uint32(row)}
		}
		left, right = append(left, place(i)), append(right, place(j))
	}
	rightFound := make([]bool, r.Len)
	for i := range l.Len {
		found := 0
		for j := range r.Len {
			if matches(lk, rk, i, j) {
				found++
				rightFound[j] = true
				if spec.Type != join.Semi && spec.Type != join.Anti {
					add(i, j)
				}
			}
		}
		switch {
		case spec.Type == join.Semi && found > 0, spec.Type == join.Anti && found == 0,
			(spec.Type == join.Left || spec.Type == join.Full) && found == 0:
			add(i, -1)
		}
	}
	for j := range r.Len {
		if !rightFound[j] && (spec.Type == join.Right || spec.Type == join.Full) {
			add(-1, j)
		}
	}
	out := columnar.NewInterleaver(l.Schema, []columnar.Batch{l}).Take(left)
	if spec.Type == join.Semi || spec.Type == join.Anti {
		return l.Schema, optest.Rows(out)
	}
	out.Columns = append(out.Columns, columnar.NewInterleaver(r.Schema, []columnar.Batch{r}).Take(right).Columns...)
	out.Schema = &columnar.Schema{}
	for _, f := range l.Schema.Fields {
		f.Nullable = f.Nullable || spec.Type == join.Right || spec.Type == join.Full
		out.Schema.Fields = append(out.Schema.Fields, f)
	}
	for _, f := range r.Schema.Fields {
		f.Nullable = f.Nullable || spec.Type == join.Left || spec.Type == join.Full
		out.Schema.Fields = append(out.Schema.Fields, f)
	}
	return out.Schema, optest.Rows(out)
}

// sorted returns the rows of b ordered by columns, ascending, nulls last.
func sorted(b columnar.Batch, columns []int) columnar.Batch {
	key := pick(b, columns)
	rows := make([]int32, b.Len)
	for i := range rows {
		rows[i] = int32(i)
	}
	slices.SortStableFunc(rows, func(i, j int32) int {
		return keys.Compare(key, int(i), key, int(j), make([]keys.Order, len(columns)))
	})
	b.Sel = rows
	return b.Clone()
}

func TestJoin(t *testing.T) {
	l, r := random(leftSchema, 200, 1), random(rightSchema, 150, 2)
	for name, typ := range types {
		spec := join.Spec{Type: typ, LeftKeys: []int{0, 2}, RightKeys: []int{2, 0}}
		left, right := l, r
		if typ == join.Cross {
			spec.LeftKeys, spec.RightKeys = nil, nil
			left, right = l.Slice(0, 40), r.Slice(0, 30)
		}
		schema, want := reference(spec, left, right)
		for build := -1; build <= 1; build++ {
			spec, left, right := spec, left, right
			if spec.Build = build; build < 0 {
				left, right = sorted(left, spec.LeftKeys), sorted(right, spec.RightKeys)
			}
			t.Run(fmt.Sprintf("%s/build=%d", name, build), func(t *testing.T) {
				optest.Run(t, optest.Case{
					New:    func() stream.Operator { return join.New(spec) },
					Inputs: []columnar.Batch{left, right}, Schema: schema, Want: want, Memory: 40 << 10, Spills: build >= 0 && typ != join.Cross,
				})
			})
		}
	}
}

// TestOneSide joins with an empty side.
func TestOneSide(t *testing.T) {
	l, r := random(leftSchema, 50, 3), random(rightSchema, 50, 4)
	for name, typ := range types {
		for build := -1; build <= 1; build++ {
			for empty, in := range [][]columnar.Batch{{l.Slice(0, 0), sorted(r, []int{2})}, {sorted(l, []int{0}), r.Slice(0, 0)}} {
				spec := join.Spec{Type: typ, LeftKeys: []int{0}, RightKeys: []int{2}, Build: build}
				_, want := reference(spec, in[0], in[1])
				t.Run(fmt.Sprintf("%s/build=%d/empty=%d", name, build, empty), func(t *testing.T) {
					var got []string
					optest.Drive(t, join.New(spec), optest.NewEnv(t, 0, in[0].Schema, in[1].Schema), [][]columnar.Batch{cut(in[0], 7), cut(in[1], 7)},
						func(b columnar.Batch) { got = append(got, optest.Rows(b)...) })
					optest.CompareSets(t, got, want)
				})
			}
		}
	}
}

// skewed returns rows of a key, mostly one value, and a number.
func skewed(n int, share, seed uint64) columnar.Batch {
	s := columnar.NewSchema(columnar.Field{Name: "k", Type: columnar.StringType, Nullable: seed%2 == 0}, columnar.Field{Name: "n", Type: columnar.Int64Type})
	r := rand.New(rand.NewPCG(seed, 1))
	bb := columnar.NewBatchBuilder(s, n)
	for i := range n {
		key := "often"
		if r.Uint64N(10) >= share {
			key = fmt.Sprint("a longer key ", r.IntN(n))
		}
		bb.Column(0).AppendString(key)
		columnar.AppendFixed(bb.Column(1), int64(i))
	}
	bb.Added(n)
	return bb.Finish()
}

// TestSkew joins sides of which one key has most rows, so that partitions do not shrink.
func TestSkew(t *testing.T) {
	l, r := skewed(60, 3, 1), skewed(1200, 9, 2)
	for name, typ := range types {
		if typ == join.Cross {
			continue
		}
		spec := join.Spec{Type: typ, LeftKeys: []int{0}, RightKeys: []int{0}}
		_, want := reference(spec, l, r)
		for build := -1; build <= 1; build++ {
			spec, left, right := spec, l, r
			if spec.Build = build; build < 0 {
				left, right = sorted(l, spec.LeftKeys), sorted(r, spec.RightKeys)
			}
			t.Run(fmt.Sprintf("%s/build=%d", name, build), func(t *testing.T) {
				env := optest.NewEnv(t, 16<<10, left.Schema, right.Schema)
				var got []string
				optest.Drive(t, join.New(spec), env, [][]columnar.Batch{cut(left, 64), cut(right, 64)}, func(b columnar.Batch) {
					got = append(got, optest.Rows(b)...)
				})
				optest.CompareSets(t, got, want)
				if env.Metrics.Spilled.Load() == 0 && (build == 1 || build < 0 && typ != join.Semi && typ != join.Anti) {
					t.Error("nothing was spilled")
				}
			})
		}
	}
}

// cut returns b in batches of n rows.
func cut(b columnar.Batch, n int) (out []columnar.Batch) {
	for from := 0; from < b.Len; from += n {
		out = append(out, b.Slice(from, min(n, b.Len-from)))
	}
	return out
}

func TestJoinAnyKeys(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := batches.Fields(rt, 2, 1)
		schema := columnar.NewSchema(append(fields, columnar.Field{Name: "row", Type: columnar.Int64Type})...)
		l := random(schema, rapid.IntRange(0, 80).Draw(rt, "left"), rapid.Uint64().Draw(rt, "seed"))
		// Most right rows are left rows, so that there are matches.
		more := random(schema, 10, rapid.Uint64().Draw(rt, "more"))
		bb := columnar.NewBatchBuilder(schema, 0)
		for range rapid.IntRange(0, 3).Draw(rt, "copies") {
			bb.Append(l.Slice(0, l.Len/2), nil)
		}
		bb.Append(more, nil)
		r := bb.Finish()
		key := make([]int, len(fields))
		for i := range key {
			key[i] = i
		}
		spec := join.Spec{
			Type: join.Type(rapid.IntRange(int(join.Inner), int(join.Anti)).Draw(rt, "type")), LeftKeys: key, RightKeys: key,
			Build: rapid.IntRange(-1, 1).Draw(rt, "build"),
		}
		if spec.Build < 0 {
			l, r = sorted(l, key), sorted(r, key)
		}
		_, want := reference(spec, l, r)
		env := optest.NewEnv(t, rapid.SampledFrom([]int64{0, 4 << 10, 40 << 10}).Draw(rt, "memory"), schema, schema)
		n := rapid.IntRange(1, 50).Draw(rt, "batch")
		var got []string
		optest.Drive(t, join.New(spec), env, [][]columnar.Batch{cut(l, n), cut(r, n)}, func(b columnar.Batch) { got = append(got, optest.Rows(b)...) })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%d rows, want %d", len(got), len(want))
		}
	})
}

// BenchmarkProbe joins 4 million rows with a table, as facts with a dimension.
func BenchmarkProbe(b *testing.B) {
	s := columnar.NewSchema(columnar.Field{Name: "k", Type: columnar.Int64Type}, columnar.Field{Name: "v", Type: columnar.Int64Type})
	side := func(n int, keys uint64, next func(i int) uint64) (out []columnar.Batch) {
		for from := 0; from < n; from += columnar.DefaultRows {
			k, v := make([]int64, min(columnar.DefaultRows, n-from)), make([]int64, min(columnar.DefaultRows, n-from))
			for i := range k {
				k[i], v[i] = int64(next(from+i)%keys), int64(i)
			}
			out = append(out, columnar.Batch{Schema: s, Len: len(k), Columns: []columnar.Column{
				columnar.Of(columnar.Int64Type, k, columnar.Bitmap{}), columnar.Of(columnar.Int64Type, v, columnar.Bitmap{}),
			}})
		}
		return out
	}
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 2_000_000
	for _, c := range []struct {
		build  int
		name   string
		keys   uint64
		memory int64
	}{
		{1000, "keys=1000", 1000, 0},
		{1_000_000, "keys=1e6", 1_000_000, 0},
		{4000, "keys=1000,four rows each", 1000, 0},
		{1_000_000, "keys=1e6,half spilled", 1_000_000, 24 << 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			build, probe := side(c.build, c.keys, func(i int) uint64 { return uint64(i) }), side(rows, c.keys, func(int) uint64 { return r.Uint64() })
			b.ReportAllocs()
			for b.Loop() {
				op := join.New(join.Spec{LeftKeys: []int{0}, RightKeys: []int{0}, Build: 1})
				optest.Drive(b, op, optest.NewEnv(b, c.memory, s, s), [][]columnar.Batch{probe, build}, func(columnar.Batch) {})
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
