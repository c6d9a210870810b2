package jobs

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/fixed"
)

// teraRange is what is to be known of a range of a file of records.
type teraRange struct {
	File                           string
	Offset                         int64 // of the range's first record
	Records, Unordered, Duplicates int64
	Checksum                       uint64
	Where                          int64 // offset of the first record out of order
	First, Last                    TeraKey
}

// add takes the next record.
func (t *teraRange) add(record []byte) {
	key := record[:len(TeraKey{})]
	if t.Records == 0 {
		t.First = TeraKey(key)
	} else {
		switch c := bytes.Compare(t.Last[:], key); {
		case c == 0:
			t.Duplicates++
		case c > 0:
			if t.Unordered++; t.Unordered == 1 {
				t.Where = t.Offset + t.Records*int64(len(TeraRecord{}))
			}
		}
	}
	t.Last = TeraKey(key)
	t.Records++
	t.Checksum += uint64(crc32.ChecksumIEEE(record))
}

// teraRanges is the format of files of which each range is one record: what is known of it. An order can only be checked where records are
// read one after the other, and that is here: which task reads which range is not defined.
type teraRanges struct{ fixed.Records[TeraRecord] }

var _ formats.Typed[teraRange] = teraRanges{}

// Element ties the format to its records' type.
func (teraRanges) Element() (zero teraRange) { return zero }

// Validate finds nothing wrong.
func (teraRanges) Validate() error { return nil }

// Schema returns teraRange's columns.
func (teraRanges) Schema() *columnar.Schema {
	c, err := codec.Of[teraRange]()
	if err != nil { // it is a struct of columns
		return nil
	}
	return c.Schema()
}

// Infer returns Schema.
func (t teraRanges) Infer(context.Context, formats.Input) (*columnar.Schema, error) {
	return t.Schema(), nil
}

// NewReader reads a range.
func (t teraRanges) NewReader(ctx context.Context, in formats.Input, part formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	records, err := t.Records.NewReader(ctx, in, formats.Range{From: part.From, To: part.To}, formats.ReadOptions{Bad: o.Bad})
	if err != nil {
		return nil, err
	}
	if part.Skip > 0 {
		return &teraReader{Reader: records, done: true}, nil
	}
	return &teraReader{Reader: records, sum: teraRange{File: in.Name(), Offset: records.Position().Offset}}, nil
}

// NewWriter refuses: there is nothing to write.
func (teraRanges) NewWriter(io.Writer, *columnar.Schema) (formats.Writer, error) {
	return nil, errors.New("what is known of ranges cannot be written as their records")
}

// teraReader reads records and returns what is known of them at their end.
type teraReader struct {
	formats.Reader
	sum  teraRange
	done bool
}

// Next returns the one row.
func (r *teraReader) Next(ctx context.Context) (columnar.Batch, error) {
	if r.done {
		return columnar.Batch{}, io.EOF
	}
	for {
		b, err := r.Reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return columnar.Batch{}, err
		}
		for i := range b.Len {
			r.sum.add(b.Columns[0].FixedBytes(i))
		}
	}
	r.done = true
	if r.sum.Records == 0 {
		return columnar.Batch{}, io.EOF
	}
	return r.row()
}

func (r *teraReader) row() (columnar.Batch, error) {
	c, err := codec.Of[teraRange]()
	if err != nil {
		return columnar.Batch{}, err
	}
	e := c.Encoder()
	e.Append(r.sum)
	columns, err := e.Finish()
	return columnar.Batch{Schema: c.Schema(), Columns: columns, Len: 1}, err
}

// Position is the range, as a whole or done with.
func (r *teraReader) Position() formats.Position {
	at := formats.Position{Offset: r.Reader.Position().Offset}
	if r.done {
		at.Row = 1
	}
	return at
}
