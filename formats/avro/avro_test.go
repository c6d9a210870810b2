package avro_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro/ocf"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/avro"
	"github.com/millrace/millrace/internal/testkit/formattest"

	other "github.com/twmb/avro"
)

type rowFormat = avro.Format[columnar.Row]

var everything = formattest.Named(formattest.Without(formattest.Everything(), columnar.Uint64))

func drawFormat(rt *rapid.T) formats.Format {
	codecs := []avro.Codec{avro.Snappy, avro.Uncompressed, avro.Deflate, avro.Zstd}
	return rowFormat{
		Codec:      rapid.SampledFrom(codecs).Draw(rt, "codec"),
		BlockBytes: rapid.SampledFrom([]int{0, 1, 500}).Draw(rt, "block bytes"),
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	formattest.RoundTrip(t, everything, drawFormat, 40)
}

func example(t testing.TB) []byte {
	t.Helper()
	b := formattest.Example(everything, 100)
	data, err := formattest.Write(rowFormat{BlockBytes: 1000}, b.Schema, b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamaged(t *testing.T) { formattest.Damaged(t, rowFormat{}, example(t), false) }

// TestOtherWriter reads what the library wrote, with the types that our writer does not write.
func TestOtherWriter(t *testing.T) {
	schema := other.MustParse(`{"type":"record","name":"r","fields":[
		{"name":"e","type":{"type":"enum","name":"suit","symbols":["clubs","hearts"]}},
		{"name":"ms","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"ns","type":{"type":"long","logicalType":"timestamp-nanos"}},
		{"name":"any","type":["string","long"]},
		{"name":"tree","type":["null",{"type":"record","name":"node","fields":[{"name":"next","type":["null","node"]},{"name":"v","type":"int"}]}]},
		{"name":"last","type":["string","null"]},
		{"name":"small","type":"int"}]}`)
	var buf bytes.Buffer
	w, err := ocf.NewWriter(&buf, schema, ocf.WithCodec(ocf.SnappyCodec()))
	if err != nil {
		t.Fatal(err)
	}
	node := map[string]any{"next": map[string]any{"next": nil, "v": 2}, "v": 1}
	for _, last := range []any{"x", nil} {
		err := w.Encode(map[string]any{"e": "hearts", "ms": int64(-1), "ns": int64(-1), "any": int64(7), "tree": node, "last": last, "small": 100})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	in := formattest.NewFile("other.avro", buf.Bytes())
	want := columnar.NewSchema(
		columnar.Field{Name: "small", Type: columnar.Type{Kind: columnar.Int8}},
		columnar.Field{Name: "last", Type: columnar.StringType, Nullable: true},
		columnar.Field{Name: "ms", Type: columnar.TimestampType}, columnar.Field{Name: "ns", Type: columnar.TimestampType},
		columnar.Field{Name: "e", Type: columnar.StringType},
	)
	rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Schema: want}, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Values[0] != int8(100) || rows[0].Values[1] != "x" || rows[1].Values[1] != nil || rows[1].Values[4] != "hearts" {
		t.Errorf("got %v", rows)
	}
	for i, micros := range []int64{-1000, -1} {
		if got := rows[0].Values[2+i]; got != columnarTime(micros) {
			t.Errorf("time %d is %v", i, got)
		}
	}
	if _, err := (rowFormat{}).Infer(t.Context(), in); err == nil || !strings.Contains(err.Error(), `"any": a union`) {
		t.Errorf("inferring a union of two types: %v", err)
	}
}

// TestOtherReader has the library read what we wrote.
func TestOtherReader(t *testing.T) {
	r, err := ocf.NewReader(bytes.NewReader(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		var v map[string]any
		if err := r.Decode(&v); err != nil {
			if err.Error() != "EOF" {
				t.Fatal(err)
			}
			break
		}
		n++
	}
	in := formattest.NewFile("a.avro", example(t))
	rows, err := formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{}, false)
	if err != nil || len(rows) != n {
		t.Errorf("read %d rows, the library %d: %v", len(rows), n, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(example(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := formattest.NewFile("fuzz.avro", data)
		_, _ = formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Rows: 100}, false)
	})
}

func columnarTime(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
