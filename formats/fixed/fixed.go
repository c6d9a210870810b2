// Package fixed is the format of records of one length with nothing between them, such as those of the sort benchmark: a record is an array
// of bytes.
//
//	lines := file.Source[[100]byte]{Path: "tera/", Format: fixed.Records[[100]byte]{}}
//
// Any file may be read in ranges. Compressed files are not read. A file whose length is no multiple of the record's has a cut-off record at
// its end, which is a bad record.
//
// Stability: public. The package starts no goroutines.
package fixed

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
)

// Records reads and writes records of type T, an array of bytes. The zero value works.
type Records[T any] struct{}

var _ formats.Typed[[1]byte] = Records[[1]byte]{}

// Element returns a zero T.
func (Records[T]) Element() (zero T) { return zero }

// Name returns "fixed".
func (Records[T]) Name() string { return "fixed" }

// Suffix returns ".bin".
func (Records[T]) Suffix() string { return ".bin" }

// Schema returns one column of binaries of the record's length, "value".
func (Records[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports a T that is no array of bytes.
func (r Records[T]) Validate() error {
	if s := r.Schema(); s == nil || len(s.Fields) != 1 || s.Fields[0].Type.Kind != columnar.FixedBinary {
		return fmt.Errorf("fixed: records are arrays of bytes, not %T", r.Element())
	}
	return nil
}

func (r Records[T]) width() int64 { return int64(r.Schema().Fields[0].Type.Width) }

// Infer returns Schema.
func (r Records[T]) Infer(context.Context, formats.Input) (*columnar.Schema, error) {
	return r.Schema(), nil
}

// Split divides between records.
func (r Records[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	width := r.width()
	step := max(target/width, 1) * width
	var out []formats.Range
	for from := int64(0); from < in.Size(); from += step {
		out = append(out, formats.Range{From: from, To: min(from+step, in.Size())})
	}
	return out, nil
}

// NewReader reads the records that begin in a range.
func (r Records[T]) NewReader(_ context.Context, in formats.Input, part formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	if c := compress.BySuffix(in.Name()); c != compress.None {
		return nil, fmt.Errorf("reading %s: records of fixed length are not read from %s files", in.Name(), c)
	}
	schema := r.Schema()
	if o.Schema != nil {
		for _, f := range o.Schema.Fields {
			if f.Name != schema.Fields[0].Name || !f.Type.Equal(schema.Fields[0].Type) {
				return nil, fmt.Errorf("reading %s: the records have one column, %s; wanted is %s", in.Name(), schema.Fields[0], f)
			}
		}
		schema = o.Schema
	}
	return newReader(in, part, o, schema, r.width()), nil
}

// NewWriter writes the one column of binaries.
func (r Records[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	want := r.Schema().Fields[0].Type
	if len(schema.Fields) != 1 || !schema.Fields[0].Type.Equal(want) {
		return nil, fmt.Errorf("records of fixed length are written from one column of %s, not from %v", want, schema.Fields)
	}
	return &writer{w: w}, nil
}
