package block

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how payloads are compressed.
type Codec uint8

// The codecs. On text LZ4 and S2 run at disk speed and halve it; Zstd, at its fastest level, takes about twice their time and makes a third.
const (
	None Codec = iota
	LZ4
	S2
	Zstd
	codecs
)

var codecNames = [codecs]string{None: "none", LZ4: "lz4", S2: "s2", Zstd: "zstd"}

// String returns the name that ParseCodec reads.
func (c Codec) String() string {
	if c < codecs {
		return codecNames[c]
	}
	return fmt.Sprintf("codec(%d)", uint8(c))
}

// ParseCodec returns the codec of that name: none, lz4, s2 or zstd.
func ParseCodec(name string) (Codec, error) {
	for c, n := range codecNames {
		if n == name {
			return Codec(c), nil
		}
	}
	return None, fmt.Errorf("unknown codec %q; there are %v", name, codecNames)
}

const (
	// paysBelow is the share of its plain size, in percent, below which a compressed payload is worth the reader's time.
	paysBelow = 90
	// maxSkip is the most blocks that are stored plain before compression is tried again.
	maxSkip = 64
	// leastPlain is the size below which compression is not tried.
	leastPlain = 128
)

// compressor compresses payloads with one codec while that pays. When a block did not shrink, the next ones are stored plain without a
// try: one at first, then two, four, up to maxSkip.
type compressor struct {
	codec   Codec
	lz4     *lz4.Compressor
	skip    int // blocks still to be stored plain
	penalty int // what skip is set to after the next failure
}

// compress appends plain to dst, compressed, if that pays; false says that plain is to be stored as it is.
func (c *compressor) compress(dst, plain []byte) ([]byte, bool) {
	if c.codec == None || len(plain) < leastPlain {
		return dst, false
	}
	if c.skip > 0 {
		c.skip--
		return dst, false
	}
	at := len(dst)
	dst, ok := c.try(dst, plain)
	if ok && len(dst)-at < len(plain)*paysBelow/100 {
		c.penalty = 0
		return dst, true
	}
	c.penalty = min(max(1, 2*c.penalty), maxSkip)
	c.skip = c.penalty
	return dst, false
}

// try appends plain to dst, compressed. False says that the result would not have been smaller.
func (c *compressor) try(dst, plain []byte) ([]byte, bool) {
	at := len(dst)
	switch c.codec {
	case LZ4:
		if c.lz4 == nil {
			c.lz4 = new(lz4.Compressor)
		}
		dst = grown(dst, len(plain))
		n, err := c.lz4.CompressBlock(plain, dst[at:])
		return dst[:at+n], err == nil && n > 0
	case S2:
		dst = grown(dst, s2.MaxEncodedLen(len(plain)))
		return dst[:at+len(s2.Encode(dst[at:], plain))], true
	case Zstd:
		z := zstdEncoders.Get().(*zstd.Encoder)
		defer zstdEncoders.Put(z)
		return z.EncodeAll(plain, dst), true
	default:
		return dst, false
	}
}

// grown returns b with n more bytes of unspecified content.
func grown(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		next := make([]byte, len(b), max(2*cap(b), len(b)+n))
		copy(next, b)
		b = next
	}
	return b[:len(b)+n]
}

// decompress returns the plain payload in a fresh aligned buffer.
func decompress(h Header, stored []byte) ([]byte, error) {
	if err := plausible(h, stored); err != nil {
		return nil, err
	}
	plain := alignedBytes(h.Plain)
	n, err := decompressInto(plain, stored, h.Codec)
	if err != nil {
		return nil, h.corrupt("payload", "decompressing %s: %v", h.Codec, err)
	}
	if n != h.Plain {
		return nil, h.corrupt("payload", "%d bytes of %d after decompressing %s", n, h.Plain, h.Codec)
	}
	return plain, nil
}

// lz4MaxRatio is the most that LZ4 can shrink by: a byte of match length stands for 255.
const lz4MaxRatio = 255

// plausible compares the plain size with what the codec says of itself, before memory is taken for it.
func plausible(h Header, stored []byte) error {
	says := h.Plain
	switch h.Codec {
	case LZ4:
		says = min(says, lz4MaxRatio*len(stored))
	case S2:
		n, err := s2.DecodedLen(stored)
		if err != nil {
			return h.corrupt("payload", "reading the length of s2: %v", err)
		}
		says = n
	case Zstd:
		var frame zstd.Header
		if err := frame.Decode(stored); err != nil {
			return h.corrupt("payload", "reading the header of zstd: %v", err)
		}
		if !frame.HasFCS || frame.FrameContentSize != uint64(h.Plain) {
			return h.corrupt("payload", "the zstd frame has %d bytes, the header says %d", frame.FrameContentSize, h.Plain)
		}
	default:
		says = len(stored)
	}
	if says != h.Plain {
		return h.corrupt("payload", "%s has %d bytes, the header says %d", h.Codec, says, h.Plain)
	}
	return nil
}

func decompressInto(plain, stored []byte, codec Codec) (int, error) {
	switch codec {
	case LZ4:
		return lz4.UncompressBlock(stored, plain)
	case S2:
		out, err := s2.Decode(plain, stored)
		return len(out), err
	case Zstd:
		z := zstdDecoders.Get().(*zstd.Decoder)
		defer zstdDecoders.Put(z)
		out, err := z.DecodeAll(stored, plain[:0:len(plain)])
		return len(out), err
	default:
		return copy(plain, stored), nil
	}
}

// zstd's coders hold megabytes; a process needs as many as run at once, not one a stream. With concurrency 1 they start no goroutines.
var (
	zstdEncoders = sync.Pool{New: func() any {
		z, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithSingleSegment(true)) // so that each frame says how long it is
		if err != nil {
			panic(fmt.Sprintf("block: zstd refuses fixed options: %v", err))
		}
		return z
	}}
	zstdDecoders = sync.Pool{New: func() any {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(fmt.Sprintf("block: zstd refuses fixed options: %v", err))
		}
		return z
	}}
)
