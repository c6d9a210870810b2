package text

import (
	"bytes"
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// defaultBytes is the size of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// reader reads the lines of a range.
type reader struct {
	cutter *lines.Cutter
	schema *columnar.Schema
	rows   int
	bytes  int
	max    int
	bad    func(formats.BadRecord) error
	rest   []byte // the unread end of the cutter's chunk
	skip   int64  // lines still to leave out
	count  int64  // lines returned or left out so
	width  int    // bytes to make room for per line: a little more than the last batch's lines had
}

func newReader(l Lines, in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	schema := o.Schema
	if schema == nil {
		schema = l.Schema()
	}
	for _, f := range schema.Fields {
		if f.Name != column || f.Type.Kind != columnar.String {
			return nil, fmt.Errorf("reading %s: lines of text have one column, %q of strings; wanted is %s", in.Name(), column, f)
		}
	}
	cutter, err := lines.Open(in, r, lines.Options{MaxRecord: l.MaxLine, Bad: o.Bad})
	if err != nil {
		return nil, err
	}
	t := &reader{cutter: cutter, schema: schema, rows: o.Rows, bytes: o.Bytes, max: l.MaxLine, bad: o.Bad, skip: r.Skip, count: r.Skip, width: firstWidth}
	if t.rows == 0 {
		t.rows = columnar.DefaultRows
	}
	if t.bytes == 0 {
		t.bytes = defaultBytes
	}
	if t.max == 0 {
		t.max = lines.DefaultMaxRecord
	}
	return t, nil
}

// Next returns the next lines, all of one chunk.
func (t *reader) Next(ctx context.Context) (columnar.Batch, error) {
	for {
		for len(t.rest) == 0 {
			var err error
			if t.rest, err = t.cutter.Next(ctx); err != nil {
				return columnar.Batch{}, err
			}
			t.leaveOut()
		}
		text := lines.Room(min(len(t.rest), t.width*t.rows, t.bytes))
		offsets := append(make([]int32, 0, min(t.rows, len(t.rest))+1), 0)
		text, offsets, err := t.cut(text, offsets)
		if err != nil {
			return columnar.Batch{}, err
		}
		if rows := len(offsets) - 1; rows > 0 {
			t.count += int64(rows)
			t.width = len(text)/rows + len(text)/rows/8 + 1
			return t.batch(text, offsets), nil
		}
	}
}

// leaveOut passes over the lines of the chunk that are to be skipped.
func (t *reader) leaveOut() {
	for t.skip > 0 && len(t.rest) > 0 {
		n, next := first(t.rest)
		t.rest = t.rest[next:]
		if n <= t.max {
			t.skip--
		}
	}
}

// first returns the length of the first line of rest without its end, and where the next begins.
func first(rest []byte) (n, next int) {
	n = bytes.IndexByte(rest, '\n')
	next = n + 1
	if n < 0 {
		n, next = len(rest), len(rest)
	}
	if n > 0 && rest[n-1] == '\r' {
		n--
	}
	return n, next
}

// firstWidth is the width of a reader's first batch.
const firstWidth = 100

// cut moves lines from rest to text until the batch is full or rest is empty. This loop is the price of reading text: a search and a copy
// per line. Doing both at once, eight bytes at a time, is slower from about 40 bytes a line on.
func (t *reader) cut(text []byte, offsets []int32) ([]byte, []int32, error) {
	rest := t.rest
	for len(rest) > 0 && len(offsets) <= t.rows && len(text) < t.bytes {
		n, next := first(rest)
		if n > t.max {
			if err := t.tooLong(rest); err != nil {
				return nil, nil, err
			}
		} else {
			text = append(text, rest[:n]...)
			offsets = append(offsets, int32(len(text)))
		}
		rest = rest[next:]
	}
	t.rest = rest
	return text, offsets, nil
}

func (t *reader) tooLong(rest []byte) error {
	b := t.cutter.Bad(rest, lines.TooLong(t.max))
	if t.bad == nil {
		return b
	}
	return t.bad(b)
}

// batch makes a batch of lines.
func (t *reader) batch(data []byte, offsets []int32) columnar.Batch {
	b := columnar.Batch{Schema: t.schema, Columns: make([]columnar.Column, len(t.schema.Fields)), Len: len(offsets) - 1}
	for i := range b.Columns {
		b.Columns[i] = columnar.OfStrings(columnar.StringType, offsets, data, columnar.Bitmap{})
	}
	return b
}

// Position is the first line not returned yet.
func (t *reader) Position() formats.Position { return t.cutter.Position(len(t.rest), t.count) }

// Done returns how much of the range has been read.
func (t *reader) Done() int64 { return t.cutter.Done() }

// Close releases the decoder.
func (t *reader) Close() error { return t.cutter.Close() }
