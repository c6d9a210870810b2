package expr_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

var day = time.Date(1998, 9, 2, 0, 0, 0, 0, time.UTC)

func TestString(t *testing.T) {
	a, b := expr.Col("a"), expr.Col("b")
	tests := []struct {
		e    expr.Expr
		want string
	}{
		{
			expr.Col("l_shipdate").Le(day).And(expr.Col("l_discount").Between(0.05, 0.07)),
			"l_shipdate <= 1998-09-02 AND l_discount >= 0.05 AND l_discount <= 0.07",
		},
		{a.Or(b).And(a.Not()), "(a OR b) AND NOT a"},
		{a.And(b).Or(a).Not(), "NOT (a AND b OR a)"},
		{a.Add(b).Mul(2).Sub(a.Sub(b)), "(a + b) * 2 - (a - b)"},
		{a.Sub(b).Sub(1), "a - b - 1"},
		{a.Neg().Neg(), "-(-a)"},
		{expr.Lit(-5).Neg(), "-(-5)"},
		{a.Sub(-5), "a - -5"},
		{a.In("x", "it's", nil).Not(), "a NOT IN ('x', 'it''s', NULL)"},
		{a.Like("x%").Not().And(a.IsNotNull()), "a NOT LIKE 'x%' AND a IS NOT NULL"},
		{expr.Col("odd name").Eq(expr.Col("and")), `"odd name" = "and"`},
		{expr.If(a, 1.0, 1e300), "if(a, 1.0, 1e+300)"},
		{a.Cast(columnar.DecimalOf(15, 2)).Lt(math.NaN()), "cast(a AS decimal(15,2)) < float64 'NaN'"},
		{a.Eq([]byte{0, 255}), "a = x'00ff'"},
		{a.Eq(columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: math.MaxUint64, Hi: -1}, Scale: 2}), "a = decimal '-0.01'"},
		{a.Lt(day.Add(90 * time.Minute)), "a < 1998-09-02T01:30:00Z"},
		{a.Lt(time.Hour), "a < duration '1h0m0s'"},
		{a.Eq(b).Eq(true), "(a = b) = TRUE"},
		{a.Substring(1, 2).Lower().Length(), "length(lower(substring(a, 1, 2)))"},
	}
	for _, tt := range tests {
		if got := tt.e.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	a, b := expr.Col("a"), expr.Col("b")
	tests := []struct {
		text string
		want expr.Expr
	}{
		{"a > 3 and b like 'x%'", a.Gt(3).And(b.Like("x%"))},
		{"not a = 1 or b", a.Eq(1).Not().Or(b)},
		{"a between 1 and 5 and b", a.Between(1, 5).And(b)},
		{"a not between -1 and 5", a.Between(-1, 5).Not()},
		{"a + 2 * b - 1", a.Add(expr.Lit(2).Mul(b)).Sub(1)},
		{"a is not null", a.IsNull().Not()},
		{"a in ('x', -2, null)", a.In("x", -2, nil)},
		{"a in ()", a.In()},
		{"case when a then 1 when b then 2 end", expr.If(a, 1, expr.If(b, 2, nil))},
		{"CAST(a AS double) != .5", a.Cast(columnar.Float64Type).Ne(0.5)},
		{"cast(a as decimal(15, 2))", a.Cast(columnar.DecimalOf(15, 2))},
		{"-9223372036854775808 < 18446744073709551615", expr.Lit(int64(math.MinInt64)).Lt(uint64(math.MaxUint64))},
		{"1998-09-02 = timestamp '1998-09-02T02:00:00+02:00'", expr.Lit(day).Eq(day)},
		{"date '1998-09-02'", expr.Lit(day)},
		{"0.12345678901234567890", expr.Lit(columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: 12345678901234567890}, Scale: 20})},
		{`"a b" = x'0aFF'`, expr.Col("a b").Eq([]byte{10, 255})},
		{"date = year(t)", expr.Col("date").Eq(expr.Col("t").Year())},
		{"coalesce(a, b, 0)", expr.Coalesce(a, b, 0)},
	}
	for _, tt := range tests {
		got, err := expr.Parse(tt.text)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%s: got %s, want %s, error %v", tt.text, got, tt.want, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":               "at character 1, the end: a column, a value or '(' should stand here",
		"a >":            "at character 4, the end: a column, a value or '(' should stand here",
		"é = 'x":         `at character 5, "'x": the quote is never closed`,
		"a b":            `at character 3, "b": the expression should end here, or go on with an operator`,
		"a in (b)":       `at character 7, "b)": IN lists constants`,
		"f(a)":           `at character 1, "f(a)": there is no such function`,
		"lower(a, b)":    `at character 1, "lower(a, b)": lower has 2 arguments`,
		"a not = 1":      `at character 7, "= 1": NOT is followed here by IN, LIKE or BETWEEN`,
		"a & b":          `at character 3, "& b": this character has no meaning here`,
		"1998-13-01 < a": `at character 1, "1998-13-01 < a": "1998-13-01" is not a date or time such as 1998-09-02 or 1998-09-02T10:00:00Z`,
	} {
		_, err := expr.Parse(text)
		var pe *expr.ParseError
		if !errors.As(err, &pe) || err.Error() != want {
			t.Errorf("%q: got  %v\nwant %s", text, err, want)
		}
	}
}

func TestParseColumns(t *testing.T) {
	got, err := expr.ParseColumns(`a, "b c", a * 2 as double, lower(s), cast(a as int64) AS "end"`)
	if err != nil {
		t.Fatal(err)
	}
	a := expr.Col("a")
	want := []expr.Named{
		{"a", a}, {"b c", expr.Col("b c")}, {"double", a.Mul(2)}, {"lower(s)", expr.Col("s").Lower()}, {"end", a.Cast(columnar.Int64Type)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"a,":     "at character 3, the end: a column, a value or '(' should stand here",
		"a b":    `at character 3, "b": a comma should follow, or AS and a name, or the end`,
		"a as 1": `at character 6, "1": a name should stand here`,
	} {
		if _, err := expr.ParseColumns(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestColumnsSubstituteEqual(t *testing.T) {
	e := expr.Col("a").Add(expr.Col("b")).Gt(expr.Col("a")).And(expr.Col("c"))
	if diff := cmp.Diff([]string{"a", "b", "c"}, e.Columns()); diff != "" {
		t.Error(diff)
	}
	got := expr.Substitute(e, map[string]expr.Expr{"c": expr.Col("x").And(expr.Col("y")), "b": expr.Lit(1)})
	want := expr.And(expr.Col("a").Add(1).Gt(expr.Col("a")), expr.Col("x"), expr.Col("y"))
	if !got.Equal(want) || got.Hash() != want.Hash() {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := expr.Rename(e, map[string]string{"a": "z"}); got.String() != "z + b > z AND c" {
		t.Error(got)
	}
	if expr.Lit(1).Equal(expr.Lit(1.0)) || expr.Lit(1).Hash() == expr.Lit(1.0).Hash() {
		t.Error("1 and 1.0 are the same tree")
	}
	if expr.Lit([]byte("a")).Equal(expr.Lit("a")) || !expr.Lit([]byte("a")).Equal(expr.Lit([]byte("a"))) {
		t.Error("binary literals compare wrongly")
	}
	if got := len(expr.Conjuncts(e)); got != 2 {
		t.Errorf("%d conjuncts", got)
	}
}

// drawTree draws any tree with a well-formed shape, typed or not.
func drawTree(t *rapid.T, depth int) expr.Expr {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		return rapid.OneOf(
			rapid.Map(rapid.String(), expr.Col),
			rapid.Map(rapid.SampledFrom([]string{"a", "b", "null", "Year"}), expr.Col),
			rapid.Map(rapid.Int64(), func(v int64) expr.Expr { return expr.Lit(v) }),
			rapid.Map(rapid.Uint64(), func(v uint64) expr.Expr { return expr.Lit(v) }),
			rapid.Map(rapid.Float64(), func(v float64) expr.Expr { return expr.Lit(v) }),
			rapid.Map(rapid.String(), func(v string) expr.Expr { return expr.Lit(v) }),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) expr.Expr { return expr.Lit(v) }),
			rapid.Map(rapid.Int64Range(-1<<62, 1<<62), func(v int64) expr.Expr { return expr.Lit(time.UnixMicro(v)) }),
			rapid.Map(rapid.Int64(), func(v int64) expr.Expr { return expr.Lit(time.Duration(v)) }),
			rapid.Map(rapid.Int64(), func(v int64) expr.Expr {
				return expr.Lit(columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: uint64(v), Hi: v >> 63}, Scale: uint8(v & 15)})
			}),
			rapid.SampledFrom([]expr.Expr{expr.Lit(nil), expr.Lit(true), expr.Lit(false)}),
		).Draw(t, "leaf")
	}
	sub := func() expr.Expr { return drawTree(t, depth-1) }
	switch op := expr.Op(rapid.IntRange(int(expr.OpEq), int(expr.OpDay)).Draw(t, "op")); op {
	case expr.OpAnd:
		return expr.And(sub(), sub(), sub())
	case expr.OpOr:
		return expr.Or(sub(), sub())
	case expr.OpIn:
		return sub().In(rapid.Int64().Draw(t, "v"), rapid.Float64().Draw(t, "v"), nil)
	case expr.OpLike:
		return sub().Like(rapid.String().Draw(t, "pattern"))
	case expr.OpCast:
		return sub().Cast(rapid.SampledFrom([]columnar.Type{
			columnar.Int32Type, columnar.DecimalOf(15, 2), columnar.TimestampType,
			{Kind: columnar.Timestamp},
			{Kind: columnar.FixedBinary, Width: 7},
		}).Draw(t, "type"))
	case expr.OpSubstring, expr.OpIf:
		return expr.Expr{Op: op, Args: []expr.Expr{sub(), sub(), sub()}}
	case expr.OpNot, expr.OpIsNull, expr.OpNeg, expr.OpLower, expr.OpUpper, expr.OpLength, expr.OpYear, expr.OpMonth, expr.OpDay:
		return expr.Expr{Op: op, Args: []expr.Expr{sub()}}
	default:
		return expr.Expr{Op: op, Args: []expr.Expr{sub(), sub()}}
	}
}

func TestTextAndJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawTree(t, 4)
		back, err := expr.Parse(e.String())
		if err != nil || !back.Equal(e) {
			t.Fatalf("printed %s\nparsed  %s\nerror %v", e, back, err)
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var read expr.Expr
		if err := json.Unmarshal(data, &read); err != nil || !read.Equal(e) {
			t.Fatalf("wrote %s\nread  %s\nerror %v", data, read, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a > 3 and b like 'x%'", "case when a then 1 else 2 end", "cast(a as decimal(5,2)) in (1, 2.5, 'x')", "-(-1) = 1998-09-02", `"q" <> x'00'`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := expr.Parse(s)
		if err != nil {
			_ = err.Error()
			return
		}
		back, err := expr.Parse(e.String())
		if err != nil || !back.Equal(e) {
			t.Fatalf("%q printed as %q, parsed as %q, error %v", s, e, back, err)
		}
	})
}
