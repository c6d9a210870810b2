package keys

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

func hashesOf(cols []columnar.Column, sel []int32, n int) []uint64 {
	out := make([]uint64, n)
	Hash(cols, sel, n, out)
	return out
}

// rowHash is Hash written down once more, a row at a time.
func rowHash(cols []columnar.Column, row int) uint64 {
	h := uint64(0)
	for i := range cols {
		c := &cols[i]
		one := nullHash
		switch {
		case c.IsNull(row):
		case isWord(c.Type):
			var w [1]uint64
			loadWords(c, []int32{int32(row)}, w[:])
			one = pair(w[0], 0)
		case c.Type.IsVariable():
			one = HashBytes(c.Bytes(row))
		case c.Type.Kind == columnar.FixedBinary:
			one = HashBytes(c.FixedBytes(row))
		case c.Type.Kind == columnar.Decimal:
			v := columnar.Values[columnar.Decimal128](*c)[row]
			one = pair(v.Lo, uint64(v.Hi))
		case c.Type.Kind == columnar.Struct:
			one = rowHash(c.Children, row)
		default:
			one = HashBytes(appendNested(nil, c, row))
		}
		if i == 0 {
			h = one
		} else {
			h = combine(h, one)
		}
	}
	return h
}

func TestHashAgainstRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := drawTypes(t)
		cols, sel := drawColumns(t, types, rapid.IntRange(0, 30).Draw(t, "rows"))
		n := rowsOf(sel, cols[0].Len)
		byKey := map[string]uint64{}
		for k, got := range hashesOf(cols, sel, n) {
			row := rowAt(sel, k)
			if want := rowHash(cols, row); got != want {
				t.Fatalf("row %d of %v: %x, want %x", row, types, got, want)
			}
			key := ""
			for i := range cols {
				key += render(&cols[i], row)
			}
			if other, ok := byKey[key]; ok && other != got {
				t.Fatalf("equal keys %s of %v hash %x and %x", key, types, got, other)
			}
			byKey[key] = got
		}
	})
}

func TestHashLongBatch(t *testing.T) {
	b, c := columnar.NewBuilder(columnar.Int64Type, 0), columnar.NewBuilder(columnar.StringType, 0)
	for i := range 3*chunk + 7 {
		columnar.AppendFixed(b, int64(i))
		c.AppendString("0123456789abcdefghijklmnop"[:i%26])
	}
	cols := []columnar.Column{b.Finish(), c.Finish()}
	for row, got := range hashesOf(cols, nil, cols[0].Len) {
		if want := rowHash(cols, row); got != want {
			t.Fatalf("row %d: %x, want %x", row, got, want)
		}
	}
}

// The golden values are the wire and state format: a change that alters one is refused.
func TestHashGolden(t *testing.T) {
	words := func(t columnar.Type, v ...int64) columnar.Column {
		b := columnar.NewBuilder(t, len(v))
		for _, v := range v {
			appendInteger(b, v)
		}
		return b.Finish()
	}
	texts := columnar.NewBuilder(columnar.StringType, 0)
	for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 32, 33, 62} {
		texts.AppendString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[:n])
	}
	texts.AppendNulls(1)
	numbers := columnar.Of(columnar.Float64Type, []float64{0, math.Copysign(0, -1), 1, math.NaN()}, columnar.Bitmap{})
	decimals := columnar.Of(columnar.DecimalOf(38, 0), []columnar.Decimal128{{Lo: 1}, {Lo: 1, Hi: -1}}, columnar.Bitmap{})
	list := columnar.NewBuilder(columnar.ListOf(columnar.StringType, true), 0)
	list.CloseNested()
	list.Child(0).AppendString("a")
	list.Child(0).AppendNulls(1)
	list.CloseNested()
	pairs := columnar.NewBuilder(nestedTypes[1], 0)
	columnar.AppendFixed(pairs.Child(0), int32(1))
	pairs.Child(1).AppendString("a")
	pairs.CloseNested()
	pairs.AppendNulls(1)
	for _, c := range []struct {
		name string
		cols []columnar.Column
		want []uint64
	}{
		{"int8", []columnar.Column{words(columnar.Type{Kind: columnar.Int8}, 0, 1, -1)}, goldenInts},
		{"int64", []columnar.Column{words(columnar.Int64Type, 0, 1, -1)}, goldenInts},
		{"string", []columnar.Column{texts.Finish()}, goldenTexts},
		{"float64", []columnar.Column{numbers}, goldenFloats},
		{"decimal", []columnar.Column{decimals}, goldenDecimals},
		{"list", []columnar.Column{list.Finish()}, goldenLists},
		{"struct", []columnar.Column{pairs.Finish()}, goldenStructs},
		{"two", []columnar.Column{words(columnar.Int32Type, 0, 1), words(columnar.Int64Type, 1, 0)}, goldenTwo},
	} {
		for row, got := range hashesOf(c.cols, nil, c.cols[0].Len) {
			if row >= len(c.want) || got != c.want[row] {
				t.Errorf("%s row %d: %#x", c.name, row, got)
			}
		}
	}
}

// TestHashSpreads counts collisions in the low and high bits for keys as they come in practice: in sequence, in steps of powers of two,
// in the high bits only.
func TestHashSpreads(t *testing.T) {
	const n = 1 << 14
	for name, key := range map[string]func(i int) uint64{
		"sequence":  func(i int) uint64 { return word(uint64(i)) },
		"negative":  func(i int) uint64 { return word(-uint64(i)) },
		"step 2^20": func(i int) uint64 { return word(uint64(i) << 20) },
		"high bits": func(i int) uint64 { return word(uint64(i) << 50) },
		"floats":    func(i int) uint64 { return word(math.Float64bits(float64(i))) },
		"decimals":  func(i int) uint64 { return pair(uint64(i), 0) },
		"text":      func(i int) uint64 { return HashBytes([]byte{byte(i), byte(i >> 8)}) },
		"last byte": func(i int) uint64 {
			return HashBytes([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(i), byte(i >> 8)})
		},
		"long text": func(i int) uint64 { return HashBytes(append([]byte{byte(i), byte(i >> 8)}, make([]byte, 40)...)) },
		"long tail": func(i int) uint64 { return HashBytes(append(make([]byte, 40), byte(i), byte(i>>8))) },
		"two":       func(i int) uint64 { return combine(word(uint64(i>>7)), word(uint64(i&127))) },
	} {
		low, middle, high := make([]int, n), make([]int, n), make([]int, n)
		ones := 0
		for i := range n {
			h := key(i)
			low[h%n]++
			middle[h>>25%n]++
			high[h>>50]++
			ones += bits.OnesCount64(h ^ key(i^1))
		}
		for part, counts := range map[string][]int{"low": low, "middle": middle, "high": high} {
			empty := 0
			for _, c := range counts {
				if c == 0 {
					empty++
				}
			}
			// Of n random picks among n, n/e stay empty: 6027, standard deviation about 50.
			if empty < 5700 || empty > 6350 {
				t.Errorf("%s: %d of %d values of the %s bits are not taken, want about 6027", name, empty, n, part)
			}
		}
		if mean := float64(ones) / n; mean < 31 || mean > 33 {
			t.Errorf("%s: one changed bit changes %.1f bits on average", name, mean)
		}
	}
}

var (
	goldenInts     = []uint64{0xb40d78d72a0621db, 0xab7c08745833716f, 0xce4e29d5d261ca5b}
	goldenTexts    = []uint64{0x98913436013fadd, 0xc5de4c62a3452d0f, 0xb37f9c031cb3dbac, 0x529858b422ed1260, 0xf169aeb828eb5018, 0x9910feb89e2d65e9, 0x14f139bbc43c0518, 0xbef0a6d1bb1fec, 0xf3e3301e5e55bddd, 0x35d4652ce51c138a, 0x98913436013fadd}
	goldenFloats   = []uint64{0xb40d78d72a0621db, 0xb40d78d72a0621db, 0xd6a2b63e826e2518, 0xc7550ac20f282450}
	goldenDecimals = []uint64{0xab7c08745833716f, 0x2d3d928dfabf4c77}
	goldenLists    = []uint64{0x2bd1f958a4fcc1e8, 0xe8d65c90d17b4901}
	goldenStructs  = []uint64{0x7536fe6afdd9d643, 0x98913436013fadd}
	goldenTwo      = []uint64{0xc7a80787a7d9b00d, 0xe60d7f535a10375d}
)
