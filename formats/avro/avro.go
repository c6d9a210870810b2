// Package avro reads and writes Avro object container files (Avro 1.12 specification, "Object Container Files").
//
//	file  = "Obj" 1, metadata, sync                     metadata: a map with the schema as JSON and the codec's name
//	block = records, bytes, the records compressed, sync   sync: 16 random bytes that mark where a block may begin
//
// The file's schema and the columns wanted are compiled once into a function for each field, which moves a value from the bytes to its column or
// passes over it; no record is made. A range of a file is the blocks that begin in it, found by the sync marker.
//
//	in the file                            column
//	boolean, float, double, string, bytes  bool, float32, float64, string, binary
//	int, long                              int32, int64
//	date; time-*; timestamp-*; local-*     date; duration since midnight; timestamp; timestamp(local): nanoseconds are rounded down
//	decimal                                decimal, of 38 digits at most
//	enum, fixed, uuid                      string, fixedbinary, as stored
//	array, map, record                     list, map from string, struct
//	union of null and one other            that, nullable
//
// Other unions cannot be columns, nor can records inside themselves, but a file with such fields can be read for its other ones. A column wanted may
// be an integer of any kind, as long as the values fit it, a float where the file has integers or floats, and a string where it has bytes or the
// other way round.
//
// Durations are written as long, in microseconds, and all integers but int32 and narrower ones as long too; names of columns must be Avro names.
//
// Stability: public. The package starts no goroutines.
package avro

import (
	"context"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// Format reads and writes records of type T. The zero value works.
type Format[T any] struct {
	// Codec compresses the blocks that are written. Default Snappy. Files that are read say theirs.
	Codec Codec
	// BlockBytes is about the size of a block before compression. Default 256 KiB.
	BlockBytes int
	// RecordSchema is the schema, as JSON, under which records outside of files were written, such as the values of messages. Default: that of
	// T's columns.
	RecordSchema string
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "avro".
func (Format[T]) Name() string { return "avro" }

// Suffix returns ".avro": the codec is inside.
func (Format[T]) Suffix() string { return ".avro" }

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports an unknown codec and a type that Avro cannot hold.
func (f Format[T]) Validate() error {
	if _, err := codec.Of[T](); err != nil {
		return err
	}
	if schema := f.Schema(); schema != nil {
		if _, err := schemaText(schema); err != nil {
			return err
		}
	}
	return f.Codec.Validate()
}

// Infer returns the columns of the header's schema.
func (Format[T]) Infer(_ context.Context, in formats.Input) (*columnar.Schema, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return f.schema()
}

// Split divides by bytes: where blocks begin is found when they are read.
func (Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	return formats.Divide(in.Size(), target), nil
}

// NewReader reads the blocks that begin in a range.
func (Format[T]) NewReader(_ context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(in, r, o)
}

// NewWriter writes batches of columns of any type.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	return newWriter(f.Codec, f.BlockBytes, w, schema)
}
