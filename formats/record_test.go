package formats_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/avro"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
)

type trade struct {
	ID    int64
	Name  string
	Price *float64
	At    time.Time
}

// TestRecords encodes records one by one, spoils some, and decodes them.
func TestRecords(t *testing.T) {
	price := 2.5
	rows := []trade{
		{1, "a", &price, time.Unix(100, 5000).UTC()}, {2, "b,\"c", nil, time.Unix(200, 0).UTC()}, {3, "", &price, time.Unix(0, 0).UTC()}, {4, "x", nil, time.Unix(7, 0).UTC()},
	}
	for name, f := range map[string]formats.RecordFormat{"json": json.Format[trade]{}, "csv": csv.Format[trade]{Header: true}, "avro": avro.Format[trade]{}} {
		t.Run(name, func(t *testing.T) {
			records := encode(t, f, rows)
			got, _ := decode[trade](t, f, records)
			if diff := cmp.Diff(rows, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			records[1] = []byte("{no record,2")
			records = append(records, nil)
			got, bad := decode[trade](t, f, records)
			want := []trade{rows[0], rows[2], rows[3]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			slices.Sort(bad)
			if !slices.Equal(bad, []int{1, 4}) {
				t.Errorf("bad are %v", bad)
			}
			stop := errors.New("stop")
			d, err := f.NewRecordDecoder(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.Decode(records, func(formats.BadValue) error { return stop }); !errors.Is(err, stop) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestRecordsWithNewlines(t *testing.T) {
	got, _ := decode[trade](t, json.Format[trade]{}, [][]byte{[]byte("{\n \"id\": 5,\r\n \"name\": \"n\",\"price\":1,\"at\":\"1970-01-01T00:00:00Z\"}\n")})
	if len(got) != 1 || got[0].ID != 5 || got[0].Name != "n" {
		t.Errorf("got %v", got)
	}
	lines := []string{"one", "two\nlines", ""}
	records := encode(t, text.Lines{}, lines)
	if back, _ := decode[string](t, text.Lines{}, records); !slices.Equal(back, lines) {
		t.Errorf("got %q", back)
	}
	if got, bad := decode[trade](t, csv.Format[trade]{}, [][]byte{[]byte("1,a\n,,")}); len(got) != 0 || len(bad) != 1 {
		t.Errorf("got %v, bad %v", got, bad)
	}
}

func TestAvroRecordsOfOtherSchema(t *testing.T) {
	type short struct{ ID int64 }
	records := encode(t, avro.Format[trade]{}, []trade{{ID: 9, Name: "z", At: time.Unix(1, 0)}})
	schema := `{"type":"record","name":"r","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"},
		{"name":"price","type":["null","double"]},{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}}]}`
	if got, _ := decode[short](t, avro.Format[short]{RecordSchema: schema}, records); len(got) != 1 || got[0].ID != 9 {
		t.Errorf("got %v", got)
	}
}

func encode[T any](t *testing.T, f formats.RecordFormat, rows []T) [][]byte {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	for _, r := range rows {
		e.Append(r)
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	enc, err := f.NewRecordEncoder(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	buf, ends, err := enc.Encode(columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(rows)}, []byte("head"), nil)
	if err != nil {
		t.Fatal(err)
	}
	records := make([][]byte, len(ends))
	at := 4
	for i, end := range ends {
		records[i], at = buf[at:end:end], end
	}
	return records
}

// decode returns the rows and the indexes of the bad records.
func decode[T any](t *testing.T, f formats.RecordFormat, records [][]byte) ([]T, []int) {
	t.Helper()
	d, err := f.NewRecordDecoder(nil)
	if err != nil {
		t.Fatal(err)
	}
	var bad []int
	b, kept, err := d.Decode(records, func(v formats.BadValue) error {
		bad = append(bad, v.Index)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) > 0 && len(kept) != b.Len || len(bad) == 0 && kept != nil {
		t.Errorf("%d rows of the records %v", b.Len, kept)
	}
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := dec.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows, bad
}

// FuzzRecords decodes any bytes as two records beside a good one: each record is a row or bad, and the good one is a row.
func FuzzRecords(f *testing.F) {
	good := trade{ID: 7, Name: "good", At: time.Unix(1, 0).UTC()}
	for _, seed := range []string{`{"id":1}`, "1,a,2,1970-01-01T00:00:00Z", "\x02\x02a\x00\x00", "\n\r\n", `{"id":"x"}`, `"`} {
		f.Add([]byte(seed), []byte(`{"id":1,"name":"n","price":null,"at":"1970-01-01T00:00:00Z"}`))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for name, format := range map[string]formats.RecordFormat{"json": json.Format[trade]{}, "csv": csv.Format[trade]{}, "avro": avro.Format[trade]{}} {
			records := [][]byte{a, encode(t, format, []trade{good})[0], b}
			rows, bad := decode[trade](t, format, records)
			if len(rows)+len(bad) != len(records) || slices.Contains(bad, 1) {
				t.Fatalf("%s: %d rows, bad are %v", name, len(rows), bad)
			}
			if at := slices.IndexFunc(rows, func(r trade) bool { return cmp.Equal(r, good) }); at < 0 || at > 1 {
				t.Fatalf("%s: the good record is row %d of %+v", name, at, rows)
			}
		}
	})
}
