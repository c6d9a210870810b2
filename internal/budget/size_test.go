package budget

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1024": 1024, "7b": 7, "64k": 64 << 10, "512m": 512 << 20, "512MB": 512 << 20, "1g": 1 << 30, "1.5GiB": 3 << 29,
		" 2 t ": 2 << 40, "0.5k": 512, ".5k": 512, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "1x", "1.2.3k", "1e9", "9223372036854775808", "10000000t", "8589934592g", "ten", "1mbit", "NaN", "inf"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 640: "640 B", 1024: "1 KiB", 1536: "1.5 KiB", 512 << 20: "512 MiB", 3 << 29: "1.5 GiB", 5000 << 40: "5000 TiB", -2048: "-2 KiB",
	} {
		if got := FormatSize(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestFormattedSizesParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<50).Draw(t, "n")
		got, err := ParseSize(FormatSize(n))
		if err != nil || got < n-n/10-1 || got > n+n/10+1 {
			t.Fatalf("%d is written %q and read as %d, %v", n, FormatSize(n), got, err)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	f.Add("1.5g")
	f.Add("٣m")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}
