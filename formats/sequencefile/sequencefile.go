// Package sequencefile reads and writes Hadoop SequenceFiles, version 6, without compression, with it by record, or by block
// (org.apache.hadoop.io.SequenceFile).
//
//	file   = "SEQ" 6, class of keys, class of values, is compressed, is compressed in blocks, [class of the codec], metadata, sync
//	record = length of both, length of the key, key, value       the value compressed by itself, if records are
//	block  = escape, records, key lengths, keys, value lengths, values       each part compressed by itself
//	escape = -1 as four bytes, sync       before every block, and between records every 2000 bytes or so
//
// A record is the columns key and value:
//
//	Text                                               string
//	BytesWritable                                      binary
//	ByteWritable, ShortWritable, IntWritable, LongWritable   int8, int16, int32, int64
//	VIntWritable, VLongWritable                        int32, int64
//	FloatWritable, DoubleWritable, BooleanWritable     float32, float64, bool
//	NullWritable                                       no column; null where one is wanted
//	any other class                                    binary: the bytes as written
//
// A column wanted may be a wider integer or float, and binary for string or the other way round. A range of a file is what follows the escapes that
// begin in it, each up to the next one.
//
// Read are the codecs Default (zlib), Gzip, Snappy, LZ4, bzip2 and zstd.
//
// Stability: public. The package starts no goroutines.
package sequencefile

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// Compression says what of a file is compressed.
type Compression string

// The compressions.
const (
	Block  Compression = "block"  // many keys and values together
	Record Compression = "record" // each value
	None   Compression = "none"
)

// Format reads and writes records of type T, whose columns are key and value, or one of them. The zero value works.
type Format[T any] struct {
	// Compression of files that are written. Default Block. Files that are read say theirs.
	Compression Compression
	// Codec compresses what is written, unless Compression is None. Default Zlib.
	Codec Codec
	// BlockBytes is about the size of a block before compression. Default 1 MB, as Hadoop has it.
	BlockBytes int
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "sequencefile".
func (Format[T]) Name() string { return "sequencefile" }

// Suffix returns ".seq".
func (Format[T]) Suffix() string { return ".seq" }

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Validate reports settings that make no sense and types that are no keys and values.
func (f Format[T]) Validate() error {
	if _, err := codec.Of[T](); err != nil {
		return err
	}
	if schema := f.Schema(); schema != nil {
		if _, err := classesOf(schema); err != nil {
			return err
		}
	}
	switch f.Compression {
	case "", None, Record, Block:
		return f.Codec.Validate()
	}
	return fmt.Errorf("sequencefile: unknown compression %q; known are none, record, block", string(f.Compression))
}

// Infer returns the columns that the header's classes stand for.
func (Format[T]) Infer(_ context.Context, in formats.Input) (*columnar.Schema, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return f.schema(), nil
}

// Split divides by bytes: where records begin is found when they are read.
func (Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	return formats.Divide(in.Size(), target), nil
}

// NewReader reads a range.
func (Format[T]) NewReader(_ context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(in, r, o)
}

// NewWriter writes batches with the columns key and value, or one of them.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return newWriter(cmp.Or(f.Compression, Block), cmp.Or(f.Codec, Zlib), cmp.Or(f.BlockBytes, 1_000_000), w, schema)
}
