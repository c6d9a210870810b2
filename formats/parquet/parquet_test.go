package parquet_test

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/internal/testkit/formattest"
	"pgregory.net/rapid"
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
	for seed := range 2 {
		b := rapid.Custom(func(rt *rapid.T) columnar.Batch { return formattest.Batch(rt, schema, 4000) }).Example(seed)
		want, err := formattest.Rows(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []rowFormat{{PageBytes: 4 << 10}, {RowGroupRows: 2000, Codec: parquet.Zstd}} {
			data, err := formattest.Write(f, schema, b)
			if err != nil {
				t.Fatal(err)
			}
			in := formattest.NewFile("memory:many.parquet", data)
			formattest.Splits(t, f, in, formats.ReadOptions{Schema: schema, Rows: 700}, in.Size()/3, want)
		}
	}
}

func TestDamaged(t *testing.T) {
	b := rapid.Custom(func(rt *rapid.T) columnar.Batch { return formattest.Batch(rt, formattest.Everything(), 100) }).Example(7)
	data, err := formattest.Write(rowFormat{RowGroupRows: 60}, b.Schema, b)
	if err != nil {
		t.Fatal(err)
	}
	formattest.Damaged(t, rowFormat{}, data, true)
}
