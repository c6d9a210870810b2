package columnar_test

import (
	"testing"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// TestBitmap compares bitmaps with slices of bools.
func TestBitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := tiled(t, rapid.SliceOfN(rapid.Bool(), 1, 30).Draw(t, "bits"))
		m := NewBitmap(len(want))
		for i, v := range want {
			m.SetTo(i, !v)
			m.SetTo(i, v)
		}
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "slice") {
				i := rapid.IntRange(0, len(want)).Draw(t, "from")
				m, want = m.Slice(i), want[i:]
			} else {
				m = m.Packed(len(want))
				if m.Off != 0 {
					t.Fatalf("packed at offset %d", m.Off)
				}
			}
			checkBits(t, m, want)
		}
	})
}

func checkBits(t rapid.TB, m Bitmap, want []bool) {
	t.Helper()
	ones := 0
	for i, v := range want {
		if got := m.Get(i); got != v {
			t.Fatalf("bit %d is %t, want %t", i, got, v)
		}
		if v {
			ones++
		}
		if got := m.Count(i + 1); got != ones {
			t.Fatalf("%d of the first %d bits are set, want %d", got, i+1, ones)
		}
	}
}

func TestZeroBitmap(t *testing.T) {
	var m Bitmap
	if !m.IsZero() || !m.Slice(9).IsZero() || !m.Packed(9).IsZero() || m.Count(9) != 9 {
		t.Error("the zero bitmap does not stand for all set")
	}
}
