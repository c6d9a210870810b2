package agg

import (
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/keys"
)

var testTypes = []columnar.Type{
	columnar.BoolType,
	{Kind: columnar.Int8},
	{Kind: columnar.Int16},
	{Kind: columnar.Int32},
	{Kind: columnar.Int64},
	{Kind: columnar.Uint8},
	{Kind: columnar.Uint16},
	{Kind: columnar.Uint32},
	{Kind: columnar.Uint64},
	{Kind: columnar.Float32},
	{Kind: columnar.Float64},
	columnar.DecimalOf(12, 2), columnar.DateType, columnar.TimestampType,
	{Kind: columnar.Duration},
	columnar.StringType, columnar.BinaryType,
	{Kind: columnar.FixedBinary, Width: 2},
}

var nestedTypes = []columnar.Type{
	columnar.ListOf(columnar.StringType, true),
	columnar.StructOf(columnar.Field{Name: "a", Type: columnar.Int32Type}, columnar.Field{Name: "b", Type: columnar.StringType, Nullable: true}),
}

// drawValue appends a small value, or a null. Sums of few of them are exact in every type.
func drawValue(t *rapid.T, b *columnar.Builder, nulls bool) {
	if nulls && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		b.AppendNulls(1)
		return
	}
	v := rapid.IntRange(0, 5).Draw(t, "value")
	switch b.Type.Kind {
	case columnar.Bool:
		b.AppendBool(v > 2)
	case columnar.Float32:
		columnar.AppendFixed(b, float32(v)/2)
	case columnar.Float64:
		columnar.AppendFixed(b, float64(v)/2)
	case columnar.Decimal:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: uint64(v)})
	case columnar.String, columnar.Binary:
		b.AppendString("a rather long text of letters"[:v*5])
	case columnar.FixedBinary:
		b.AppendBytes([]byte{1, byte(v)})
	case columnar.Struct, columnar.List:
		if b.Type.Kind == columnar.Struct {
			v = 1
		}
		for range v {
			for k, f := range b.Type.Fields {
				drawValue(t, b.Child(k), f.Nullable)
			}
		}
		b.CloseNested()
	default:
		switch b.Type.ByteWidth() {
		case 1:
			columnar.AppendFixed(b, int8(v))
		case 2:
			columnar.AppendFixed(b, int16(v))
		case 4:
			columnar.AppendFixed(b, int32(v))
		default:
			columnar.AppendFixed(b, int64(v))
		}
	}
}

// rows is a batch with the groups of the selected rows.
type rows struct {
	cols   []columnar.Column
	sel    []int32
	groups []int32
}

const testGroups = 4

func drawRows(t *rapid.T, fields []columnar.Field) rows {
	n := rapid.IntRange(0, 12).Draw(t, "rows")
	skip := rapid.IntRange(0, 9).Draw(t, "offset")
	r := rows{cols: make([]columnar.Column, len(fields))}
	for i, f := range fields {
		nulls := rapid.Bool().Draw(t, "nulls")
		b := columnar.NewBuilder(f.Type, n)
		for range n + skip {
			drawValue(t, b, nulls)
		}
		r.cols[i] = b.Finish().Slice(skip, n)
	}
	count := n
	if rapid.Bool().Draw(t, "selection") {
		r.sel = rapid.SliceOfN(rapid.Int32Range(0, int32(max(n-1, 0))), 0, n).Draw(t, "sel")
		slices.Sort(r.sel)
		if r.sel == nil {
			r.sel = []int32{}
		}
		count = len(r.sel)
	}
	r.groups = rapid.SliceOfN(rapid.Int32Range(0, testGroups-2), count, count).Draw(t, "groups") // the last group stays empty
	return r
}

func must(t interface{ Fatal(args ...any) }, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func resultsOf(t *rapid.T, acc Accumulator) []any {
	c, err := acc.Result(0, testGroups)
	must(t, err)
	out := make([]any, testGroups)
	for g := range out {
		out[g] = codec.Value(&c, g)
	}
	return out
}

// aRow is a row for the references: where it is, so that they can use the engine's comparison.
type aRow struct {
	cols []columnar.Column
	row  int
}

func (r aRow) value(i int) any   { return codec.Value(&r.cols[i], r.row) }
func (r aRow) isNull(i int) bool { return r.cols[i].IsNull(r.row) }

func byGroup(batches []rows) [][]aRow {
	out := make([][]aRow, testGroups)
	for _, b := range batches {
		for k, g := range b.groups {
			out[g] = append(out[g], aRow{b.cols, rowAt(b.sel, k)})
		}
	}
	return out
}

// reference computes one group's result from all its rows.
type reference func(f Function, group []aRow) any

// testCase is a function for drawn types, with its reference.
type testCase struct {
	name string
	make func(t *rapid.T) Function
	want reference
}

func oneOf(t *rapid.T, types []columnar.Type) columnar.Type {
	return rapid.SampledFrom(types).Draw(t, "type")
}

func isNumber(t columnar.Type) bool {
	return t.IsInteger() || t.IsFloat() || t.Kind == columnar.Decimal || t.Kind == columnar.Duration
}

func numbers() []columnar.Type {
	var out []columnar.Type
	for _, t := range testTypes {
		if isNumber(t) {
			out = append(out, t)
		}
	}
	return out
}

func allTypes() []columnar.Type { return append(slices.Clone(testTypes), nestedTypes...) }

func builtinCase(name string, types func() []columnar.Type, columns int, want reference) testCase {
	return testCase{name, func(t *rapid.T) Function {
		var in []columnar.Type
		for range columns {
			in = append(in, oneOf(t, types()))
		}
		f, err := Builtin(name, in)
		must(t, err)
		return f
	}, want}
}

func notNulls(group []aRow, columns int) []aRow {
	var out []aRow
	for _, r := range group {
		null := false
		for i := range columns {
			null = null || r.isNull(i)
		}
		if !null {
			out = append(out, r)
		}
	}
	return out
}

// asFloat returns any number as a float64.
func asFloat(v any) float64 {
	switch v := v.(type) {
	case columnar.DecimalValue:
		return v.Float64()
	case interface{ Microseconds() int64 }:
		return float64(v.Microseconds())
	default:
		var f float64
		if _, err := fmt.Sscan(fmt.Sprint(v), &f); err != nil {
			panic(err)
		}
		return f
	}
}

func compareRows(a, b aRow) int {
	return keys.Compare(a.cols, a.row, b.cols, b.row, make([]keys.Order, len(a.cols)))
}

func wantExtreme(sign, column int) reference {
	return func(_ Function, group []aRow) any {
		group = notNulls(group, 1)
		if len(group) == 0 {
			return nil
		}
		slices.SortStableFunc(group, func(a, b aRow) int {
			orders := []keys.Order{{Descending: sign > 0}, {NullsFirst: true}}[:len(a.cols)]
			return keys.Compare(a.cols, a.row, b.cols, b.row, orders)
		})
		return group[0].value(column)
	}
}

func wantDistinct(_ Function, group []aRow) any {
	seen := map[string]bool{}
	for _, r := range notNulls(group, len(group0(group))) {
		seen[fmt.Sprint(printable(r))] = true
	}
	return int64(len(seen))
}

func group0(group []aRow) []columnar.Column {
	if len(group) == 0 {
		return nil
	}
	return group[0].cols
}

func printable(r aRow) string {
	s := ""
	for i := range r.cols {
		v := r.value(i)
		if row, ok := v.(columnar.Row); ok {
			v = row.Values
		}
		s += fmt.Sprintf("%#v|", v)
	}
	return s
}

const testK = 3

var cases = []testCase{
	builtinCase("count", allTypes, 0, func(_ Function, group []aRow) any { return int64(len(group)) }),
	builtinCase("count", allTypes, 1, func(_ Function, group []aRow) any { return int64(len(notNulls(group, 1))) }),
	builtinCase("sum", numbers, 1, func(f Function, group []aRow) any {
		sum, group := 0.0, notNulls(group, 1)
		for _, r := range group {
			sum += asFloat(r.value(0))
		}
		if len(group) == 0 {
			return nil
		}
		return sum
	}),
	builtinCase("avg", func() []columnar.Type {
		return slices.DeleteFunc(numbers(), func(t columnar.Type) bool { return t.Kind == columnar.Duration })
	}, 1, func(f Function, group []aRow) any {
		sum, group := 0.0, notNulls(group, 1)
		for _, r := range group {
			sum += asFloat(r.value(0))
		}
		if len(group) == 0 {
			return nil
		}
		return sum / float64(len(group))
	}),
	builtinCase("min", func() []columnar.Type { return testTypes }, 1, wantExtreme(-1, 0)),
	builtinCase("max", func() []columnar.Type { return testTypes }, 1, wantExtreme(1, 0)),
	{"min_by", func(t *rapid.T) Function {
		f, err := Builtin("min_by", []columnar.Type{oneOf(t, testTypes), oneOf(t, allTypes())})
		must(t, err)
		return f
	}, wantExtreme(-1, 1)},
	{"max_by", func(t *rapid.T) Function {
		f, err := Builtin("max_by", []columnar.Type{oneOf(t, testTypes), oneOf(t, allTypes())})
		must(t, err)
		return f
	}, wantExtreme(1, 1)},
	builtinCase("first", allTypes, 1, func(_ Function, group []aRow) any {
		if len(group) == 0 {
			return nil
		}
		return group[0].value(0)
	}),
	builtinCase("last", allTypes, 1, func(_ Function, group []aRow) any {
		if len(group) == 0 {
			return nil
		}
		return group[len(group)-1].value(0)
	}),
	builtinCase("collect", allTypes, 1, func(_ Function, group []aRow) any {
		out := []any{}
		for _, r := range group {
			out = append(out, r.value(0))
		}
		return out
	}),
	builtinCase("count_distinct", allTypes, 1, wantDistinct),
	builtinCase("count_distinct", allTypes, 2, wantDistinct),
	builtinCase("approx_distinct", allTypes, 2, wantDistinct), // exact for so few
	{"top_k", func(t *rapid.T) Function {
		f, err := TopKOf(oneOf(t, testTypes), testK)
		must(t, err)
		return f
	}, func(_ Function, group []aRow) any {
		group = notNulls(group, 1)
		slices.SortFunc(group, func(a, b aRow) int { return compareRows(b, a) })
		out := []any{}
		for _, r := range group[:min(len(group), testK)] {
			out = append(out, r.value(0))
		}
		return out
	}},
	{"top_k_by", func(t *rapid.T) Function {
		f, err := TopKByOf(oneOf(t, testTypes), oneOf(t, allTypes()), testK)
		must(t, err)
		return f
	}, func(_ Function, group []aRow) any {
		group = notNulls(group, 1)
		slices.SortStableFunc(group, func(a, b aRow) int {
			return keys.Compare(a.cols, a.row, b.cols, b.row, []keys.Order{{Descending: true}, {NullsFirst: true}})
		})
		out := []any{}
		for _, r := range group[:min(len(group), testK)] {
			out = append(out, r.value(1))
		}
		return out
	}},
	{"quantile", func(t *rapid.T) Function {
		f, err := QuantileOf(oneOf(t, numbers()), rapid.SampledFrom([]float64{0, 0.25, 0.5, 1}).Draw(t, "p"))
		must(t, err)
		return f
	}, func(f Function, group []aRow) any {
		group = notNulls(group, 1)
		if len(group) == 0 {
			return nil
		}
		values := make([]float64, len(group))
		for i, r := range group {
			values[i] = asFloat(r.value(0))
		}
		slices.Sort(values)
		return values[int(f.New().(*quantiles).p*float64(len(values)-1))]
	}},
}

// equal compares a result with the reference's: numbers by value, quantiles within their error.
func equal(f Function, got, want any) bool {
	switch want := want.(type) {
	case nil:
		return got == nil
	case float64:
		if f.Name == "min" || f.Name == "max" || f.Name == "min_by" || f.Name == "max_by" || f.Name == "first" || f.Name == "last" {
			break
		}
		if got == nil {
			return false
		}
		tolerance := 1e-9
		switch {
		case f.Name == "quantile":
			tolerance = accuracy * math.Abs(want) * (1 + 1e-9)
		case f.Result.Type.Kind == columnar.Decimal:
			tolerance = math.Pow10(-int(f.Result.Type.Scale))
		}
		return math.Abs(asFloat(got)-want) <= tolerance
	}
	return gocmp.Equal(got, want)
}

func check(t *rapid.T, how string, f Function, got []any, want reference, groups [][]aRow) {
	for g := range got {
		if w := want(f, groups[g]); !equal(f, got[g], w) {
			t.Fatalf("%s: %s of %v, group %d: got %v, want %v", how, f.Name, f.Input, g, got[g], w)
		}
	}
}

func TestAgainstReference(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := c.make(t)
				batches := make([]rows, rapid.IntRange(0, 4).Draw(t, "batches"))
				whole := f.New()
				defer whole.Free()
				whole.Grow(testGroups)
				for i := range batches {
					batches[i] = drawRows(t, f.Input)
					must(t, whole.Add(batches[i].groups, batches[i].cols, batches[i].sel))
				}
				groups := byGroup(batches)
				check(t, "added", f, resultsOf(t, whole), c.want, groups)
				check(t, "merged", f, resultsOf(t, mergeParts(t, f, batches)), c.want, groups)
				whole.Reset()
				whole.Grow(testGroups)
				check(t, "reset", f, resultsOf(t, whole), c.want, make([][]aRow, testGroups))
			})
		})
	}
}

// mergeParts adds each batch to an accumulator of its own, with groups numbered otherwise, and merges their states, in pieces, in order.
func mergeParts(t *rapid.T, f Function, batches []rows) Accumulator {
	sum := f.New()
	sum.Grow(1)
	sum.Grow(testGroups)
	for _, b := range batches {
		part := f.New()
		part.Grow(testGroups)
		renamed := make([]int32, len(b.groups))
		for k, g := range b.groups {
			renamed[k] = testGroups - 1 - g
		}
		must(t, part.Add(renamed, b.cols, b.sel))
		cut := rapid.IntRange(0, testGroups).Draw(t, "cut")
		for _, piece := range [][2]int{{0, cut}, {cut, testGroups}} {
			state, err := part.State(piece[0], piece[1])
			must(t, err)
			checkColumns(t, f.State, state, piece[1]-piece[0])
			groups, sel := make([]int32, piece[1]-piece[0]), []int32(nil)
			for k := range groups {
				groups[k] = int32(testGroups - 1 - piece[0] - k)
			}
			if rapid.Bool().Draw(t, "reversed") {
				slices.Reverse(groups)
				for k := range groups {
					sel = append(sel, int32(len(groups)-1-k))
				}
			}
			must(t, sum.Merge(groups, state, sel))
		}
		part.Free()
	}
	return sum
}

func checkColumns(t *rapid.T, fields []columnar.Field, cols []columnar.Column, n int) {
	if len(cols) != len(fields) {
		t.Fatalf("%d columns, want %v", len(cols), fields)
	}
	for i, c := range cols {
		if !c.Type.Equal(fields[i].Type) || c.Len != n || !fields[i].Nullable && c.NullCount() > 0 {
			t.Fatalf("state column %d is %v of %d rows with %d nulls, want %v of %d", i, c.Type, c.Len, c.NullCount(), fields[i], n)
		}
	}
}

func TestRetract(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := c.make(t)
				if !f.CanRetract {
					if _, ok := f.New().(Retractor); ok {
						t.Fatal("a Retractor that cannot retract")
					}
					return
				}
				acc := f.New().(Retractor)
				defer acc.Free()
				acc.Grow(testGroups)
				kept, taken := drawRows(t, f.Input), drawRows(t, f.Input)
				must(t, acc.Add(kept.groups, kept.cols, kept.sel))
				before, err := acc.State(0, testGroups)
				must(t, err)
				must(t, acc.Add(taken.groups, taken.cols, taken.sel))
				must(t, acc.Retract(taken.groups, taken.cols, taken.sel))
				after, err := acc.State(0, testGroups)
				must(t, err)
				for g := range testGroups {
					for i := range before {
						if diff := gocmp.Diff(codec.Value(&before[i], g), codec.Value(&after[i], g), gocmp.AllowUnexported(columnar.Type{})); diff != "" {
							t.Fatalf("%s of %v, group %d: %s", f.Name, f.Input, g, diff)
						}
					}
				}
				check(t, "retracted", f, resultsOf(t, acc), c.want, byGroup([]rows{kept}))
			})
		})
	}
}

func TestMergeIsAssociative(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := c.make(t)
				var states [3][]columnar.Column
				for i := range states {
					r := drawRows(t, f.Input)
					acc := f.New()
					acc.Grow(testGroups)
					must(t, acc.Add(r.groups, r.cols, r.sel))
					var err error
					states[i], err = acc.State(0, testGroups)
					must(t, err)
					acc.Free()
				}
				merge := func(parts ...[]columnar.Column) []columnar.Column {
					acc := f.New()
					defer acc.Free()
					acc.Grow(testGroups)
					for _, p := range parts {
						must(t, acc.Merge([]int32{0, 1, 2, 3}, p, nil))
					}
					state, err := acc.State(0, testGroups)
					must(t, err)
					return state
				}
				left := merge(merge(states[0], states[1]), states[2])
				right := merge(states[0], merge(states[1], states[2]))
				for g := range testGroups {
					for i := range left {
						if diff := gocmp.Diff(codec.Value(&left[i], g), codec.Value(&right[i], g)); diff != "" && c.name != "count_distinct" {
							t.Fatalf("%s of %v: %s", f.Name, f.Input, diff)
						}
					}
				}
			})
		})
	}
}
