package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"
)

// Hadoop's block framing (org.apache.hadoop.io.compress.BlockCompressorStream):
//
//	file  = block*
//	block = uncompressed length (4 bytes, big endian), chunk*    until the chunks' uncompressed lengths add up
//	chunk = compressed length (4 bytes, big endian), that many bytes: one raw Snappy or LZ4 block

const (
	// hadoopChunk is the uncompressed size of the chunks written. Hadoop's decompressors have buffers of 256 KiB for both sides, and
	// incompressible data grows by up to a sixth.
	hadoopChunk = 192 << 10
	// maxHadoopChunk bounds the compressed size of a chunk that is read, against lengths that are nonsense.
	maxHadoopChunk = 64 << 20
)

// hadoopBlocks decompresses Hadoop's block framing.
type hadoopBlocks struct {
	in     *input
	decode func(dst, src []byte, room int) ([]byte, error) // dst is reused when large enough; the result has at most room bytes
	left   int                                             // uncompressed bytes that the block still owes
	packed []byte
	chunk  []byte
	out    []byte // the rest of chunk
}

func (h *hadoopBlocks) Read(p []byte) (int, error) {
	for len(h.out) == 0 {
		if err := h.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, h.out)
	h.out = h.out[n:]
	return n, nil
}

// next decompresses the next chunk; io.EOF only between blocks.
func (h *hadoopBlocks) next() error {
	for h.left == 0 {
		if _, err := h.in.Peek(1); err != nil {
			return err
		}
		n, err := h.length()
		if err != nil {
			return err
		}
		h.left = int(n)
	}
	n, err := h.length()
	if err != nil {
		return err
	}
	if n > maxHadoopChunk {
		return fmt.Errorf("a chunk of %d bytes", n)
	}
	if cap(h.packed) < int(n) {
		h.packed = make([]byte, n)
	}
	h.packed = h.packed[:n]
	if _, err := io.ReadFull(h.in, h.packed); err != nil {
		return unexpected(err)
	}
	h.chunk, err = h.decode(h.chunk, h.packed, h.left)
	if err != nil {
		return err
	}
	h.left -= len(h.chunk)
	h.out = h.chunk
	return nil
}

func (h *hadoopBlocks) length() (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(h.in, b[:]); err != nil {
		return 0, unexpected(err)
	}
	n := binary.BigEndian.Uint32(b[:])
	if n > 1<<31-1 {
		return 0, fmt.Errorf("a length of %d bytes", n)
	}
	return n, nil
}

// unexpected makes io.EOF, which stands for a proper end, the error that it is in mid-block.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func decodeSnappy(dst, src []byte, room int) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > room || n > 64*len(src)+64 { // a copy element of three bytes makes at most 64
		return nil, fmt.Errorf("a chunk of %d bytes where %d are left of the block", n, room)
	}
	return snappy.Decode(dst[:cap(dst)], src)
}

func decodeLZ4(dst, src []byte, room int) ([]byte, error) {
	most := min(room, 255*len(src)+16) // a length byte makes at most 255
	if cap(dst) < most {
		dst = make([]byte, most)
	}
	n, err := lz4.UncompressBlock(src, dst[:most])
	return dst[:max(n, 0)], err
}

// hadoopWriter writes Hadoop's block framing, a chunk a block.
type hadoopWriter struct {
	w      io.Writer
	encode func(dst, src []byte) ([]byte, error) // appends to dst
	buf    []byte
	packed []byte
}

func (h *hadoopWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), hadoopChunk-len(h.buf))
		h.buf = append(h.buf, p[:k]...)
		p = p[k:]
		if len(h.buf) == hadoopChunk {
			if err := h.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

func (h *hadoopWriter) flush() error {
	if len(h.buf) == 0 {
		return nil
	}
	packed, err := h.encode(append(h.packed[:0], 0, 0, 0, 0, 0, 0, 0, 0), h.buf)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(packed, uint32(len(h.buf)))
	binary.BigEndian.PutUint32(packed[4:], uint32(len(packed)-8))
	h.packed, h.buf = packed, h.buf[:0]
	_, err = h.w.Write(packed)
	return err
}

func (h *hadoopWriter) Close() error { return h.flush() }

func encodeSnappy(dst, src []byte) ([]byte, error) {
	at := len(dst)
	need := at + snappy.MaxEncodedLen(len(src))
	if cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	return dst[:at+len(snappy.Encode(dst[at:need], src))], nil
}

func encodeLZ4(dst, src []byte) ([]byte, error) {
	at := len(dst)
	need := at + lz4.CompressBlockBound(len(src))
	if cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	n, err := lz4.CompressBlock(src, dst[at:need], nil)
	return dst[:at+n], err
}
