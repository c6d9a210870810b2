package keys

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	default:
		return 0
	}
}

func drawOrders(t *rapid.T, types []columnar.Type) (fields []columnar.Field, orders []Order) {
	for i, typ := range types {
		fields = append(fields, columnar.Field{Name: fmt.Sprint(i), Type: typ, Nullable: true})
		orders = append(orders, Order{Descending: rapid.Bool().Draw(t, "descending"), NullsFirst: rapid.Bool().Draw(t, "nulls first")})
	}
	return fields, orders
}

func TestSortKeysOrderAsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := drawTypes(t)
		fields, orders := drawOrders(t, types)
		cols, sel := drawColumns(t, types, rapid.IntRange(0, 25).Draw(t, "rows"))
		for i := range fields {
			fields[i].Nullable = cols[i].HasNulls() || rapid.Bool().Draw(t, "nullable")
		}
		n := rowsOf(sel, cols[0].Len)
		key := NewSortEncoder(fields, orders).Encode(cols, sel, n)
		for i := range n {
			for j := range n {
				want := sign(Compare(cols, rowAt(sel, i), cols, rowAt(sel, j), orders))
				if got := bytes.Compare(key.Bytes(i), key.Bytes(j)); got != want {
					t.Fatalf("%v %v: keys %x and %x compare %d, rows %d", fields, orders, key.Bytes(i), key.Bytes(j), got, want)
				}
			}
		}
	})
}

func TestCompareTotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := drawTypes(t)
		_, orders := drawOrders(t, types)
		cols, _ := drawColumns(t, types, 3)
		c := func(i, j int) int { return sign(Compare(cols, i, cols, j, orders)) }
		for _, p := range [][3]int{{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}} {
			i, j, k := p[0], p[1], p[2]
			if c(i, i) != 0 || c(i, j) != -c(j, i) || c(i, j) <= 0 && c(j, k) <= 0 && c(i, k) > 0 {
				t.Fatalf("%v: %d %d %d", types, c(i, j), c(j, k), c(i, k))
			}
			same := render(&cols[0], i) == render(&cols[0], j)
			if equal := Compare(cols[:1], i, cols[:1], j, orders[:1]) == 0; equal != same {
				t.Fatalf("%s and %s: equal %v", render(&cols[0], i), render(&cols[0], j), equal)
			}
		}
	})
}

// randomKeys returns batches of sort keys with shared beginnings, repetitions and zeros at the end.
func randomKeys(r *rand.Rand, batches, rows, alphabet, maxLen int) []columnar.Column {
	keys := make([]columnar.Column, batches)
	for k := range keys {
		b := columnar.NewBuilder(columnar.BinaryType, rows)
		for range rows {
			p := make([]byte, r.IntN(maxLen+1))
			for i := range p {
				p[i] = byte(r.IntN(alphabet))
			}
			b.AppendBytes(p)
		}
		keys[k] = b.Finish()
	}
	return keys
}

func entriesOf(keys []columnar.Column) []Entry {
	var entries []Entry
	for k := range keys {
		entries = AppendEntries(entries, &keys[k], uint32(k))
	}
	return entries
}

func TestSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ batches, rows, alphabet, maxLen int }{
		{1, 0, 2, 4}, {1, 1, 2, 4}, {2, 12, 2, 4}, {3, 1000, 2, 3}, {3, 1000, 1, 40}, {2, 5000, 256, 10}, {2, 5000, 2, 40}, {1, 3000, 3, 9}, {4, 500, 1, 0},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			keys := randomKeys(r, c.batches, c.rows, c.alphabet, c.maxLen)
			got := entriesOf(keys)
			want := slices.Clone(got)
			slices.SortStableFunc(want, func(x, y Entry) int {
				return bytes.Compare(keys[x.Batch].Bytes(int(x.Row)), keys[y.Batch].Bytes(int(y.Row)))
			})
			Sort(got, keys)
			if !slices.Equal(got, want) {
				t.Error("order differs from a stable comparison sort")
			}
		})
	}
}

// sliceRun is a Run over sorted byte strings.
type sliceRun struct {
	keys [][]byte
	at   int
	fail bool
}

var errRun = errors.New("broken run")

func (r *sliceRun) Next() (bool, error) {
	r.at++
	if r.fail && r.at == len(r.keys) {
		return false, errRun
	}
	return r.at <= len(r.keys), nil
}

func (r *sliceRun) Key() []byte { return r.keys[r.at-1] }

func (r *sliceRun) Prefix() uint64 { return Prefix(r.Key()) }

func TestMerge(t *testing.T) {
	type row struct {
		key string
		run int
	}
	rapid.Check(t, func(t *rapid.T) {
		runs := make([]*sliceRun, rapid.IntRange(0, 9).Draw(t, "runs"))
		var want []row
		for i := range runs {
			// The greatest prefix is also that of a run that is done.
			greatest := rapid.Map(rapid.IntRange(7, 10), func(n int) []byte { return bytes.Repeat([]byte{255}, n) })
			keys := rapid.SliceOfN(rapid.OneOf(rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 10), greatest), 0, 20).Draw(t, "keys")
			slices.SortFunc(keys, bytes.Compare)
			for _, k := range keys {
				want = append(want, row{string(k), i})
			}
			runs[i] = &sliceRun{keys: keys}
		}
		slices.SortStableFunc(want, func(a, b row) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
		m, err := NewMerge(runs)
		var got []row
		for err == nil && m.More() {
			got = append(got, row{string(runs[m.Run()].Key()), m.Run()})
			err = m.Next()
		}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, %v\nwant %v", got, err, want)
		}
	})
}

func TestMergeError(t *testing.T) {
	runs := []*sliceRun{{keys: [][]byte{{1}, {3}}}, {keys: [][]byte{{2}, {4}}, fail: true}}
	m, err := NewMerge(runs)
	for err == nil && m.More() {
		err = m.Next()
	}
	if !errors.Is(err, errRun) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkSort(b *testing.B) {
	const rows, batch = 10_000_000, 1 << 16
	r := rand.New(rand.NewPCG(1, 2))
	var keys []columnar.Column
	for n := 0; n < rows; n += batch {
		data, offsets := make([]byte, 10*batch), make([]int32, batch+1)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for i := range offsets {
			offsets[i] = int32(10 * i)
		}
		keys = append(keys, columnar.OfStrings(columnar.BinaryType, offsets, data, columnar.Bitmap{}))
	}
	fresh := entriesOf(keys)
	entries := make([]Entry, len(fresh))
	b.Run("bytes=10/rows=10M", func(b *testing.B) {
		measure(b, len(fresh), func() {
			copy(entries, fresh)
			Sort(entries, keys)
		})
	})
	b.Run("bytes=10/rows=10M/slices.SortFunc", func(b *testing.B) {
		s := sorter{keys: keys}
		measure(b, len(fresh), func() {
			copy(entries, fresh)
			slices.SortFunc(entries, func(x, y Entry) int {
				if x.Prefix != y.Prefix {
					if x.Prefix < y.Prefix {
						return -1
					}
					return 1
				}
				return s.compareRest(x, y)
			})
		})
	})
}

func BenchmarkSortEncode(b *testing.B) {
	for _, c := range []struct {
		name string
		cols []columnar.Column
	}{
		{"int64", uniformInts(1e6)[:1]},
		{"string", zipfWords()[:1]},
		{"string,int64", []columnar.Column{zipfWords()[0], uniformInts(1e6)[0]}},
	} {
		b.Run(c.name, func(b *testing.B) {
			fields := make([]columnar.Field, len(c.cols))
			for i := range fields {
				fields[i].Type = c.cols[i].Type
			}
			e := NewSortEncoder(fields, make([]Order, len(fields)))
			measure(b, columnar.DefaultRows, func() { e.Encode(c.cols, nil, columnar.DefaultRows) })
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const ways, rows = 16, 20_000
	runs := make([]*sliceRun, ways)
	for i := range runs {
		keys := randomKeys(r, 1, rows, 256, 10)
		entries := entriesOf(keys)
		Sort(entries, keys)
		runs[i] = &sliceRun{}
		for _, e := range entries {
			runs[i].keys = append(runs[i].keys, keys[0].Bytes(int(e.Row)))
		}
	}
	b.Run("runs=16", func(b *testing.B) {
		measure(b, ways*rows, func() {
			for i := range runs {
				runs[i].at = 0
			}
			m, err := NewMerge(runs)
			for err == nil && m.More() {
				err = m.Next()
			}
			if err != nil {
				b.Fatal(err)
			}
		})
	})
}
