package columnar_test

import (
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// TestTextBuffer appends strings of lengths around that of a short copy, cut from memory at every distance from the end of a page.
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
			bytes := 0
			for range rapid.IntRange(0, 100).Draw(t, "strings") {
				n := rapid.IntRange(0, 20).Draw(t, "length")
				at := toPage + 4096 + rapid.IntRange(-40, 0).Draw(t, "at")
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
