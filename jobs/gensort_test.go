package jobs

import (
	"strings"
	"testing"
)

// The first records of gensort -a, from its documentation.
func TestGensort(t *testing.T) {
	for n, want := range []string{
		"AsfAGHM5om  00000000000000000000000000000000  0000222200002222000022220000222200002222000000001111\r\n",
		"~sHd0jDv6X  00000000000000000000000000000001  77779999444488885555CCCC777755555555BBBB666644446666\r\n",
	} {
		var r TeraRecord
		fillASCII(&r, gensortRandom(uint64(n)), uint64(n))
		if string(r[:]) != want {
			t.Errorf("record %d is %q, want %q", n, r[:], want)
		}
	}
}

// Leaping gives what stepping gives.
func TestGensortRandom(t *testing.T) {
	x := wide{}
	for n := range uint64(5000) {
		x = x.mul(gensortFactor).add(gensortTerm)
		if got := gensortRandom(n); got != x {
			t.Fatalf("random number %d is %x, want %x", n, got, x)
		}
	}
}

func TestFillBinary(t *testing.T) {
	var r TeraRecord
	fillBinary(&r, gensortTerm, 0xAB)
	want := "JimGrayRIP\x00\x11" + strings.Repeat("0", 30) + "AB\x88\x99\xAA\xBB"
	for _, digit := range "202020202001" {
		want += strings.Repeat(string(digit), 4)
	}
	if want += "\xCC\xDD\xEE\xFF"; string(r[:]) != want {
		t.Errorf("got %q, want %q", r[:], want)
	}
}
