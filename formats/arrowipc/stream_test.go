package arrowipc_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// streamed reads a stream to its end.
func streamed(in io.Reader) (rows int, err error) {
	s, err := arrowipc.OpenStream(in, "pipe", nil)
	if err != nil {
		return 0, err
	}
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows += b.Len
	}
}

// A stream comes in pieces of any size; what lies behind its end is left.
func TestStream(t *testing.T) {
	for _, f := range []rowFormat{{Stream: true}, {Stream: true, Codec: arrowipc.LZ4}, {Stream: true, Codec: arrowipc.Zstd}} {
		in := bytes.NewReader(append(example(t, f), "behind"...))
		rows, err := streamed(iotest.OneByteReader(in))
		if err != nil || rows != 120 {
			t.Errorf("%d rows, %v", rows, err)
		}
		if rest, err := io.ReadAll(in); err != nil || string(rest) != "behind" {
			t.Errorf("behind the end there is %q, %v", rest, err)
		}
	}
}

func TestStreamColumns(t *testing.T) {
	data := example(t, rowFormat{Stream: true})
	all := formattest.Everything()
	want := &columnar.Schema{Fields: []columnar.Field{all.Fields[2], {Name: "not there", Type: columnar.StringType, Nullable: true}, all.Fields[0]}}
	s, err := arrowipc.OpenStream(bytes.NewReader(data), "pipe", want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Next()
	if err != nil || !b.Schema.Equal(want) || b.Columns[1].NullCount() != b.Len {
		t.Errorf("got %v, %v", b.Schema, err)
	}
	want.Fields[1].Nullable = false
	if _, err := arrowipc.OpenStream(bytes.NewReader(data), "pipe", want); err == nil {
		t.Error("a column that is not there is given")
	}
}

// A stream that breaks off is no stream that ends, wherever it does.
func TestStreamBreaksOff(t *testing.T) {
	data := example(t, rowFormat{Stream: true})
	for n := 0; n < len(data); n += 1 + n/64 {
		if _, err := streamed(bytes.NewReader(data[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("after %d of %d bytes the error is %v", n, len(data), err)
		}
	}
	broken := errors.New("broken pipe")
	for _, n := range []int{0, 5, 100, len(data) / 2, len(data) - 9} {
		if _, err := streamed(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %d bytes the error is %v", n, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add(example(f, rowFormat{Stream: true}))
	f.Add(example(f, rowFormat{Stream: true, Codec: arrowipc.LZ4}))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = streamed(bytes.NewReader(data)) })
}
