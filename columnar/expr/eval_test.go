package expr

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

// kinds has the columns of the property tests: a and b of each type, named after it.
var kinds = map[string]columnar.Type{
	"i8": {Kind: columnar.Int8}, "i32": columnar.Int32Type, "i64": columnar.Int64Type, "u8": {Kind: columnar.Uint8}, "u64": {Kind: columnar.Uint64},
	"f32": {Kind: columnar.Float32}, "f64": columnar.Float64Type, "dec": columnar.DecimalOf(10, 2), "wide": columnar.DecimalOf(30, 5), "bool": columnar.BoolType,
	"str": columnar.StringType, "bin": columnar.BinaryType, "date": columnar.DateType, "ts": columnar.TimestampType,
	"dur": {Kind: columnar.Duration}, "fix": {Kind: columnar.FixedBinary, Width: 2},
}

var kindNames = func() []string {
	var names []string
	for n := range kinds {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}()

var testSchema = func() *columnar.Schema {
	s := &columnar.Schema{}
	for _, n := range kindNames {
		s.Fields = append(s.Fields, columnar.Field{Name: n + "_a", Type: kinds[n], Nullable: true}, columnar.Field{Name: n + "_b", Type: kinds[n], Nullable: true})
	}
	return s
}()

func decimal(unscaled int64, scale uint8) columnar.DecimalValue {
	return columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: uint64(unscaled), Hi: unscaled >> 63}, Scale: scale}
}

var testDay = time.Date(1998, 9, 2, 0, 0, 0, 0, time.UTC)

// drawValue draws a value of a type, from few, extremes among them.
func drawValue(r *rand.Rand, ty columnar.Type) any {
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	switch ty.Kind {
	case columnar.Int8:
		return pick(int64(-128), int64(-1), int64(0), int64(1), int64(2), int64(127))
	case columnar.Int32:
		return pick(int64(math.MinInt32), int64(-1), int64(0), int64(2), int64(100))
	case columnar.Int64:
		return pick(int64(math.MinInt64), int64(-7), int64(0), int64(1), int64(2), int64(3), int64(1<<53+1), int64(math.MaxInt64))
	case columnar.Uint8:
		return pick(int64(0), int64(1), int64(2), int64(255))
	case columnar.Uint64:
		return pick(int64(0), int64(2), int64(3), uint64(math.MaxUint64))
	case columnar.Float32, columnar.Float64:
		return pick(math.NaN(), math.Inf(1), math.Inf(-1), 0.0, math.Copysign(0, -1), 1.0, 2.0, -0.5, 2.5)
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: pick(decimal(-250, 0), decimal(0, 0), decimal(100, 0), decimal(200, 0), decimal(99999999, 0)).(columnar.DecimalValue).Unscaled, Scale: ty.Scale}
	case columnar.Bool:
		return pick(true, false)
	case columnar.Date:
		return pick(testDay, testDay.AddDate(0, 0, 1), time.Date(-1, 2, 28, 0, 0, 0, 0, time.UTC), time.Unix(0, 0).UTC())
	case columnar.Timestamp:
		return pick(testDay, testDay.Add(time.Microsecond), testDay.Add(-time.Microsecond), time.Unix(-1, 0).UTC())
	case columnar.Duration:
		return pick(time.Second, -time.Second, time.Duration(0))
	case columnar.FixedBinary:
		return pick([]byte{0, 0}, []byte{1, 255})
	case columnar.Binary:
		return pick([]byte{}, []byte("ab"), []byte{255})
	default:
		return pick("", "a", "ab", "Éa", "b%", "aba", "ÿ")
	}
}

// drawBatch draws a batch that begins inside its buffers, and its rows as values.
func drawBatch(t *rapid.T) (columnar.Batch, [][]any) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	skip, n := r.IntN(10), rapid.IntRange(0, 40).Draw(t, "rows")
	bb := columnar.NewBatchBuilder(testSchema, skip+n)
	rows := make([][]any, n)
	for i, f := range testSchema.Fields {
		nulls := r.IntN(2) == 0
		for k := range skip + n {
			var v any
			if !nulls || r.IntN(4) > 0 {
				v = drawValue(r, f.Type)
			}
			if err := appendValue(bb.Column(i), v); err != nil {
				t.Fatal(err)
			}
			if k >= skip {
				rows[k-skip] = append(rows[k-skip], v)
			}
		}
	}
	bb.Added(skip + n)
	b := bb.Finish().Slice(skip, n)
	if r.IntN(2) == 0 {
		b.Sel = []int32{}
		for i := range n {
			if r.IntN(2) == 0 {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b, rows
}

// trees draws well-typed expressions.
type trees struct{ t *rapid.T }

func (g trees) choose(name string, n int) int { return rapid.IntRange(0, n-1).Draw(g.t, name) }

func (g trees) column(kind string) Expr {
	return Col(kind + rapid.SampledFrom([]string{"_a", "_b"}).Draw(g.t, "side"))
}

var numberKinds = []string{"i8", "i32", "i64", "u8", "u64", "f32", "f64", "dec", "wide"}

func (g trees) literal(kind string) Expr {
	return Lit(drawValue(rand.New(rand.NewPCG(rapid.Uint64Range(0, 30).Draw(g.t, "literal"), 1)), kinds[kind]))
}

func (g trees) number(depth int) Expr {
	kind := rapid.SampledFrom(numberKinds).Draw(g.t, "kind")
	if depth == 0 {
		return g.column(kind)
	}
	switch g.choose("number", 10) {
	case 0, 1, 2:
		return g.column(kind)
	case 3:
		return g.literal(kind)
	case 4:
		return node(Op(int(OpAdd)+g.choose("op", 4)), g.number(depth-1), g.number(depth-1))
	case 5:
		return g.column("i64").Mod(g.number(0).Cast(columnar.Int64Type))
	case 6:
		return g.number(depth - 1).Neg()
	case 7:
		return g.number(depth - 1).Cast(kinds[rapid.SampledFrom(numberKinds).Draw(g.t, "to")])
	case 8:
		return If(g.predicate(depth-1), g.number(depth-1), g.number(depth-1))
	default:
		switch g.choose("function", 4) {
		case 0:
			return Coalesce(g.number(depth-1), g.number(0), g.literal("i8"))
		case 1:
			return g.text(depth - 1).Length()
		case 2:
			return node(Op(int(OpYear)+g.choose("part", 3)), g.column(rapid.SampledFrom([]string{"date", "ts"}).Draw(g.t, "time")))
		default:
			return g.column("bin").Length()
		}
	}
}

func (g trees) text(depth int) Expr {
	if depth == 0 {
		return g.column("str")
	}
	switch g.choose("text", 7) {
	case 0:
		return g.text(depth - 1).Lower()
	case 1:
		return g.text(depth - 1).Upper()
	case 2:
		return g.text(depth-1).Substring(Lit(int64(g.choose("start", 4)-1)), g.column("i8").Cast(columnar.Int64Type))
	case 3:
		return If(g.predicate(depth-1), g.text(depth-1), g.text(depth-1))
	case 4:
		return Coalesce(g.column("str"), g.text(depth-1))
	case 5:
		return g.column(rapid.SampledFrom([]string{"i64", "dec", "date", "ts", "f64"}).Draw(g.t, "from")).Cast(columnar.StringType)
	default:
		return g.column("str")
	}
}

func (g trees) predicate(depth int) Expr {
	kind := rapid.SampledFrom(kindNames).Draw(g.t, "kind")
	compare := Op(int(OpEq) + g.choose("compare", 6))
	if depth == 0 {
		return node(compare, g.column(kind), g.literal(kind))
	}
	switch g.choose("predicate", 14) {
	case 0, 1:
		return And(g.predicate(depth-1), g.predicate(depth-1), g.predicate(depth-1))
	case 2:
		return Or(g.predicate(depth-1), g.predicate(depth-1))
	case 3:
		return g.predicate(depth - 1).Not()
	case 4:
		return node(compare, g.column(kind), g.column(kind))
	case 5:
		return node(compare, g.number(depth-1), g.number(depth-1))
	case 6:
		return node(compare, g.literal("f64"), g.number(depth-1))
	case 7:
		return g.column(kind).In(g.literal(kind), g.literal(kind))
	case 8:
		return g.number(depth-1).In(g.literal("i64"), g.literal("dec"), g.literal("f64"), rapid.SampledFrom([]any{nil, 1}).Draw(g.t, "null"))
	case 9:
		op := Op(int(OpStartsWith) + g.choose("search", 3))
		return node(op, g.text(depth-1), rapid.SampledFrom([]Expr{Lit("a"), Lit(""), Col("str_b")}).Draw(g.t, "part"))
	case 10:
		return g.text(depth - 1).Like(rapid.SampledFrom([]string{"a%", "%a", "_", "a_a", "%b%", "é%", "ab"}).Draw(g.t, "pattern"))
	case 11:
		return rapid.SampledFrom([]Expr{g.column(kind).IsNull(), g.number(depth - 1).IsNull(), Lit(nil), Lit(true), g.column("bool")}).Draw(g.t, "simple")
	case 12:
		return node(compare, g.column("date"), rapid.SampledFrom([]Expr{g.column("ts"), g.literal("ts"), Lit("1998-09-02")}).Draw(g.t, "time"))
	default:
		return If(g.predicate(depth-1), g.predicate(depth-1), g.column("bool"))
	}
}

func selected(b columnar.Batch) []int32 {
	out := []int32{}
	for i := range b.Rows() {
		out = append(out, int32(b.Row(i)))
	}
	return out
}

func TestEvalAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, rows := drawBatch(t)
		g := trees{t}
		for range 10 {
			e := rapid.SampledFrom([]func(int) Expr{g.predicate, g.number, g.text}).Draw(t, "what")(3)
			checkProgram(t, e, b, rows)
		}
	})
}

// checkProgram holds e against the reference, on the selected rows and then, on used buffers, on all rows.
func checkProgram(t *rapid.T, e Expr, b columnar.Batch, rows [][]any) {
	p, err := Bind(e, testSchema)
	if err != nil {
		for _, fine := range []string{"digits after the point", "NULL has no type", "is not a value of"} {
			if strings.Contains(err.Error(), fine) {
				return
			}
		}
		t.Fatal(err)
	}
	for range 2 {
		checkEval(t, p, e, b, rows)
		if p.Type().Kind == columnar.Bool {
			checkFilter(t, p, e, b, rows)
		}
		b.Sel = nil
	}
}

func checkEval(t *rapid.T, p *Program, e Expr, b columnar.Batch, rows [][]any) {
	c, err := p.Eval(b)
	failed := false
	for _, i := range selected(b) {
		want, refErr := reference{testSchema, rows[i]}.eval(e)
		if refErr != nil {
			failed = true
			continue
		}
		if err != nil {
			continue
		}
		if got := valueAt(&c, int(i)); !sameResult(got, want) {
			t.Fatalf("%s\nrow %d of %v: got %v, want %v", e, i, rows[i], got, want)
		}
	}
	if err != nil && !failed {
		t.Fatalf("%s: %v, but no row fails", e, err)
	}
	if err == nil && failed && Fold(e).Equal(e) {
		t.Fatalf("%s: no error, but a row fails", e)
	}
	if err != nil && !errors.Is(err, ErrOverflow) && !errors.Is(err, ErrDivideByZero) && !errors.Is(err, ErrCast) {
		t.Fatalf("%s: unexpected error %v", e, err)
	}
}

func checkFilter(t *rapid.T, p *Program, e Expr, b columnar.Batch, rows [][]any) {
	var scratch []int32
	if b.Sel != nil {
		b.Sel = append(make([]int32, 0, b.Len), b.Sel...)
		scratch = b.Sel
	}
	want := []int32{}
	for _, i := range selected(b) {
		v, err := reference{testSchema, rows[i]}.eval(e)
		if err != nil {
			return // a filter evaluates less than a projection: whether it meets the error is its own affair
		}
		if v == true {
			want = append(want, i)
		}
	}
	got, err := p.EvalFilter(b, scratch)
	if err != nil {
		t.Fatalf("%s: %v, but no row fails", e, err)
	}
	if got == nil || !slices.Equal(got, want) {
		t.Fatalf("%s\nof %v selects %v, want %v", e, rows, got, want)
	}
}
