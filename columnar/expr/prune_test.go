package expr

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

// statsOf computes what a file would know of a column: NaN left out of both ends, as Parquet has it.
func statsOf(t *rapid.T, rows [][]any, at int) Stats {
	s := Stats{NoNulls: true, AllNull: true, NoNaN: true}
	for _, row := range rows {
		v := row[at]
		if v == nil {
			s.NoNulls = false
			continue
		}
		s.AllNull = false
		if f, ok := v.(float64); ok && math.IsNaN(f) {
			s.NoNaN = false
			continue
		}
		if order, ok := compareValues(v, s.Min); s.Min == nil || ok && order < 0 {
			s.Min = v
		}
		if order, ok := compareValues(v, s.Max); s.Max == nil || ok && order > 0 {
			s.Max = v
		}
	}
	if rapid.Bool().Draw(t, "only one end") {
		s.Max, s.NoNaN = nil, false
	}
	return s
}

func TestMayMatchNeverDropsARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, rows := drawBatch(t)
		b.Sel = nil
		if b.Len > 3 {
			b, rows = b.Slice(0, 3), rows[:3]
		}
		known := map[string]Stats{}
		for i, f := range testSchema.Fields {
			if rapid.IntRange(0, 3).Draw(t, "known") > 0 {
				known[f.Name] = statsOf(t, rows, i)
			}
		}
		for range 10 {
			e := trees{t}.predicate(2)
			p, err := Bind(e, testSchema)
			if err != nil {
				continue
			}
			got, err := p.EvalFilter(b, nil)
			if err != nil {
				continue
			}
			may := MayMatch(e, func(c string) (Stats, bool) { s, ok := known[c]; return s, ok })
			if len(got) > 0 && !may {
				t.Fatalf("%s matches row %d of %v, but not with stats %v", e, got[0], rows, known)
			}
			checkBounds(t, e, got, rows)
		}
	})
}

// checkBounds checks that the rows that e selects lie within its bounds.
func checkBounds(t *rapid.T, e Expr, selected []int32, rows [][]any) {
	for _, r := range Bounds(e) {
		column := Col(r.Column)
		var ask []Expr
		if r.Min != nil {
			ask = append(ask, map[bool]Expr{false: column.Ge(r.Min), true: column.Gt(r.Min)}[r.MinOpen])
		}
		if r.Max != nil {
			ask = append(ask, map[bool]Expr{false: column.Le(r.Max), true: column.Lt(r.Max)}[r.MaxOpen])
		}
		if r.In != nil {
			ask = append(ask, column.In(r.In...))
		}
		for _, i := range selected {
			if v, err := (reference{testSchema, rows[i]}).eval(And(ask...)); v != true || err != nil {
				t.Fatalf("%s selects row %v, which its bound %v excludes (%v, %v)", e, rows[i], r, v, err)
			}
		}
	}
}

func TestMayMatch(t *testing.T) {
	stats := map[string]Stats{
		"a":    {Min: 10, Max: 20, NoNulls: true},
		"f":    {Min: 1.0, Max: 2.0},
		"s":    {Min: "delta", Max: "golf", NoNulls: true},
		"null": {AllNull: true},
		"day":  {Min: testDay, Max: testDay.AddDate(0, 0, 7)},
		"dec":  {Min: decimal(5, 2), Max: decimal(7, 2)},
		"one":  {Min: 3, Max: 3, NoNulls: true},
	}
	for text, want := range map[string]bool{
		"a < 10": false, "a <= 10": true, "a > 20": false, "a >= 20": true, "a = 9": false, "a = 10.5": true, "a <> 10": true,
		"5 > a": false, "20 <= a": true, "a in (1, 2)": false, "a in (1, 12)": true, "not a >= 10": false, "a is null": false,
		"a < 10 or a > 20": false, "a < 10 or s = 'echo'": true, "a > 15 and a < 12": true, "unknown = 1": true, "unknown = 1 and a < 10": false,
		"f > 2.5": true, "f < 0.5": false, "f = 2.5": false, "f is null": true, "not f <= 2.5": true,
		"s like 'e%'": true, "s like 'h%'": false, "s like 'delt_'": true, "s like 'a_%'": false, "starts_with(s, 'golg')": false, "s = 'golf'": true,
		"\"null\" = 1": false, "\"null\" is null": true, "not \"null\" = 1": false,
		"day < 1998-09-02": false, "day <= '1998-09-02'": true, "day > '1998-09-09'": false, "day = cast('1998-09-10' as date)": false,
		"dec between 0.05 and 0.07": true, "dec > 0.07": false, "dec < 0.05": false, "one <> 3": false, "one = 3": true,
		"a > 1 + 20": false, "false": false, "null": false, "a": true,
	} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := MayMatch(e, func(c string) (Stats, bool) { s, ok := stats[c]; return s, ok }); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	e, err := Parse("a > 3 and a <= 10 and a > 2 and b in (1, 2, null) and s like 'ab%' and 5 = c and x + 1 > 2 and (d = 1 or d = 2)")
	if err != nil {
		t.Fatal(err)
	}
	want := []Range{
		{Column: "a", Min: int64(3), MinOpen: true, Max: int64(10)},
		{Column: "b", In: []any{int64(1), int64(2)}},
		{Column: "s", Min: "ab", Max: "ac", MaxOpen: true},
		{Column: "c", Min: int64(5), Max: int64(5)},
	}
	if diff := cmp.Diff(want, Bounds(e)); diff != "" {
		t.Error(diff)
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"a > 1 + 2 and true":                "a > 3",
		"a > 1 and 1 > 2":                   "FALSE",
		"a > 1 or 2 > 1":                    "TRUE",
		"a > 1 / 0":                         "a > 1 / 0",
		"not (1 = 2)":                       "TRUE",
		"d <= cast('1998-09-02' as date)":   "d <= 1998-09-02",
		"a + (1 + 2)":                       "a + (1 + 2)",
		"s like 'x%' and (b or false)":      "s LIKE 'x%' AND b",
		"null and true":                     "NULL AND TRUE",
		"if(1 = 1 and true, a, b) is null":  "if(TRUE, a, b) IS NULL",
		"a = b and (c = d and (e = f))":     "a = b AND c = d AND e = f",
		"x = cast(0.1 as float64) and true": "x = cast(0.1 AS float64)",
	} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Fold(e).String(); got != want {
			t.Errorf("%s folds to %s, want %s", text, got, want)
		}
	}
}

func TestFoldKeepsTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := trees{t}
		e := rapid.SampledFrom([]func(int) Expr{g.predicate, g.number, g.text}).Draw(t, "what")(3)
		p, err := Bind(e, testSchema)
		if err != nil {
			return
		}
		q, err := Bind(Fold(e), testSchema)
		if err != nil || !q.Type().Equal(p.Type()) {
			t.Fatalf("%s is %s, folded to %s it is %v, error %v", e, p.Type(), Fold(e), q, err)
		}
		if !slices.Equal(e.Columns(), Rename(e, nil).Columns()) {
			t.Fatal("renaming nothing changes columns")
		}
	})
}

func TestNullable(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type, Nullable: true}, columnar.Field{Name: "a", Type: columnar.Int64Type})
	for text, want := range map[string]bool{
		"n": true, "a": false, "a + n": true, "n is null": false, "coalesce(n, 0)": false, "coalesce(n, n)": true, "if(n > 1, a, 2)": false,
		"a in (1, null)": true, "case when a > 1 then a end": true,
	} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Bind(e, schema)
		if err != nil {
			t.Fatal(err)
		}
		if p.Nullable() != want {
			t.Errorf("%s: nullable %v, want %v", text, p.Nullable(), want)
		}
	}
}
