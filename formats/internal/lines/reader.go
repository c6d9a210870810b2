package lines

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// defaultBytes is the size of the text of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// Decoder makes batches of records. One goroutine, the Reader's, calls it.
type Decoder interface {
	// Begin is called once, before Decode, when the range begins at the file's start; data is the first chunk. It returns how many bytes
	// of it are no records: the header.
	Begin(ctx context.Context, data []byte) (header int, err error)
	// Decode decodes at most rows records from the start of data, which are whole. The batch has a row for each record that bad does not
	// name as missing; Decode may be wrong about the values of rows that bad names. read is how many bytes it took, at least one.
	Decode(data []byte, rows int) (b columnar.Batch, read int, bad []Bad)
	// Start returns where in the data last decoded the batch's row begins.
	Start(row int) int
}

// Bad is a record that a Decoder could not decode.
type Bad struct {
	At     int    // where it begins in the data
	Row    int    // its row in the batch; -1 missing
	Field  string // "" the record as a whole
	Reason error
}

// Reader is a formats.Reader of records that end at newlines: all but the decoding.
type Reader struct {
	file    string
	cutter  *Cutter
	decoder Decoder
	ends    func([]byte) int
	rows    int
	bytes   int
	bad     func(formats.BadRecord) error
	rest    []byte // the unread end of the cutter's chunk
	width   int    // bytes that a record of the last batch took, a little more; 0 unknown
	begun   bool
	line    int64 // number of the first line of rest, from 1; 0 unknown
	skip    int64 // records still to leave out
	count   int64 // records returned or left out so
}

var _ formats.Reader = (*Reader)(nil)

// NewReader returns a reader of a range. o.Bad is not looked at: bad records go to ro.Bad.
func NewReader(d Decoder, in formats.Input, r formats.Range, o Options, ro formats.ReadOptions) (*Reader, error) {
	l := &Reader{
		file: in.Name(), decoder: d, ends: o.Ends, rows: cmp.Or(ro.Rows, columnar.DefaultRows), bytes: cmp.Or(ro.Bytes, defaultBytes), bad: ro.Bad,
		begun: r.From > 0, skip: r.Skip, count: r.Skip,
	}
	if l.bad == nil {
		l.bad = func(b formats.BadRecord) error { return b }
	}
	if r.From == 0 {
		l.line = 1
	}
	o.Bad = l.tooLong
	var err error
	l.cutter, err = Open(in, r, o)
	return l, err
}

// Next returns the next records.
func (l *Reader) Next(ctx context.Context) (columnar.Batch, error) {
	for {
		if len(l.rest) == 0 {
			if err := l.chunk(ctx); err != nil {
				return columnar.Batch{}, err
			}
			continue
		}
		b, read, bad := l.decoder.Decode(l.part(), l.rows)
		if len(bad) > 0 {
			if err := l.leaveOut(&b, bad); err != nil {
				return columnar.Batch{}, err
			}
		}
		l.pass(read)
		if b.Len > 0 {
			l.width = read/b.Len + read/b.Len/8 + 1
		}
		if b = l.skipped(b); b.Rows() > 0 {
			return b, nil
		}
	}
}

// chunk reads the next chunk, and lets the decoder see the first.
func (l *Reader) chunk(ctx context.Context) error {
	var err error
	if l.rest, err = l.cutter.Next(ctx); err != nil || l.begun {
		return err
	}
	l.begun = true
	header, err := l.decoder.Begin(ctx, l.rest)
	if err != nil {
		return Named(l.file, err)
	}
	l.pass(header)
	return nil
}

var newline = []byte{'\n'}

// pass moves on by n bytes.
func (l *Reader) pass(n int) {
	if l.line > 0 {
		l.line += int64(bytes.Count(l.rest[:n], newline))
	}
	l.rest = l.rest[n:]
}

// part returns the start of rest that a batch may take: about bytes, no more than the batch has rows for, and whole records.
func (l *Reader) part() []byte {
	limit := l.bytes
	if l.width > 0 {
		limit = min(limit, l.width*l.rows)
	}
	if len(l.rest) <= limit {
		return l.rest
	}
	if l.ends != nil {
		if n := l.ends(l.rest[:limit]); n > 0 {
			return l.rest[:n]
		}
		return l.rest
	}
	if i := bytes.IndexByte(l.rest[limit-1:], '\n'); i >= 0 {
		return l.rest[:limit+i]
	}
	return l.rest
}

// leaveOut reports the bad records in the order of the file, each once, and takes them out of the batch.
func (l *Reader) leaveOut(b *columnar.Batch, bad []Bad) error {
	slices.SortStableFunc(bad, func(x, y Bad) int { return cmp.Compare(x.At, y.At) })
	bad = slices.CompactFunc(bad, func(x, y Bad) bool { return x.At == y.At })
	b.Sel = make([]int32, 0, b.Len)
	row := 0
	for _, x := range bad {
		for ; row < b.Len && l.decoder.Start(row) < x.At; row++ {
			b.Sel = append(b.Sel, int32(row))
		}
		if x.Row >= 0 {
			row = x.Row + 1
		}
		if int64(len(b.Sel)) < l.skip { // reported by the reader whose work this one goes on with
			continue
		}
		if err := l.bad(l.describe(x)); err != nil {
			return err
		}
	}
	for ; row < b.Len; row++ {
		b.Sel = append(b.Sel, int32(row))
	}
	return nil
}

// describe returns the bad record as messages show it.
func (l *Reader) describe(x Bad) formats.BadRecord {
	bad := l.cutter.Bad(l.rest[x.At:], x.Reason)
	bad.Field = x.Field
	if l.line > 0 {
		bad.Line = l.line + int64(bytes.Count(l.rest[:x.At], newline))
	}
	return bad
}

// tooLong takes the records that do not even fit the cutter's buffer.
func (l *Reader) tooLong(bad formats.BadRecord) error {
	if l.skip > 0 {
		l.line = 0
		return nil
	}
	bad.Line = l.line
	if l.line > 0 {
		l.line++
	}
	if l.ends != nil {
		l.line = 0 // how many lines the record has is not known
	}
	return l.bad(bad)
}

// skipped takes off the records that are to be left out at the range's start.
func (l *Reader) skipped(b columnar.Batch) columnar.Batch {
	n := int(min(l.skip, int64(b.Rows())))
	l.skip -= int64(n)
	if n > 0 {
		b = b.Slice(n, b.Rows()-n)
	}
	l.count += int64(b.Rows())
	return b
}

// Position is the first record not returned yet.
func (l *Reader) Position() formats.Position { return l.cutter.Position(len(l.rest), l.count) }

// Done returns how much of the range has been read.
func (l *Reader) Done() int64 { return l.cutter.Done() }

// Close releases the decoder.
func (l *Reader) Close() error { return l.cutter.Close() }

// Named names the file in errors that do not yet.
func Named(file string, err error) error {
	var named *fs.PathError
	if err == nil || errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("reading %s: %w", file, err)
}
