// Package csv is the format of values separated by commas, or by any other byte: RFC 4180, with a header or without.
//
// A [Format] of a struct reads fields into the struct's columns: by name with a header, else by position, or by the names that Columns gives. A
// Format of columnar.Row takes the names from the header and the types from a sample of the records.
//
// A field between quotes may hold the delimiter, and a doubled quote stands for one. Quotes inside a field that does not begin with one stand
// for themselves. Newlines between quotes need Multiline, which costs the division into ranges: without it a record is a line, so that any
// line can be found without reading the file from its start. Empty lines are left out, but where there is only one column.
//
// A field that is exactly Null, without quotes, is null; with the default, the empty text, an empty field is null. In a column of strings that
// is not nullable it is that text.
//
// # How it is read
//
// A chunk of whole records is first searched for delimiters and newlines, eight bytes at a time, which gives the fields' places; then each
// wanted column is converted in a loop of its own, from the bytes to the column's memory. Fields that are not wanted cost the search only.
//
// Stability: public. The package starts no goroutines.
package csv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/internal/lines"
)

// Format reads and writes records of type T. The zero value works: commas, no header, empty fields are null.
type Format[T any] struct {
	// Delimiter separates fields. Default ','.
	Delimiter byte
	// Quote encloses fields that need it. Default '"'.
	Quote byte
	// Header says that the first record of each file has the columns' names.
	Header bool
	// Columns are the names of a file's fields in order, for files without a header. Default: T's columns; of columnar.Row c0, c1, ...
	Columns []string
	// Null is the text that stands for null. Default: the empty text.
	Null string
	// Multiline allows newlines between quotes. Files are then read in one piece each.
	Multiline bool
	// MaxRecord is the length in bytes that records may have; longer ones are bad. Default 16 MiB.
	MaxRecord int
	// Codec compresses what is written. Files that are read name theirs by their suffix.
	Codec compress.Codec
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// TSV returns a format with tabs between fields.
func TSV[T any]() Format[T] { return Format[T]{Delimiter: '\t'} }

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "csv", or "tsv" when tabs separate.
func (f Format[T]) Name() string {
	if f.Delimiter == '\t' {
		return "tsv"
	}
	return "csv"
}

// Suffix returns ".csv" or ".tsv" and the codec's.
func (f Format[T]) Suffix() string { return "." + f.Name() + f.Codec.Suffix() }

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports settings that contradict each other and types that cannot be columns of text.
func (f Format[T]) Validate() error {
	c, err := codec.Of[T]()
	if err != nil {
		return err
	}
	s := f.settings()
	if s.delimiter == s.quote || isLineEnd(s.delimiter) || isLineEnd(s.quote) {
		err = fmt.Errorf("csv: the delimiter is %q and the quote %q", s.delimiter, s.quote)
	}
	if f.Header && f.Columns != nil {
		err = errors.Join(err, errors.New("csv: both Header and Columns are set"))
	}
	if c.Schema() != nil {
		err = errors.Join(err, checkTypes(c.Schema()))
	}
	return errors.Join(err, f.Codec.Validate())
}

func isLineEnd(c byte) bool { return c == '\n' || c == '\r' || c == 0 }

// checkTypes reports the columns that have no text.
func checkTypes(schema *columnar.Schema) error {
	for _, f := range schema.Fields {
		if f.Type.IsNested() {
			return fmt.Errorf("csv: the column %s cannot be a field of text", f)
		}
	}
	return nil
}

// Infer returns the columns of a file: names from the header, types from a sample of its first records.
func (f Format[T]) Infer(ctx context.Context, in formats.Input) (*columnar.Schema, error) {
	return infer(ctx, f.settings(), in)
}

// Split divides by bytes, unless records may have newlines.
func (f Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	if f.Multiline {
		target = 0
	}
	return lines.Split(in, target), nil
}

// NewReader reads the records that begin in a range.
func (f Format[T]) NewReader(ctx context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(ctx, f.settings(), in, r, o)
}

// NewWriter writes batches of columns that are not nested.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	return newWriter(f.settings(), w, schema)
}

// WithoutColumns returns the format of files that lack columns of T, which come from elsewhere: from the names of folders. Only files without
// names need it.
func (f Format[T]) WithoutColumns(names []string) formats.Format {
	if f.Header || f.Columns != nil {
		return f
	}
	schema := f.Schema()
	if schema == nil {
		return f
	}
	f.Columns = without(schema.Names(), names)
	return f
}

// settings are a Format's without its type, with the defaults filled in.
type settings struct {
	name      string
	delimiter byte
	quote     byte
	header    bool
	schema    *columnar.Schema // of T; nil: to be inferred
	columns   []string         // nil: named by number
	null      string
	multiline bool
	maxRecord int
	codec     compress.Codec
}

func (f Format[T]) settings() settings {
	s := settings{
		name: f.Name(), delimiter: cmp.Or(f.Delimiter, ','), quote: cmp.Or(f.Quote, '"'), header: f.Header, columns: f.Columns, null: f.Null,
		multiline: f.Multiline, maxRecord: cmp.Or(f.MaxRecord, lines.DefaultMaxRecord), codec: f.Codec,
	}
	s.schema = f.Schema()
	if s.schema != nil && s.columns == nil && !s.header {
		s.columns = s.schema.Names()
	}
	return s
}
