package keys

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
)

// reference numbers rows by a map of their printed canonical values.
type reference map[string]int32

func (r reference) find(cols []columnar.Column, row int) int32 {
	key := ""
	for i := range cols {
		key += render(&cols[i], row) + "\x00"
	}
	g, ok := r[key]
	if !ok {
		g = int32(len(r))
		r[key] = g
	}
	return g
}

// render prints a value so that equal ones print equally.
func render(c *columnar.Column, row int) string {
	if c.IsNull(row) {
		return "null"
	}
	switch c.Type.Kind {
	case columnar.Bool:
		return fmt.Sprint(c.Bits.Get(row))
	case columnar.String, columnar.Binary:
		return fmt.Sprintf("%q", c.Bytes(row))
	case columnar.Float32:
		return fmt.Sprint(float64(columnar.Values[float32](*c)[row]) + 0)
	case columnar.Float64:
		return fmt.Sprint(columnar.Values[float64](*c)[row] + 0)
	case columnar.List, columnar.Map, columnar.Struct:
		lo, hi := row, row+1
		if c.Type.Kind != columnar.Struct {
			lo, hi = int(c.Offsets[row]), int(c.Offsets[row+1])
		}
		s := "["
		for i := lo; i < hi; i++ {
			for k := range c.Children {
				s += render(&c.Children[k], i) + ","
			}
			s += ";"
		}
		return s + "]"
	default:
		return fmt.Sprintf("%x", c.FixedBytes(row))
	}
}

var keyTypes = []columnar.Type{
	columnar.BoolType,
	{Kind: columnar.Int8},
	{Kind: columnar.Int16},
	{Kind: columnar.Int32},
	{Kind: columnar.Int64},
	{Kind: columnar.Uint8},
	{Kind: columnar.Uint16},
	{Kind: columnar.Uint32},
	{Kind: columnar.Uint64},
	{Kind: columnar.Float32},
	{Kind: columnar.Float64},
	columnar.DecimalOf(20, 2), columnar.DateType, columnar.TimestampType,
	{Kind: columnar.Duration},
	columnar.StringType, columnar.BinaryType,
	{Kind: columnar.FixedBinary, Width: 3},
}

var nestedTypes = []columnar.Type{
	columnar.ListOf(columnar.StringType, true),
	columnar.StructOf(columnar.Field{Name: "a", Type: columnar.Int32Type}, columnar.Field{Name: "b", Type: columnar.StringType, Nullable: true}),
	columnar.MapOf(columnar.StringType, columnar.Int64Type, true),
	columnar.ListOf(columnar.ListOf(columnar.Float64Type, false), false),
}

// drawColumn draws a column of n rows with few distinct values, nulls, and an offset into its buffers.
func drawColumn(t *rapid.T, typ columnar.Type, n int) columnar.Column {
	skip := rapid.IntRange(0, 9).Draw(t, "offset")
	nulls := rapid.Bool().Draw(t, "nulls")
	b := columnar.NewBuilder(typ, n)
	for range n + skip {
		drawValue(t, b, nulls)
	}
	return b.Finish().Slice(skip, n)
}

func drawValue(t *rapid.T, b *columnar.Builder, nulls bool) {
	if nulls && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		b.AppendNulls(1)
		return
	}
	small := rapid.IntRange(-3, 3).Draw(t, "value")
	switch b.Type.Kind {
	case columnar.Bool:
		b.AppendBool(small > 0)
	case columnar.Float32:
		columnar.AppendFixed(b, []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), 1, -1, float32(math.Inf(1)), -1.5}[small+3])
	case columnar.Float64:
		columnar.AppendFixed(b, []float64{0, math.Copysign(0, -1), math.NaN(), math.Float64frombits(math.MaxUint64), -1, math.Inf(-1), 1.5}[small+3])
	case columnar.Decimal:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: uint64(small & 1), Hi: int64(small >> 1)})
	case columnar.String, columnar.Binary:
		b.AppendString(drawText(t))
	case columnar.FixedBinary:
		b.AppendBytes([]byte{0, byte(small), 0})
	case columnar.Struct:
		for k := range b.Type.Fields {
			drawValue(t, b.Child(k), b.Type.Fields[k].Nullable)
		}
		b.CloseNested()
	case columnar.List, columnar.Map:
		for range max(small, 0) {
			for k := range b.Type.Fields {
				drawValue(t, b.Child(k), b.Type.Fields[k].Nullable)
			}
		}
		b.CloseNested()
	default:
		appendInteger(b, int64(small))
	}
}

func drawText(t *rapid.T) string {
	const text = "\x00\x00a\xff\xffthe quick brown fox jumps over the lazy dog"
	from := rapid.IntRange(0, 3).Draw(t, "from")
	n := rapid.SampledFrom([]int{0, 1, 2, 3, 4, 7, 8, 9, 14, 15, 16, 17, 31, 32, 33, 40}).Draw(t, "length")
	return text[from : from+n]
}

func appendInteger(b *columnar.Builder, v int64) {
	switch b.Type.ByteWidth() {
	case 1:
		columnar.AppendFixed(b, int8(v))
	case 2:
		columnar.AppendFixed(b, int16(v))
	case 4:
		columnar.AppendFixed(b, int32(v))
	default:
		columnar.AppendFixed(b, v)
	}
}

// drawColumns draws one to three key columns of n rows, and a selection or none.
func drawColumns(t *rapid.T, types []columnar.Type, n int) ([]columnar.Column, []int32) {
	cols := make([]columnar.Column, len(types))
	for i, typ := range types {
		cols[i] = drawColumn(t, typ, n)
	}
	return cols, drawSelection(t, n)
}

func drawSelection(t *rapid.T, n int) []int32 {
	if rapid.Bool().Draw(t, "all") {
		return nil
	}
	sel := []int32{}
	for i := range n {
		if rapid.Bool().Draw(t, "selected") {
			sel = append(sel, int32(i))
		}
	}
	return sel
}

func drawTypes(t *rapid.T) []columnar.Type {
	return rapid.SliceOfN(rapid.SampledFrom(slices.Concat(nestedTypes, keyTypes)), 1, 3).Draw(t, "types")
}

// mustFind is Find without a budget.
func mustFind(t interface{ Fatal(args ...any) }, g *Grouper, cols []columnar.Column, sel []int32, n int, out []int32) {
	if err := g.Find(cols, sel, n, out); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(sel []int32, n int) int {
	if sel != nil {
		return len(sel)
	}
	return n
}

func TestGrouperAgainstMap(t *testing.T) {
	t.Run("any", func(t *testing.T) { grouperAgainstMap(t, drawTypes) })
	t.Run("words", func(t *testing.T) {
		grouperAgainstMap(t, func(t *rapid.T) []columnar.Type {
			words := slices.DeleteFunc(slices.Clone(keyTypes), func(t columnar.Type) bool { return !isWord(t) })
			return rapid.SliceOfN(rapid.SampledFrom(words), 2, 10).Draw(t, "types")
		})
	})
}

func grouperAgainstMap(t *testing.T, drawTypes func(t *rapid.T) []columnar.Type) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		types := drawTypes(t)
		g, ref := NewGrouper(types, nil), reference{}
		defer g.Free()
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			cols, sel := drawColumns(t, types, rapid.IntRange(0, 40).Draw(t, "rows"))
			n := rowsOf(sel, cols[0].Len)
			known := make([]int32, n)
			g.Lookup(cols, sel, n, known)
			before, got := int32(g.Len()), make([]int32, n)
			mustFind(t, g, cols, sel, n, got)
			for k := range n {
				want := ref.find(cols, rowAt(sel, k))
				if got[k] != want {
					t.Fatalf("row %d of %v: group %d, want %d", k, types, got[k], want)
				}
				if want >= before {
					want = -1
				}
				if known[k] != want {
					t.Fatalf("row %d of %v: looked up %d, want %d", k, types, known[k], want)
				}
			}
		}
		checkKeys(t, g, ref)
	})
}

// checkKeys compares the keys of all groups with those of the reference.
func checkKeys(t *rapid.T, g *Grouper, ref reference) {
	if g.Len() != len(ref) {
		t.Fatalf("%d groups, want %d", g.Len(), len(ref))
	}
	from := rapid.IntRange(0, g.Len()).Draw(t, "from")
	cols := g.Keys(from, g.Len())
	for row := range g.Len() - from {
		if got := ref.find(cols, row); got != int32(from+row) {
			t.Fatalf("key of group %d is that of group %d", from+row, got)
		}
	}
	again := make([]int32, g.Len()-from)
	g.Lookup(cols, nil, len(again), again)
	for row, got := range again {
		if got != int32(from+row) {
			t.Fatalf("key of group %d looked up as %d", from+row, got)
		}
	}
}

func TestGrouperGrowsAndResets(t *testing.T) {
	for _, typ := range []columnar.Type{columnar.Int64Type, columnar.StringType, columnar.DecimalOf(30, 0)} {
		t.Run(typ.String(), func(t *testing.T) {
			const n = 20_000
			b := columnar.NewBuilder(typ, n)
			for i := range n {
				switch typ.Kind {
				case columnar.Int64:
					columnar.AppendFixed(b, int64(i)*7)
				case columnar.String:
					b.AppendString(fmt.Sprintf("%0*d", i%40, i))
				default:
					columnar.AppendFixed(b, columnar.Decimal128{Lo: uint64(i)})
				}
			}
			cols := []columnar.Column{b.Finish()}
			g := NewGrouper([]columnar.Type{typ}, nil)
			defer g.Free()
			var first []int32
			for round := range 3 {
				out := make([]int32, n)
				mustFind(t, g, cols, nil, n/3, out)
				if err := g.Reserve(round * n); err != nil {
					t.Fatal(err)
				}
				mustFind(t, g, cols, nil, n, out)
				for i, got := range out {
					if got != int32(i) && typ.Kind != columnar.String {
						t.Fatalf("row %d: group %d", i, got)
					}
				}
				if first == nil {
					first = out
				}
				if diff := cmp.Diff(first, out); diff != "" {
					t.Fatal("after reset:", diff)
				}
				g.Reset()
				if g.Len() != 0 {
					t.Fatal("groups left after reset")
				}
			}
		})
	}
}

// TestGrouperShortAndLongRows has keys whose rows are packed in some chunks and encoded in others.
func TestGrouperShortAndLongRows(t *testing.T) {
	const n = 40 * chunk
	texts, codes := columnar.NewBuilder(columnar.StringType, n), make([]int16, n)
	for i := range n {
		length := i % 3
		if i/chunk == 1 && i%100 == 0 {
			length = 20
		}
		texts.AppendString("abcdefghijklmnopqrstuvwxyz"[:length])
		codes[i] = int16(i % 5)
	}
	cols := []columnar.Column{texts.Finish(), columnar.Of(columnar.Type{Kind: columnar.Int16}, codes, columnar.Bitmap{})}
	g, ref := NewGrouper([]columnar.Type{cols[0].Type, cols[1].Type}, nil), reference{}
	defer g.Free()
	got := make([]int32, n)
	mustFind(t, g, cols, nil, n, got)
	for row, group := range got {
		if want := ref.find(cols, row); group != want {
			t.Fatalf("row %d: group %d, want %d", row, group, want)
		}
	}
}

func TestGrouperNoColumns(t *testing.T) {
	g := NewGrouper(nil, nil)
	defer g.Free()
	out := []int32{7, 7, 7}
	mustFind(t, g, nil, nil, 3, out)
	if diff := cmp.Diff([]int32{0, 0, 0}, out); diff != "" {
		t.Error(diff)
	}
	if g.Len() != 1 || len(g.Keys(0, 1)) != 0 {
		t.Error("want one group without key columns")
	}
}

func TestGrouperBudget(t *testing.T) {
	texts := columnar.NewBuilder(columnar.StringType, 0)
	ints := columnar.NewBuilder(columnar.Int64Type, 0)
	const n = 20_000
	for i := range n {
		texts.AppendString(fmt.Sprintf("a key of more than 15 bytes %d", i))
		columnar.AppendFixed(ints, int64(i))
	}
	for _, col := range []columnar.Column{texts.Finish(), ints.Finish()} {
		t.Run(col.Type.String(), func(t *testing.T) {
			memory := budget.New(256 << 10)
			acct := memory.Account("groups")
			g := NewGrouper([]columnar.Type{col.Type}, acct)
			cols, out := []columnar.Column{col}, make([]int32, n)
			err := g.Find(cols, nil, n, out)
			if !errors.Is(err, budget.ErrExceeded) {
				t.Fatalf("got %v", err)
			}
			if g.Len() == 0 || int64(g.Size()) != acct.Used() {
				t.Fatalf("%d groups, %d bytes, %d in the account", g.Len(), g.Size(), acct.Used())
			}
			// What became a group before the error is a group.
			known := g.Len()
			g.Lookup(cols, nil, n, out)
			for i, got := range out {
				if want := int32(i); i < known && got != want || i >= known && got != -1 {
					t.Fatalf("row %d: group %d of %d", i, got, known)
				}
			}
			g.Reset()
			if err := g.Find(cols, nil, known, out); err != nil {
				t.Fatal("after a reset:", err)
			}
			g.Free()
			if memory.Used() != 0 {
				t.Errorf("%d bytes left after Free", memory.Used())
			}
		})
	}
}
