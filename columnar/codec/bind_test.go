package codec_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// under gives the only column of b another name and nullability.
func under(b columnar.Batch, name string, nullable bool) columnar.Batch {
	b.Schema = columnar.NewSchema(columnar.Field{Name: name, Type: b.Columns[0].Type, Nullable: nullable})
	return b
}

func checkWidens[From, To any](t *testing.T, values []From, want []To) {
	t.Helper()
	b := under(batchOf(t, values), "value", false)
	if diff := cmp.Diff(want, valuesOf[To](t, b)); diff != "" {
		t.Errorf("%T as %T (-want +got):\n%s", values, want, diff)
	}
	b.Sel = []int32{1}
	if diff := cmp.Diff(want[1:2], valuesOf[To](t, b)); diff != "" {
		t.Errorf("selected %T as %T (-want +got):\n%s", values, want, diff)
	}
}

func TestWidening(t *testing.T) {
	checkWidens(t, []int8{-1, 2}, []int16{-1, 2})
	checkWidens(t, []int8{-1, 2}, []int{-1, 2})
	checkWidens(t, []int16{-1, 2}, []float32{-1, 2})
	checkWidens(t, []int32{-1, 2}, []int64{-1, 2})
	checkWidens(t, []int32{-1, 2}, []float64{-1, 2})
	checkWidens(t, []uint8{1, 255}, []int16{1, 255})
	checkWidens(t, []uint16{1, 65535}, []uint64{1, 65535})
	checkWidens(t, []uint32{1, 1<<32 - 1}, []int64{1, 1<<32 - 1})
	checkWidens(t, []float32{-1, 2.5}, []float64{-1, 2.5})
	checkWidens(t, []string{"a", "b"}, [][]byte{[]byte("a"), []byte("b")})
	checkWidens(t, []int32{-1, 2}, []*int64{new(int64(-1)), new(int64(2))})

	type day struct {
		Value time.Time `col:",date"`
	}
	type units struct {
		Value int64 `col:",decimal(9,3)"`
	}
	checkWidens(t, []day{{time.UnixMicro(0)}, {time.UnixMicro(0)}}, []time.Time{time.UnixMicro(0).UTC(), time.UnixMicro(0).UTC()})
	checkWidens(t, []units{{1500}, {-1}}, []float64{1.5, -0.001})
	checkWidens(t, []units{{1500}, {-1}}, []units{{1500}, {-1}})
}

// TestMismatch holds that each field that cannot be read is named, with its column.
func TestMismatch(t *testing.T) {
	type item struct{ Count int8 }
	type record struct {
		ID     int32
		Gone   string
		Exact  int64
		Float  float32
		Local  time.Time
		Text   string
		Cents  int64 `col:",decimal(9,2)"`
		Tags   []int32
		Items  []item
		Counts map[string]int8
		Fine   int64
	}
	from := columnar.NewSchema(
		columnar.Field{Name: "id", Type: columnar.Int64Type},
		columnar.Field{Name: "exact", Type: columnar.Type{Kind: columnar.Uint64}},
		columnar.Field{Name: "float", Type: columnar.Int32Type},
		columnar.Field{Name: "local", Type: columnar.Type{Kind: columnar.Timestamp}},
		columnar.Field{Name: "text", Type: columnar.BinaryType},
		columnar.Field{Name: "cents", Type: columnar.DecimalOf(9, 3)},
		columnar.Field{Name: "tags", Type: columnar.ListOf(columnar.StringType, false)},
		columnar.Field{Name: "items", Type: columnar.ListOf(columnar.StructOf(columnar.Field{Name: "count", Type: columnar.StringType}), false)},
		columnar.Field{Name: "counts", Type: columnar.MapOf(columnar.StringType, columnar.Int64Type, false)},
		columnar.Field{Name: "fine", Type: columnar.Int32Type},
		columnar.Field{Name: "ignored", Type: columnar.Int32Type},
	)
	c, err := codec.Of[record]()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Decoder(from)
	if err == nil {
		t.Fatal("the decoder was made")
	}
	want := `reading codec_test.record from columns:
codec_test.record.ID (int32): the column "id" is int64, not int32
codec_test.record.Gone (string): no column "gone"
codec_test.record.Exact (int64): the column "exact" is uint64, not int64
codec_test.record.Float (float32): the column "float" is int32, not float32
codec_test.record.Local (time.Time): the column "local" is timestamp(local), not timestamp; the tag local makes the field a date and time without zone
codec_test.record.Text (string): the column "text" is binary, not string
codec_test.record.Cents (int64): the column "cents" is decimal(9,3), not decimal(9,2)
codec_test.record.Tags ([]int32): the column "tags" is list<string>, not list<int32>
codec_test.record.Items[].Count (int8): the column "count" is string, not int8
codec_test.record.Counts (map[string]int8): the column "counts" is map<string, int64>, not map<string, int8>`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type optional struct {
	Name  *string
	Count *int64
	In    *inner
	Tags  *[]string
}

type required struct {
	Name  string   `col:",null=zero"`
	Count int64    `col:",null=zero"`
	In    inner    `col:",null=zero"`
	Tags  []string `col:",null=zero"`
}

func TestNullIsZero(t *testing.T) {
	full := optional{new("n"), new(int64(5)), &inner{"l", []int32{1}}, &[]string{"t"}}
	b := batchOf(t, []optional{{}, full, full, {Count: new(int64(7))}, full})
	filled := required{"n", 5, inner{"l", []int32{1}}, []string{"t"}}
	want := []required{{}, filled, filled, {Count: 7}, filled}

	dirty := make([]required, 5)
	for i := range dirty {
		dirty[i] = required{"dirty", -1, inner{"dirty", []int32{9}}, []string{"dirty"}}
	}
	c, err := codec.Of[required]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(b, dirty)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	b.Sel = []int32{0, 3, 4}
	if diff := cmp.Diff([]required{{}, {Count: 7}, filled}, valuesOf[required](t, b), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
}

func TestNullError(t *testing.T) {
	type strict struct {
		In    inner `col:",null=zero"`
		Count int64
	}
	b := batchOf(t, []optional{{Count: new(int64(1))}, {}, {Count: new(int64(1))}})
	c, err := codec.Of[strict]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Decode(b, nil)
	var null *codec.NullError
	if !errors.As(err, &null) || null.Row != 1 || null.Column != "count" {
		t.Fatalf("got %v", err)
	}
	want := "column \"count\" is null in row 1 of the batch, and codec_test.strict.Count is of type int64: make it *int64, or tag it `col:\",null=zero\"`"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	b.Sel = []int32{0, 2}
	if _, err := d.Decode(b, nil); err != nil {
		t.Errorf("without the null: %v", err)
	}
}

// TestHoles holds that fields without a column are zero, whatever the memory held.
func TestHoles(t *testing.T) {
	type record struct {
		N     int64
		Cache []string `col:"-"`
	}
	b := batchOf(t, []record{{1, nil}, {2, nil}})
	c, err := codec.Of[record]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	dst := []record{{9, []string{"left"}}, {9, nil}, {9, []string{"over"}}}
	got, err := d.Decode(b, dst[:1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]record{{1, nil}, {2, nil}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestArrayLength holds that a list of another length than the array is refused.
func TestArrayLength(t *testing.T) {
	b := batchOf(t, [][]int64{{1, 2}, {3}})
	c, err := codec.Of[[2]int64]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode(b, nil); err == nil || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("got %v", err)
	}
}
