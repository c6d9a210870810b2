package parquet_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

type rowFormat = parquet.Format[columnar.Row]

func drawFormat(rt *rapid.T) formats.Format {
	codecs := []parquet.Codec{parquet.Snappy, parquet.Uncompressed, parquet.Gzip, parquet.Zstd, parquet.LZ4}
	return rowFormat{
		Codec:        rapid.SampledFrom(codecs).Draw(rt, "codec"),
		RowGroupRows: rapid.SampledFrom([]int{0, 1, 50, 170}).Draw(rt, "rows a group"),
		PageBytes:    rapid.SampledFrom([]int{0, 1, 100}).Draw(rt, "page bytes"),
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	formattest.RoundTrip(t, formattest.Everything(), drawFormat, 40)
}

// TestManyRows has pages and dictionaries of some size, which the random small files do not.
func TestManyRows(t *testing.T) {
	schema := formattest.Everything()
	b := formattest.Example(schema, 30_000)
	want, err := formattest.Rows(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []rowFormat{{PageBytes: 4 << 10}, {RowGroupRows: 7000, Codec: parquet.Zstd}} {
		data, err := formattest.Write(f, schema, b)
		if err != nil {
			t.Fatal(err)
		}
		in := formattest.NewFile("memory:many.parquet", data)
		formattest.Splits(t, f, in, formats.ReadOptions{Schema: schema, Rows: 5000}, in.Size()/3, want)
	}
}

func TestDamaged(t *testing.T) {
	b := formattest.Example(formattest.Everything(), 100)
	formattest.Damaged(t, rowFormat{}, example(t, rowFormat{RowGroupRows: 60}, b), true)
}

func example(t testing.TB, f rowFormat, b columnar.Batch) []byte {
	t.Helper()
	data, err := formattest.Write(f, b.Schema, b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func FuzzRead(f *testing.F) {
	for _, format := range []rowFormat{{Codec: parquet.Uncompressed}, {Codec: parquet.Zstd, RowGroupRows: 20}} {
		f.Add(example(f, format, formattest.Example(formattest.Everything(), 40)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := formattest.NewFile("fuzz.parquet", data)
		_, _ = formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Rows: 100}, false)
	})
}
