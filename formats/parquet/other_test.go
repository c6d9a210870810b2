package parquet_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// TestOtherWriter reads files that pyarrow wrote: see testdata/write.py.
func TestOtherWriter(t *testing.T) {
	for _, name := range []string{"dictionary", "delta"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name + ".parquet")
			if err != nil {
				t.Fatal(err)
			}
			in := formattest.NewFile(name+".parquet", data)
			rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rows {
				if d := formattest.Diff([]columnar.Row{{Values: wanted(i)}}, []columnar.Row{simple(r)}); d != "" {
					t.Fatalf("row %d (-want +got):\n%s", i, d)
				}
			}
			if len(rows) != 60 {
				t.Errorf("%d rows", len(rows))
			}
			formattest.Splits(t, rowFormat{}, in, formats.ReadOptions{Rows: 7}, in.Size()/4, rows)
		})
	}
}

// wanted is row i of the files.
func wanted(i int) []any {
	if i%7 == 3 {
		return make([]any, 8)
	}
	list := []any{}
	for k := range i % 3 {
		var text any = "x"
		if k > 0 {
			text = nil
		}
		list = append(list, []any{int32(k), [][2]any{{"k", text}}})
	}
	d := fmt.Sprintf("%d99999999999999999.993", i-1)
	switch i {
	case 0:
		d = "-0.007"
	case 1:
		d = "99999999999999999.993"
	}
	at := time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC).Add(2 * time.Minute * time.Duration(i))
	return []any{int64(i*i*1000003 - 5), fmt.Sprintf("text %d", i%9), i%3 == 0, float64(i) / 3, fmt.Appendf(nil, "%05d", i), d, at, list}
}

// simple makes lists of structs' values and text of decimals.
func simple(r columnar.Row) columnar.Row {
	out := columnar.Row{Values: append([]any{}, r.Values...)}
	if d, ok := r.Values[5].(columnar.DecimalValue); ok {
		out.Values[5] = d.String()
	}
	if list, ok := r.Values[7].([]any); ok {
		items := []any{}
		for _, item := range list {
			items = append(items, item.(columnar.Row).Values)
		}
		out.Values[7] = items
	}
	return out
}

func TestFilterLeavesOutRowGroups(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type, Nullable: true}, columnar.Field{Name: "s", Type: columnar.StringType})
	bb := columnar.NewBatchBuilder(schema, 1000)
	for i := range 1000 {
		columnar.AppendFixed(bb.Column(0), int64(i))
		bb.Column(1).AppendString(fmt.Sprintf("row %03d", i))
	}
	bb.Added(1000)
	data, err := formattest.Write(rowFormat{RowGroupRows: 100}, schema, bb.Finish())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		filter expr.Expr
		rows   int
	}{
		{expr.Expr{}, 1000},
		{expr.Col("n").Lt(150), 200},
		{expr.Col("n").Eq(-1), 0},
		{expr.Col("s").Ge("row 850"), 200},
		{expr.Col("n").IsNull(), 0},
		{expr.Col("n").Gt(400).And(expr.Col("s").Lt("row 499")), 100},
	}
	for _, tt := range tests {
		in := formattest.NewFile("a.parquet", data)
		rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Filter: tt.filter}, true)
		if err != nil || len(rows) != tt.rows {
			t.Errorf("%s: %d rows, want %d: %v", tt.filter, len(rows), tt.rows, err)
		}
	}
	if n, err := (rowFormat{}).Rows(t.Context(), formattest.NewFile("a.parquet", data)); err != nil || n != 1000 {
		t.Errorf("the footer states %d rows: %v", n, err)
	}
}

// TestFilterLeavesOutPages has pages of 100 rows in one row group.
func TestFilterLeavesOutPages(t *testing.T) {
	schema := formattest.Everything()
	schema.Fields = append([]columnar.Field{{Name: "n", Type: columnar.Int64Type}}, schema.Fields...)
	var batches []columnar.Batch
	var all []columnar.Row
	for k := range 20 {
		b := formattest.Example(schema, 100)
		for i := range 100 {
			columnar.Values[int64](b.Columns[0])[i] = int64(100*k + i)
		}
		rows, err := formattest.Rows(b)
		if err != nil {
			t.Fatal(err)
		}
		batches, all = append(batches, b), append(all, rows...)
	}
	data, err := formattest.Write(rowFormat{PageBytes: 1}, schema, batches...)
	if err != nil {
		t.Fatal(err)
	}
	in := formattest.NewFile("a.parquet", data)
	n := expr.Col("n")
	tests := []struct {
		filter expr.Expr
		want   [][2]int
	}{
		{n.Lt(10), [][2]int{{0, 100}}},
		{n.Ge(1950), [][2]int{{1900, 2000}}},
		{n.Eq(550).Or(n.Eq(1250)), [][2]int{{500, 600}, {1200, 1300}}},
		{n.Mul(2).Eq(1300), [][2]int{{650, 700}}}, // Pages tell nothing of it; of batches of 50 rows one has a match.
	}
	for _, tt := range tests {
		for _, resume := range []bool{false, true} {
			rows := 50
			if len(tt.want) > 0 && tt.want[0][1]-tt.want[0][0] == 100 {
				rows = 100
			}
			o := formats.ReadOptions{Schema: schema, Filter: tt.filter, Rows: rows}
			got, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), o, resume)
			if err != nil {
				t.Fatal(err)
			}
			var want []columnar.Row
			for _, w := range tt.want {
				want = append(want, all[w[0]:w[1]]...)
			}
			if d := formattest.Diff(want, got); d != "" {
				t.Errorf("%s: %d rows, want %d", tt.filter, len(got), len(want))
			}
		}
	}
}

// BenchmarkScan reads columns as TPC-H's lineitem has them: decimals and dates of few values, flags, and a text that does not repeat.
func BenchmarkScan(b *testing.B) {
	date := columnar.Field{Name: "shipdate", Type: columnar.DateType}
	price := columnar.Field{Name: "price", Type: columnar.DecimalOf(15, 2)}
	flag := columnar.Field{Name: "flag", Type: columnar.StringType}
	comment := columnar.Field{Name: "comment", Type: columnar.StringType}
	key := columnar.Field{Name: "key", Type: columnar.Int64Type}
	const n = 1 << 19
	for _, f := range []columnar.Field{date, price, flag, comment, key} {
		b.Run(f.Name, func(b *testing.B) {
			schema := columnar.NewSchema(f)
			bb := columnar.NewBatchBuilder(schema, n)
			for i := range uint64(n) {
				x := i * 0x9e3779b97f4a7c15 >> 40
				switch f.Name {
				case "shipdate":
					columnar.AppendFixed(bb.Column(0), int32(x%2500))
				case "price":
					columnar.AppendFixed(bb.Column(0), columnar.Decimal128{Lo: x % 9_000_000})
				case "flag":
					bb.Column(0).AppendString([]string{"A", "N", "R"}[x%3])
				case "key":
					columnar.AppendFixed(bb.Column(0), int64(i))
				default:
					bb.Column(0).AppendString(fmt.Sprintf("carefully regular request %d sleeps", x))
				}
			}
			bb.Added(n)
			data, err := formattest.Write(parquet.Format[columnar.Row]{}, schema, bb.Finish())
			if err != nil {
				b.Fatal(err)
			}
			in := formattest.NewFile("bench.parquet", data)
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = 0
				r, err := rowFormat{}.NewReader(b.Context(), in, formattest.Whole(in), formats.ReadOptions{})
				if err != nil {
					b.Fatal(err)
				}
				for {
					batch, err := r.Next(b.Context())
					if err != nil {
						break
					}
					size += batch.Size()
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.SetBytes(int64(size))
		})
	}
}
