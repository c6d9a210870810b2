package arrowipc_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

type rowFormat = arrowipc.Format[columnar.Row]

func drawFormat(rt *rapid.T) formats.Format {
	return rowFormat{
		Stream: rapid.Bool().Draw(rt, "stream"),
		Codec:  rapid.SampledFrom([]arrowipc.Codec{arrowipc.None, arrowipc.LZ4, arrowipc.Zstd}).Draw(rt, "codec"),
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	formattest.RoundTrip(t, formattest.Everything(), drawFormat, 40)
}

var kinds = []rowFormat{{}, {Codec: arrowipc.LZ4}, {Stream: true}, {Stream: true, Codec: arrowipc.Zstd}}

func example(t testing.TB, f rowFormat) []byte {
	t.Helper()
	b := formattest.Example(formattest.Everything(), 60)
	data, err := formattest.Write(f, b.Schema, b, b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamaged(t *testing.T) {
	for _, f := range kinds {
		formattest.Damaged(t, f, example(t, f), !f.Stream)
	}
}

func FuzzRead(f *testing.F) {
	for _, k := range kinds {
		f.Add(example(f, k))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := formattest.NewFile("fuzz.arrow", data)
		_, _ = formattest.Read(t.Context(), rowFormat{}, in, formattest.Whole(in), formats.ReadOptions{Rows: 100}, false)
	})
}
