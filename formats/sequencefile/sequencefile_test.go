package sequencefile_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/sequencefile"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

type rowFormat = sequencefile.Format[columnar.Row]

// types are those that have a class.
var types = []columnar.Type{
	columnar.StringType, columnar.BinaryType, columnar.BoolType, columnar.Int32Type, columnar.Int64Type, columnar.Float64Type,
	{Kind: columnar.Int8},
	{Kind: columnar.Int16},
	{Kind: columnar.Float32},
}

func drawFormat(rt *rapid.T) formats.Format {
	codecs := []sequencefile.Codec{sequencefile.Zlib, sequencefile.Gzip, sequencefile.Snappy, sequencefile.LZ4, sequencefile.Zstd}
	return rowFormat{
		Compression: rapid.SampledFrom([]sequencefile.Compression{sequencefile.None, sequencefile.Record, sequencefile.Block}).Draw(rt, "compression"),
		Codec:       rapid.SampledFrom(codecs).Draw(rt, "codec"),
		BlockBytes:  rapid.SampledFrom([]int{0, 1, 100}).Draw(rt, "block bytes"),
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for i, typ := range types {
		schema := columnar.NewSchema(columnar.Field{Name: "value", Type: typ}, columnar.Field{Name: "key", Type: types[(i+2)%len(types)]})
		if i == 3 {
			schema = columnar.NewSchema(columnar.Field{Name: "value", Type: typ})
		}
		t.Run(typ.String(), func(t *testing.T) { formattest.RoundTrip(t, schema, drawFormat, 50) })
	}
}

func example(t testing.TB, f rowFormat) []byte {
	t.Helper()
	schema := columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.Int64Type}, columnar.Field{Name: "value", Type: columnar.StringType})
	b := formattest.Example(schema, 400)
	data, err := formattest.Write(f, schema, b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var kinds = []rowFormat{
	{Compression: sequencefile.None}, {Compression: sequencefile.Record, Codec: sequencefile.Snappy}, {Codec: sequencefile.Gzip, BlockBytes: 500},
}

func TestDamaged(t *testing.T) {
	for _, f := range kinds {
		formattest.Damaged(t, f, example(t, f), false)
	}
}

// TestHadoop reads files that Hadoop 3.4.2 wrote: see testdata/Write.java.
func TestHadoop(t *testing.T) {
	want := columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.Int64Type}, columnar.Field{Name: "value", Type: columnar.StringType})
	for _, name := range []string{"none", "record", "block"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name + ".seq")
			if err != nil {
				t.Fatal(err)
			}
			in := formattest.NewFile(name+".seq", data)
			rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Schema: want}, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 300 {
				t.Fatalf("%d rows", len(rows))
			}
			for i, r := range rows {
				text := strings.Repeat("ä", i%50)
				if r.Values[0] != int64(i*i-1000) || r.Values[1] != text {
					t.Fatalf("row %d is %v", i, r.Values)
				}
			}
			formattest.Splits(t, rowFormat{}, in, formats.ReadOptions{Schema: want, Rows: 7}, 1000, rows)
		})
	}
}

func TestBadRecord(t *testing.T) {
	// The first record's text says that it is longer than it is.
	schema := columnar.NewSchema(columnar.Field{Name: "value", Type: columnar.StringType})
	text := columnar.OfStrings(columnar.StringType, []int32{0, 3, 6}, []byte("abcdef"), columnar.Bitmap{})
	data, err := formattest.Write(kinds[0], schema, columnar.Batch{Schema: schema, Columns: []columnar.Column{text}, Len: 2})
	if err != nil {
		t.Fatal(err)
	}
	data[strings.Index(string(data), "abc")-1] = 9
	in := formattest.NewFile("bad.seq", data)
	if _, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{}, false); !errors.As(err, new(formats.BadRecord)) {
		t.Errorf("a record with a wrong length: %v", err)
	}
	count := 0
	o := formats.ReadOptions{Bad: func(formats.BadRecord) error { count++; return nil }}
	rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), o, false)
	if err != nil || count != 1 || len(rows) != 1 || rows[0].Values[0] != "def" {
		t.Errorf("left out %d records, read %v: %v", count, rows, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, k := range kinds {
		f.Add(example(f, k))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := formattest.NewFile("fuzz.seq", data)
		_, _ = formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Rows: 100}, false)
	})
}
