// Package formats says what a file format is: how bytes become batches and batches bytes.
//
// A [Format] is a value of settings (delimiter, header, codec); its sub-packages implement it. [Typed] ties a format to the Go type of
// its records, so that a source of T cannot be given a format of U. Formats know nothing of folders, globs, splits packed together or
// publishing: that is connectors/file. They do no retries and log nothing.
//
// Stability: extension. Formats of others implement these interfaces.
package formats

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

// Input is one file to read. It is used by one reader at a time.
type Input interface {
	io.ReaderAt
	Size() int64  // bytes
	Name() string // URL, for error messages and for the compression its suffix names
}

// Range is a part of a file: the records that begin at or after byte From and before byte To. Which record begins where is the
// format's to say: a line begins after a newline, a Parquet row group where its first page does.
type Range struct {
	From, To int64
	Skip     int64 // records to skip at the start of the range: where an earlier reader stopped
}

// Divide divides a file of size bytes into ranges of target bytes, or into one when target is 0: for formats whose readers find out where the
// records of a range begin.
func Divide(size, target int64) []Range {
	if target <= 0 {
		target = max(size, 1)
	}
	var ranges []Range
	for from := int64(0); from < size; from += target {
		ranges = append(ranges, Range{From: from, To: min(from+target, size)})
	}
	return ranges
}

// Position is where a reader goes on: Offset is the From, and Row the Skip of the Range that gives the remaining records.
type Position struct {
	Offset, Row int64
}

// Format is a kind of file. Implementations are immutable and may be used by many goroutines.
type Format interface {
	// Name is the format's name on the command line and in messages: "csv".
	Name() string
	// Suffix is what names of written files end in, compression included: ".csv", ".csv.gz", ".parquet".
	Suffix() string
	// Schema is the schema declared by the settings or the record type; nil when it must be inferred.
	Schema() *columnar.Schema
	// Infer returns the schema of a file from its footer, header or a sample of its first records.
	Infer(ctx context.Context, in Input) (*columnar.Schema, error)
	// Split divides a file into ranges of about target bytes; one range when it cannot be divided. It may read the file's footer.
	Split(ctx context.Context, in Input, target int64) ([]Range, error)
	// NewReader reads one range.
	NewReader(ctx context.Context, in Input, r Range, o ReadOptions) (Reader, error)
	// NewWriter writes a whole file of batches with that schema to w, which it does not close.
	NewWriter(w io.Writer, schema *columnar.Schema) (Writer, error)
}

// Typed is a Format whose records are of Go type T.
type Typed[T any] interface {
	Format
	// Element returns a zero T; it exists to tie the type.
	Element() T
}

// ReadOptions say what is wanted of a file.
type ReadOptions struct {
	// Schema are the columns wanted, in this order, matched by name; nil: all the file has. A column that the file lacks is an error
	// that names file and column, unless it is nullable: then it is null.
	Schema *columnar.Schema
	// Filter may be used to skip whole parts of the file (row groups, pages) in which no row can match. Rows that do not match may
	// still be returned: the engine filters again. Zero: no filter.
	Filter expr.Expr
	// Rows bounds a batch; 0: columnar.DefaultRows.
	Rows int
	// Bytes bounds a batch's size softly, at a record's end; 0: 1 MiB.
	Bytes int
	// Bad is called for each record that cannot be decoded, in file order. When it returns an error, Next returns that error; else
	// the record is left out. nil: the first bad record is the error.
	Bad func(BadRecord) error
}

// Reader returns a range's records. One goroutine uses it.
type Reader interface {
	// Next returns a fresh batch that the caller owns, never an empty one; io.EOF after the last.
	Next(ctx context.Context) (columnar.Batch, error)
	// Position is where the records after those returned so far begin.
	Position() Position
	// Done is about how many bytes of the range, as stored, have been read: for progress.
	Done() int64
	// Close releases what the reader holds, but not the Input.
	Close() error
}

// Writer writes one file. One goroutine uses it.
type Writer interface {
	// Write adds the batch's rows that count. The batch is borrowed until it returns.
	Write(b columnar.Batch) error
	// Size is about how many bytes have been written so far.
	Size() int64
	// Close writes what is buffered and the file's end. Without it the file is not valid.
	Close() error
}

// BadRecord is a record that could not be decoded. As an error it names all a person needs to find it.
type BadRecord struct { //nolint:errname // a record that happens to be an error
	File   string
	Offset int64  // byte at which the record begins, in the uncompressed data; -1 unknown
	Line   int64  // from 1, only where the reader began at the start of the file; 0 unknown
	Record []byte // the beginning of its bytes, at most 256
	Field  string // the column, "" when it is the record as a whole
	Reason error
}

// Place prints file, line, offset and field, as far as they are known.
func (b BadRecord) Place() string {
	where := b.File
	if b.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, b.Line)
	}
	if b.Offset >= 0 {
		where = fmt.Sprintf("%s (offset %d)", where, b.Offset)
	}
	if b.Field != "" {
		where += ": field " + b.Field
	}
	return where
}

// Error prints the place, the reason and the record's beginning.
func (b BadRecord) Error() string {
	return fmt.Sprintf("%s: %v; the record begins %q", b.Place(), b.Reason, b.Record)
}

// Unwrap returns the reason.
func (b BadRecord) Unwrap() error { return b.Reason }
