package columnar_test

import (
	"testing"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// drawColumn returns a column and its rows; it may be a slice that begins at an odd place.
func drawColumn(t *rapid.T, typ Type) (Column, []any) {
	rows := tiled(t, rapid.SliceOfN(cells(typ, rapid.Bool().Draw(t, "nulls")), 1, 9).Draw(t, "rows"))
	c := columnOf(typ, rows)
	checkColumn(t, "built", c, rows)
	for range rapid.IntRange(0, 2).Draw(t, "slices") {
		i := rapid.IntRange(0, len(rows)).Draw(t, "from")
		n := rapid.IntRange(0, len(rows)-i).Draw(t, "n")
		c, rows = c.Slice(i, n), rows[i:i+n]
		checkColumn(t, "sliced", c, rows)
	}
	return c, rows
}

// drawSelection returns positions in a column of n rows, -1 among them when nulls may be made.
func drawSelection(t *rapid.T, n int) []int32 {
	lowest := int32(-rapid.IntRange(0, 1).Draw(t, "with -1"))
	if n == 0 && lowest == 0 {
		return []int32{}
	}
	return tiled(t, rapid.SliceOfN(rapid.Int32Range(lowest, int32(n)-1), 1, 20).Draw(t, "sel"))
}

// TestBuilder grows a column by every way of appending, and compares it with rows.
func TestBuilder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := types(2).Draw(t, "type")
		b := NewBuilder(typ, rapid.IntRange(0, 10).Draw(t, "hint"))
		var done []Column
		var doneRows [][]any
		var want []any
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				v := cells(typ, true).Draw(t, "value")
				appendCell(b, v)
				want = append(want, v)
			case 1:
				n := rapid.IntRange(0, 10).Draw(t, "nulls")
				b.AppendNulls(n)
				want = append(want, make([]any, n)...)
			case 2:
				c, rows := drawColumn(t, typ)
				b.Append(c, nil)
				want = append(want, rows...)
				poison(&c)
			case 3:
				c, rows := drawColumn(t, typ)
				sel := drawSelection(t, len(rows))
				b.Append(c, sel)
				for _, r := range sel {
					if r < 0 {
						want = append(want, nil)
					} else {
						want = append(want, rows[r])
					}
				}
				poison(&c)
			case 4:
				c, rows := drawColumn(t, typ)
				i := rapid.IntRange(0, len(rows)).Draw(t, "from")
				n := rapid.IntRange(0, len(rows)-i).Draw(t, "n")
				b.AppendRange(c, i, n)
				want = append(want, rows[i:i+n]...)
				poison(&c)
			case 5:
				done, doneRows = append(done, b.Finish()), append(doneRows, want)
				want = nil
			}
			if b.Len() != len(want) {
				t.Fatalf("Len is %d after %d rows", b.Len(), len(want))
			}
		}
		done, doneRows = append(done, b.Finish()), append(doneRows, want)
		for i := range done {
			checkColumn(t, "finished", done[i], doneRows[i])
		}
	})
}

// TestExtend adds whole runs of fixed-width values between others.
func TestExtend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(Int32Type, 0)
		var want []any
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			if n := rapid.IntRange(0, 100).Draw(t, "n"); rapid.Bool().Draw(t, "nulls") {
				b.AppendNulls(n)
				want = append(want, make([]any, n)...)
			} else {
				values := Extend[int32](b, n)
				for i := range values {
					values[i] = int32(i)
					want = append(want, int64(i))
				}
			}
		}
		checkColumn(t, "extended", b.Finish(), want)
	})
}
