package codec_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

func rowsOf(t testing.TB, schema *columnar.Schema, b columnar.Batch) []columnar.Row {
	t.Helper()
	c, err := codec.Of[columnar.Row]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(schema)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := d.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestRowAgainstStruct reads columns of structs as rows, writes the rows, and reads structs again.
func TestRowAgainstStruct(t *testing.T) {
	t.Run("numbers", checkRows[numbers])
	t.Run("temporal", checkRows[temporal])
	t.Run("decimals", checkRows[decimals])
	t.Run("nullable", checkRows[nullable])
	t.Run("nested", checkRows[nested])
	t.Run("maps", checkRows[maps])
	t.Run("marshalled", checkRows[marshalled])
	t.Run("string", checkRows[string])
}

func checkRows[T any](t *testing.T) {
	t.Helper()
	gen := rapid.SliceOfN(rapid.MakeCustom[T](special), 1, 10)
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	rowCodec, err := codec.Of[columnar.Row]()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		values := gen.Draw(rt, "values")
		b := batchOf(t, values)
		e := rowCodec.Encoder()
		for _, r := range rowsOf(t, c.Schema(), b) {
			e.Append(r)
		}
		columns, err := e.Finish()
		if err != nil {
			rt.Fatal(err)
		}
		got := valuesOf[T](t, columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(values)})
		if diff := cmp.Diff(values, got, equal...); diff != "" {
			rt.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// TestRowValues pins the Go type of each kind of cell.
func TestRowValues(t *testing.T) {
	at := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	type record struct {
		A int8
		B uint64
		C bool
		D string
		E []byte
		F [2]byte
		G time.Time `col:",date"`
		H time.Duration
		I columnar.DecimalValue `col:",decimal(9,1)"`
		J []*int32
		K map[string]float32
		L *inner
	}
	price := columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: 15}, Scale: 1}
	b := batchOf(t, []record{{1, 2, true, "d", []byte("e"), [2]byte{1, 2}, at, time.Second, price, []*int32{nil, new(int32(3))}, map[string]float32{"k": 4}, nil}})
	got := rowsOf(t, b.Schema, b)[0].Values
	want := []any{int8(1), uint64(2), true, "d", []byte("e"), []byte{1, 2}, at, time.Second, price, []any{nil, int32(3)}, [][2]any{{"k", float32(4)}}, nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRowErrors(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type}, columnar.Field{Name: "s", Type: columnar.ListOf(columnar.StringType, true), Nullable: true})
	other := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int32Type})
	c, err := codec.Of[columnar.Row]()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		row  columnar.Row
		want string
	}{
		{columnar.Row{}, "a row without a schema"},
		{columnar.Row{Schema: other, Values: []any{int32(1)}}, "rows of two schemas"},
		{columnar.Row{Schema: schema, Values: []any{int64(1)}}, "a row of 1 values under a schema of 2 fields"},
		{columnar.Row{Schema: schema, Values: []any{nil, nil}}, `column "n": a null, but the schema says that there are none`},
		{columnar.Row{Schema: schema, Values: []any{"x", nil}}, `column "n": a value of type string does not fit a column of int64`},
		{columnar.Row{Schema: schema, Values: []any{1, nil}}, `column "n": a value of type int does not fit a column of int64`},
		{columnar.Row{Schema: schema, Values: []any{int64(1), []any{"a", 2}}}, `column "s": item 1: a value of type int does not fit a column of string`},
	} {
		e, err := c.EncoderFor(schema)
		if err != nil {
			t.Fatal(err)
		}
		e.Append(bad.row)
		if _, err := e.Finish(); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v: got %v, want %s", bad.row.Values, err, bad.want)
		}
		e.Append(columnar.Row{Schema: schema, Values: []any{int64(1), nil}})
		if columns, err := e.Finish(); err != nil || columns[0].Len != 1 {
			t.Errorf("after %v: %v", bad.row.Values, err)
		}
	}
	if columns, err := c.Encoder().Finish(); err != nil || len(columns) != 0 {
		t.Errorf("no rows: %v, %v", columns, err)
	}
}

func TestEncoderFor(t *testing.T) {
	c, err := codec.Of[inner]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.EncoderFor(c.Schema()); err != nil {
		t.Error(err)
	}
	if _, err := c.EncoderFor(columnar.NewSchema()); err == nil {
		t.Error("another schema was taken")
	}
}

func TestSelect(t *testing.T) {
	type key struct {
		Flag  string
		Order int64
	}
	s, err := codec.Select(func(l line) key { return key{l.Flag, l.Order} })
	if err != nil {
		t.Fatal(err)
	}
	if got := columnar.NewSchema(s.Fields...).String(); got != "flag: string\norder: int64\n" {
		t.Errorf("fields are %s", got)
	}
	x, y := s.New(), s.New()
	x.Append(line{Flag: "a", Order: 1})
	x.Append(line{Flag: "b", Order: 2})
	if x.Len() != 2 || y.Len() != 0 || x.Size() <= y.Size() {
		t.Errorf("Len %d, %d; Size %d, %d", x.Len(), y.Len(), x.Size(), y.Size())
	}
	columns, err := x.Finish()
	if err != nil {
		t.Fatal(err)
	}
	got := valuesOf[key](t, columnar.Batch{Schema: columnar.NewSchema(s.Fields...), Columns: columns, Len: 2})
	if want := []key{{"a", 1}, {"b", 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := codec.Select(func(line) chan int { return nil }); err == nil {
		t.Error("a channel was taken")
	}
	if _, err := codec.Select(func(line) columnar.Row { return columnar.Row{} }); err == nil {
		t.Error("a row was taken")
	}
}
