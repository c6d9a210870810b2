package codec_test

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

type word string

type numbers struct {
	A int8
	B int16
	C int32
	D int64
	E int
	F uint8
	G uint16
	H uint32
	I uint64
	J uint
	K float32
	L float64
	M bool
}

type temporal struct {
	At    time.Time
	Day   time.Time `col:",date"`
	Local time.Time `col:",local"`
	Took  time.Duration
	Raw   int64 `col:",timestamp"`
	Days  int32 `col:",date"`
}

type decimals struct {
	Price  columnar.DecimalValue   `col:",decimal(38,4)"`
	Cents  int64                   `col:",decimal(18,2)"`
	Prices []columnar.DecimalValue `col:",decimal(38,4)"`
}

type nullable struct {
	N  *int32
	S  *string
	B  *bool
	R  *[]byte
	T  *time.Time
	In *numbers
	L  *[]int64
	D  *time.Time `col:",date"`
}

type nested struct {
	Words  []word
	Lists  [][]string
	Ptrs   []*int64
	In     struct{ X, Y float64 }
	Ins    []nullable
	Fixed  [3]int16
	Texts  [2]string
	Hash   [4]byte
	Hashes [][4]byte
}

type maps struct {
	A map[string]int64
	B map[int32][]string
	C map[bool]*string
	D map[[2]byte]struct{ X map[string]string }
}

type mapKeys struct {
	A map[int8]bool
	B map[int16]bool
	C map[int64]bool
	D map[int]bool
	E map[uint8]bool
	F map[uint16]bool
	G map[uint32]bool
	H map[uint64]bool
	I map[uint]bool
	J map[word]bool
}

type marshalled struct {
	Addr  netip.Addr
	Addrs []netip.Addr
	Maybe *netip.Addr
}

func draw[T any](f func(*rapid.T) T) *rapid.Generator[any] {
	return rapid.Custom(f).AsAny()
}

func instant(t *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(-1e17, 1e17).Draw(t, "micros")).UTC()
}

func drawDecimal(t *rapid.T) columnar.DecimalValue {
	d := columnar.DecimalOfInt64(rapid.Int64().Draw(t, "unscaled"))
	d.Scale = 4
	return d
}

// special are the generators of what rapid cannot make by itself, or not within our bounds.
var special = rapid.MakeConfig{
	Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time]():             draw(instant),
		reflect.TypeFor[columnar.DecimalValue](): draw(drawDecimal),
		reflect.TypeFor[netip.Addr]():            draw(func(t *rapid.T) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "host")}) }),
	},
	Fields: map[reflect.Type]map[string]*rapid.Generator[any]{
		reflect.TypeFor[temporal](): {
			"Day":  draw(func(t *rapid.T) time.Time { return instant(t).Truncate(24 * time.Hour) }),
			"Took": draw(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int32().Draw(t, "took")) * time.Microsecond }),
		},
		reflect.TypeFor[decimals](): {
			"Cents": draw(func(t *rapid.T) int64 { return rapid.Int64Range(-1e18+1, 1e18-1).Draw(t, "cents") }),
		},
		reflect.TypeFor[nullable](): {
			"D": draw(func(t *rapid.T) *time.Time {
				day := instant(t).Truncate(24 * time.Hour)
				return &day
			}),
		},
	},
}

var equal = []cmp.Option{cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// TestProperties encodes random values of many types, and decodes them through slices, selections and copies.
func TestProperties(t *testing.T) {
	t.Run("string", checkType[string])
	t.Run("named string", checkType[word])
	t.Run("int64", checkType[int64])
	t.Run("uint8", checkType[uint8])
	t.Run("float32", checkType[float32])
	t.Run("bool", checkType[bool])
	t.Run("time", checkType[time.Time])
	t.Run("bytes", checkType[[]byte])
	t.Run("byte array", checkType[[7]byte])
	t.Run("pointer", checkType[*int64])
	t.Run("pointer to struct", checkType[*numbers])
	t.Run("list", checkType[[]string])
	t.Run("array", checkType[[2]string])
	t.Run("map", checkType[map[string]int64])
	t.Run("address", checkType[netip.Addr])
	t.Run("numbers", checkType[numbers])
	t.Run("temporal", checkType[temporal])
	t.Run("decimals", checkType[decimals])
	t.Run("nullable", checkType[nullable])
	t.Run("nested", checkType[nested])
	t.Run("maps", checkType[maps])
	t.Run("map keys", checkType[mapKeys])
	t.Run("marshalled", checkType[marshalled])
	t.Run("line", checkType[line])
}

func checkType[T any](t *testing.T) {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	gen := rapid.SliceOfN(rapid.MakeCustom[T](special), 0, 20)
	var dst []T
	rapid.Check(t, func(t *rapid.T) {
		b, want := drawBatch(t, c, e, gen)
		dst, err = d.Decode(b, dst)
		if err != nil {
			t.Fatal(err)
		}
		poisonFixed(b)
		if diff := cmp.Diff(want, dst, equal...); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// drawBatch encodes values and takes some of them, by slices, selections and copies behind other rows.
func drawBatch[T any](t *rapid.T, c *codec.Codec[T], e *codec.Encoder[T], gen *rapid.Generator[[]T]) (columnar.Batch, []T) {
	values := gen.Draw(t, "values")
	for _, v := range values {
		e.Append(v)
	}
	if e.Len() != len(values) || e.Size() < 0 {
		t.Fatalf("Len %d and Size %d after %d values", e.Len(), e.Size(), len(values))
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(values)}
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		switch n := b.Rows(); rapid.IntRange(0, 2).Draw(t, "step") {
		case 0:
			i := rapid.IntRange(0, n).Draw(t, "from")
			k := rapid.IntRange(0, n-i).Draw(t, "n")
			b, values = b.Slice(i, k), values[i:i+k]
		case 1:
			if b.Sel == nil {
				b.Sel = []int32{}
				var some []T
				for i, v := range values {
					if rapid.Bool().Draw(t, "selected") {
						b.Sel, some = append(b.Sel, int32(i)), append(some, v)
					}
				}
				values = some
			}
		case 2:
			bb := columnar.NewBatchBuilder(b.Schema, 0)
			bb.Append(b, b.Sel)
			bb.Append(b, b.Sel)
			b = bb.Finish().Slice(n, n)
		}
	}
	return b, values
}

// poisonFixed overwrites what may be reused once Decode has returned: everything but the bytes of strings and binaries.
func poisonFixed(b columnar.Batch) {
	for i := range b.Sel {
		b.Sel[i] = -1
	}
	for i := range b.Columns {
		poisonColumn(&b.Columns[i])
	}
}

func poisonColumn(c *columnar.Column) {
	buffers := [][]byte{c.Valid.Bits, c.Bits.Bits}
	if c.Type.ByteWidth() > 0 {
		buffers = append(buffers, c.Data)
	}
	for _, buffer := range buffers {
		for i := range buffer {
			buffer[i] = 0xAB
		}
	}
	for i := range c.Offsets {
		c.Offsets[i] = -1
	}
	for k := range c.Children {
		poisonColumn(&c.Children[k])
	}
}

// TestEncoderCopies changes values behind the encoder's back.
func TestEncoderCopies(t *testing.T) {
	type record struct {
		Name string
		Raw  []byte
		N    *int64
		Tags []string
		Map  map[string]int64
	}
	c, err := codec.Of[record]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	n := int64(1)
	r := record{"r", []byte("one"), &n, []string{"one"}, map[string]int64{"one": 1}}
	e.Append(r)
	copy(r.Raw, "two")
	n, r.Tags[0], r.Map["one"] = 2, "two", 2
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	got := valuesOf[record](t, columnar.Batch{Schema: c.Schema(), Columns: columns, Len: 1})
	one := int64(1)
	want := []record{{"r", []byte("one"), &one, []string{"one"}, map[string]int64{"one": 1}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMapsAreSorted holds that equal maps are equal cells.
func TestMapsAreSorted(t *testing.T) {
	m := map[string]int64{}
	for i := range 100 {
		m[fmt.Sprint(i)] = int64(i)
	}
	b := batchOf(t, []map[string]int64{m})
	keys := b.Columns[0].Children[0]
	for i := 1; i < keys.Len; i++ {
		if keys.Text(i-1) >= keys.Text(i) {
			t.Fatalf("key %q before %q", keys.Text(i-1), keys.Text(i))
		}
	}
}

// TestRounding pins what is lost on the way into a column.
func TestRounding(t *testing.T) {
	type record struct {
		At    time.Time
		Took  time.Duration
		Day   time.Time             `col:",date"`
		Local time.Time             `col:",local"`
		Price columnar.DecimalValue `col:",decimal(10,2)"`
		Float float64               `col:",decimal(10,2)"`
	}
	if got := valuesOf[record](t, batchOf(t, []record{{Day: time.Unix(-1, 0).UTC()}}))[0].Day; got != time.Unix(-86400, 0).UTC() {
		t.Errorf("the second before 1970 lies on %s", got)
	}
	zone := time.FixedZone("", -5*60*60)
	at := time.Date(2024, 2, 29, 22, 30, 0, 1999, zone)
	got := valuesOf[record](t, batchOf(t, []record{{
		At: at, Took: -1999, Day: at, Local: at,
		Price: columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: 1005}, Scale: 3}, Float: 0.07,
	}}))[0]
	want := record{
		At: time.Date(2024, 3, 1, 3, 30, 0, 1000, time.UTC), Took: -time.Microsecond, Day: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		Local: time.Date(2024, 2, 29, 22, 30, 0, 1000, time.UTC),
		Price: columnar.DecimalValue{Unscaled: columnar.Decimal128{Lo: 101}, Scale: 2}, Float: 0.07,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestEncodeErrors holds that Finish reports a value that does not fit, and that the encoder is as new afterwards.
func TestEncodeErrors(t *testing.T) {
	type record struct {
		Price float64 `col:",decimal(4,2)"`
	}
	c, err := codec.Of[record]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	for _, bad := range []float64{100, math.NaN(), math.Inf(-1), 1e300} {
		e.Append(record{1})
		e.Append(record{bad})
		if _, err := e.Finish(); err == nil {
			t.Errorf("%v was stored as decimal(4,2)", bad)
		}
	}
	e.Append(record{99.99})
	if columns, err := e.Finish(); err != nil || columns[0].Len != 1 {
		t.Errorf("after an error: %d columns, %v", len(columns), err)
	}
}
