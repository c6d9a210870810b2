package compress

import (
	"bytes"
	"cmp"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// A bzip2 file is streams of blocks. Blocks begin at any bit, with a magic of 48 bits, and depend on nothing before them:
//
//	file   = stream*
//	stream = "BZh1".."BZh9", block*, end magic, checksum of 32 bits, zero bits up to a byte
//	block  = block magic, checksum of 32 bits, bits
//
// So a range is read by looking for magics from its first bit on. Each block is cut out, moved to a byte's start and given a header and
// an end of its own, which makes it a file that the standard library decodes and checks.
const (
	blockMagic = 0x314159265359
	endMagic   = 0x177245385090
	magicBits  = 48
	magicMask  = 1<<magicBits - 1
	// falseMagics is how many magics inside one block are taken for chance before the block is called damaged. One comes by chance about
	// once in 35 TB.
	falseMagics = 2
)

var errNoHeader = errors.New("no bzip2 header")

// Blocks decompresses the blocks of a bzip2 file that begin in a range of its bytes, and then the blocks after them: what reads on there
// wants the end of the record that the range's last block began. One goroutine uses it.
type Blocks struct {
	in     *input
	size   int64
	from   int64
	to     int64
	window uint64 // the last 64 bits read
	read   int64  // bits of the file up to where it has been read
	start  int64  // bit at which the block being gathered begins; -1 none
	gather []byte // the file from the byte with bit start on
	whole  bool   // what was read ends with a stream's end
	out    []byte // decompressed and not yet returned
	total  int64  // bytes decompressed
	end    int64  // bytes decompressed of the blocks in the range; math.MaxInt64 unknown
	err    error
}

// NewBlocks returns a reader of the blocks that begin at or after byte from and before byte to of the file.
func NewBlocks(in io.ReaderAt, size, from, to int64) *Blocks {
	return &Blocks{in: newInput(in, from, size), size: size, from: from, to: to, read: from * 8, start: -1, end: math.MaxInt64, whole: from > 0}
}

// End returns how many of the bytes that Read gives are of the range; math.MaxInt64 until that is known. It is known before Read returns
// the first byte beyond.
func (b *Blocks) End() int64 { return b.end }

// Consumed returns up to which byte the file has been read.
func (b *Blocks) Consumed() int64 { return b.read / 8 }

// Close does nothing.
func (b *Blocks) Close() error { return nil }

// Read returns decompressed bytes, of one block in each call.
func (b *Blocks) Read(p []byte) (int, error) {
	for len(b.out) == 0 && b.err == nil {
		b.err = b.next()
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	if n == 0 && len(p) > 0 {
		return 0, b.err
	}
	return n, nil
}

// next decompresses the next block into out; io.EOF where the file ends as it should.
func (b *Blocks) next() error {
	if b.from == 0 && b.read == 0 {
		if head, err := b.in.Peek(4); err != nil {
			return b.fail(err)
		} else if string(head[:3]) != "BZh" || head[3] < '1' || head[3] > '9' {
			return b.fail(errNoHeader)
		}
	}
	for b.start < 0 {
		magic, at, err := b.magic()
		if err != nil {
			return b.finish(err)
		}
		b.begin(magic, at)
	}
	if b.start >= b.to*8 {
		b.end = min(b.end, b.total)
	}
	return b.decode()
}

// finish is what next returns when it finds no more block.
func (b *Blocks) finish(err error) error {
	if err == io.EOF && b.whole { //nolint:errorlint // bufio returns it bare
		b.end = min(b.end, b.total)
		return io.EOF
	}
	return b.fail(err)
}

// magic reads to the end of the next magic and returns it with its first bit; io.EOF at the file's end.
func (b *Blocks) magic() (magic uint64, at int64, err error) {
	for {
		c, err := b.in.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		b.window = b.window<<8 | uint64(c)
		b.read += 8
		if b.start >= 0 {
			b.gather = append(b.gather, c)
		}
		for s := 7; s >= 0; s-- {
			m := b.window >> s & magicMask
			if m != blockMagic && m != endMagic {
				continue
			}
			if at := b.read - int64(s) - magicBits; at >= b.from*8 {
				return m, at, nil
			}
		}
	}
}

// begin starts the block, or notes the stream's end, whose magic has just been read.
func (b *Blocks) begin(magic uint64, at int64) {
	if b.start = -1; magic == endMagic {
		b.whole = at+magicBits+32 <= b.size*8
		return
	}
	b.start, b.whole = at, false
	var last [8]byte
	binary.BigEndian.PutUint64(last[:], b.window)
	b.gather = append(b.gather[:0], last[8-(b.read/8-at/8):]...)
}

// decode reads the block begun to its end and decompresses it into out.
func (b *Blocks) decode() error {
	var damage error
	for range falseMagics + 1 {
		magic, at, err := b.magic()
		if err != nil {
			return b.fail(cmp.Or(damage, err))
		}
		b.out, err = decompressBlock(b.gather, int(b.start&7), int(at-b.start))
		if err == nil {
			b.total += int64(len(b.out))
			b.begin(magic, at)
			return nil
		}
		damage = cmp.Or(damage, err)
	}
	return b.fail(damage)
}

// fail tells apart errors of the file and of what is in it.
func (b *Blocks) fail(err error) error {
	switch {
	case b.in.err != nil:
		return b.in.err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &Error{Codec: Bzip2, Offset: b.read / 8, Err: err}
}

// decompressBlock decompresses n bits of data, from the bit of that number in the first byte on: a block with its magic.
func decompressBlock(data []byte, bit, n int) ([]byte, error) {
	if n < magicBits+32 {
		return nil, errors.New("a block without a checksum")
	}
	w := bitWriter{out: append(make([]byte, 0, len(data)+16), "BZh9"...)}
	for ; n >= 8; n -= 8 {
		w.write(uint64(data[0])<<8|uint64(at(data, 1)), 16-bit, 8)
		data = data[1:]
	}
	if n > 0 {
		w.write(uint64(data[0])<<8|uint64(at(data, 1)), 16-bit, n)
	}
	// The stream's checksum is the exclusive or of rotated block checksums: that of its one block, which follows the magic.
	checksum := binary.BigEndian.Uint32(w.out[4+magicBits/8:])
	w.write(endMagic, magicBits, magicBits)
	w.write(uint64(checksum), 32, 32)
	return io.ReadAll(bzip2.NewReader(bytes.NewReader(w.finish())))
}

// at returns byte i of data, 0 beyond its end.
func at(data []byte, i int) byte {
	if i < len(data) {
		return data[i]
	}
	return 0
}

// bitWriter appends bits, the highest first.
type bitWriter struct {
	out  []byte
	acc  uint64 // the last used bits are not yet in out
	used int    // at most 7 between calls
}

// write appends n bits of v, at most 56: those below bit top, which counts from 1.
func (w *bitWriter) write(v uint64, top, n int) {
	w.acc = w.acc<<n | v>>(top-n)&(1<<n-1)
	for w.used += n; w.used >= 8; w.used -= 8 {
		w.out = append(w.out, byte(w.acc>>(w.used-8)))
	}
}

// finish fills the last byte with zeros.
func (w *bitWriter) finish() []byte {
	if w.used > 0 {
		w.write(0, 8, 8-w.used)
	}
	return w.out
}
