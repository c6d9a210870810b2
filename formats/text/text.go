// Package text is the format of plain lines: a record is one line, a string, without its end.
//
// Lines end in \n or \r\n; the last need not. Bytes that are not UTF-8 are passed on as they are. Any file may be read in ranges unless
// its compression forbids it.
//
// Stability: public.
package text

import (
	"context"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/internal/lines"
)

// Lines reads and writes lines. The zero value works.
type Lines struct {
	// Codec compresses what is written. Files that are read name theirs by their suffix.
	Codec compress.Codec
	// MaxLine is the length in bytes that lines may have; longer ones are bad records. Default 16 MiB.
	MaxLine int
}

var _ formats.Typed[string] = Lines{}

// Element returns "".
func (Lines) Element() string { return "" }

// Name returns "text".
func (Lines) Name() string { return "text" }

// Suffix returns ".txt" and the codec's.
func (l Lines) Suffix() string { return ".txt" + l.Codec.Suffix() }

// column is the name of the one column.
const column = "value"

// Schema returns one column of strings, "value".
func (Lines) Schema() *columnar.Schema {
	return columnar.NewSchema(columnar.Field{Name: column, Type: columnar.StringType})
}

// Validate reports a codec that cannot be written.
func (l Lines) Validate() error { return l.Codec.Validate() }

// Infer returns Schema.
func (l Lines) Infer(context.Context, formats.Input) (*columnar.Schema, error) {
	return l.Schema(), nil
}

// Split divides by bytes.
func (Lines) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	return lines.Split(in, target), nil
}

// NewReader reads the lines that begin in a range.
func (l Lines) NewReader(_ context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(l, in, r, o)
}

// NewWriter writes the one column of strings, a line a row.
func (l Lines) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	return newWriter(l, w, schema)
}
