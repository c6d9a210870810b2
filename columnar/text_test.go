package columnar_test

import (
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// TestTextBuffer appends strings of lengths around that of a short copy, cut from memory at every distance from the end of a page; some lie one
// behind the other, in memory that is lent or not.
func TestTextBuffer(t *testing.T) {
	memory := make([]byte, 3*4096)
	for i := range memory {
		memory[i] = byte(i*7 + i>>8)
	}
	toPage := 4096 - int(uintptr(unsafe.Pointer(&memory[0]))%4096)
	rapid.Check(t, func(t *rapid.T) {
		var b TextBuffer
		for range rapid.IntRange(1, 3).Draw(t, "columns") {
			var want []any
			bytes, end := 0, toPage
			if rapid.Bool().Draw(t, "lent") {
				b.Lend([][]byte{memory[:10], memory[toPage:rapid.IntRange(toPage+100, 3*4096).Draw(t, "lent to")]})
			} else {
				b.Lend(nil)
			}
			for range rapid.IntRange(0, 100).Draw(t, "strings") {
				n := rapid.IntRange(0, 20).Draw(t, "length")
				at := toPage + 4096 + rapid.IntRange(-40, 0).Draw(t, "at")
				if rapid.IntRange(0, 9).Draw(t, "elsewhere") > 0 && end+n <= len(memory) {
					at = end
				}
				end = at + n
				s := string(memory[at : at+n])
				b.Append(unsafe.String(&memory[at], n))
				want = append(want, s)
				bytes += n
			}
			if b.Len() != len(want) || b.Size() != bytes+4*len(want)+4 {
				t.Fatalf("Len is %d, Size %d after %d strings of %d bytes", b.Len(), b.Size(), len(want), bytes)
			}
			c, err := b.Finish(StringType)
			if err != nil {
				t.Fatal(err)
			}
			checkColumn(t, "text", c, want)
			if cap(c.Data) != len(c.Data) {
				t.Fatalf("the column shows %d bytes behind its own", cap(c.Data)-len(c.Data))
			}
		}
	})
}

func TestTextBufferOfLongStrings(t *testing.T) {
	var b TextBuffer
	long := strings.Repeat("long", 10000)
	want := []any{}
	for range 20 {
		b.Append(long)
		b.Append("short")
		want = append(want, long, "short")
	}
	c, err := b.Finish(StringType)
	if err != nil {
		t.Fatal(err)
	}
	checkColumn(t, "text", c, want)
}

// TestTextBufferShares lends a buffer of strings and sees when the column is made of it.
func TestTextBufferShares(t *testing.T) {
	memory := []byte(strings.Repeat("0123456789", 10))
	cut := func(from, to int) string { return unsafe.String(&memory[from], to-from) }
	for _, c := range []struct {
		name    string
		strings []string
		at      int // where the column's bytes are in memory; -1: they are a copy
	}{
		{"all", []string{cut(0, 50), "", cut(50, 53), cut(53, 100)}, 0},
		{"begins with an empty one", []string{"", "", cut(0, 90)}, 0},
		{"the second half", []string{cut(50, 70), cut(70, 100)}, 50},
		{"less than half", []string{cut(0, 30), cut(30, 49)}, -1},
		{"at the end, less than half", []string{cut(60, 70), cut(70, 100)}, -1},
		{"one left out", []string{cut(0, 60), cut(65, 100)}, -1},
		{"another order", []string{cut(50, 100), cut(0, 50)}, -1},
		{"one from elsewhere behind", []string{cut(0, 100), "0123"}, -1},
		{"one from elsewhere before", []string{"0123", cut(0, 100)}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b TextBuffer
			b.Lend([][]byte{[]byte("something else"), memory})
			for range 2 { // what is lent stays lent
				want := []any{}
				for _, s := range c.strings {
					b.Append(s)
					want = append(want, s)
				}
				got, err := b.Finish(StringType)
				if err != nil {
					t.Fatal(err)
				}
				checkColumn(t, "text", got, want)
				shared := -1
				for i := range memory {
					if unsafe.SliceData(got.Data) == &memory[i] {
						shared = i
					}
				}
				if shared != c.at {
					t.Errorf("the bytes are at %d of what was lent; want %d", shared, c.at)
				}
				if cap(got.Data) != len(got.Data) {
					t.Errorf("the column shows %d bytes behind its own", cap(got.Data)-len(got.Data))
				}
			}
		})
	}
}

func TestUnspecified(t *testing.T) {
	for _, n := range []int{0, 1, 7, 15, 16, 17, 1000, 4096, 100_000} {
		b := Unspecified(n)
		if len(b) != n {
			t.Fatalf("Unspecified(%d) has %d bytes", n, len(b))
		}
		if n > 0 && uintptr(unsafe.Pointer(&b[0]))%8 != 0 {
			t.Errorf("Unspecified(%d) does not begin at a multiple of 8", n)
		}
		for i := range b {
			b[i] = byte(i)
		}
		for i := range b {
			if b[i] != byte(i) {
				t.Fatalf("byte %d of %d is not what was written", i, n)
			}
		}
	}
}
