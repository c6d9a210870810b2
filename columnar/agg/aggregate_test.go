package agg

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
)

type line struct {
	Flag     string
	Quantity float64
	Tax      int32
	Ship     time.Time
	Note     *string
}

type summary struct {
	Flag     string
	N        int64
	Quantity float64
	Tax      int32
	Average  float64
	First    time.Time
	Best     line
	Flags    []string
	Note     *string
	Kinds    int64
}

var lines = []line{
	{"a", 1, 7, time.Unix(10, 0).UTC(), new("x")},
	{"b", 2, 8, time.Unix(5, 0).UTC(), nil},
	{"a", 4, 9, time.Unix(20, 0).UTC(), new("w")},
}

func summaryParts() []Part[summary, line] {
	flag := func(l line) string { return l.Flag }
	return []Part[summary, line]{
		Into(func(r *summary) *int64 { return &r.N }, Count[line]()),
		Into(func(r *summary) *float64 { return &r.Quantity }, Sum(func(l line) float64 { return l.Quantity })),
		Into(func(r *summary) *int32 { return &r.Tax }, Sum(func(l line) int32 { return l.Tax })),
		Into(func(r *summary) *float64 { return &r.Average }, Avg(func(l line) int32 { return l.Tax })),
		Into(func(r *summary) *time.Time { return &r.First }, Min(func(l line) time.Time { return l.Ship })),
		Into(func(r *summary) *line { return &r.Best }, MaxBy(func(l line) line { return l }, func(l line) float64 { return l.Quantity })),
		Into(func(r *summary) *[]string { return &r.Flags }, TopKBy(2, flag, func(l line) time.Time { return l.Ship })),
		Into(func(r *summary) **string { return &r.Note }, Min(func(l line) *string { return l.Note })),
		Into(func(r *summary) *int64 { return &r.Kinds }, CountDistinct(func(l line) struct{ F string } { return struct{ F string }{l.Flag} })),
	}
}

// fill computes one struct from records by way of columns, partial states and results.
func fill[R, In any](t *testing.T, parts []Part[R, In], records []In) R {
	t.Helper()
	var r R
	for _, p := range parts {
		if p.Err != nil {
			t.Fatal(p.Err)
		}
		x := p.Select.New()
		for _, v := range records {
			x.Append(v)
		}
		cols, err := x.Finish()
		must(t, err)
		acc, final := p.New(), p.New()
		acc.Grow(1)
		final.Grow(1)
		must(t, acc.Add(make([]int32, len(records)), cols, nil))
		state, err := acc.State(0, 1)
		must(t, err)
		must(t, final.Merge([]int32{0}, state, nil))
		result, err := final.Result(0, 1)
		must(t, err)
		set, err := p.Bind(result)
		must(t, err)
		set(0, &r)
		acc.Free()
		final.Free()
	}
	return r
}

func TestInto(t *testing.T) {
	want := summary{
		N: 3, Quantity: 7, Tax: 24, Average: 8, First: lines[1].Ship, Best: lines[2], Flags: []string{"a", "a"}, Note: new("w"), Kinds: 2,
	}
	if diff := gocmp.Diff(want, fill(t, summaryParts(), lines)); diff != "" {
		t.Error(diff)
	}
}

func TestIntoOfNothing(t *testing.T) {
	if diff := gocmp.Diff(summary{}, fill(t, summaryParts(), nil)); diff != "" {
		t.Error("want the zero value: ", diff)
	}
}

// spread is a user's aggregate: the words seen, and how many.
type spread struct {
	Words []string
	N     int64
}

func TestUserDefined(t *testing.T) {
	a := Of(Func[line, spread, string]{
		Name: "spread",
		New:  func() spread { return spread{Words: []string{"start"}} },
		Add: func(s *spread, l line) {
			s.Words = append(s.Words, l.Flag)
			s.N++
		},
		Merge: func(s *spread, by spread) {
			s.Words = append(s.Words, by.Words...)
			s.N += by.N
		},
		Result: func(s spread) string { return strings.Join(s.Words, " ") + strings.Repeat("!", int(s.N)) },
	})
	got := fill(t, []Part[string, line]{Into(func(r *string) *string { return r }, a)}, lines)
	if want := "start start a b a!!!"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUserDefinedErrors(t *testing.T) {
	add := func(*int64, line) {}
	merge := func(*int64, int64) {}
	for name, err := range map[string]error{
		"without functions": Of(Func[line, int64, int64]{Name: "mine"}).Err,
		"state":             Of(Func[line, chan int, int64]{Name: "mine", Add: func(*chan int, line) {}, Merge: func(*chan int, chan int) {}, Result: func(chan int) int64 { return 0 }}).Err,
		"result":            Of(Func[line, int64, func()]{Name: "mine", Add: add, Merge: merge, Result: func(int64) func() { return nil }}).Err,
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "mine: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTypeErrors(t *testing.T) {
	for name, err := range map[string]error{
		"min of a struct":     Min(func(l line) line { return l }).Err,
		"collect of channels": Collect(func(line) chan int { return nil }).Err,
		"quantile 2":          Quantile(2, func(l line) float64 { return l.Quantity }).Err,
		"top 0":               TopK(0, func(l line) string { return l.Flag }).Err,
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, c := range []struct {
		name  string
		input []columnar.Type
		want  string
	}{
		{"median", nil, `no aggregate "median"; there are approx_distinct, avg,`},
		{"sum", nil, "sum of 0 columns: it takes 1"},
		{"count", make([]columnar.Type, 2), "count of 2 columns: it takes 0 or 1"},
		{"sum", []columnar.Type{columnar.StringType}, "sum of a column of string: it takes numbers and durations"},
		{"avg", []columnar.Type{columnar.DateType}, "avg of a column of date: it takes numbers"},
	} {
		if _, err := Builtin(c.name, c.input); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// addAll gives the column to a new accumulator, as one group.
func addAll(f Function, cols ...columnar.Column) (Accumulator, error) {
	acc := f.New()
	acc.Grow(1)
	return acc, acc.Add(make([]int32, cols[0].Len), cols, nil)
}

func TestSumOverflow(t *testing.T) {
	big := columnar.Decimal128{Lo: math.MaxUint64, Hi: math.MaxInt64}
	for name, c := range map[string]columnar.Column{
		"int64":    columnar.Of(columnar.Int64Type, []int64{math.MaxInt64, 1, -1}, columnar.Bitmap{}),
		"negative": columnar.Of(columnar.Int64Type, []int64{math.MinInt64, -1}, columnar.Bitmap{}),
		"uint64":   columnar.Of(columnar.Type{Kind: columnar.Uint64}, []uint64{math.MaxUint64, 1}, columnar.Bitmap{}),
		"decimal":  columnar.Of(columnar.DecimalOf(38, 2), []columnar.Decimal128{big, {Lo: 1}}, columnar.Bitmap{}),
	} {
		f, err := SumOf(c.Type)
		must(t, err)
		var overflow *OverflowError
		if _, err := addAll(f, c); !errors.As(err, &overflow) || overflow.Aggregate != "sum" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	narrow := Sum(func(v int8) int8 { return v })
	acc, err := addAll(narrow.Function, columnar.Of(columnar.Type{Kind: columnar.Int8}, []int8{100, 100}, columnar.Bitmap{}))
	must(t, err)
	var overflow *OverflowError
	if _, err := acc.Result(0, 1); !errors.As(err, &overflow) || overflow.Type.Kind != columnar.Int8 {
		t.Errorf("int8: got %v", err)
	}
}

func TestAverageIsExact(t *testing.T) {
	f, err := AvgOf(columnar.Int64Type)
	must(t, err)
	acc, err := addAll(f, columnar.Of(columnar.Int64Type, []int64{math.MaxInt64, math.MaxInt64, math.MinInt64, 3}, columnar.Bitmap{}))
	must(t, err)
	result, err := acc.Result(0, 1)
	must(t, err)
	if got, want := columnar.Values[float64](result)[0], (float64(math.MaxInt64)+2)/4; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	f, err = AvgOf(columnar.DecimalOf(10, 2))
	must(t, err)
	acc, err = addAll(f, columnar.Of(columnar.DecimalOf(10, 2), []columnar.Decimal128{{Lo: 100}, {Lo: 100}, {Lo: 0}}, columnar.Bitmap{}))
	must(t, err)
	result, err = acc.Result(0, 1)
	must(t, err)
	d := columnar.DecimalValue{Unscaled: columnar.Values[columnar.Decimal128](result)[0], Scale: result.Type.Scale}
	if d.String() != "0.666667" {
		t.Errorf("got %v of %v", d, result.Type)
	}
}

func TestApproxDistinctError(t *testing.T) {
	f, err := ApproxDistinctOf(columnar.Int64Type)
	must(t, err)
	for _, n := range []int{0, 1, 100, 1000, 1025, 20_000, 300_000} {
		values := make([]int64, n)
		for i := range values {
			values[i] = int64(i) * 977
		}
		acc, err := addAll(f, columnar.Of(columnar.Int64Type, values, columnar.Bitmap{}))
		must(t, err)
		result, err := acc.Result(0, 1)
		must(t, err)
		got := float64(columnar.Values[int64](result)[0])
		if math.Abs(got-float64(n)) > 3*0.0081*float64(n)+0.5 {
			t.Errorf("%d distinct values are estimated as %v", n, got)
		}
		if n > 10_000 && acc.Size() > 20_000 {
			t.Errorf("%d values take %d bytes", n, acc.Size())
		}
	}
}

func TestSketchRefusesForeignBytes(t *testing.T) {
	for _, p := range [][]byte{{1}, make([]byte, hllRegisters+4), {60, 0, 0, 0}, {1, 0, 0x40, 0}, slices.Repeat([]byte{99}, hllRegisters)} {
		if _, err := new(sketch).merge(p); err == nil {
			t.Errorf("%d bytes were merged", len(p))
		}
	}
}

func FuzzSketchMerge(f *testing.F) {
	f.Add([]byte{1, 5, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		var s, again sketch
		if _, err := s.merge(p); err != nil {
			return
		}
		if _, err := again.merge(s.encode()); err != nil || again.estimate() != s.estimate() {
			t.Errorf("encoded again: %v", err)
		}
	})
}

func TestQuantileError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 20_000)
	for i := range values {
		values[i] = math.Exp(r.NormFloat64()*20) * float64(1-2*r.IntN(2))
	}
	values[0], values[1], values[2], values[3] = math.MaxFloat64, math.SmallestNonzeroFloat64, 0, math.Inf(-1)
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	for _, p := range []float64{0, 0.0001, 0.01, 0.3, 0.5, 0.9, 0.999, 1} {
		f, err := QuantileOf(columnar.Float64Type, p)
		must(t, err)
		acc, err := addAll(f, columnar.Of(columnar.Float64Type, slices.Clone(values), columnar.Bitmap{}))
		must(t, err)
		result, err := acc.Result(0, 1)
		must(t, err)
		got, want := columnar.Values[float64](result)[0], sorted[int(p*float64(len(sorted)-1))]
		if got != want && !(math.Abs(got-want) <= accuracy*math.Abs(want)*(1+1e-9)) {
			t.Errorf("quantile %v: got %v, want %v", p, got, want)
		}
	}
}

// TestManyRows has the accumulators that keep rows throw some away.
func TestManyRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const batches, rows, groups = 20, 3000, 7
	last, top := LastOf(columnar.StringType).New(), must1(TopKOf(columnar.Int64Type, 5)).New()
	maxText, distinct := must1(MaxOf(columnar.StringType)).New(), must1(CountDistinctOf(columnar.StringType)).New()
	defer distinct.Free()
	wantLast, wantTop, wantMax := make([]string, groups), make([][]int64, groups), make([]string, groups)
	seen := map[[2]any]bool{}
	for range batches {
		texts, numbers := columnar.NewBuilder(columnar.StringType, rows), make([]int64, rows)
		ids := make([]int32, rows)
		for i := range rows {
			s := strings.Repeat("x", r.IntN(20)) + string(rune('a'+r.IntN(26)))
			texts.AppendString(s)
			numbers[i], ids[i] = r.Int64N(1000), int32(r.IntN(groups))
			g := ids[i]
			wantLast[g], wantMax[g] = s, max(wantMax[g], s)
			wantTop[g] = append(wantTop[g], numbers[i])
			seen[[2]any{g, s}] = true
		}
		text := []columnar.Column{texts.Finish()}
		number := []columnar.Column{columnar.Of(columnar.Int64Type, numbers, columnar.Bitmap{})}
		for acc, in := range map[Accumulator][]columnar.Column{last: text, top: number, maxText: text, distinct: text} {
			acc.Grow(groups)
			must(t, acc.Add(ids, in, nil))
		}
	}
	if limit := 4 * 8 * columnar.DefaultRows; top.Size() > limit {
		t.Errorf("top_k of 5 holds %d bytes", top.Size())
	}
	for acc, want := range map[Accumulator][]string{last: wantLast, maxText: wantMax} {
		c, err := acc.Result(0, groups)
		must(t, err)
		for g := range want {
			if got := c.Text(g); got != want[g] {
				t.Errorf("group %d: got %q, want %q", g, got, want[g])
			}
		}
	}
	c, err := top.Result(2, groups)
	must(t, err)
	for g := 2; g < groups; g++ {
		slices.SortFunc(wantTop[g], func(a, b int64) int { return int(b - a) })
		got := columnar.Values[int64](c.Children[0])[c.Offsets[g-2]:c.Offsets[g-1]]
		if !slices.Equal(got, wantTop[g][:5]) {
			t.Errorf("group %d: got %v, want %v", g, got, wantTop[g][:5])
		}
	}
	counts, err := distinct.Result(0, groups)
	must(t, err)
	total := int64(0)
	for _, n := range columnar.Values[int64](counts) {
		total += n
	}
	if total != int64(len(seen)) {
		t.Errorf("%d distinct values, want %d", total, len(seen))
	}
}

func must1(f Function, err error) Function {
	if err != nil {
		panic(err)
	}
	return f
}
