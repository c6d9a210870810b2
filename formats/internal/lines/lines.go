// Package lines cuts files into records that end at newlines, for the formats whose records do.
//
// A [Cutter] reads one range of a file, decompressed if its suffix says so, and hands out chunks of whole records. Which range a record
// belongs to needs no look at other ranges:
//
//	           From          To
//	....\n.......|..\n....\n...|.....\n....
//	             |  ^^^^^^^^^^^^^^^^^^^^     the range's records
//
// A record belongs to the range in which it begins. So a reader starts one byte before From, leaves out what is up to the first newline, and
// reads on after To to the end of the record begun before. In a file of bzip2 the blocks that begin in the range take the place of its bytes, and
// a record belongs to the range that has the byte before it. What is compressed in one piece is one range.
//
// A byte order mark of UTF-8 at the file's start is left out. The last record need not end in a newline.
//
// Stability: engine-private. The package starts no goroutines.
package lines

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
)

const (
	// DefaultMaxRecord is the length in bytes from which a record is bad, when the settings have no other.
	DefaultMaxRecord = 16 << 20
	// readSize is the size of reads: one trip to a DataNode each.
	readSize = 1 << 20
	// tailSize is the size of reads behind the range, where only a record's end is wanted.
	tailSize = 64 << 10
	// sampleSize is how much of a bad record is kept.
	sampleSize = 256
)

// Options are a format's wishes.
type Options struct {
	// MaxRecord is the length in bytes, without the line's end, that records may have; 0: DefaultMaxRecord. A longer one is left out after
	// a call of Bad.
	MaxRecord int
	// Ends returns how many bytes the whole records at the start of data take, 0 when not even the first is whole. data begins with a
	// record. nil: up to the last newline. A format with its own Ends must not be divided into ranges.
	Ends func(data []byte) int
	// Bad takes records that are too long; nil: they are the error.
	Bad func(formats.BadRecord) error
}

// Cutter cuts one range into chunks of whole records. One goroutine uses it.
type Cutter struct {
	name    string
	from    int64
	src     source
	o       Options
	buf     []byte
	lo, hi  int   // what is read and not yet handed out
	off     int64 // position in the source of buf[lo], not counting the byte order mark
	mark    int64 // length of the byte order mark
	started bool
	skip    bool // the range begins inside a record, or just before one
	empty   bool // the range
	eof     bool
}

// Open returns a Cutter of a range of in. r.Skip is the caller's to obey.
func Open(in formats.Input, r formats.Range, o Options) (*Cutter, error) {
	if o.MaxRecord == 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	if o.Bad == nil {
		o.Bad = func(b formats.BadRecord) error { return b }
	}
	c := &Cutter{name: in.Name(), from: r.From, o: o, empty: r.From >= r.To && in.Size() > 0}
	var err error
	if c.src, c.skip, err = open(in, r, o.Ends == nil); err != nil {
		return nil, c.fail(err)
	}
	return c, nil
}

// Next returns the next chunk of whole records of the range, with their newlines; only the file's last may lack it. The chunk is valid, and
// the caller's to change, until the next call. io.EOF after the last.
func (c *Cutter) Next(ctx context.Context) ([]byte, error) {
	if c.empty {
		return nil, io.EOF
	}
	if !c.started {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
	}
	for c.off <= c.end() {
		n, last := c.whole()
		switch {
		case last || n > 0 && (!c.src.behind() || c.hi-c.lo > c.o.MaxRecord):
			if n == 0 {
				return nil, io.EOF
			}
			return c.take(n), nil
		case n == 0 && c.hi-c.lo > c.o.MaxRecord+1: // it may yet end in \r\n
			if err := c.leaveOut(ctx); err != nil {
				return nil, err
			}
		default:
			if err := c.fill(ctx); err != nil {
				return nil, err
			}
		}
	}
	return nil, io.EOF
}

var mark = []byte("\xef\xbb\xbf")

// start moves to the range's first record.
func (c *Cutter) start(ctx context.Context) error {
	c.started = true
	if c.skip {
		return c.nextLine(ctx)
	}
	if c.src.at(0) != 0 || c.off > c.end() {
		return nil
	}
	for c.hi < len(mark) && !c.eof {
		if err := c.fill(ctx); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(c.buf[:c.hi], mark) {
		c.lo, c.mark = len(mark), int64(len(mark))
	}
	return nil
}

// end is the last position, in the terms of off, at which a record of the range may begin.
func (c *Cutter) end() int64 {
	end := c.src.end()
	if c.mark > 0 && end >= 0 {
		return max(end-c.mark, 0)
	}
	return end
}

// whole returns how many bytes of the buffer are whole records of the range, and whether no more will follow.
func (c *Cutter) whole() (n int, last bool) {
	data := c.buf[c.lo:c.hi]
	if c.o.Ends != nil {
		if c.eof {
			return len(data), true
		}
		return c.o.Ends(data), false
	}
	left := c.end() - c.off // a newline from here on ends the range's last record
	if left < int64(len(data)) {
		if i := bytes.IndexByte(data[left:], '\n'); i >= 0 {
			return int(left) + i + 1, true
		}
		if !c.eof {
			data = data[:left]
		}
	}
	if c.eof {
		return len(data), true
	}
	return bytes.LastIndexByte(data, '\n') + 1, false
}

// take hands out the next n bytes.
func (c *Cutter) take(n int) []byte {
	chunk := c.buf[c.lo : c.lo+n : c.lo+n]
	c.lo += n
	c.off += int64(n)
	return chunk
}

// fill reads more behind what is in the buffer, or sets eof.
func (c *Cutter) fill(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	want := c.src.want()
	if len(c.buf)-c.hi < want {
		c.makeRoom(want)
	}
	n, err := c.src.read(c.buf[c.hi : c.hi+want])
	c.hi += n
	if err == io.EOF { //nolint:errorlint // sources return it bare
		c.eof, err = true, nil
	}
	return c.fail(err)
}

// makeRoom moves the unread bytes to the buffer's start and makes it large enough for n more.
func (c *Cutter) makeRoom(n int) {
	unread := c.buf[c.lo:c.hi]
	if need := len(unread) + n; need > len(c.buf) {
		c.buf = make([]byte, max(need+n/16, min(2*len(c.buf), c.o.MaxRecord+2*readSize)))
	}
	c.hi = copy(c.buf, unread)
	c.lo = 0
}

// nextLine moves behind the next newline, or to the file's end.
func (c *Cutter) nextLine(ctx context.Context) error {
	for {
		if i := bytes.IndexByte(c.buf[c.lo:c.hi], '\n'); i >= 0 {
			c.take(i + 1)
			return nil
		}
		c.take(c.hi - c.lo)
		if c.eof || c.off > c.end() {
			return nil
		}
		if err := c.fill(ctx); err != nil {
			return err
		}
	}
}

// leaveOut reports the record at the buffer's start, which is too long, and moves behind it.
func (c *Cutter) leaveOut(ctx context.Context) error {
	if err := c.o.Bad(c.describe(c.buf[c.lo:c.hi], c.off, TooLong(c.o.MaxRecord))); err != nil {
		return err
	}
	return c.nextLine(ctx)
}

// TooLong is the reason why a record is bad that has more than limit bytes.
func TooLong(limit int) error {
	return fmt.Errorf("the record is longer than the limit of %d bytes", limit)
}

// Bad describes a bad record of the chunk last returned; rest is the chunk from the record on to the chunk's end.
func (c *Cutter) Bad(rest []byte, reason error) formats.BadRecord {
	return c.describe(rest, c.off-int64(len(rest)), reason)
}

// describe describes the bad record that data begins with, at position pos.
func (c *Cutter) describe(data []byte, pos int64, reason error) formats.BadRecord {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		data = bytes.TrimSuffix(data[:i], []byte{'\r'})
	}
	data = bytes.Clone(data[:min(len(data), sampleSize)])
	return formats.BadRecord{File: c.name, Offset: c.src.at(pos + c.mark), Record: data, Reason: reason}
}

// Position is where the unread last bytes of the chunk last returned begin; records is how many the caller has returned of the range, those
// skipped at its start included.
func (c *Cutter) Position(unread int, records int64) formats.Position {
	if !c.src.exact() || !c.started {
		return formats.Position{Offset: c.from, Row: records}
	}
	pos := c.off - int64(unread)
	if pos > 0 {
		pos += c.mark
	}
	return formats.Position{Offset: c.src.at(pos)}
}

// Done returns how many stored bytes of the range have been read.
func (c *Cutter) Done() int64 { return c.src.done() }

// Close releases the decoder.
func (c *Cutter) Close() error { return c.src.close() }

func (c *Cutter) fail(err error) error { return Named(c.name, err) }

// Split divides a file of lines into ranges of about target bytes; one when its compression does not allow more, none when it is
// empty.
func Split(in formats.Input, target int64) []formats.Range {
	size := in.Size()
	codec := compress.BySuffix(in.Name())
	if size == 0 && codec == compress.None {
		return nil
	}
	n := int64(1)
	if target > 0 && size > 0 && codec.IsSplittable() {
		n = (size + target - 1) / target
	}
	ranges := make([]formats.Range, n)
	for i := range n {
		ranges[i] = formats.Range{From: size / n * i, To: size / n * (i + 1)}
	}
	ranges[n-1].To = size
	return ranges
}
