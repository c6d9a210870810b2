package parquet

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec names a way to compress pages that are written. As a flag.Value it takes the names below. The zero value is Snappy.
type Codec string

// The codecs.
const (
	Snappy       Codec = "snappy"
	Uncompressed Codec = "none"
	Gzip         Codec = "gzip"
	Zstd         Codec = "zstd"
	LZ4          Codec = "lz4" // LZ4_RAW, which readers before 2021 do not know
)

var codecNumbers = map[Codec]int32{"": codecSnappy, Snappy: codecSnappy, Uncompressed: codecNone, Gzip: codecGzip, Zstd: codecZstd, LZ4: codecLZ4Raw}

// String returns the codec's name.
func (c Codec) String() string {
	if c == "" {
		return string(Snappy)
	}
	return string(c)
}

// Set takes a codec's name.
func (c *Codec) Set(name string) error {
	if err := Codec(name).Validate(); err != nil {
		return err
	}
	*c = Codec(name)
	return nil
}

// Validate reports an unknown codec.
func (c Codec) Validate() error {
	if _, ok := codecNumbers[c]; !ok {
		return fmt.Errorf("parquet: unknown codec %q; known are snappy, none, gzip, zstd, lz4", string(c))
	}
	return nil
}

// packer compresses pages.
type packer struct {
	codec int32
	out   []byte
	zstd  *zstd.Encoder
	gzip  *gzip.Writer
	lz4   lz4.Compressor
}

// pack returns data compressed, valid until the next call.
func (p *packer) pack(data []byte) (out []byte, err error) {
	switch p.codec {
	case codecSnappy:
		p.room(snappy.MaxEncodedLen(len(data)))
		p.out = snappy.Encode(p.out, data)
	case codecZstd:
		if p.zstd == nil {
			if p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithZeroFrames(true)); err != nil {
				return nil, err
			}
		}
		p.out = p.zstd.EncodeAll(data, p.out[:0])
	case codecGzip:
		err = p.zip(data)
	case codecLZ4Raw:
		p.room(lz4.CompressBlockBound(len(data)))
		var n int
		n, err = p.lz4.CompressBlock(data, p.out)
		p.out = p.out[:n]
	default:
		return data, nil
	}
	return p.out, err
}

// room makes out n bytes long.
func (p *packer) room(n int) {
	if cap(p.out) < n {
		p.out = make([]byte, n)
	}
	p.out = p.out[:n]
}

func (p *packer) zip(data []byte) error {
	buf := bytes.NewBuffer(p.out[:0])
	if p.gzip == nil {
		p.gzip = gzip.NewWriter(buf)
	} else {
		p.gzip.Reset(buf)
	}
	if _, err := p.gzip.Write(data); err != nil {
		return err
	}
	err := p.gzip.Close()
	p.out = buf.Bytes()
	return err
}
