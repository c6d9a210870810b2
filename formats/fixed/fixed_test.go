package fixed_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/fixed"
)

type record [7]byte

type memory struct{ *bytes.Reader }

func (m memory) Name() string { return "mem://f.bin" }

func input(n int) (memory, []byte) {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{3})
	if _, err := r.Read(data); err != nil {
		panic(err)
	}
	return memory{bytes.NewReader(data)}, data
}

// read returns the bytes of the records of a range.
func read(t *testing.T, in formats.Input, part formats.Range, o formats.ReadOptions) ([]byte, error) {
	t.Helper()
	r, err := fixed.Records[record]{}.NewReader(t.Context(), in, part, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for {
		b, err := r.Next(t.Context())
		if err != nil {
			return out, errors.Join(err, r.Close())
		}
		if b.Len == 0 || o.Rows > 0 && b.Len > o.Rows {
			t.Fatalf("a batch of %d rows", b.Len)
		}
		out = append(out, b.Columns[0].Data...)
	}
}

func TestRanges(t *testing.T) {
	in, data := input(7 * 1000)
	for _, cut := range []int64{0, 1, 6, 7, 8, 3500, 6999, 7000} {
		var all []byte
		for _, part := range []formats.Range{{From: 0, To: cut}, {From: cut, To: 7000}} {
			got, err := read(t, in, part, formats.ReadOptions{Rows: 13})
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			all = append(all, got...)
		}
		if !bytes.Equal(all, data) {
			t.Errorf("cut at %d: records differ", cut)
		}
	}
	parts, err := fixed.Records[record]{}.Split(t.Context(), in, 1000)
	if err != nil || len(parts) != 8 || parts[1].From%7 != 0 {
		t.Errorf("split into %v, %v", parts, err)
	}
}

func TestSkip(t *testing.T) {
	in, data := input(7 * 100)
	r, err := fixed.Records[record]{}.NewReader(t.Context(), in, formats.Range{From: 70, To: 700}, formats.ReadOptions{Rows: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := r.Position()
	got, err := read(t, in, formats.Range{From: at.Offset, To: 700, Skip: at.Row}, formats.ReadOptions{})
	if !errors.Is(err, io.EOF) || !bytes.Equal(got, data[140:]) {
		t.Errorf("%d bytes after position %v, want %d", len(got), at, len(data)-140)
	}
}

func TestCutOff(t *testing.T) {
	in, data := input(7*10 + 3)
	got, err := read(t, in, formats.Range{To: 73}, formats.ReadOptions{})
	var bad formats.BadRecord
	if !errors.As(err, &bad) || bad.Offset != 70 || !bytes.Equal(bad.Record, data[70:]) || len(got) != 70 {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	var seen int
	got, err = read(t, in, formats.Range{To: 73}, formats.ReadOptions{Bad: func(formats.BadRecord) error { seen++; return nil }})
	if !errors.Is(err, io.EOF) || seen != 1 || len(got) != 70 {
		t.Errorf("%d bytes, %d bad records, error %v", len(got), seen, err)
	}
}

func TestWrite(t *testing.T) {
	in, data := input(7 * 20)
	f := fixed.Records[record]{}
	r, err := f.NewReader(t.Context(), in, formats.Range{To: in.Size()}, formats.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := f.NewWriter(&out, b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	selected := b
	selected.Sel = []int32{3, 19}
	if err := errors.Join(w.Write(b), w.Write(selected), w.Close()); err != nil {
		t.Fatal(err)
	}
	want := append(append(bytes.Clone(data), data[21:28]...), data[133:]...)
	if !bytes.Equal(out.Bytes(), want) || w.Size() != int64(len(want)) {
		t.Errorf("wrote %d bytes", out.Len())
	}
}

func TestRefused(t *testing.T) {
	if err := (fixed.Records[string]{}).Validate(); err == nil {
		t.Error("strings have no fixed length")
	}
	if _, err := (fixed.Records[record]{}).NewWriter(io.Discard, columnar.NewSchema(columnar.Field{Name: "value", Type: columnar.StringType})); err == nil {
		t.Error("strings were taken")
	}
}

// FuzzRanges cuts files of any length at any place: no record is lost or read twice.
func FuzzRanges(f *testing.F) {
	f.Add(uint16(70), uint16(35))
	f.Add(uint16(73), uint16(72))
	f.Fuzz(func(t *testing.T, size, cut uint16) {
		in, data := input(int(size))
		cut = min(cut, size)
		bad := 0
		o := formats.ReadOptions{Bad: func(formats.BadRecord) error { bad++; return nil }}
		var all []byte
		for _, part := range []formats.Range{{To: int64(cut)}, {From: int64(cut), To: int64(size)}} {
			r, err := fixed.Records[record]{}.NewReader(context.Background(), in, part, o)
			if err != nil {
				t.Fatal(err)
			}
			for {
				b, err := r.Next(context.Background())
				if err != nil {
					break
				}
				all = append(all, b.Columns[0].Data...)
			}
		}
		tail := int(size) % 7
		if !bytes.Equal(all, data[:int(size)-tail]) || (bad == 1) != (tail > 0) || bad > 1 {
			t.Errorf("%d of %d bytes, %d bad records", len(all), size, bad)
		}
	})
}
