package columnar_test

import (
	"fmt"
	"reflect"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// The reference of these tests is rows as plain Go values: nil, bool, int64 (for every fixed width but decimal), Decimal128, string (for
// every kind of bytes), []any (lists and structs) and [][2]any (maps).

var scalarTypes = []Type{
	BoolType,
	{Kind: Int8},
	{Kind: Int16},
	Int32Type, Int64Type,
	{Kind: Uint8},
	{Kind: Uint16},
	{Kind: Uint32},
	{Kind: Uint64},
	{Kind: Float32},
	Float64Type, DecimalOf(20, 3), DateType, TimestampType,
	{Kind: Duration},
	StringType, BinaryType,
	{Kind: FixedBinary, Width: 3},
	{Kind: FixedBinary, Width: 8},
}

// types draws a type that nests at most depth deep.
func types(depth int) *rapid.Generator[Type] {
	scalar := rapid.SampledFrom(scalarTypes)
	if depth == 0 {
		return scalar
	}
	inner := types(depth - 1)
	return rapid.Custom(func(t *rapid.T) Type {
		switch rapid.IntRange(0, 5).Draw(t, "family") {
		case 0:
			return ListOf(inner.Draw(t, "item"), true)
		case 1:
			return MapOf(scalar.Draw(t, "key"), inner.Draw(t, "value"), true)
		case 2:
			fields := make([]Field, rapid.IntRange(0, 3).Draw(t, "fields"))
			for i := range fields {
				fields[i] = Field{Name: fmt.Sprint("f", i), Type: inner.Draw(t, "field"), Nullable: true}
			}
			return StructOf(fields...)
		default:
			return scalar.Draw(t, "scalar")
		}
	})
}

// cells draws a value of type typ.
func cells(typ Type, nulls bool) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if isNull := rapid.IntRange(0, 3).Draw(t, "null") == 0; nulls && isNull {
			return nil
		}
		switch typ.Kind {
		case Bool:
			return rapid.Bool().Draw(t, "bool")
		case String, Binary:
			return rapid.StringN(0, 20, 30).Draw(t, "text")
		case FixedBinary:
			return rapid.StringMatching(fmt.Sprintf("[a-z]{%d}", typ.Width)).Draw(t, "bytes")
		case Decimal:
			return Decimal128{Lo: rapid.Uint64().Draw(t, "lo"), Hi: rapid.Int64().Draw(t, "hi")}
		case List:
			return rapid.SliceOfN(cells(typ.Fields[0].Type, true), 0, 4).Draw(t, "items")
		case Map:
			entries := make([][2]any, rapid.IntRange(0, 3).Draw(t, "entries"))
			for i := range entries {
				entries[i] = [2]any{cells(typ.Fields[0].Type, false).Draw(t, "key"), cells(typ.Fields[1].Type, true).Draw(t, "value")}
			}
			return entries
		case Struct:
			fields := make([]any, len(typ.Fields))
			for i, f := range typ.Fields {
				fields[i] = cells(f.Type, true).Draw(t, "field")
			}
			return fields
		default:
			return rapid.Int64Range(0, 100).Draw(t, "number")
		}
	})
}

// appendCell adds a reference value by the builder's methods for single values.
func appendCell(b *Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.AppendNulls(1)
	case bool:
		b.AppendBool(v)
	case string:
		if b.Type.Kind == String {
			b.AppendString(v)
		} else {
			b.AppendBytes([]byte(v))
		}
	case Decimal128:
		AppendFixed(b, v)
	case int64:
		appendNumber(b, v)
	case []any:
		for i, item := range v {
			if b.Type.Kind == List {
				i = 0
			}
			appendCell(b.Child(i), item)
		}
		b.CloseNested()
	case [][2]any:
		for _, e := range v {
			appendCell(b.Child(0), e[0])
			appendCell(b.Child(1), e[1])
		}
		b.CloseNested()
	}
}

func appendNumber(b *Builder, v int64) {
	switch b.Type.ByteWidth() {
	case 1:
		AppendFixed(b, int8(v))
	case 2:
		AppendFixed(b, int16(v))
	case 4:
		AppendFixed(b, int32(v))
	case 8:
		AppendFixed(b, v)
	}
}

// cellOf reads one row back.
func cellOf(c *Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case Bool:
		return c.Bits.Get(i)
	case String:
		return c.Text(i)
	case Binary:
		return string(c.Bytes(i))
	case FixedBinary:
		return string(c.FixedBytes(i))
	case Decimal:
		return Values[Decimal128](*c)[i]
	case List:
		items := []any{}
		for k := c.Offsets[i]; k < c.Offsets[i+1]; k++ {
			items = append(items, cellOf(&c.Children[0], int(k)))
		}
		return items
	case Map:
		entries := [][2]any{}
		for k := int(c.Offsets[i]); k < int(c.Offsets[i+1]); k++ {
			entries = append(entries, [2]any{cellOf(&c.Children[0], k), cellOf(&c.Children[1], k)})
		}
		return entries
	case Struct:
		fields := []any{}
		for k := range c.Children {
			fields = append(fields, cellOf(&c.Children[k], i))
		}
		return fields
	default:
		return numberOf(c, i)
	}
}

func numberOf(c *Column, i int) any {
	switch c.Type.ByteWidth() {
	case 1:
		return int64(Values[int8](*c)[i])
	case 2:
		return int64(Values[int16](*c)[i])
	case 4:
		return int64(Values[int32](*c)[i])
	default:
		return Values[int64](*c)[i]
	}
}

// tiled repeats values to one of the lengths around which words and bytes of bits end: rapid itself draws short slices.
func tiled[T any](t *rapid.T, values []T) []T {
	n := rapid.SampledFrom([]int{200, 65, 64, 63, 0, 17, 9, 8, 7, 2, 1, 129}).Draw(t, "length")
	out := make([]T, n)
	for i := range out {
		out[i] = values[i%len(values)]
	}
	return out
}

func columnOf(typ Type, rows []any) Column {
	b := NewBuilder(typ, 0)
	for _, v := range rows {
		appendCell(b, v)
	}
	return b.Finish()
}

// checkColumn compares a column with its reference, and checks what the package promises of every column.
func checkColumn(t rapid.TB, what string, c Column, want []any) {
	t.Helper()
	if c.Len != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, c.Len, len(want))
	}
	nulls := 0
	for i, v := range want {
		if got := cellOf(&c, i); !reflect.DeepEqual(got, v) {
			t.Fatalf("%s: row %d of %s is %#v, want %#v", what, i, c.Type, got, v)
		}
		if v == nil {
			nulls++
		}
	}
	if got := c.NullCount(); got != nulls {
		t.Fatalf("%s: %d nulls, want %d", what, got, nulls)
	}
	checkLayout(t, what, c)
}

func checkLayout(t rapid.TB, what string, c Column) {
	t.Helper()
	if c.Type.IsVariable() || c.Type.Kind == List || c.Type.Kind == Map {
		if len(c.Offsets) != c.Len+1 {
			t.Fatalf("%s: %d offsets for %d rows", what, len(c.Offsets), c.Len)
		}
		for i := range c.Len {
			if n := c.Offsets[i+1] - c.Offsets[i]; n < 0 || n > 0 && c.IsNull(i) {
				t.Fatalf("%s: row %d (null: %t) has %d bytes or items", what, i, c.IsNull(i), n)
			}
		}
	}
	for k := range c.Children {
		if c.Type.Kind == Struct && c.Children[k].Len != c.Len {
			t.Fatalf("%s: child %d has %d rows of %d", what, k, c.Children[k].Len, c.Len)
		}
		checkLayout(t, what, c.Children[k])
	}
}

// poison overwrites the buffers of c.
func poison(c *Column) {
	for _, buffer := range [][]byte{c.Data, c.Valid.Bits, c.Bits.Bits} {
		for i := range buffer {
			buffer[i] = 0xAB
		}
	}
	for i := range c.Offsets {
		c.Offsets[i] = -1
	}
	for k := range c.Children {
		poison(&c.Children[k])
	}
}
