package lines

import (
	"fmt"
	"io"
	"math"

	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
)

// source is the uncompressed bytes of a file, from a range's start on to the file's end. Positions count from the source's first byte.
type source interface {
	// read returns the next bytes; io.EOF, bare, at the file's end.
	read(p []byte) (int, error)
	// want is the size that the next read should have.
	want() int
	// behind says that the next read is behind the range: all that is wanted is the end of its last record.
	behind() bool
	// end is the last position at which a record of the range may begin. It may fall until read has returned a byte beyond.
	end() int64
	// at returns the offset in the uncompressed file of a position, -1 if unknown.
	at(pos int64) int64
	// exact says whether a range may begin at an offset that at returns.
	exact() bool
	// done is how many stored bytes have been read.
	done() int64
	close() error
}

// open returns the source of a range, and whether it begins before the range's first record. lined is false for formats that are never
// divided: then r.From is a record's start.
func open(in formats.Input, r formats.Range, lined bool) (s source, skip bool, err error) {
	switch codec := compress.BySuffix(in.Name()); {
	case codec == compress.None:
		p := &plain{in: in, size: in.Size(), to: min(r.To, in.Size()), from: r.From}
		if skip = lined && r.From > 0; skip {
			p.from--
		}
		p.next = p.from
		return p, skip, nil
	case codec == compress.Bzip2 && lined:
		return &blocks{b: compress.NewBlocks(in, in.Size(), r.From, r.To), from: r.From}, r.From > 0, nil
	default:
		reader, err := compress.NewReader(codec, in, in.Size())
		return &packed{r: reader}, false, err
	}
}

// plain is a file as it is.
type plain struct {
	in         formats.Input
	size       int64
	from, next int64 // offsets of the first byte and of the next to read
	to         int64
}

func (p *plain) read(b []byte) (int, error) {
	left := p.size - p.next
	if left <= 0 {
		return 0, io.EOF
	}
	n, err := p.in.ReadAt(b[:min(int64(len(b)), left)], p.next)
	p.next += int64(n)
	if err == io.EOF && p.next < p.size { //nolint:errorlint // a ReaderAt's end is bare
		err = nil
		if n == 0 {
			err = fmt.Errorf("the file ends at byte %d of %d: %w", p.next, p.size, io.ErrUnexpectedEOF)
		}
	}
	if err == nil && p.next == p.size {
		err = io.EOF
	}
	return n, err
}

func (p *plain) want() int {
	if p.behind() {
		return int(max(min(tailSize, p.size-p.next), 1))
	}
	return int(max(min(readSize, p.to-p.next), 1))
}

func (p *plain) behind() bool { return p.next >= p.to }

func (p *plain) end() int64 { return p.to - 1 - p.from }

func (p *plain) at(pos int64) int64 { return p.from + pos }

func (p *plain) exact() bool { return true }

func (p *plain) done() int64 { return min(p.next, p.to) - p.from }

func (p *plain) close() error { return nil }

// packed is a file compressed in one piece.
type packed struct{ r *compress.Reader }

// read fills half of b at least, since decoders return little at a time.
func (p *packed) read(b []byte) (int, error) {
	n := 0
	for n < len(b)/2 {
		k, err := p.r.Read(b[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (p *packed) want() int          { return readSize }
func (p *packed) behind() bool       { return false }
func (p *packed) end() int64         { return math.MaxInt64 }
func (p *packed) at(pos int64) int64 { return pos }
func (p *packed) exact() bool        { return false }
func (p *packed) done() int64        { return p.r.Consumed() }
func (p *packed) close() error       { return p.r.Close() }

// blocks is the blocks of a bzip2 file from a range on.
type blocks struct {
	b    *compress.Blocks
	from int64
}

func (b *blocks) read(p []byte) (int, error) { return b.b.Read(p) }
func (b *blocks) want() int                  { return readSize }
func (b *blocks) behind() bool               { return b.b.End() < math.MaxInt64 }
func (b *blocks) end() int64                 { return b.b.End() }

func (b *blocks) at(pos int64) int64 {
	if b.from > 0 {
		return -1
	}
	return pos
}

func (b *blocks) exact() bool  { return false }
func (b *blocks) done() int64  { return b.b.Consumed() - b.from }
func (b *blocks) close() error { return nil }
