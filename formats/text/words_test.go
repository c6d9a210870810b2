package text_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/formats/text"
)

// TestWords compares with the plain way, on lines in which every byte may stand.
func TestWords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		line := string(rapid.SliceOf(rapid.SampledFrom([]byte("ab! \t\n\x00\x1f\x21\x7f\x80\xa0\xff"))).Draw(rt, "line"))
		want := strings.FieldsFunc(asBytes(line), func(r rune) bool { return r <= ' ' })
		got := slices.Collect(text.Words(line))
		for i := range got {
			got[i] = asBytes(got[i])
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%q: got %q, want %q", line, got, want)
		}
	})
	for range text.Words("one two three") {
		break // stops early without a panic
	}
}

// asBytes makes a rune of each byte, so that invalid UTF-8 compares byte by byte.
func asBytes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func BenchmarkWords(b *testing.B) {
	line := strings.Repeat("the quick brown fox jumps over a lazy dog ", 4)
	for name, split := range map[string]func(string) int{
		"Words":     func(s string) (n int) { return count(text.Words(s)) },
		"FieldsSeq": func(s string) (n int) { return count(strings.FieldsSeq(s)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				split(line)
			}
		})
	}
}

func count(words func(func(string) bool)) (n int) {
	for range words {
		n++
	}
	return n
}
