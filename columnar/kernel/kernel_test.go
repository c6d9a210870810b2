package kernel

import (
	"cmp"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// order is the total order that the package promises.
func order[T Number](a, b T) int {
	switch {
	case a != a || b != b:
		return b2i(a != a) - b2i(b != b)
	default:
		return cmp.Compare(a, b) // -0.0 and 0.0 are equal for cmp.Compare
	}
}

// drawSel draws a selection of n rows, nil one time in three.
func drawSel(t *rapid.T, n int) []int32 {
	if rapid.IntRange(0, 2).Draw(t, "all") == 0 {
		return nil
	}
	sel := []int32{}
	for i := range n {
		if rapid.Bool().Draw(t, "in") {
			sel = append(sel, int32(i))
		}
	}
	return sel
}

// want returns the rows of sel for which pass is true.
func want(n int, sel []int32, pass func(i int) bool) []int32 {
	out := []int32{}
	if sel == nil {
		sel = All(n, make([]int32, n))
	}
	for _, i := range sel {
		if pass(int(i)) {
			out = append(out, i)
		}
	}
	return out
}

// check runs a filter with fresh output and in place.
func check(t *rapid.T, name string, n int, sel []int32, pass func(i int) bool, run func(sel, out []int32) []int32) {
	t.Helper()
	expected := want(n, sel, pass)
	if got := run(sel, make([]int32, n)); !slices.Equal(got, expected) {
		t.Fatalf("%s of %v: got %v, want %v", name, sel, got, expected)
	}
	if sel != nil {
		own := slices.Clone(sel)
		if got := run(own, own); !slices.Equal(got, expected) {
			t.Fatalf("%s of %v in place: got %v, want %v", name, sel, got, expected)
		}
	}
}

func testCompare[T Number](t *testing.T, values *rapid.Generator[T]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(values, 0, 100).Draw(t, "a")
		b := rapid.SliceOfN(values, len(a), len(a)).Draw(t, "b")
		c, d := values.Draw(t, "c"), values.Draw(t, "d")
		sel := drawSel(t, len(a))
		for op := Eq; op <= Ge; op++ {
			if c == c {
				check(t, "scalar", len(a), sel, func(i int) bool { return op.Holds(order(a[i], c)) },
					func(sel, out []int32) []int32 { return CompareScalar(op, a, c, sel, out) })
			}
			check(t, "vectors", len(a), sel, func(i int) bool { return op.Holds(order(a[i], b[i])) },
				func(sel, out []int32) []int32 { return CompareVectors(op, a, b, sel, out) })
			if op.Holds(order(c, d)) == op.Negated().Holds(order(c, d)) || op.Holds(order(c, d)) != op.Flipped().Holds(order(d, c)) {
				t.Fatalf("operation %d negates or flips wrongly", op)
			}
		}
		set := NewSet(slices.DeleteFunc(slices.Clone(b), func(x T) bool { return x != x }))
		check(t, "in", len(a), sel, func(i int) bool { return slices.Contains(b, a[i]) == (c == 0) },
			func(sel, out []int32) []int32 { return InSet(set, c == 0, a, sel, out) })
		testReduce(t, a, sel)
	})
}

func testReduce[T Number](t *rapid.T, a []T, sel []int32) {
	t.Helper()
	rows := want(len(a), sel, func(int) bool { return true })
	lo, ok := Min(a, sel)
	hi, ok2 := Max(a, sel)
	if ok != (len(rows) > 0) || ok2 != ok {
		t.Fatalf("min of %d rows: %v, max: %v", len(rows), ok, ok2)
	}
	var sum T
	for _, i := range rows {
		sum += a[i]
		if order(a[i], lo) < 0 || order(a[i], hi) > 0 {
			t.Fatalf("%v is not within %v and %v", a[i], lo, hi)
		}
	}
	if got := Sum(a, sel); order(got, sum) != 0 {
		t.Fatalf("sum %v, want %v", got, sum)
	}
}

func TestCompare(t *testing.T) {
	t.Run("int8", func(t *testing.T) { testCompare(t, rapid.Int8Range(-3, 3)) })
	t.Run("int64", func(t *testing.T) { testCompare(t, rapid.Int64()) })
	t.Run("uint64", func(t *testing.T) { testCompare(t, rapid.Uint64Range(math.MaxUint64-3, math.MaxUint64)) })
	t.Run("float64", func(t *testing.T) {
		testCompare(t, rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1}))
	})
	t.Run("float32", func(t *testing.T) { testCompare(t, rapid.SampledFrom([]float32{float32(math.NaN()), 0, 1, -1})) })
}

func TestNaNs(t *testing.T) {
	v := []float64{1, math.NaN(), math.Inf(1)}
	for _, sel := range [][]int32{nil, {0, 1, 2}} {
		if diff := gocmp.Diff([]int32{1}, NaNs(v, true, sel, make([]int32, 3))); diff != "" {
			t.Error(diff)
		}
		if diff := gocmp.Diff([]int32{0, 2}, NaNs(v, false, sel, make([]int32, 3))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSelections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		sel := drawSel(t, n)
		drop := want(n, sel, func(int) bool { return rapid.Bool().Draw(t, "drop") })
		check(t, "without", n, sel, func(i int) bool { return !slices.Contains(drop, int32(i)) },
			func(sel, out []int32) []int32 { return Without(n, sel, drop, out) })
	})
}

// drawBits draws n bits at a random offset in bytes that end where the bits do.
func drawBits(t *rapid.T, n int) Bits {
	off := rapid.IntRange(0, 20).Draw(t, "offset")
	return Bits{Bytes: rapid.SliceOfN(rapid.Byte(), (off+n+7)/8, (off+n+7)/8).Draw(t, "bits"), Off: off}
}

func TestBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "n")
		a, b := drawBits(t, n), drawBits(t, n)
		va, vb := drawBits(t, n), drawBits(t, n)
		if rapid.Bool().Draw(t, "no nulls") {
			va = Bits{}
		}
		out, valid := make([]byte, (n+7)/8), make([]byte, (n+7)/8)
		same := func(name string, got []byte, want func(i int32) int) {
			for i := range int32(n) {
				if g, w := (Bits{Bytes: got}).get(i), want(i); g != w {
					t.Fatalf("%s: bit %d is %d, want %d", name, i, g, w)
				}
			}
		}
		CopyBits(a, n, out)
		same("copy", out, a.get)
		NotBits(a, n, out)
		same("not", out, func(i int32) int { return 1 - a.get(i) })
		AndBits(a, b, n, out)
		same("and", out, func(i int32) int { return a.get(i) & b.get(i) })
		OrBits(a, b, n, out)
		same("or", out, func(i int32) int { return a.get(i) | b.get(i) })

		// Three values: 0 false, 1 true, 2 null.
		value := func(v, valid Bits, i int32) int {
			if valid.Bytes != nil && valid.get(i) == 0 {
				return 2
			}
			return v.get(i)
		}
		same3 := func(name string, table [3][3]int) {
			for i := range int32(n) {
				g, w := value(Bits{Bytes: out}, Bits{Bytes: valid}, i), table[value(a, va, i)][value(b, vb, i)]
				if g != w {
					t.Fatalf("%s: row %d is %d, want %d", name, i, g, w)
				}
			}
		}
		And3(a, va, b, vb, n, out, valid)
		same3("and", [3][3]int{{0, 0, 0}, {0, 1, 2}, {0, 2, 2}})
		Or3(a, va, b, vb, n, out, valid)
		same3("or", [3][3]int{{0, 1, 2}, {1, 1, 1}, {2, 1, 2}})

		sel := drawSel(t, n)
		for _, wanted := range []bool{true, false} {
			check(t, "select", n, sel, func(i int) bool { return a.get(int32(i)) == b2i(wanted) },
				func(sel, out []int32) []int32 { return SelectBits(a, wanted, n, sel, out) })
		}
		rows := want(n, nil, func(i int) bool { return a.get(int32(i)) == 1 })
		if CountBits(a, n) != len(rows) {
			t.Fatalf("counted %d, want %d", CountBits(a, n), len(rows))
		}
		FillBits(out, false)
		SetBits(rows, out)
		same("set", out, a.get)
		FillBits(out, true)
		ClearBits(rows, out)
		same("clear", out, func(i int32) int { return 1 - a.get(i) })
	})
}

func toBig(a Int128) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(a.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(a.Lo))
}

// draw128 draws decimals of any size up to 38 digits, extremes often.
func draw128(t *rapid.T, name string) Int128 {
	p := PowerOfTen(rapid.IntRange(0, MaxDigits).Draw(t, name))
	v := Int128{Lo: rapid.Uint64().Draw(t, name), Hi: rapid.Int64().Draw(t, name)}
	_, r := v.QuoRem(p)
	if rapid.IntRange(0, 5).Draw(t, name) == 0 {
		r, _ = p.Sub(Int128{Lo: 1})
	}
	return r
}

func TestInt128(t *testing.T) {
	limit := toBig(PowerOfTen(MaxDigits))
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw128(t, "a"), draw128(t, "b")
		x, y := toBig(a), toBig(b)
		same := func(name string, got Int128, ok bool, want *big.Int) {
			t.Helper()
			fits := new(big.Int).Abs(want).Cmp(limit) < 0
			if ok != fits || ok && toBig(got).Cmp(want) != 0 {
				t.Fatalf("%s of %v and %v: got %v %v, want %v", name, x, y, toBig(got), ok, want)
			}
		}
		r, ok := a.Add(b)
		same("sum", r, ok, new(big.Int).Add(x, y))
		r, ok = a.Sub(b)
		same("difference", r, ok, new(big.Int).Sub(x, y))
		r, ok = a.Mul(b)
		same("product", r, ok, new(big.Int).Mul(x, y))
		same("negative", a.Neg(), true, new(big.Int).Neg(x))
		if b != (Int128{}) {
			q, m := a.QuoRem(b)
			wq, wm := new(big.Int).QuoRem(x, y, new(big.Int))
			same("quotient", q, true, wq)
			same("remainder", m, true, wm)
		}
		if a.Cmp(b) != x.Cmp(y) {
			t.Fatalf("comparing %v with %v gives %d", x, y, a.Cmp(b))
		}
		k := rapid.IntRange(-40, 40).Draw(t, "digits")
		r, ok = a.Rescale(k)
		same("rescale", r, ok, rescaled(x, k))
		exact, _ := new(big.Rat).SetFrac(x, toBig(PowerOfTen(5))).Float64()
		if got := a.Float64(5); math.Abs(got-exact) > math.Abs(exact)*4e-16 {
			t.Fatalf("%v as float64: %v, want %v", x, got, exact)
		}
	})
}

// rescaled shifts x by k digits, rounding half away from zero.
func rescaled(x *big.Int, k int) *big.Int {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(k, -k))), nil)
	if k >= 0 {
		return p.Mul(p, x)
	}
	half := new(big.Int).Quo(p, big.NewInt(2))
	if x.Sign() < 0 {
		half.Neg(half)
	}
	return half.Quo(half.Add(half, x), p)
}

func TestCompare128(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "n")
		a, b := make([]Int128, n), make([]Int128, n)
		for i := range a {
			a[i], b[i] = draw128(t, "a"), draw128(t, "b")
		}
		c := draw128(t, "c")
		sel := drawSel(t, n)
		for op := Eq; op <= Ge; op++ {
			check(t, "scalar", n, sel, func(i int) bool { return op.Holds(a[i].Cmp(c)) },
				func(sel, out []int32) []int32 { return CompareScalar128(op, a, c, sel, out) })
			check(t, "vectors", n, sel, func(i int) bool { return op.Holds(a[i].Cmp(b[i])) },
				func(sel, out []int32) []int32 { return CompareVectors128(op, a, b, sel, out) })
		}
	})
}

// exact computes x op y in big integers; ok is false for division by zero.
func exact(op Operation, x, y *big.Int) (r *big.Int, ok bool) {
	r = new(big.Int)
	switch {
	case op == Add:
		return r.Add(x, y), true
	case op == Sub:
		return r.Sub(x, y), true
	case op == Mul:
		return r.Mul(x, y), true
	case y.Sign() == 0:
		return r, false
	case op == Div:
		return r.Quo(x, y), true
	default:
		return r.Rem(x, y), true
	}
}

// checkArith compares a checked kernel with exact arithmetic, for every mix of vectors and scalars.
func checkArith[T comparable](t *rapid.T, draw func(name string) T, toBig func(T) *big.Int, run func(Operation, Operand[T], Operand[T], []int32, []T) int32, fits func(*big.Int) bool) {
	n := rapid.IntRange(0, 40).Draw(t, "n")
	a, b := Operand[T]{Scalar: draw("a")}, Operand[T]{Scalar: draw("b")}
	if rapid.Bool().Draw(t, "a is a vector") {
		a.Values = make([]T, n)
		for i := range a.Values {
			a.Values[i] = draw("a")
		}
	}
	if rapid.Bool().Draw(t, "b is a vector") {
		b.Values = make([]T, n)
		for i := range b.Values {
			b.Values[i] = draw("b")
		}
	}
	sel := drawSel(t, n)
	op := Operation(rapid.IntRange(0, int(Mod)).Draw(t, "op"))
	out := make([]T, n)
	bad := run(op, a, b, sel, out)
	for _, i := range want(n, sel, func(int) bool { return true }) {
		r, ok := exact(op, toBig(a.at(i)), toBig(b.at(i)))
		if ok = ok && fits(r); !ok {
			if bad != i {
				t.Fatalf("row %d: %v %d %v does not fit, but the kernel names row %d", i, a.at(i), op, b.at(i), bad)
			}
			return
		}
		if toBig(out[i]).Cmp(r) != 0 {
			t.Fatalf("row %d: %v %d %v = %v, want %v", i, a.at(i), op, b.at(i), out[i], r)
		}
	}
	if bad != -1 {
		t.Fatalf("row %d does not fit, says the kernel", bad)
	}
}

func TestArith(t *testing.T) {
	t.Run("int64", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			edge := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-9, 9), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -1}), rapid.Int64Range(-1<<31, 1<<31))
			checkArith(t, func(name string) int64 { return edge.Draw(t, name) }, big.NewInt, ArithInt64, (*big.Int).IsInt64)
		})
	})
	t.Run("uint64", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			edge := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 9), rapid.Uint64Range(0, 1<<32))
			checkArith(t, func(name string) uint64 { return edge.Draw(t, name) }, func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }, ArithUint64, (*big.Int).IsUint64)
		})
	})
	t.Run("decimal", func(t *testing.T) {
		limit := toBig(PowerOfTen(MaxDigits))
		rapid.Check(t, func(t *rapid.T) {
			checkArith(t, func(name string) Int128 { return draw128(t, name) }, toBig, Arith128, func(r *big.Int) bool { return r.CmpAbs(limit) < 0 })
		})
	})
	t.Run("unchecked", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.SliceOfN(rapid.Float64(), 1, 30).Draw(t, "a")
			b := rapid.SliceOfN(rapid.Float64(), len(a), len(a)).Draw(t, "b")
			sel := drawSel(t, len(a))
			for op := Add; op <= Div; op++ {
				for _, operands := range [][2]Operand[float64]{{{Values: a}, {Values: b}}, {{Values: a}, {Scalar: b[0]}}, {{Scalar: a[0]}, {Values: b}}, {{Scalar: a[0]}, {Scalar: b[0]}}} {
					x, y := operands[0], operands[1]
					out := make([]float64, len(a))
					Arith(op, x, y, sel, out)
					for _, i := range want(len(a), sel, func(int) bool { return true }) {
						if w := one(op, x.at(i), y.at(i)); order(out[i], w) != 0 {
							t.Fatalf("row %d: got %v, want %v", i, out[i], w)
						}
					}
				}
			}
		})
	})
}

func TestCasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-300, 300)), 1, 20).Draw(t, "v")
		sel := drawSel(t, len(v))
		rows := want(len(v), sel, func(int) bool { return true })
		first := func(fits func(int64) bool) int32 {
			for _, i := range rows {
				if !fits(v[i]) {
					return i
				}
			}
			return -1
		}
		small := make([]int8, len(v))
		if got, w := Narrow(v, sel, small), first(func(x int64) bool { return -128 <= x && x <= 127 }); got != w {
			t.Fatalf("int8: %d, want %d", got, w)
		}
		unsigned := make([]uint64, len(v))
		if got, w := Narrow(v, sel, unsigned), first(func(x int64) bool { return x >= 0 }); got != w {
			t.Fatalf("uint64: %d, want %d", got, w)
		}
		f := make([]float64, len(v))
		Widen(v, nil, f)
		if got, w := Truncate(f, sel, small), first(func(x int64) bool { return -128 <= x && x <= 127 }); got != w {
			t.Fatalf("float to int8: %d, want %d", got, w)
		}
		d := make([]Int128, len(v))
		if bad := Int128s(v, 2, nil, d); bad >= 0 {
			t.Fatalf("row %d of %v is no decimal", bad, v)
		}
		back := make([]int64, len(v))
		if bad := Integers(d, 2, nil, back); bad >= 0 || !slices.Equal(back, v) {
			t.Fatalf("%v came back from decimal as %v, row %d", v, back, bad)
		}
	})
	out := make([]uint64, 1)
	for x, ok := range map[float64]bool{math.NaN(): false, -0.9: true, -1: false, 1 << 63: true, 1 << 64: false, math.Inf(1): false} {
		if got := Truncate([]float64{x}, nil, out) < 0; got != ok {
			t.Errorf("%v fits uint64: %v", x, got)
		}
	}
	for x, w := range map[float64]string{0.05: "5", 1e30: "100000000000000000000000000000000", -2.345: "-235", 1.005: "100"} {
		if d, ok := OfFloat(x, 2); !ok || x < 1e20 && toBig(d).String() != w {
			t.Errorf("%v with 2 digits is %v", x, toBig(d))
		}
	}
	if _, ok := OfFloat(1e38, 0); ok {
		t.Error("1e38 passes as a decimal")
	}
}

func drawTexts(t *rapid.T, n int, name string) ([]string, Texts) {
	s := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("abé%_")), 0, 6, -1), n, n).Draw(t, name)
	texts := Texts{Bytes: []byte("xx"), Offsets: []int32{2}}
	for _, v := range s {
		texts.Bytes = append(texts.Bytes, v...)
		texts.Offsets = append(texts.Offsets, int32(len(texts.Bytes)))
	}
	return s, texts
}

func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		a, ta := drawTexts(t, n, "a")
		b, tb := drawTexts(t, n, "b")
		c := rapid.StringOfN(rapid.SampledFrom([]rune("abé")), 0, 3, -1).Draw(t, "c")
		sel := drawSel(t, n)
		for op := Eq; op <= Ge; op++ {
			check(t, "scalar", n, sel, func(i int) bool { return op.Holds(strings.Compare(a[i], c)) },
				func(sel, out []int32) []int32 { return CompareText(op, ta, []byte(c), sel, out) })
			check(t, "vectors", n, sel, func(i int) bool { return op.Holds(strings.Compare(a[i], b[i])) },
				func(sel, out []int32) []int32 { return CompareTexts(op, ta, tb, sel, out) })
		}
		if c != "" {
			check(t, "contains", n, nil, func(i int) bool { return strings.Contains(a[i], c) },
				func(_, out []int32) []int32 { return Containing(ta, []byte(c), out) })
		}
		set := NewTextSet(b)
		check(t, "in", n, sel, func(i int) bool { return !slices.Contains(b, a[i]) },
			func(sel, out []int32) []int32 { return InTextSet(set, false, ta, sel, out) })
	})
}

// pattern returns the regular expression that a LIKE pattern stands for.
func pattern(like string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for i, c := range like {
		switch {
		case escaped || c != '%' && c != '_' && (c != '\\' || i+1 == len(like)):
			b.WriteString(regexp.QuoteMeta(string(c)))
			escaped = false
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteString(".")
		default:
			escaped = true
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

func TestLike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		like := rapid.StringOfN(rapid.SampledFrom([]rune(`aab%%_é\`)), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.SampledFrom([]rune(`aabé%_\`)), 0, 10, -1).Draw(t, "s")
		p := Like(like)
		if got, w := p.Match([]byte(s)), pattern(like).MatchString(s); got != w {
			t.Fatalf("%q LIKE %q is %v, want %v", s, like, got, w)
		}
		part, enough := p.Part()
		if contains := strings.Contains(s, string(part)); p.Match([]byte(s)) && !contains || enough && contains != p.Match([]byte(s)) {
			t.Fatalf("%q LIKE %q has the part %q, enough %v", s, like, part, enough)
		}
		prefix, open, whole := p.Prefix()
		if p.Match([]byte(s)) && !strings.HasPrefix(s, string(prefix)) {
			t.Fatalf("%q LIKE %q without its prefix %q", s, like, prefix)
		}
		if whole && p.Match([]byte(s)) != (open && strings.HasPrefix(s, string(prefix)) || s == string(prefix)) {
			t.Fatalf("%q LIKE %q is more than its prefix %q", s, like, prefix)
		}
	})
}

func TestSumInteger(t *testing.T) {
	v := []int64{math.MaxInt64, math.MaxInt64, math.MinInt64, -5}
	if got := toBig(SumInteger(v, nil)).String(); got != "9223372036854775801" {
		t.Error(got)
	}
	if got := toBig(SumInteger(v, []int32{0, 1})).String(); got != "18446744073709551614" {
		t.Error(got)
	}
}
