// Package arrowipc reads and writes Arrow's IPC files and streams (Arrow columnar format 1.4, "Serialization and Interprocess Communication").
//
// A file that begins with "ARROW1" is in the file format, which has an index of its record batches at the end; any other is a stream. Bodies may be
// compressed by LZ4 frames or zstd. Columns are used as they lie in the body, without a copy, where our layout is Arrow's; types that columns
// do not have are converted:
//
//	float16; decimal128                float32; decimal of 38 digits at most
//	date64; times of any unit          date; duration since midnight
//	timestamps, durations of any unit  timestamp (UTC with a zone, local without), duration: nanoseconds are rounded down
//	large and view forms               string, binary, list
//	lists of a fixed size              list
//	dictionaries, extensions, null     their values, their storage, string
//
// Unions, run-end encoding, intervals and 256-bit decimals are errors that name the column. A column wanted may be wider, as in package parquet.
//
// A range of a file is a run of record batches: batch i of n counts as beginning i/n of the way through the file. A stream is read in one piece.
//
// Framing is left to Arrow's Go library, whose panics on damaged files become errors here.
//
// Stability: public. The package starts no goroutines.
package arrowipc

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// Codec compresses the bodies of record batches. The zero value is none.
type Codec string

// The codecs.
const (
	None Codec = ""
	LZ4  Codec = "lz4"
	Zstd Codec = "zstd"
)

// Format reads and writes records of type T. The zero value works.
type Format[T any] struct {
	// Stream writes the stream format. What is read says which it is.
	Stream bool
	// Codec compresses the bodies that are written.
	Codec Codec
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "arrow".
func (Format[T]) Name() string { return "arrow" }

// Suffix returns ".arrow", of streams ".arrows".
func (f Format[T]) Suffix() string {
	if f.Stream {
		return ".arrows"
	}
	return ".arrow"
}

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports an unknown codec and a type that cannot be columns.
func (f Format[T]) Validate() error {
	if f.Codec != None && f.Codec != LZ4 && f.Codec != Zstd {
		return fmt.Errorf("arrowipc: unknown codec %q; known are lz4, zstd", string(f.Codec))
	}
	_, err := codec.Of[T]()
	return err
}

// Infer returns the columns of the file's schema.
func (Format[T]) Infer(_ context.Context, in formats.Input) (*columnar.Schema, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return f.columns, f.close()
}

// Split divides files between record batches.
func (Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return f.split(target), f.close()
}

// NewReader reads the record batches that begin in a range.
func (Format[T]) NewReader(_ context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(in, r, o)
}

// NewWriter writes batches of any columns, each as a record batch.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return newWriter(f.Stream, f.Codec, w, schema)
}
