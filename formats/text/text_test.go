package text_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// read returns the lines of a range; after each batch it goes on with a new reader from the position, if resume is set.
func read(t testing.TB, l text.Lines, in formats.Input, r formats.Range, o formats.ReadOptions, resume bool) ([]string, error) {
	t.Helper()
	var all []string
	for {
		rd, err := l.NewReader(t.Context(), in, r, o)
		if err != nil {
			return all, err
		}
		for {
			b, err := rd.Next(t.Context())
			if errors.Is(err, io.EOF) {
				return all, rd.Close()
			}
			if err != nil {
				return all, errors.Join(err, rd.Close())
			}
			if b.Rows() == 0 {
				t.Fatal("an empty batch")
			}
			for i := range b.Rows() {
				all = append(all, strings.Clone(b.Columns[0].Text(b.Row(i))))
			}
			if resume {
				r.From, r.Skip = rd.Position().Offset, rd.Position().Row
				break
			}
		}
		if err := rd.Close(); err != nil {
			return all, err
		}
	}
}

// split is the reference: the lines of data.
func split(data string) []string {
	data = strings.TrimPrefix(data, "\ufeff")
	if data == "" {
		return nil
	}
	all := strings.Split(strings.TrimSuffix(data, "\n"), "\n")
	for i, l := range all {
		all[i] = strings.TrimSuffix(l, "\r")
	}
	return all
}

func TestLines(t *testing.T) {
	tests := []struct{ name, data string }{
		{"empty", ""},
		{"one line without end", "abc"},
		{"one line", "abc\n"},
		{"empty lines", "\n\n\n"},
		{"windows", "a\r\nb\r\n\r\nc\r\n"},
		{"byte order mark", "\ufeffa\nb"},
		{"only a byte order mark", "\ufeff"},
		{"no text", "\xff\x00\n\x01"},
		{"longer than a read", strings.Repeat("x", 3<<20) + "\n" + strings.Repeat("yz\n", 1<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := formattest.NewFile("a.txt", []byte(tt.data))
			got, err := read(t, text.Lines{}, in, formats.Range{To: in.Size()}, formats.ReadOptions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			if want := split(tt.data); !slices.Equal(got, want) {
				t.Errorf("got %d lines, want %d", len(got), len(want))
			}
		})
	}
}

// drawText draws files with all kinds of ends.
func drawText(rt *rapid.T) string {
	pieces := rapid.SliceOf(rapid.SampledFrom([]string{"a", "bc", "\n", "\r\n", "\r", "", "long one", "\xef\xbb\xbf"})).Draw(rt, "data")
	return strings.Join(pieces, "")
}

func pack(t testing.TB, c compress.Codec, data string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := compress.NewWriter(c, &buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestAnySplitGivesEachLineOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := drawText(rt)
		codec := rapid.SampledFrom([]compress.Codec{compress.None, compress.None, compress.Gzip}).Draw(rt, "codec")
		in := formattest.NewFile("a.txt"+codec.Suffix(), pack(t, codec, data))
		ranges, err := text.Lines{}.Split(t.Context(), in, rapid.Int64Range(1, 12).Draw(rt, "target"))
		if err != nil {
			rt.Fatal(err)
		}
		o := formats.ReadOptions{Rows: rapid.IntRange(0, 3).Draw(rt, "rows"), Bytes: rapid.IntRange(0, 5).Draw(rt, "bytes")}
		resume := rapid.Bool().Draw(rt, "resume")
		var got []string
		for _, r := range ranges {
			part, err := read(t, text.Lines{}, in, r, o, resume)
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, part...)
		}
		if want := split(data); !slices.Equal(got, want) {
			rt.Fatalf("ranges %v: %s", ranges, cmp.Diff(want, got))
		}
	})
}

func TestTooLongLines(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := drawText(rt)
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")
		in := formattest.NewFile("a.txt", []byte(data))
		ranges, _ := text.Lines{}.Split(t.Context(), in, rapid.Int64Range(1, 12).Draw(rt, "target"))
		var want, got, bad []string
		for _, l := range split(data) {
			if len(l) <= limit {
				want = append(want, l)
			}
		}
		o := formats.ReadOptions{Bad: func(b formats.BadRecord) error {
			bad = append(bad, string(b.Record))
			if !strings.HasPrefix(data[b.Offset:], string(b.Record)) {
				rt.Errorf("offset %d of %q", b.Offset, b.Record)
			}
			return nil
		}}
		for _, r := range ranges {
			part, err := read(t, text.Lines{MaxLine: limit}, in, r, o, false)
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, want) || len(bad) != len(split(data))-len(want) {
			rt.Fatalf("ranges %v: %s; bad %q", ranges, cmp.Diff(want, got), bad)
		}
	})
}

func TestVeryLongLine(t *testing.T) {
	data := "short\n" + strings.Repeat("x", 20<<20) + "\nlast\n"
	in := formattest.NewFile("dir/a.txt", []byte(data))
	var bad []formats.BadRecord
	o := formats.ReadOptions{Bad: func(b formats.BadRecord) error { bad = append(bad, b); return nil }}
	got, err := read(t, text.Lines{MaxLine: 1 << 20}, in, formats.Range{To: in.Size()}, o, false)
	if err != nil || !slices.Equal(got, []string{"short", "last"}) || len(bad) != 1 || bad[0].Offset != 6 || len(bad[0].Record) != 256 {
		t.Fatalf("got %q, %v, %v", got, err, bad)
	}
	_, err = read(t, text.Lines{MaxLine: 1 << 20}, in, formats.Range{To: in.Size()}, formats.ReadOptions{}, false)
	if want := "dir/a.txt (offset 6): the record is longer than the limit of 1048576 bytes"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Fatalf("got %v", err)
	}
}

func TestTruncated(t *testing.T) {
	packed := pack(t, compress.Gzip, strings.Repeat("some line\n", 1000))
	in := formattest.NewFile("dir/a.gz", packed[:len(packed)-5])
	_, err := read(t, text.Lines{}, in, formats.Range{To: in.Size()}, formats.ReadOptions{}, false)
	if want := fmt.Sprintf("reading dir/a.gz: unexpected end of gzip data at byte %d", in.Size()); err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

func TestOnlyCounting(t *testing.T) {
	in := formattest.NewFile("a.txt", []byte("a\nb\nc"))
	r, err := text.Lines{}.NewReader(t.Context(), in, formats.Range{To: 5}, formats.ReadOptions{Schema: columnar.NewSchema()})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.Next(t.Context()); err != nil || b.Rows() != 3 || len(b.Columns) != 0 {
		t.Fatalf("got %d rows, %v", b.Rows(), err)
	}
}

func TestWriteRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOf(rapid.StringMatching(`[a-zé ]*`)).Draw(rt, "lines")
		l := text.Lines{Codec: rapid.SampledFrom([]compress.Codec{compress.None, compress.Zstd}).Draw(rt, "codec")}
		var buf bytes.Buffer
		w, err := l.NewWriter(&buf, l.Schema())
		if err != nil {
			rt.Fatal(err)
		}
		b := columnar.NewBatchBuilder(l.Schema(), len(want))
		var sel []int32
		for i, s := range want {
			b.Column(0).AppendString(s)
			b.Column(0).AppendString("left\nout")
			sel = append(sel, int32(2*i))
		}
		b.Added(2 * len(want))
		batch := b.Finish()
		batch.Sel = sel
		if len(want) > 0 {
			if err := w.Write(batch); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		in := formattest.NewFile("part"+l.Suffix(), buf.Bytes())
		got, err := read(t, l, in, formats.Range{To: in.Size()}, formats.ReadOptions{}, false)
		if err != nil || !slices.Equal(got, want) {
			rt.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestWriteNewline(t *testing.T) {
	l := text.Lines{}
	w, err := l.NewWriter(io.Discard, l.Schema())
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.NewBatchBuilder(l.Schema(), 1)
	b.Column(0).AppendString("two\nlines")
	b.Added(1)
	if err := w.Write(b.Finish()); err == nil {
		t.Error("a string with a newline was written")
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\n\nbc"), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, target uint8) {
		in := formattest.NewFile("a.txt", data)
		ranges, _ := text.Lines{}.Split(t.Context(), in, int64(target))
		var got []string
		for _, r := range ranges {
			part, err := read(t, text.Lines{}, in, r, formats.ReadOptions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if want := split(string(data)); !slices.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
	})
}

func BenchmarkLines(b *testing.B) {
	for _, mean := range []int{20, 100} {
		rng := rand.New(rand.NewPCG(1, 2))
		var data bytes.Buffer
		for data.Len() < 32<<20 {
			data.WriteString(strings.Repeat("abcdefghij", 40)[:rng.IntN(2*mean)])
			data.WriteByte('\n')
		}
		in := formattest.NewFile("a.txt", data.Bytes())
		b.Run(fmt.Sprintf("length=%d", mean), func(b *testing.B) {
			b.SetBytes(in.Size())
			b.ReportAllocs()
			var rows int
			for b.Loop() {
				rows = 0
				r, _ := text.Lines{}.NewReader(b.Context(), in, formats.Range{To: in.Size()}, formats.ReadOptions{})
				for {
					batch, err := r.Next(context.Background())
					if err != nil {
						break
					}
					rows += batch.Rows()
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
