package codec_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// batchOf encodes values and returns them as a batch.
func batchOf[T any](t testing.TB, values []T) columnar.Batch {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	for _, v := range values {
		e.Append(v)
	}
	if e.Len() != len(values) {
		t.Fatalf("Len is %d after %d values", e.Len(), len(values))
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(values)}
}

// valuesOf decodes a batch.
func valuesOf[T any](t testing.TB, b columnar.Batch) []T {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func checkRoundTrip[T any](t *testing.T, values ...T) {
	t.Helper()
	if diff := cmp.Diff(values, valuesOf[T](t, batchOf(t, values)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("round trip of %T (-want +got):\n%s", values, diff)
	}
}

type base struct{ ID int64 }

type inner struct {
	Label string
	Codes []int32
}

type everything struct {
	base
	Flag    bool
	Small   int8
	Ratio   float32
	Name    string
	Raw     []byte
	Digest  [5]byte
	At      time.Time
	Day     time.Time `col:"the_day,date"`
	Took    time.Duration
	Price   columnar.DecimalValue `col:",decimal(15,2)"`
	Cents   int64                 `col:",decimal(15,2)"`
	Maybe   *int64
	Note    *string
	Tags    []string
	Pair    [2]float64
	Weights map[string]float64
	In      inner
	Opt     *inner
	List    []inner
	Skipped int `col:"-"`
}

// stamped has the methods of the time that it embeds, which know nothing of Name.
type stamped struct {
	time.Time
	Name string
}

func TestRoundTrip(t *testing.T) {
	n, s := int64(7), "seven"
	full := everything{
		base: base{9}, Flag: true, Small: -3, Ratio: 1.5, Name: "n", Raw: []byte("raw"), Digest: [5]byte{1, 2, 3, 4, 5},
		At: time.UnixMicro(1234567).UTC(), Day: time.Date(1969, 12, 30, 0, 0, 0, 0, time.UTC), Took: 5 * time.Millisecond,
		Price: columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: 1250}, Scale: 2}, Cents: -1, Maybe: &n, Note: &s,
		Tags: []string{"a", "", "b"}, Pair: [2]float64{1, 2}, Weights: map[string]float64{"x": 1, "y": 2},
		In: inner{"l", []int32{1}}, Opt: &inner{"o", nil}, List: []inner{{"a", nil}, {"b", []int32{2, 3}}},
	}
	zero := everything{At: time.UnixMicro(0).UTC(), Day: time.Unix(0, 0).UTC(), Price: columnar.DecimalValue{Scale: 2}}
	values := []everything{full, zero, full}
	got := valuesOf[everything](t, batchOf(t, values))
	if diff := cmp.Diff(values, got, cmpopts.EquateEmpty(), cmp.AllowUnexported(everything{})); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	checkRoundTrip(t, "a", "", "bc")
	checkRoundTrip(t, 1, 2, 3)
	checkRoundTrip(t, 1.5, 2)
	checkRoundTrip(t, true, false)
	checkRoundTrip(t, &n, nil)
	checkRoundTrip(t, []string{"a"}, nil)
	checkRoundTrip(t, [3]byte{1}, [3]byte{2})
	checkRoundTrip(t, inner{"x", nil})
	checkRoundTrip(t, struct{}{}, struct{}{})
	checkRoundTrip(t, []struct{}{{}, {}}, nil)
	checkRoundTrip(t, [0]string{}, [0]string{})
	checkRoundTrip(t, stamped{time.UnixMicro(5).UTC(), "not lost"})
}
