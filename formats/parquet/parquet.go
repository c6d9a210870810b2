package parquet

import (
	"context"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// Format reads and writes records of type T. The zero value works: Snappy pages, row groups of 128 MiB at most.
type Format[T any] struct {
	// Codec compresses the pages that are written. Default Snappy. Files that are read say theirs.
	Codec Codec
	// RowGroupBytes ends a row group that has about as many bytes before compression. Default 128 MiB.
	RowGroupBytes int
	// RowGroupRows ends a row group that has as many rows. Default 1 Mi.
	RowGroupRows int
	// PageBytes is about the size of a page before compression. Default 1 MiB.
	PageBytes int
}

var _ formats.Typed[struct{}] = Format[struct{}]{}

// Element returns a zero T.
func (Format[T]) Element() (zero T) { return zero }

// Name returns "parquet".
func (Format[T]) Name() string { return "parquet" }

// Suffix returns ".parquet": the codec is inside.
func (Format[T]) Suffix() string { return ".parquet" }

// Schema returns T's columns; nil for columnar.Row.
func (Format[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Infer returns the columns that the footer declares.
func (Format[T]) Infer(_ context.Context, in formats.Input) (*columnar.Schema, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return schemaOf(f.shapes), nil
}

// Rows returns the number of rows that the footer states.
func (Format[T]) Rows(_ context.Context, in formats.Input) (int64, error) {
	f, err := open(in)
	if err != nil {
		return 0, err
	}
	return f.rows, nil
}

// Split divides between row groups.
func (Format[T]) Split(_ context.Context, in formats.Input, target int64) ([]formats.Range, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	return f.split(target), nil
}

// NewReader reads the row groups that begin in a range.
func (Format[T]) NewReader(_ context.Context, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	return newReader(in, r, o)
}

// NewWriter writes batches of any columns.
func (f Format[T]) NewWriter(w io.Writer, schema *columnar.Schema) (formats.Writer, error) {
	return newWriter(f.settings(), w, schema)
}
