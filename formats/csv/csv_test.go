package csv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// readAll returns the rows of the ranges that a file is divided into, as text.
func readAll(t testing.TB, f formats.Format, in formats.Input, target int64, o formats.ReadOptions, resume bool) ([]string, error) {
	t.Helper()
	rows, err := formattest.ReadSplit(t.Context(), f, in, target, o, resume)
	return formattest.Print(rows), err
}

func newFile(name, data string) formattest.File { return formattest.NewFile(name, []byte(data)) }

type order struct {
	ID    int64
	Price float64
	Name  string
	Note  *string
	Day   time.Time `col:",date"`
}

func TestRead(t *testing.T) {
	tests := []struct {
		name   string
		format formats.Format
		data   string
		want   []string
	}{
		{"plain", csv.Format[order]{}, "1,2.5,a,b,2026-01-02\n-3,1e3,,,2026-01-03\n", []string{`1 2.5 "a" "b" 2026-01-02T00:00:00Z`, `-3 1000 "" NULL 2026-01-03T00:00:00Z`}},
		{"windows, no last newline", csv.Format[order]{}, "1,2.5,a,b,2026-01-02\r\n\r\n1,2.5,a,b,2026-01-02", []string{`1 2.5 "a" "b" 2026-01-02T00:00:00Z`, `1 2.5 "a" "b" 2026-01-02T00:00:00Z`}},
		{"quotes", csv.Format[order]{}, "\"1\",\"2.5\",\"a,\"\"b\"\"\",\"\",2026-01-02\r\n 7 ,1,5\" disk,\"x\",\"2026-01-02\"\r\n", []string{`1 2.5 "a,\"b\"" "" 2026-01-02T00:00:00Z`, `7 1 "5\" disk" "x" 2026-01-02T00:00:00Z`}},
		{"header in another order", csv.Format[order]{Header: true}, "\ufeffname,id,more,day,price,note\na,1,zzz,2026-01-02,2.5,\n", []string{`1 2.5 "a" NULL 2026-01-02T00:00:00Z`}},
		{"header without a nullable column", csv.Format[order]{Header: true}, "name,id,day,price\na,1,2026-01-02,2.5\n", []string{`1 2.5 "a" NULL 2026-01-02T00:00:00Z`}},
		{"only a header", csv.Format[order]{Header: true}, "id,price,name,day\n", nil},
		{"nothing", csv.Format[order]{Header: true}, "", nil},
		{"names by Columns", csv.Format[order]{Columns: []string{"note", "id", "price", "x", "name", "day"}}, "n,1,2,x,a,2026-01-02\n", []string{`1 2 "a" "n" 2026-01-02T00:00:00Z`}},
		{"null text", csv.Format[order]{Null: `\N`}, "1,2,a,\\N,2026-01-02\n1,2,\\N,,2026-01-02\n1,2,a,\"\\N\",2026-01-02\n", []string{`1 2 "a" NULL 2026-01-02T00:00:00Z`, `1 2 "\\N" "" 2026-01-02T00:00:00Z`, `1 2 "a" "\\N" 2026-01-02T00:00:00Z`}},
		{"tabs", csv.TSV[order](), "1\t2\ta,b\t\t2026-01-02\n", []string{`1 2 "a,b" NULL 2026-01-02T00:00:00Z`}},
		{"one column", csv.Format[*int64]{}, "1\n\n3\n", []string{"1", "NULL", "3"}},
		{"newlines in quotes", csv.Format[order]{Multiline: true}, "1,2,\"a\nb\",\"\r\n\",2026-01-02\n2,2,c,,2026-01-02", []string{`1 2 "a\nb" "\r\n" 2026-01-02T00:00:00Z`, `2 2 "c" NULL 2026-01-02T00:00:00Z`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newFile("a.csv", tt.data)
			for target := range int64(12) {
				for _, resume := range []bool{false, true} {
					got, err := readAll(t, tt.format, in, target, formats.ReadOptions{Rows: int(target), Bytes: int(target % 3)}, resume)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Fatalf("target %d: %s", target, diff)
					}
				}
			}
		})
	}
}

func TestWantedColumns(t *testing.T) {
	in := newFile("a.csv", "id,price,name\n1,2.5,a\n2,x,b\n")
	wanted := columnar.NewSchema(columnar.Field{Name: "name", Type: columnar.StringType}, columnar.Field{Name: "id", Type: columnar.DecimalOf(9, 2)})
	got, err := readAll(t, csv.Format[columnar.Row]{Header: true}, in, 0, formats.ReadOptions{Schema: wanted}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`"a" 1.00`, `"b" 2.00`}, got); diff != "" {
		t.Error(diff)
	}
	if got, err = readAll(t, csv.Format[columnar.Row]{Header: true}, in, 5, formats.ReadOptions{Schema: columnar.NewSchema()}, false); len(got) != 2 || err != nil {
		t.Errorf("counting: got %q, %v", got, err)
	}
	wanted.Fields[0].Name = "title"
	_, err = readAll(t, csv.Format[columnar.Row]{Header: true}, in, 0, formats.ReadOptions{Schema: wanted}, false)
	if want := `reading a.csv: there is no column "title"; there are id, price, name`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBadRecords(t *testing.T) {
	tests := []struct{ name, record, want string }{
		{"number", "x,1,a,,2026-01-02", `field id: "x" is not a value of int64`},
		{"too large", "9223372036854775808,1,a,,2026-01-02", `field id: "9223372036854775808" is not a value of int64`},
		{"date", "1,1,a,,2026-13-02", `field day: "2026-13-02" is not a value of date`},
		{"null", ",1,a,,2026-01-02", "field id: is null, but the column is not nullable"},
		{"quoted", `"x",1,a,,2026-01-02`, `field id: "x" is not a value of int64`},
		{"first of two", "x,y,a,,2026-01-02", `field id: "x" is not a value of int64`},
		{"few", "1,1,a,", "the record has 4 fields, not 5"},
		{"many", "1,1,a,,2026-01-02,,", "the record has 7 fields, not 5"},
		{"few quoted", `1,"1",a`, "the record has 3 fields, not 5"},
		{"many quoted", `1,"1",a,b,c,d`, "the record has 6 fields, not 5"},
		{"open quote", `1,1,"a,,2026-01-02`, "a quote is opened and not closed on the line; fields with newlines need Multiline"},
		{"after quote", `1,1,"a"b,,2026-01-02`, "text follows a closing quote"},
		{"long", "1,1," + strings.Repeat("a", 300) + ",,2026-01-02", "the record is longer than the limit of 100 bytes"},
	}
	good := "7,1,a,,2026-01-02\n"
	for _, tt := range tests {
		for _, end := range []string{"\n", "\r\n"} {
			t.Run(tt.name, func(t *testing.T) {
				f := csv.Format[order]{MaxRecord: 100}
				data := good + good + tt.record + end + good + tt.record + end + good
				in := newFile("dir/a.csv", data)
				_, err := readAll(t, f, in, 0, formats.ReadOptions{}, false)
				begin := tt.record[:min(len(tt.record), 256)]
				want := fmt.Sprintf("dir/a.csv:3 (offset %d): %s; the record begins %q", 2*len(good), tt.want, begin)
				if err == nil || err.Error() != want {
					t.Fatalf("got  %v\nwant %s", err, want)
				}
				for target := range int64(40) {
					for _, resume := range []bool{false, true} {
						var bad []formats.BadRecord
						o := formats.ReadOptions{Rows: int(target % 4), Bad: func(b formats.BadRecord) error { bad = append(bad, b); return nil }}
						got, err := readAll(t, f, in, target, o, resume)
						if err != nil || len(got) != 4 {
							t.Fatalf("target %d: got %q, %v", target, got, err)
						}
						if len(bad) != 2 || !strings.HasPrefix(data[bad[0].Offset:], string(bad[0].Record)) || !strings.HasPrefix(data[bad[1].Offset:], string(bad[1].Record)) {
							t.Fatalf("target %d, resume %v: bad records %v", target, resume, bad)
						}
					}
				}
			})
		}
	}
}

func TestBadHeader(t *testing.T) {
	in := newFile("a.csv", "id,\"price\n1,2\n")
	_, err := readAll(t, csv.Format[order]{Header: true}, in, 0, formats.ReadOptions{}, false)
	if want := "reading a.csv: the first record: a quote is opened and not closed on the line; fields with newlines need Multiline"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestInfer(t *testing.T) {
	data := "i,f,b,d,t,s,zip,none,q\n" +
		"1,1,true,2026-01-02,2026-01-02 10:00,x,01234,,\"1\"\n" +
		",2.5,FALSE,,2026-01-02T10:00:00Z,1,04711,,\"2\"\n"
	in := newFile("a.csv", data)
	got, err := csv.Format[columnar.Row]{Header: true}.Infer(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := "i: int64?\nf: float64?\nb: bool?\nd: date?\nt: timestamp?\ns: string?\nzip: string?\nnone: string?\nq: int64?\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	got, err = csv.Format[columnar.Row]{}.Infer(t.Context(), newFile("a.csv", "1,a\n2,b\n"))
	if want := "c0: int64?\nc1: string?\n"; err != nil || got.String() != want {
		t.Errorf("got %s, %v", got, err)
	}
	rows, err := readAll(t, csv.Format[columnar.Row]{}, newFile("a.csv", "1,a\n2,b\n"), 3, formats.ReadOptions{}, false)
	if diff := cmp.Diff([]string{`1 "a"`, `2 "b"`}, rows); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestValidate(t *testing.T) {
	type nested struct{ A []int64 }
	type refused struct{ A chan int }
	for _, f := range []interface{ Validate() error }{
		csv.Format[order]{Delimiter: '"'},
		csv.Format[order]{Delimiter: '\n'},
		csv.Format[order]{Header: true, Columns: []string{"a"}},
		csv.Format[nested]{},
		csv.Format[refused]{},
		csv.Format[order]{Codec: compress.Bzip2},
	} {
		if f.Validate() == nil {
			t.Errorf("%+v passes", f)
		}
	}
	if err := csv.TSV[order]().Validate(); err != nil {
		t.Error(err)
	}
}

// reference reads the records as RFC 4180 has them, a byte at a time.
func reference(data string, fields int) (records []string) {
	var record []string
	var field strings.Builder
	quoted, inQuotes := false, false
	end := func() {
		if s := field.String(); quoted || s != "" {
			record = append(record, fmt.Sprintf("%q", s))
		} else {
			record = append(record, "NULL")
		}
		field.Reset()
		quoted = false
	}
	endRecord := func() {
		if end(); len(record) == fields {
			records = append(records, strings.Join(record, " "))
		}
		record = nil
	}
	begun := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case inQuotes && c == '"' && i+1 < len(data) && data[i+1] == '"':
			field.WriteByte('"')
			i++
		case c == '"' && (inQuotes || field.Len() == 0 && !quoted):
			quoted, inQuotes = true, !inQuotes
		case inQuotes:
			field.WriteByte(c)
		case c == ',':
			end()
		case c == '\r' && (i+1 == len(data) || data[i+1] == '\n'):
		case c == '\n':
			endRecord()
			begun = false
			continue
		default:
			field.WriteByte(c)
		}
		begun = true
	}
	if begun {
		endRecord()
	}
	return records
}

// drawRecords draws a well-formed file of records with up to one field too many or few.
func drawRecords(rt *rapid.T, fields int, multiline bool) string {
	plain := []string{"", "a", "bc", "1", `x"y`, "long text of a field", "é"}
	quoted := []string{`""`, `"a"`, `"a,b"`, `"""q"""`, `"` + strings.Repeat("z", 20) + `"`}
	if multiline {
		quoted = append(quoted, "\"\n\"", "\"a\r\n,b\"")
	}
	choices := rapid.SampledFrom(plain)
	if rapid.Bool().Draw(rt, "quotes") {
		choices = rapid.SampledFrom(append(plain, quoted...))
	}
	var b strings.Builder
	for range rapid.IntRange(0, 12).Draw(rt, "records") {
		n := fields + rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(rt, "more")
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(choices.Draw(rt, "field"))
		}
		b.WriteString(rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "end"))
	}
	if rapid.Bool().Draw(rt, "cut") {
		return strings.TrimSuffix(b.String(), "\n")
	}
	return b.String()
}

func TestAnySplitReadsTheReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.IntRange(2, 4).Draw(rt, "fields")
		multiline := rapid.Bool().Draw(rt, "multiline")
		data := drawRecords(rt, fields, multiline)
		schema := &columnar.Schema{}
		f := csv.Format[columnar.Row]{Multiline: multiline}
		for i := range fields {
			f.Columns = append(f.Columns, fmt.Sprint("c", i))
			schema.Fields = append(schema.Fields, columnar.Field{Name: f.Columns[i], Type: columnar.StringType, Nullable: true})
		}
		o := formats.ReadOptions{
			Schema: schema, Rows: rapid.IntRange(0, 3).Draw(rt, "rows"), Bytes: rapid.IntRange(0, 40).Draw(rt, "bytes"),
			Bad: func(formats.BadRecord) error { return nil },
		}
		got, err := readAll(t, f, newFile("a.csv", data), rapid.Int64Range(1, 60).Draw(rt, "target"), o, rapid.Bool().Draw(rt, "resume"))
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(reference(data, fields), got); diff != "" {
			rt.Fatalf("%q: %s", data, diff)
		}
	})
}

// all has a column of every type.
var all = columnar.NewSchema(
	columnar.Field{Name: "i64", Type: columnar.Int64Type, Nullable: true},
	columnar.Field{Name: "i8", Type: columnar.Type{Kind: columnar.Int8}},
	columnar.Field{Name: "u64", Type: columnar.Type{Kind: columnar.Uint64}},
	columnar.Field{Name: "u16", Type: columnar.Type{Kind: columnar.Uint16}, Nullable: true},
	columnar.Field{Name: "f64", Type: columnar.Float64Type, Nullable: true},
	columnar.Field{Name: "f32", Type: columnar.Type{Kind: columnar.Float32}},
	columnar.Field{Name: "bool", Type: columnar.BoolType, Nullable: true},
	columnar.Field{Name: "date", Type: columnar.DateType, Nullable: true},
	columnar.Field{Name: "time", Type: columnar.TimestampType},
	columnar.Field{Name: "local", Type: columnar.Type{Kind: columnar.Timestamp}, Nullable: true},
	columnar.Field{Name: "dur", Type: columnar.Type{Kind: columnar.Duration}, Nullable: true},
	columnar.Field{Name: "dec", Type: columnar.DecimalOf(30, 4), Nullable: true},
	columnar.Field{Name: "str", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "must", Type: columnar.StringType},
	columnar.Field{Name: "bin", Type: columnar.BinaryType, Nullable: true},
	columnar.Field{Name: "fix", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 3}},
)

// values are what columns of all types hold, in texts that csv has to mind.
var values = formattest.Values{
	Texts: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `\N`, "a,b", `"`, "a\nb", " ", "NULL", "\r"})),
	Bytes: rapid.SliceOfN(rapid.Byte(), 1, 9),
}

func TestWriteRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := csv.Format[columnar.Row]{
			Multiline: true, Header: rapid.Bool().Draw(rt, "header"), Null: rapid.SampledFrom([]string{"", `\N`, "NULL"}).Draw(rt, "null"),
			Delimiter: rapid.SampledFrom([]byte{',', '\t', ';'}).Draw(rt, "delimiter"),
			Codec:     rapid.SampledFrom([]compress.Codec{compress.None, compress.LZ4}).Draw(rt, "codec"),
		}
		schema := all
		if rapid.Bool().Draw(rt, "one column") {
			schema = all.Select([]int{rapid.IntRange(0, len(all.Fields)-1).Draw(rt, "column")})
		}
		if !f.Header {
			f.Columns = schema.Names()
		}
		var batches []columnar.Batch
		var want []string
		for range rapid.IntRange(0, 3).Draw(rt, "batches") {
			b := values.Batch(rt, schema, 6)
			batches, want = append(batches, b), append(want, formattest.PrintBatch(rt, b)...)
		}
		data, err := formattest.Write(f, schema, batches...)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := readAll(t, f, formattest.NewFile("a"+f.Suffix(), data), 0, formats.ReadOptions{Schema: schema}, false)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%q: %s", data, diff)
		}
	})
}

func TestWriteNewline(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType})
	w, err := csv.Format[columnar.Row]{}.NewWriter(io.Discard, schema)
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.NewBatchBuilder(schema, 1)
	b.Column(0).AppendString("a\nb")
	b.Added(1)
	if err := w.Write(b.Finish()); err == nil || !strings.Contains(err.Error(), "Multiline") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutColumns(t *testing.T) {
	f := csv.Format[order]{}.WithoutColumns([]string{"price"})
	schema := csv.Format[order]{}.Schema()
	schema = schema.Select([]int{0, 2})
	got, err := readAll(t, f, newFile("a.csv", "1,a,,2026-01-02\n"), 0, formats.ReadOptions{Schema: schema}, false)
	if err != nil || !slices.Equal(got, []string{`1 "a"`}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("1,2.5,a,b,2026-01-02\n\"1\",\"2\",,\"\"\"\",2026-01-02\r\n", uint8(3), false)
	f.Fuzz(func(t *testing.T, data string, target uint8, multiline bool) {
		bad := 0
		o := formats.ReadOptions{Bad: func(formats.BadRecord) error { bad++; return nil }}
		format := csv.Format[order]{Multiline: multiline}
		whole, err := readAll(t, format, newFile("a.csv", data), 0, o, false)
		if err != nil {
			t.Fatal(err)
		}
		badWhole := bad
		bad = 0
		parts, err := readAll(t, format, newFile("a.csv", data), int64(target), o, false)
		if err != nil || !slices.Equal(whole, parts) || bad != badWhole {
			t.Fatalf("whole %q with %d bad, in parts %q with %d bad, %v", whole, badWhole, parts, bad, err)
		}
		_, _ = csv.Format[columnar.Row]{Header: true, Multiline: multiline}.Infer(t.Context(), newFile("a.csv", data))
	})
}

// benchData is records with numbers and short strings, as in group-by benchmarks.
func benchData(quotes bool) (string, int) {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	n := 0
	for ; b.Len() < 32<<20; n++ {
		id := fmt.Sprintf("id%03d", rng.IntN(1000))
		if quotes {
			id = `"` + id + `"`
		}
		fmt.Fprintf(&b, "%s,id%010d,%d,%d,%d,%.6f,2026-01-%02d\n", id, rng.IntN(1e9), rng.IntN(100), rng.IntN(1e6), rng.IntN(1e9), rng.Float64()*100, 1+rng.IntN(28))
	}
	return b.String(), n
}

type benchRow struct {
	ID1, ID2   string
	V1, V2, V3 int64
	F          float64
	Day        time.Time `col:",date"`
}

func BenchmarkRead(b *testing.B) {
	wanted := csv.Format[benchRow]{}.Schema()
	for _, bench := range []struct {
		name   string
		quotes bool
		schema *columnar.Schema
	}{
		{"all", false, nil},
		{"quotes", true, nil},
		{"two of seven", false, wanted.Select([]int{2, 5})},
		{"none", false, columnar.NewSchema()},
		{"ints", false, wanted.Select([]int{2, 3, 4})},
		{"float", false, wanted.Select([]int{5})},
		{"strings", false, wanted.Select([]int{0, 1})},
	} {
		b.Run(bench.name, func(b *testing.B) {
			data, n := benchData(bench.quotes)
			in := newFile("a.csv", data)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := csv.Format[benchRow]{}.NewReader(b.Context(), in, formats.Range{To: in.Size()}, formats.ReadOptions{Schema: bench.schema})
				if err != nil {
					b.Fatal(err)
				}
				rows := 0
				for {
					batch, err := r.Next(b.Context())
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					rows += batch.Rows()
				}
				if rows != n {
					b.Fatalf("%d rows, want %d", rows, n)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	data, n := benchData(false)
	format := csv.Format[benchRow]{}
	in := newFile("a.csv", data)
	r, err := format.NewReader(b.Context(), in, formats.Range{To: in.Size()}, formats.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var batches []columnar.Batch
	for {
		batch, err := r.Next(b.Context())
		if err != nil {
			break
		}
		batches = append(batches, batch)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := format.NewWriter(io.Discard, format.Schema())
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range batches {
			if err := w.Write(batch); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// TestManyColumnsInFullBatches reads more records than a batch has, with more columns than places are looked ahead.
func TestManyColumnsInFullBatches(t *testing.T) {
	type wide struct{ A, B, C, D, E, F, G, H, I, J, K, L int64 }
	text := strings.Repeat("1,2,3,4,5,6,7,8,9,10,11,12\n", columnar.DefaultRows+5)
	in := newFile("wide.csv", text)
	r, err := csv.Format[wide]{}.NewReader(t.Context(), in, formats.Range{To: int64(len(text))}, formats.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for {
		b, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += b.Len
		if v := columnar.Values[int64](b.Columns[11]); v[0] != 12 || v[b.Len-1] != 12 {
			t.Fatalf("the last column has %d and %d", v[0], v[b.Len-1])
		}
	}
	if rows != columnar.DefaultRows+5 {
		t.Errorf("%d records", rows)
	}
}

// TestFullBatchesOfManyColumns reads as many records as a batch has rows for.
func TestFullBatchesOfManyColumns(t *testing.T) {
	const fields = 30
	record := strings.TrimSuffix(strings.Repeat("7,", fields), ",")
	in := newFile("a.csv", strings.Repeat(record+"\n", 10)+strings.ReplaceAll(record, "7", `"7"`))
	got, err := readAll(t, csv.Format[columnar.Row]{}, in, 0, formats.ReadOptions{Rows: 1}, false)
	if want := strings.TrimSpace(strings.Repeat("7 ", fields)); err != nil || len(got) != 11 || got[0] != want || got[10] != want {
		t.Errorf("got %q, %v", got, err)
	}
}
