package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/state"
)

// builders returns a builder for each field.
func builders(fields []columnar.Field) []*columnar.Builder {
	all := make([]*columnar.Builder, len(fields))
	for i, f := range fields {
		all[i] = columnar.NewBuilder(f.Type, 0)
	}
	return all
}

func finish(s *columnar.Schema, all []*columnar.Builder) columnar.Batch {
	b := columnar.Batch{Schema: s, Columns: make([]columnar.Column, len(all))}
	for i, c := range all {
		b.Len = c.Len()
		b.Columns[i] = c.Finish()
	}
	return b
}

func TestCellsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := batches.Schema(t, 5)
		b := batches.Batch(t, s, 30)
		b.Time, b.Kind = nil, nil
		c := state.NewCoder(s.Fields)
		var r state.Cellar
		c.Encode(b.Columns, b.Sel, b.Rows(), &r)
		into := builders(s.Fields)
		for i := range b.Rows() {
			if one := c.Append(nil, b.Columns, b.Row(i)); !bytes.Equal(one, r.At(i)) {
				t.Fatalf("row %d alone is %x, among others %x", i, one, r.At(i))
			}
			if size, err := c.Size(append(bytes.Clone(r.At(i)), "more"...)); err != nil || size != len(r.At(i)) {
				t.Fatalf("row %d has %d bytes; its cell says %d, %v", i, len(r.At(i)), size, err)
			}
			if err := c.Decode(r.At(i), into); err != nil {
				t.Fatal(err)
			}
		}
		if size, fixed := c.Fixed(); fixed && r.Len() > 0 && len(r.At(0)) != size {
			t.Fatalf("a cell of %d bytes, of a fixed size of %d", len(r.At(0)), size)
		}
		if diff := cmp.Diff(batches.Text(b), batches.Text(finish(s, into))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEqualKeysAreEqualCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := batches.Schema(t, 3)
		b := batches.Random(s, 20, rapid.Uint64().Draw(t, "seed"))
		c := state.NewKeyCoder(s.Fields)
		orders := make([]keys.Order, len(s.Fields))
		for i := range b.Len {
			for k := range b.Len {
				same := keys.Compare(b.Columns, i, b.Columns, k, orders) == 0
				if got := bytes.Equal(c.Append(nil, b.Columns, i), c.Append(nil, b.Columns, k)); got != same {
					t.Fatalf("%s and %s are equal keys: %v; their cells are: %v", batches.RowText(b, i), batches.RowText(b, k), same, got)
				}
			}
		}
	})
}

func TestNamespacesAreInTheOrderOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := columnar.NewSchema(withoutLists(batches.Fields(t, 3, 1))...)
		o, err := state.NewOrdered(s.Fields)
		if err != nil {
			t.Fatal(err)
		}
		b := batches.Random(s, 20, rapid.Uint64().Draw(t, "seed"))
		b.Time, b.Kind = nil, nil
		orders := make([]keys.Order, len(s.Fields))
		for i := range orders {
			orders[i].NullsFirst = true
		}
		into := builders(s.Fields)
		for i := range b.Len {
			one := o.Append(nil, b.Columns, i)
			if err := o.Decode(one, into); err != nil {
				t.Fatal(err)
			}
			for k := range b.Len {
				want := keys.Compare(b.Columns, i, b.Columns, k, orders)
				if got := bytes.Compare(one, o.Append(nil, b.Columns, k)); got < 0 != (want < 0) || got > 0 != (want > 0) {
					t.Fatalf("%s and %s compare as %d, their bytes as %d", batches.RowText(b, i), batches.RowText(b, k), want, got)
				}
			}
		}
		back := finish(s, into)
		for i := range b.Len {
			if keys.Compare(b.Columns, i, back.Columns, i, orders) != 0 {
				t.Fatalf("%s came back as %s", batches.RowText(b, i), batches.RowText(back, i))
			}
		}
	})
}

// withoutLists puts numbers in the place of lists and maps, which have no order: also within structs.
func withoutLists(fields []columnar.Field) []columnar.Field {
	fields = slices.Clone(fields)
	for i, f := range fields {
		switch f.Type.Kind {
		case columnar.List, columnar.Map:
			fields[i].Type = columnar.Int64Type
		case columnar.Struct:
			fields[i].Type = columnar.StructOf(withoutLists(f.Type.Fields)...)
		default: // has an order
		}
	}
	return fields
}

func TestNamespacesHaveNoLists(t *testing.T) {
	if _, err := state.NewOrdered([]columnar.Field{{Name: "a", Type: columnar.ListOf(columnar.Int64Type, false)}}); err == nil {
		t.Error("a list has an order")
	}
}

type inner struct {
	A int16
	B string
}

type everything struct {
	Flag    bool
	Small   int8
	Int     int
	Float   float32
	Name    string
	At      time.Time
	Day     time.Time `col:",date"`
	Local   time.Time `col:",local"`
	Wait    time.Duration
	ID      [16]byte
	Raw     []byte
	Micros  int64 `col:",timestamp"`
	Inner   inner
	inner   `col:"-"`
	Skipped int `col:"-"`
}

type flat struct {
	A, B int64
	C    [5]byte
	D    uint8
	E    float64
}

type slow struct {
	List []int32
	Map  map[string]int64
	P    *string
}

// sameCells looks whether a value's cell is that of its columns, and is read back.
func sameCells[T any](t *testing.T, v, want T) {
	t.Helper()
	typed, err := state.TypedOf[T]()
	if err != nil {
		t.Fatal(err)
	}
	got, err := typed.Append([]byte("x"), &v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	e.Append(v)
	cols, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	cell := state.NewCoder(c.Schema().Fields).Append([]byte("x"), cols, 0)
	if !bytes.Equal(got, cell) {
		t.Errorf("%T: the cell is %x, that of its columns %x", v, got, cell)
	}
	var back T
	if err := typed.Decode(got[1:], &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("got  %+v\nwant %+v", back, want)
	}
	for n := range len(got) - 1 {
		if err := typed.Decode(got[1:1+n], &back); !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%T: %d bytes of %d were read: %v", v, n, len(got)-1, err)
		}
	}
}

func TestTypedCellsAreThoseOfColumns(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC)
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	v := everything{
		Flag: true, Small: -3, Int: 1 << 40, Float: 1.5, Name: "name", At: at, Day: day, Local: at, Wait: time.Minute, ID: [16]byte{1, 15: 2},
		Raw: []byte("raw"), Micros: 77, Inner: inner{-4, "b"},
	}
	want := v
	v.Skipped = 9
	sameCells(t, v, want)
	sameCells(t, everything{At: at, Day: day, Local: at}, everything{At: at, Day: day, Local: at})
	sameCells(t, flat{1, -2, [5]byte{1, 2, 3, 4, 5}, 255, -1.5}, flat{1, -2, [5]byte{1, 2, 3, 4, 5}, 255, -1.5})
	text := "p"
	sameCells(t, slow{[]int32{1, 2}, map[string]int64{"a": 1, "b": 2}, &text}, slow{[]int32{1, 2}, map[string]int64{"a": 1, "b": 2}, &text})
	sameCells(t, "text", "text")
	sameCells(t, int32(-7), int32(-7))
	sameCells(t, 2.5, 2.5)
	sameCells(t, true, true)
	sameCells(t, at, at)
	sameCells(t, [3]int64{1, 2, 3}, [3]int64{1, 2, 3})
}

func TestTableNamesAreUnique(t *testing.T) {
	table := state.Table{
		Keys: []columnar.Field{{Name: "value"}, {Name: "value_2"}}, Namespace: []columnar.Field{{Name: "value"}}, Values: []columnar.Field{{Name: "written_at"}},
		TTL: time.Second,
	}
	if got, want := fmt.Sprint(table.Schema().Names()), "[value value_2 value_3 written_at written_at_2]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzCell decodes any bytes as rows of several schemas.
func FuzzCell(f *testing.F) {
	schemas := [][]columnar.Field{
		{{Name: "n", Type: columnar.Int64Type}, {Name: "s", Type: columnar.StringType, Nullable: true}},
		{{Name: "l", Type: columnar.ListOf(columnar.StringType, true)}, {Name: "b", Type: columnar.BoolType}},
		{{Name: "r", Type: columnar.StructOf(columnar.Field{Name: "m", Type: columnar.MapOf(columnar.Int32Type, columnar.Float64Type, true), Nullable: true}), Nullable: true}},
	}
	for i, fields := range schemas {
		b := batches.Random(columnar.NewSchema(fields...), 3, 5)
		for row := range b.Len {
			f.Add(uint8(i), state.NewCoder(fields).Append(nil, b.Columns, row))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, cell []byte) {
		fields := schemas[int(which)%len(schemas)]
		c := state.NewCoder(fields)
		cols, err := c.Columns(cell)
		if err != nil {
			if !errors.Is(err, state.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := c.Columns(c.Append(nil, cols, 0))
		if err != nil {
			t.Fatal(err)
		}
		s := columnar.NewSchema(fields...)
		if diff := cmp.Diff(batches.Text(columnar.Batch{Schema: s, Columns: cols, Len: 1}), batches.Text(columnar.Batch{Schema: s, Columns: again, Len: 1})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzNamespace decodes any bytes as namespaces.
func FuzzNamespace(f *testing.F) {
	fields := []columnar.Field{
		{Name: "s", Type: columnar.StringType, Nullable: true},
		{Name: "r", Type: columnar.StructOf(columnar.Field{Name: "d", Type: columnar.DecimalOf(20, 2)}, columnar.Field{Name: "f", Type: columnar.Float64Type, Nullable: true})},
		{Name: "b", Type: columnar.BinaryType},
	}
	o, err := state.NewOrdered(fields)
	if err != nil {
		f.Fatal(err)
	}
	b := batches.Random(columnar.NewSchema(fields...), 5, 5)
	for row := range b.Len {
		f.Add(o.Append(nil, b.Columns, row))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		into := builders(fields)
		if err := o.Decode(p, into); err != nil {
			if !errors.Is(err, state.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		row := finish(columnar.NewSchema(fields...), into)
		again := builders(fields)
		if err := o.Decode(o.Append(nil, row.Columns, 0), again); err != nil {
			t.Fatal(err)
		}
	})
}
