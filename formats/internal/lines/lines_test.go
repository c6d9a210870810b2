package lines_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// file is an Input in memory.
type file struct {
	*bytes.Reader
	name string
}

func (f file) Name() string { return f.name }

func newFile(name, data string) file { return file{bytes.NewReader([]byte(data)), name} }

func TestSplit(t *testing.T) {
	tests := []struct {
		name, data string
		target     int64
		want       []formats.Range
	}{
		{"a.txt", "", 5, nil},
		{"a.txt", "0123456789", 0, []formats.Range{{To: 10}}},
		{"a.txt", "0123456789", 100, []formats.Range{{To: 10}}},
		{"a.txt", "0123456789", 4, []formats.Range{{To: 3}, {From: 3, To: 6}, {From: 6, To: 10}}},
		{"a.gz", "0123456789", 4, []formats.Range{{To: 10}}},
		{"a.bz2", "0123456789", 5, []formats.Range{{To: 5}, {From: 5, To: 10}}},
		{"a.gz", "", 4, []formats.Range{{}}}, // a cut-off file, which the reader reports
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, lines.Split(newFile(tt.name, tt.data), tt.target)); diff != "" {
			t.Errorf("%s by %d: %s", tt.name, tt.target, diff)
		}
	}
}

// TestChunks looks at what one range gives in one chunk: all its records, to the end of the last.
func TestChunks(t *testing.T) {
	const data = "\ufeffone\ntwo\nthree\nfour"
	tests := []struct {
		from, to int64
		want     string
		next     int64 // position behind it
	}{
		{0, 22, "one\ntwo\nthree\nfour", 21},
		{0, 1, "one\n", 7},
		{0, 7, "one\n", 7},
		{0, 8, "one\ntwo\n", 11},
		{7, 11, "two\n", 11},
		{8, 11, "", 11},
		{8, 12, "three\n", 17},
		{12, 22, "four", 21},
	}
	for _, tt := range tests {
		c, err := lines.Open(newFile("a.txt", data), formats.Range{From: tt.from, To: tt.to}, lines.Options{})
		if err != nil {
			t.Fatal(err)
		}
		chunk, _ := c.Next(t.Context())
		if got := string(chunk); got != tt.want {
			t.Errorf("%d to %d: got %q, want %q", tt.from, tt.to, got, tt.want)
		}
		if got := c.Position(0, 0).Offset; got != tt.next {
			t.Errorf("%d to %d: goes on at %d, want %d", tt.from, tt.to, got, tt.next)
		}
		if more, err := c.Next(t.Context()); err == nil {
			t.Errorf("%d to %d: a second chunk %q", tt.from, tt.to, more)
		}
	}
}
