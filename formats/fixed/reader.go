package fixed

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// batchBytes is the size of a batch, and of a read, when nothing asks for another.
const batchBytes = 1 << 20

// sampleBytes is how much of a bad record is kept.
const sampleBytes = 256

// reader reads the records of a range: a batch is one read, straight into the column.
type reader struct {
	in         formats.Input
	schema     *columnar.Schema
	width      int64
	rows       int64 // a batch
	from       int64 // where the range's first record begins
	next, end  int64 // the next record's place, and where the last of the range ends
	tail       int64 // bytes of the cut-off record at the file's end, if it is the range's
	bad        func(formats.BadRecord) error
	skip, done int64 // records left out at the start, or returned
}

func newReader(in formats.Input, part formats.Range, o formats.ReadOptions, schema *columnar.Schema, width int64) *reader {
	up := func(offset int64) int64 { return (offset + width - 1) / width * width }
	r := &reader{in: in, schema: schema, width: width, bad: o.Bad, skip: part.Skip}
	r.rows = max(1, batchBytes/width)
	if o.Bytes > 0 {
		r.rows = max(1, int64(o.Bytes)/width)
	}
	if o.Rows > 0 {
		r.rows = min(r.rows, int64(o.Rows))
	}
	r.rows = min(r.rows, columnar.DefaultRows)
	r.from = up(part.From)
	r.next = r.from + part.Skip*width
	whole := in.Size() / width * width
	r.end = min(up(min(part.To, in.Size())), whole)
	if whole < in.Size() && part.From <= whole && part.To > whole {
		r.tail = in.Size() - whole
	}
	return r
}

// Next returns the next records.
func (r *reader) Next(ctx context.Context) (columnar.Batch, error) {
	if err := ctx.Err(); err != nil {
		return columnar.Batch{}, err
	}
	if r.next >= r.end {
		return columnar.Batch{}, r.finish()
	}
	n := min(r.rows, (r.end-r.next)/r.width)
	data := make([]byte, n*r.width)
	if got, err := r.in.ReadAt(data, r.next); got < len(data) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return columnar.Batch{}, fmt.Errorf("reading %s at byte %d: %w", r.in.Name(), r.next+int64(got), err)
	}
	r.next += int64(len(data))
	r.done += n
	b := columnar.Batch{Schema: r.schema, Columns: make([]columnar.Column, len(r.schema.Fields)), Len: int(n)}
	for i := range b.Columns {
		b.Columns[i] = columnar.Column{Type: r.schema.Fields[i].Type, Len: int(n), Data: data}
	}
	return b, nil
}

// finish reports the cut-off record and ends the range.
func (r *reader) finish() error {
	if r.tail == 0 {
		return io.EOF
	}
	tail := make([]byte, min(r.tail, sampleBytes))
	at := r.in.Size() - r.tail
	if n, err := r.in.ReadAt(tail, at); n < len(tail) {
		return fmt.Errorf("reading %s at byte %d: %w", r.in.Name(), at, err)
	}
	bad := formats.BadRecord{
		File: r.in.Name(), Offset: at, Record: tail,
		Reason: fmt.Errorf("the file ends after %d of the record's %d bytes", r.tail, r.width),
	}
	r.tail = 0
	if r.bad == nil {
		return bad
	}
	if err := r.bad(bad); err != nil {
		return err
	}
	return io.EOF
}

// Position is the first record not returned yet.
func (r *reader) Position() formats.Position {
	return formats.Position{Offset: r.from, Row: r.skip + r.done}
}

// Done returns how much of the range has been read.
func (r *reader) Done() int64 { return r.next - r.from }

// Close does nothing: there is only the input.
func (*reader) Close() error { return nil }
