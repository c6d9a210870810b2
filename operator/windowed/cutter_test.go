package windowed

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/window"
)

// TestCut compares what slices get with what one row after another gives, for batches that lie in one slice up to some dozens.
func TestCut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var c cutter
	for range 2000 {
		length := 1 + random.Int64N(50)
		grid := window.Grid{Size: length, Slide: length, Offset: random.Int64N(length)}
		gapless := random.IntN(4) > 0
		if !gapless {
			grid.Slide += random.Int64N(20)
		}
		b := columnar.Batch{Len: 1 + random.IntN(40)}
		base, span := random.Int64N(2000)-1000, 1+random.Int64N(length*int64(1+random.IntN(20)))
		for range b.Len {
			b.Time = append(b.Time, base+random.Int64N(span))
		}
		if random.IntN(2) == 0 {
			b.Sel = []int32{int32(random.IntN(b.Len))}
			for i := b.Sel[0] + 1; int(i) < b.Len; i++ {
				if random.IntN(2) == 0 {
					b.Sel = append(b.Sel, i)
				}
			}
		}
		sliceOf := func(t int64) (int64, bool) {
			w, ok := grid.LastOf(t)
			return w.Start, ok
		}
		want, got := map[int64][]int32{}, map[int64][]int32{}
		for i := range b.Rows() {
			if start, ok := sliceOf(b.Time[b.Row(i)]); ok {
				want[start] = append(want[start], int32(b.Row(i)))
			}
		}
		buckets, err := c.cut(b, length, gapless, sliceOf)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range buckets {
			sel := k.sel
			if sel == nil {
				sel = upTo(b.Len)
			}
			got[k.start] = append(got[k.start], sel...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("slices of %d (-want +got):\n%s", length, diff)
		}
	}
}
