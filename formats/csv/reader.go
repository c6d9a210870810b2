package csv

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// defaultBytes is the size of the text of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// reader reads the records of a range.
type reader struct {
	settings
	in      formats.Input
	cutter  *lines.Cutter
	wanted  *columnar.Schema // nil until the file's columns are known
	columns []*column        // by wanted column
	tokens  *tokenizer       // nil until the first chunk
	rows    int
	bytes   int
	bad     func(formats.BadRecord) error
	rest    []byte // the unread end of the cutter's chunk
	atStart bool   // the range begins at the file's start
	line    int64  // number of the first line of rest, from 1; 0 unknown
	skip    int64  // records still to leave out
	count   int64  // records returned or left out so
}

func newReader(ctx context.Context, s settings, in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	c := &reader{
		settings: s, in: in, wanted: cmp.Or(o.Schema, s.schema), rows: cmp.Or(o.Rows, columnar.DefaultRows), bytes: cmp.Or(o.Bytes, defaultBytes), bad: o.Bad,
		atStart: r.From == 0, skip: r.Skip, count: r.Skip,
	}
	if c.wanted != nil {
		if err := checkTypes(c.wanted); err != nil {
			return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
		}
	}
	if c.atStart {
		c.line = 1
	} else if names, err := s.head(ctx, in); err != nil {
		return nil, c.fail(err)
	} else if err := c.layOut(ctx, names); err != nil {
		return nil, c.fail(err)
	}
	var err error
	c.cutter, err = lines.Open(in, r, s.lineOptions(c.tooLong))
	return c, err
}

func (c *reader) fail(err error) error { return fmt.Errorf("reading %s: %w", c.in.Name(), err) }

// layOut finds the wanted columns among the file's fields.
func (c *reader) layOut(ctx context.Context, names []string) error {
	if c.wanted == nil {
		var err error
		if c.wanted, err = infer(ctx, c.settings, c.in); err != nil {
			return err
		}
	}
	fields, err := place(names, c.wanted)
	if err != nil {
		return err
	}
	for i, f := range c.wanted.Fields {
		c.columns = append(c.columns, newColumn(c.settings, f, i, fields[i]))
	}
	c.tokens = c.tokenizer(len(names))
	return nil
}

// Next returns the next records.
func (c *reader) Next(ctx context.Context) (columnar.Batch, error) {
	for {
		if len(c.rest) == 0 {
			if err := c.chunk(ctx); err != nil {
				return columnar.Batch{}, err
			}
			continue
		}
		t := c.tokens.find(c.part(), c.rows)
		b, err := c.batch(t)
		if err != nil {
			return columnar.Batch{}, err
		}
		if c.line > 0 {
			c.line += int64(bytes.Count(t.data[:t.read], newline))
		}
		c.rest = c.rest[t.read:]
		if b, ok := c.leaveOut(b); ok {
			return b, nil
		}
	}
}

var newline = []byte{'\n'}

// chunk reads the next chunk, and the header if it has it.
func (c *reader) chunk(ctx context.Context) error {
	var err error
	if c.rest, err = c.cutter.Next(ctx); err != nil || c.tokens != nil {
		return err
	}
	names, header, err := c.names(c.rest)
	if err == nil {
		err = c.layOut(ctx, names)
	}
	if err != nil {
		return c.fail(err)
	}
	c.line += int64(bytes.Count(c.rest[:header], newline))
	c.rest = c.rest[header:]
	return nil
}

// part returns the start of rest that a batch may take: about bytes, and whole records.
func (c *reader) part() []byte {
	if len(c.rest) <= c.bytes {
		return c.rest
	}
	if !c.multiline {
		return c.rest[:lineEnd(c.rest, c.bytes-1)]
	}
	if n := c.tokens.wholeRecords(c.rest[:c.bytes]); n > 0 {
		return c.rest[:n]
	}
	return c.rest
}

// batch converts the wanted columns of the records found and reports the bad ones.
func (c *reader) batch(t *table) (columnar.Batch, error) {
	b := columnar.Batch{Schema: c.wanted, Columns: make([]columnar.Column, len(c.columns)), Len: t.rows}
	for i := range c.columns {
		b.Columns[i] = c.columns[i].convert(t)
	}
	if len(t.bad) == 0 {
		return b, nil
	}
	return b, c.reportBad(t, &b)
}

// reportBad reports the bad records in the order of the file, each once, and takes them out of the batch.
func (c *reader) reportBad(t *table, b *columnar.Batch) error {
	slices.SortStableFunc(t.bad, func(x, y badRow) int { return cmp.Compare(x.at, y.at) })
	t.bad = slices.CompactFunc(t.bad, func(x, y badRow) bool { return x.at == y.at })
	isBad := make([]bool, t.rows)
	good := int64(0) // records before the bad one that the batch has
	reported := 0
	for _, bad := range t.bad {
		for ; int(good)+reported < t.rows && t.start(int(good)+reported) < bad.at; good++ {
		}
		if bad.row >= 0 {
			isBad[bad.row] = true
			reported++
		}
		if good < c.skip { // reported by the reader whose work this one goes on with
			continue
		}
		if err := c.report(c.describe(t, bad)); err != nil {
			return err
		}
	}
	b.Sel = make([]int32, 0, t.rows)
	for r, bad := range isBad {
		if !bad {
			b.Sel = append(b.Sel, int32(r))
		}
	}
	return nil
}

// describe returns the bad record as messages show it.
func (c *reader) describe(t *table, bad badRow) formats.BadRecord {
	record := c.cutter.Bad(c.rest[bad.at:], bad.reason)
	if c.multiline {
		next, _, _ := c.tokens.record(t.data, bad.at, nil)
		record.Record = bytes.TrimRight(record.Record[:min(len(record.Record), next-bad.at)], "\r\n")
	}
	if bad.column >= 0 {
		record.Field = c.wanted.Fields[bad.column].Name
	}
	if c.line > 0 {
		record.Line = c.line + int64(bytes.Count(t.data[:bad.at], newline))
	}
	return record
}

func (c *reader) report(bad formats.BadRecord) error {
	if c.bad == nil {
		return bad
	}
	return c.bad(bad)
}

// tooLong takes the records that do not even fit the cutter's buffer.
func (c *reader) tooLong(bad formats.BadRecord) error {
	if c.skip > 0 {
		return nil
	}
	return c.report(bad)
}

// leaveOut takes off the records that are to be skipped; false when nothing is left.
func (c *reader) leaveOut(b columnar.Batch) (columnar.Batch, bool) {
	n := int(min(c.skip, int64(b.Rows())))
	c.skip -= int64(n)
	if n > 0 {
		b = b.Slice(n, b.Rows()-n)
	}
	c.count += int64(b.Rows())
	return b, b.Rows() > 0
}

// Position is the first record not returned yet.
func (c *reader) Position() formats.Position { return c.cutter.Position(len(c.rest), c.count) }

// Done returns how much of the range has been read.
func (c *reader) Done() int64 { return c.cutter.Done() }

// Close releases the decoder.
func (c *reader) Close() error { return c.cutter.Close() }
