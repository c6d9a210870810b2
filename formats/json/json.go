// Package json is the format of JSON lines: a record is one line, an object whose members are the columns, matched by name.
//
// A [Format] of a struct reads the members that the struct's columns name and passes over the others, of which it checks no more than quotes and
// brackets; so wide records cost little when few members are wanted. A missing member is null. A Format of columnar.Row takes names and types
// from a sample. Of a type that is no struct, a line is the value itself.
//
//	column                JSON
//	integers              number without fraction
//	floats                number, "NaN", "Infinity", "-Infinity"
//	decimal               number or string; exact
//	bool                  true, false
//	string                string; of any other value its JSON text
//	date, timestamp       string: 2026-01-02, 2026-01-02T10:00:00.5Z
//	duration              string: 1m30s
//	binary, fixedbinary   string: base64
//	list                  array
//	map                   object; keys that are no strings as their text
//	struct                object
//
// Numbers of any length are read exactly or not at all. Of a member that occurs twice the last counts. Text that is not UTF-8 and
// halves of surrogate pairs become U+FFFD where they are escaped, else they are passed on.
//
// Stability: public. The package starts no goroutines.
package json

import (
	"cmp"
	"context"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/internal/lines"
)

// Format reads and writes records of type T. The zero value works.
type Format[T any] struct {
	// MaxRecord is the length in bytes that records may have; longer ones are bad. Default 16 MiB.
	MaxRecord int
	// OmitNull leaves out members that are null when writing.
	OmitNull bool
	// Codec compresses what is written. Files that are read name theirs by their suffix.
	Codec compress.Codec
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "json".
func (Format[T]) Name() string { return "json" }

// Suffix returns ".json" and the codec's.
func (f Format[T]) Suffix() string { return ".json" + f.Codec.Suffix() }

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports types that cannot be columns, and codecs that cannot be written.
func (f Format[T]) Validate() error {
	_, err := codec.Of[T]()
	return errors.Join(err, f.Codec.Validate())
}

// Infer returns the columns of a file from a sample of its first records.
func (f Format[T]) Infer(ctx context.Context, in formats.Input) (*columnar.Schema, error) {
	return infer(ctx, f.settings(), in)
}

// Split divides by bytes.
func (Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	return lines.Split(in, target), nil
}

// NewReader reads the records that begin in a range.
func (f Format[T]) NewReader(ctx context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(ctx, f.settings(), in, r, o)
}

// NewWriter writes a line a row.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	return newWriter(f.settings(), w, schema)
}

// settings are a Format's without its type.
type settings struct {
	schema    *columnar.Schema // of T; nil: to be inferred
	bare      bool             // a line is a value of the one column
	maxRecord int
	omitNull  bool
	codec     compress.Codec
}

func (f Format[T]) settings() settings {
	return settings{
		schema: f.Schema(), bare: isBare(reflect.TypeFor[T]()), maxRecord: cmp.Or(f.MaxRecord, lines.DefaultMaxRecord), omitNull: f.OmitNull, codec: f.Codec,
	}
}

// isBare says whether values of the type are one column rather than a column a field.
func isBare(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[columnar.DecimalValue]()
}
