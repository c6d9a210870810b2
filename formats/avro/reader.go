package avro

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// defaultBytes is the size of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// reader reads the blocks that begin in a range.
type reader struct {
	*file
	plan     *plan
	builder  *columnar.BatchBuilder
	columns  []*columnar.Builder
	packing  packing
	want     formats.Range
	at       int64 // where the next block begins
	block    block // being read; its data is decompressed
	d        decoder
	left     int64 // records of the block still to come
	skip     int64
	maxRows  int
	maxBytes int
	isOpen   bool
}

func newReader(in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	schema := o.Schema
	if schema == nil {
		if schema, err = f.schema(); err != nil {
			return nil, err
		}
	}
	p, err := planOf(f.root, schema)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	a := &reader{file: f, plan: p, packing: packing{codec: f.codec}, want: r, skip: r.Skip, maxRows: cmp.Or(o.Rows, columnar.DefaultRows), maxBytes: cmp.Or(o.Bytes, defaultBytes)}
	a.builder = columnar.NewBatchBuilder(schema, min(a.maxRows, 1024))
	for i := range schema.Fields {
		a.columns = append(a.columns, a.builder.Column(i))
	}
	if a.at, err = f.find(r.From); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	return a, nil
}

// sizeRows is how many records are read between two looks at the batch's size.
const sizeRows = 64

// Next returns the next records.
func (a *reader) Next(ctx context.Context) (columnar.Batch, error) {
	if err := ctx.Err(); err != nil {
		return columnar.Batch{}, err
	}
	for a.builder.Len() < a.maxRows && a.builder.Size() < a.maxBytes {
		if a.left == 0 {
			err := a.nextBlock()
			if err == io.EOF && a.builder.Len() > 0 { //nolint:errorlint // nextBlock returns it bare
				break
			}
			if err == io.EOF { //nolint:errorlint // as above
				return columnar.Batch{}, err
			}
			if err != nil {
				return columnar.Batch{}, fmt.Errorf("reading %s: %w", a.in.Name(), err)
			}
			continue
		}
		if err := a.records(int(min(a.left, int64(a.maxRows-a.builder.Len()), sizeRows))); err != nil {
			return columnar.Batch{}, fmt.Errorf("reading %s: block at %d: record %d of %d: %w", a.in.Name(), a.block.at, a.block.records-a.left, a.block.records, err)
		}
	}
	return a.builder.Finish(), nil
}

// records reads n records, or leaves them out.
func (a *reader) records(n int) error {
	for range n {
		a.left--
		if a.skip > 0 {
			a.skip--
			a.plan.skipRecord(&a.d)
		} else {
			a.plan.record(&a.d, a.columns)
			a.builder.Added(1)
		}
		if a.d.err != nil {
			return a.d.err
		}
	}
	if a.left == 0 && a.d.pos != len(a.d.data) {
		return fmt.Errorf("%d bytes are left behind the last record", len(a.d.data)-a.d.pos)
	}
	return nil
}

// nextBlock goes to the next block of the range; io.EOF when there is none.
func (a *reader) nextBlock() error {
	a.isOpen = false
	if a.at >= a.want.To {
		return io.EOF
	}
	b, err := a.next(a.at)
	if err != nil {
		return err
	}
	a.at = b.end
	if a.skip >= b.records && b.records > 0 {
		a.skip -= b.records
		return nil
	}
	data, err := a.packing.unpack(b.data)
	if err != nil {
		return fmt.Errorf("block at %d: decompressing %s: %w", b.at, a.codec, err)
	}
	// Records without a byte would let a few bytes stand for any number of them.
	if b.records > int64(len(data))+1<<24 {
		return fmt.Errorf("block at %d: %d records in %d bytes", b.at, b.records, len(data))
	}
	a.block, a.left, a.isOpen = b, b.records, true
	a.d = decoder{data: data}
	return nil
}

// Position is the block being read and the records of it that were returned.
func (a *reader) Position() formats.Position {
	if a.isOpen && a.left > 0 {
		return formats.Position{Offset: a.block.at, Row: a.block.records - a.left + a.skip}
	}
	return formats.Position{Offset: max(a.at, a.want.From), Row: a.skip}
}

// Done counts whole blocks.
func (a *reader) Done() int64 { return max(0, min(a.at, a.want.To)-a.want.From) }

// Close releases the decompressors.
func (a *reader) Close() error { return a.packing.close() }
