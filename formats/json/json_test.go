package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/json"
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
	Tags  []string
	By    map[string]int32
	At    *place
}

type place struct {
	Lat, Lon float64
	Name     *string
}

func TestRead(t *testing.T) {
	const day = "2026-01-02T00:00:00Z"
	tests := []struct{ name, data, want string }{
		{"all", `{"id":1,"price":2.5,"name":"a","note":"b","day":"2026-01-02","tags":["x","y"],"by":{"k":3},"at":{"lat":1,"lon":2,"name":"n"}}`, `1 2.5 "a" "b" ` + day + ` ["x" "y"] {"k":3} (1 2 "n")`},
		{"another order, blanks, unknown members", " { \"at\" : null , \"zz\" : {\"a\":[1,{\"b\":\"]}\"}]} , \"tags\":[ ], \"by\":{ }, \"price\":-1e2,\t\"day\" : \"2026-01-02\", \"name\":\"a\", \"id\" : 7 } \r", `7 -100 "a" NULL ` + day + ` [] {} NULL`},
		{"missing nullable members", `{"id":1,"price":1,"name":"","day":"2026-01-02","tags":[],"by":{},"at":{"lon":2,"lat":1}}`, `1 1 "" NULL ` + day + ` [] {} (1 2 NULL)`},
		{"escapes", `{"id":1,"price":1,"name":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\ud800x","day":"2026-01-02","tags":["\u005b"],"by":{"\n":1},"n\u006fte":"x"}`, `1 1 "\"\\/\b\f\n\r\tAé😀�x" "x" ` + day + ` ["["] {"\n":1} NULL`},
		{"the last of two counts", `{"id":1,"id":2,"price":1,"name":"","day":"2026-01-02","tags":[],"by":{}}`, `2 1 "" NULL ` + day + ` [] {} NULL`},
		{"integers with a point", `{"id":1e3,"price":1,"name":5,"note":{"a":[1]},"day":"2026-01-02","tags":[true],"by":{"a":2.0}}`, `1000 1 "5" "{\"a\":[1]}" ` + day + ` ["true"] {"a":2} NULL`},
		{"no numbers", `{"id":1,"price":"NaN","name":"","day":"2026-01-02","tags":[],"by":{},"at":{"lat":"Infinity","lon":"-Infinity"}}`, `1 NaN "" NULL ` + day + ` [] {} (+Inf -Inf NULL)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readAll(t, json.Format[order]{}, newFile("a.json", tt.data+"\n\n"), 0, formats.ReadOptions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadRecords(t *testing.T) {
	with := func(member string) string {
		return `{"id":1,"price":1,"name":"","day":"2026-01-02","tags":[],"by":{},` + member + `}`
	}
	tests := []struct{ name, record, want string }{
		{"no object", `[1]`, `'[' where an object belongs`},
		{"cut", `{"id":1,"pri`, "the line ends inside a value"},
		{"cut in a value", `{"id":1,"price":`, "the line ends inside a value"},
		{"colon", `{"id" 1}`, `'1' where ':' belongs`},
		{"comma", `{"id":1 "a":2}`, `'"' where ',' or '}' belongs`},
		{"name", `{id:1}`, `'i' where a member's name belongs`},
		{"trailing comma", `{"id":1,}`, `'}' where a member's name belongs`},
		{"more", `{"id":1} x`, "text follows the value"},
		{"word", `{"id":nul}`, "a word that is neither true, false nor null"},
		{"number", `{"id":01}`, "a number that JSON does not allow"},
		{"brackets", `{"zz":[}]}`, `'}' closes '['`},
		{"type", with(`"id":"1"`), `field id: "1" is not a value of int64`},
		{"fraction", with(`"id":1.5`), `field id: 1.5 is not a value of int64`},
		{"too large", with(`"id":9223372036854775808`), `field id: 9223372036854775808 is not a value of int64`},
		{"date", with(`"day":"2026-13-01"`), `field day: "2026-13-01" is not a value of date`},
		{"null", with(`"id":null`), "field id: is null, but the column is not nullable"},
		{"missing", `{"price":1,"name":"","day":"2026-01-02","tags":[],"by":{}}`, "field id: is missing, but the column is not nullable"},
		{"escape", with(`"name":"\x"`), "field name: an escape that JSON does not know"},
		{"item", with(`"tags":{"a":1}`), `field tags: '{' where an array belongs`},
		{"null item", with(`"tags":[null]`), "field tags: item is null, but the column is not nullable"},
		{"map", with(`"by":{"a":"b"}`), `field by: "b" is not a value of int32`},
		{"struct", with(`"at":{"lat":1}`), "field at: lon is null, but the column is not nullable"},
		{"long", with(`"zz":"` + strings.Repeat("a", 300) + `"`), "the record is longer than the limit of 200 bytes"},
	}
	good := with(`"x":1`) + "\n"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := json.Format[order]{MaxRecord: 200}
			data := good + good + tt.record + "\r\n" + good + tt.record + "\n" + good
			in := newFile("dir/a.json", data)
			_, err := readAll(t, f, in, 0, formats.ReadOptions{}, false)
			want := fmt.Sprintf("dir/a.json:3 (offset %d): %s; the record begins %q", 2*len(good), tt.want, tt.record[:min(len(tt.record), 256)])
			if err == nil || err.Error() != want {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
			for target := int64(0); target < 300; target += 29 {
				for _, resume := range []bool{false, true} {
					var bad []formats.BadRecord
					o := formats.ReadOptions{Rows: int(target % 4), Bad: func(b formats.BadRecord) error { bad = append(bad, b); return nil }}
					got, err := readAll(t, f, in, target, o, resume)
					if err != nil || len(got) != 4 || len(bad) != 2 {
						t.Fatalf("target %d: got %q, %v, bad %v", target, got, err, bad)
					}
				}
			}
		})
	}
}

func TestBare(t *testing.T) {
	got, err := readAll(t, json.Format[[]int64]{}, newFile("a.json", "[1,2]\n\n[]\n [3] "), 0, formats.ReadOptions{}, false)
	if diff := cmp.Diff([]string{"[1 2]", "[]", "[3]"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

func TestInfer(t *testing.T) {
	data := `{"i":1,"f":1,"big":1,"b":true,"d":"2026-01-02","t":"2026-01-02","s":"x","mix":1,"l":[],"ll":[[1],null],"o":{"a":1},"n":null,"e":{}}
{"i":2,"f":1.5,"big":98765432109876543210,"b":null,"d":"2026-01-03","t":"2026-01-02T10:00:00Z","s":"2026-01-02","mix":"a","l":[2.5],"o":{"b":"x"},"late":1}
no json
`
	got, err := json.Format[columnar.Row]{}.Infer(t.Context(), newFile("a.json", data))
	if err != nil {
		t.Fatal(err)
	}
	want := "i: int64?\nf: float64?\nbig: decimal(38,0)?\nb: bool?\nd: date?\nt: timestamp?\ns: string?\nmix: string?\nl: list<float64?>?\n" +
		"ll: list<list<int64?>?>?\no: struct<a: int64?, b: string?>?\nn: string?\ne: string?\nlate: int64?\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	rows, err := readAll(t, json.Format[columnar.Row]{}, newFile("a.json", data), 50, formats.ReadOptions{Schema: got, Bad: func(formats.BadRecord) error { return nil }}, true)
	if err != nil || len(rows) != 2 || !strings.Contains(rows[1], "98765432109876543210") {
		t.Error(rows, err)
	}
}

// drawJSON draws a value of any shape and prints it, with blanks here and there.
func drawJSON(rt *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 7).Draw(rt, "kind")
	if depth > 2 {
		kind %= 5
	}
	blank := rapid.SampledFrom([]string{"", "", " ", "\t"}).Draw(rt, "blank")
	switch kind {
	case 0:
		return "null"
	case 1:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(rt, "bool")
	case 2:
		return fmt.Sprint(rapid.Int64().Draw(rt, "int"))
	case 3:
		b, _ := stdjson.Marshal(rapid.Float64().Draw(rt, "float"))
		return string(b)
	case 4:
		b, _ := stdjson.Marshal(rapid.String().Draw(rt, "string"))
		return string(b)
	case 5:
		var items []string
		for range rapid.IntRange(0, 3).Draw(rt, "items") {
			items = append(items, drawJSON(rt, depth+1))
		}
		return "[" + blank + strings.Join(items, blank+",") + "]"
	default:
		var members []string
		for range rapid.IntRange(0, 4).Draw(rt, "members") {
			members = append(members, drawName(rt)+blank+":"+blank+drawJSON(rt, depth+1))
		}
		return "{" + blank + strings.Join(members, ","+blank) + blank + "}"
	}
}

func drawName(rt *rapid.T) string {
	return rapid.SampledFrom([]string{`"a"`, `"b"`, `"c"`, `"d"`, `"\u0061"`, `"x y"`, `"\""`}).Draw(rt, "name")
}

// wanted is what the differential test reads: nullable columns of text take any value.
var wanted = columnar.NewSchema(
	columnar.Field{Name: "a", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "c", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "b", Type: columnar.StringType, Nullable: true},
)

// reference reads a line by the standard library.
func reference(line string) string {
	var members map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal([]byte(line), &members); err != nil {
		return err.Error()
	}
	var cells []string
	for _, f := range wanted.Fields {
		var text *string
		raw, ok := members[f.Name]
		switch {
		case !ok || string(raw) == "null":
			cells = append(cells, "NULL")
		case stdjson.Unmarshal(raw, &text) == nil:
			cells = append(cells, fmt.Sprintf("%q", *text))
		default:
			cells = append(cells, fmt.Sprintf("%q", raw))
		}
	}
	return strings.Join(cells, " ")
}

func TestAnySplitReadsTheReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var data, want []string
		for range rapid.IntRange(0, 6).Draw(rt, "records") {
			var members []string
			for range rapid.IntRange(0, 4).Draw(rt, "members") {
				members = append(members, drawName(rt)+":"+drawJSON(rt, 0))
			}
			line := "{" + strings.Join(members, ",") + "}"
			data, want = append(data, line), append(want, reference(line))
		}
		o := formats.ReadOptions{Schema: wanted, Rows: rapid.IntRange(0, 3).Draw(rt, "rows"), Bytes: rapid.IntRange(0, 40).Draw(rt, "bytes")}
		in := newFile("a.json", strings.Join(data, "\n"))
		got, err := readAll(t, json.Format[columnar.Row]{}, in, rapid.Int64Range(1, 100).Draw(rt, "target"), o, rapid.Bool().Draw(rt, "resume"))
		if err != nil {
			rt.Fatalf("%q: %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%q: %s", data, diff)
		}
	})
}

// all has a column of every type.
var all = columnar.NewSchema(
	columnar.Field{Name: "i64", Type: columnar.Int64Type, Nullable: true},
	columnar.Field{Name: "i8", Type: columnar.Type{Kind: columnar.Int8}},
	columnar.Field{Name: "u64", Type: columnar.Type{Kind: columnar.Uint64}, Nullable: true},
	columnar.Field{Name: "f64", Type: columnar.Float64Type, Nullable: true},
	columnar.Field{Name: "f32", Type: columnar.Type{Kind: columnar.Float32}},
	columnar.Field{Name: "bool", Type: columnar.BoolType, Nullable: true},
	columnar.Field{Name: "date", Type: columnar.DateType, Nullable: true},
	columnar.Field{Name: "time", Type: columnar.TimestampType},
	columnar.Field{Name: "local", Type: columnar.Type{Kind: columnar.Timestamp}, Nullable: true},
	columnar.Field{Name: "dur", Type: columnar.Type{Kind: columnar.Duration}},
	columnar.Field{Name: "dec", Type: columnar.DecimalOf(30, 4), Nullable: true},
	columnar.Field{Name: "str", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "bin", Type: columnar.BinaryType},
	columnar.Field{Name: "fix", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 3}, Nullable: true},
	columnar.Field{Name: "list", Type: columnar.ListOf(columnar.StringType, true), Nullable: true},
	columnar.Field{Name: "map", Type: columnar.MapOf(columnar.Int64Type, columnar.ListOf(columnar.BoolType, false), true)},
	columnar.Field{Name: "a \"b\"", Type: columnar.StructOf(
		columnar.Field{Name: "x", Type: columnar.Type{Kind: columnar.Int16}, Nullable: true},
		columnar.Field{Name: "y", Type: columnar.MapOf(columnar.StringType, columnar.TimestampType, false), Nullable: true},
	), Nullable: true},
)

// values are what columns of all types hold.
var values = formattest.Values{Texts: rapid.String(), Bytes: rapid.SliceOf(rapid.Byte())}

func TestWriteRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := json.Format[columnar.Row]{
			OmitNull: rapid.Bool().Draw(rt, "omit"), Codec: rapid.SampledFrom([]compress.Codec{compress.None, compress.Gzip}).Draw(rt, "codec"),
		}
		var batches []columnar.Batch
		var want []string
		for range rapid.IntRange(0, 2).Draw(rt, "batches") {
			b := values.Batch(rt, all, 4)
			batches, want = append(batches, b), append(want, formattest.PrintBatch(rt, b)...)
		}
		data, err := formattest.Write(f, all, batches...)
		if err != nil {
			rt.Fatal(err)
		}
		if f.Codec == compress.None {
			for line := range bytes.Lines(data) {
				if !stdjson.Valid(line) {
					rt.Fatalf("no JSON: %s", line)
				}
			}
		}
		in := formattest.NewFile("a"+f.Suffix(), data)
		got, err := readAll(t, f, in, rapid.Int64Range(1, 3000).Draw(rt, "target"), formats.ReadOptions{Schema: all}, false)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%s: %s", data, diff)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(`{"id":1,"price":2.5,"name":"a\u00e9","day":"2026-01-02","tags":["x"],"by":{"k":3},"at":{"lat":1,"lon":2}}`+"\n{}\n", uint8(9))
	f.Fuzz(func(t *testing.T, data string, target uint8) {
		bad := 0
		o := formats.ReadOptions{Bad: func(formats.BadRecord) error { bad++; return nil }}
		whole, err := readAll(t, json.Format[order]{}, newFile("a.json", data), 0, o, false)
		if err != nil {
			t.Fatal(err)
		}
		badWhole := bad
		bad = 0
		parts, err := readAll(t, json.Format[order]{}, newFile("a.json", data), int64(target), o, false)
		if err != nil || !slices.Equal(whole, parts) || bad != badWhole {
			t.Fatalf("whole %q with %d bad, in parts %q with %d bad, %v", whole, badWhole, parts, bad, err)
		}
		_, _ = json.Format[columnar.Row]{}.Infer(t.Context(), newFile("a.json", data))
	})
}

// FuzzValid looks whether records that the standard library reads are read alike.
func FuzzValid(f *testing.F) {
	f.Add(`{"a":"\ud800\u0041","b":[1,{"x":2}],"c":-1.5e3}`)
	f.Fuzz(func(t *testing.T, line string) {
		line, _, _ = strings.Cut(line, "\n")
		if !stdjson.Valid([]byte(line)) || !utf8.ValidString(line) || !strings.HasPrefix(strings.TrimLeft(line, " \t\r"), "{") {
			return
		}
		got, err := readAll(t, json.Format[columnar.Row]{}, newFile("a.json", line), 0, formats.ReadOptions{Schema: wanted}, false)
		if want := reference(line); err != nil || len(got) != 1 || got[0] != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}

type benchRow struct {
	ID1, ID2   string
	V1, V2, V3 int64
	F          float64
	Day        time.Time `col:",date"`
}

func BenchmarkRead(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var data bytes.Buffer
	n := 0
	for ; data.Len() < 32<<20; n++ {
		fmt.Fprintf(&data, `{"id1":"id%03d","id2":"id%010d","v1":%d,"v2":%d,"v3":%d,"f":%.6f,"day":"2026-01-%02d"}`+"\n",
			rng.IntN(1000), rng.IntN(1e9), rng.IntN(100), rng.IntN(1e6), rng.IntN(1e9), rng.Float64()*100, 1+rng.IntN(28))
	}
	in := newFile("a.json", data.String())
	schema := json.Format[benchRow]{}.Schema()
	for _, bench := range []struct {
		name   string
		schema *columnar.Schema
	}{{"all", nil}, {"two of seven", schema.Select([]int{2, 5})}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(in.Size())
			b.ReportAllocs()
			for b.Loop() {
				r, err := json.Format[benchRow]{}.NewReader(b.Context(), in, formats.Range{To: in.Size()}, formats.ReadOptions{Schema: bench.schema})
				if err != nil {
					b.Fatal(err)
				}
				for {
					_, err := r.Next(b.Context())
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
