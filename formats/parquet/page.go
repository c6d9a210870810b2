package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/window"
)

// The codecs of pages, by their numbers in the file.
const (
	codecNone   = 0
	codecSnappy = 1
	codecGzip   = 2
	codecLZO    = 3
	codecBrotli = 4
	codecLZ4    = 5 // Hadoop's framing, or what some writers made of it
	codecZstd   = 6
	codecLZ4Raw = 7
)

var codecNames = [...]string{"none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"}

func codecName(c int32) string {
	if uint(c) < uint(len(codecNames)) {
		return codecNames[c]
	}
	return fmt.Sprintf("codec %d", c)
}

const (
	// readSize is how much of a column chunk is read at once.
	readSize = 4 << 20
	// headerGuess is the size that page headers rarely pass.
	headerGuess = 1 << 10
	// maxHeader bounds page headers, statistics included.
	maxHeader = 16 << 20
	// maxPage bounds the size of an uncompressed page.
	maxPage = 1 << 30
)

// pages reads the pages of one column chunk in order.
type pages struct {
	in    formats.Input
	codec int32
	pos   int64 // of the next page
	end   int64
	buf   []byte // part of the chunk
	bufAt int64
	room  []byte // for decompressed pages
	zstd  *zstd.Decoder
}

// bytes returns n bytes of the chunk at its position, or as many as there are.
func (p *pages) bytes(n int64) ([]byte, error) {
	n = min(n, p.end-p.pos)
	at := p.pos - p.bufAt
	if at < 0 || at+n > int64(len(p.buf)) {
		size := max(n, min(readSize, p.end-p.pos))
		if int64(cap(p.buf)) < size {
			p.buf = make([]byte, size)
		}
		p.buf = p.buf[:size]
		p.bufAt, at = p.pos, 0
		if err := window.ReadAt(p.in, p.buf, p.pos); err != nil {
			p.buf = nil
			return nil, err
		}
	}
	return p.buf[at : at+n], nil
}

// header reads the next page's header and stands behind it; io.EOF at the end of the chunk.
func (p *pages) header() (pageHeader, error) {
	if p.pos >= p.end {
		return pageHeader{}, io.EOF
	}
	for n := int64(headerGuess); ; n *= 4 {
		data, err := p.bytes(n)
		if err != nil {
			return pageHeader{}, err
		}
		h, size, err := decodePageHeader(data)
		if errors.Is(err, errShort) && int64(len(data)) == n && n < maxHeader {
			continue
		}
		if err == nil && int64(h.compressed) > p.end-p.pos-int64(size) {
			err = fmt.Errorf("a page of %d bytes, of which the column chunk has %d", h.compressed, p.end-p.pos-int64(size))
		}
		if err != nil {
			return h, fmt.Errorf("page at %d: %w", p.pos, err)
		}
		p.pos += int64(size)
		return h, nil
	}
}

// skip passes over the page whose header was read.
func (p *pages) skip(h pageHeader) { p.pos += int64(h.compressed) }

// data returns the page whose header was read, without its compression. Levels of version 2 pages, which are never compressed, come apart. Both are
// valid until the next call.
func (p *pages) data(h pageHeader) (levels, data []byte, err error) {
	at := p.pos
	raw, err := p.bytes(int64(h.compressed))
	if err != nil {
		return nil, nil, err
	}
	p.pos += int64(h.compressed)
	if h.hasCRC && uint32(h.crc) != crc32.ChecksumIEEE(raw) {
		return nil, nil, fmt.Errorf("page at %d: its checksum does not fit: the file is damaged", at)
	}
	size := int(h.uncompressed)
	if h.kind == pageDataV2 {
		n := int(h.defBytes) + int(h.repBytes)
		if n > len(raw) || n > size {
			return nil, nil, fmt.Errorf("page at %d: levels of %d bytes in %d", at, n, len(raw))
		}
		levels, raw, size = raw[:n], raw[n:], size-n
	}
	if p.codec == codecNone || h.kind == pageDataV2 && !h.isCompressed {
		return levels, raw, nil
	}
	if size > maxPage {
		return nil, nil, fmt.Errorf("page at %d: %d bytes, more than the %d that are read", at, size, maxPage)
	}
	if size > 0 || len(raw) > 0 {
		data, err = p.decompress(raw, size)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("page at %d: decompressing %s: %w", at, codecName(p.codec), err)
	}
	return levels, data, nil
}

// decompress returns size bytes in p.room. Memory is made as the data proves it is needed, not as a header claims.
func (p *pages) decompress(raw []byte, size int) ([]byte, error) {
	var err error
	switch p.codec {
	case codecSnappy:
		var n int
		if n, err = snappy.DecodedLen(raw); err == nil && (n != size || n > 64*len(raw)+64) { // a copy of three bytes makes at most 64
			return nil, fmt.Errorf("it says %d bytes where the page has %d", n, size)
		}
		if err == nil {
			p.grow(size)
			p.room, err = snappy.Decode(p.room[:size], raw)
		}
	case codecGzip:
		err = p.gunzip(raw, size)
	case codecZstd:
		err = p.unzstd(raw, size)
	case codecLZ4Raw:
		p.grow(min(size, 255*len(raw)+16)) // a length byte makes at most 255
		err = p.unlz4(raw)
	case codecLZ4:
		err = p.hadoopLZ4(raw, size)
	default:
		return nil, errors.New("the codec is not supported")
	}
	if err == nil && len(p.room) != size {
		err = fmt.Errorf("it gives %d bytes where the page has %d", len(p.room), size)
	}
	return p.room, err
}

// grow makes room n bytes long.
func (p *pages) grow(n int) {
	if cap(p.room) < n {
		p.room = make([]byte, n, n+n/4)
	}
	p.room = p.room[:n]
}

func (p *pages) gunzip(raw []byte, size int) error {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	p.grow(min(size, 1100*len(raw))) // deflate makes at most 1032 of a byte
	n, err := io.ReadFull(z, p.room)
	p.room = p.room[:n]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // decompress reports the length
	}
	return errors.Join(err, z.Close())
}

func (p *pages) unzstd(raw []byte, size int) error {
	if p.zstd == nil {
		var err error
		if p.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage)); err != nil {
			return err
		}
	}
	if size <= 256*len(raw) {
		p.grow(size)
	}
	var err error
	p.room, err = p.zstd.DecodeAll(raw, p.room[:0])
	return err
}

func (p *pages) unlz4(raw []byte) error {
	n, err := lz4.UncompressBlock(raw, p.room)
	p.room = p.room[:max(n, 0)]
	return err
}

// hadoopLZ4 takes blocks of two big-endian lengths, uncompressed and compressed, and where the lengths do not fit, a raw block: parquet-cpp
// wrote those under the same number.
func (p *pages) hadoopLZ4(raw []byte, size int) error {
	out := make([]byte, 0, min(size, 255*len(raw)+16))
	rest := raw
	for len(rest) >= 8 {
		plain, packed := bigEndian(rest), bigEndian(rest[4:])
		if packed > len(rest)-8 || plain > cap(out)-len(out) {
			break
		}
		n, err := lz4.UncompressBlock(rest[8:8+packed], out[len(out):len(out)+plain])
		if err != nil || n != plain {
			break
		}
		out, rest = out[:len(out)+plain], rest[8+packed:]
	}
	if len(rest) == 0 && len(out) == size {
		p.room = out
		return nil
	}
	p.grow(min(size, 255*len(raw)+16))
	return p.unlz4(raw)
}

func bigEndian(b []byte) int {
	return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}
