package avro

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Codec names a way to compress blocks, as files name it. As a flag.Value it takes the names below. The zero value is Snappy.
type Codec string

// The codecs that are written. Files in bzip2 can be read too.
const (
	Snappy       Codec = "snappy"
	Uncompressed Codec = "null"
	Deflate      Codec = "deflate"
	Zstd         Codec = "zstandard"
	bzip         Codec = "bzip2"
)

// maxBlock bounds a block after decompression.
const maxBlock = 1 << 30

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

// Validate reports a codec that files cannot be written with.
func (c Codec) Validate() error {
	switch c {
	case "", Snappy, Uncompressed, Deflate, Zstd:
		return nil
	default:
		return fmt.Errorf("avro: unknown codec %q; known are snappy, null, deflate, zstandard", string(c))
	}
}

// canRead reports a codec that files cannot be read with.
func (c Codec) canRead() error {
	if c == bzip || c.Validate() == nil {
		return nil
	}
	return fmt.Errorf("blocks in the codec %q cannot be read", string(c))
}

// packing compresses and decompresses blocks; it keeps the coders' memory.
type packing struct {
	codec Codec
	out   []byte
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	zip   *flate.Writer
}

// unpack returns a block decompressed, valid until the next call.
func (p *packing) unpack(data []byte) ([]byte, error) {
	var err error
	switch p.codec {
	case Uncompressed:
		return data, nil
	case Snappy:
		return p.unsnap(data)
	case Zstd:
		if p.dec == nil {
			if p.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock)); err != nil {
				return nil, err
			}
		}
		p.out, err = p.dec.DecodeAll(data, p.out[:0])
		return p.out, err
	case Deflate:
		return p.readAll(flate.NewReader(bytes.NewReader(data)))
	default:
		return p.readAll(bzip2.NewReader(bytes.NewReader(data)))
	}
}

// unsnap reads Snappy's block form and the checksum behind it.
func (p *packing) unsnap(data []byte) ([]byte, error) {
	if len(data) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	data, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if n, err := snappy.DecodedLen(data); err != nil || n > maxBlock || n > 64*len(data)+64 { // a copy of three bytes makes at most 64
		return nil, errors.Join(err, fmt.Errorf("%d bytes of %d", n, len(data)))
	}
	out, err := snappy.Decode(p.out[:cap(p.out)], data)
	if err != nil {
		return nil, err
	}
	p.out = out
	if crc32.ChecksumIEEE(out) != sum {
		return nil, errors.New("its checksum does not fit: the file is damaged")
	}
	return out, nil
}

func (p *packing) readAll(r io.Reader) ([]byte, error) {
	buf := bytes.NewBuffer(p.out[:0])
	n, err := buf.ReadFrom(io.LimitReader(r, maxBlock+1))
	if err == nil && n > maxBlock {
		err = fmt.Errorf("more than %d bytes", maxBlock)
	}
	p.out = buf.Bytes()
	return p.out, err
}

// pack returns a block compressed, valid until the next call.
func (p *packing) pack(data []byte) (out []byte, err error) {
	switch p.codec {
	case Uncompressed:
		return data, nil
	case Deflate:
		buf := bytes.NewBuffer(p.out[:0])
		if p.zip == nil {
			if p.zip, err = flate.NewWriter(buf, flate.DefaultCompression); err != nil {
				return nil, err
			}
		}
		p.zip.Reset(buf)
		if _, err := p.zip.Write(data); err != nil {
			return nil, err
		}
		err = p.zip.Close()
		p.out = buf.Bytes()
		return p.out, err
	case Zstd:
		if p.enc == nil {
			if p.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true)); err != nil {
				return nil, err
			}
		}
		p.out = p.enc.EncodeAll(data, p.out[:0])
		return p.out, nil
	default:
		need := snappy.MaxEncodedLen(len(data)) + 4
		if cap(p.out) < need {
			p.out = make([]byte, need)
		}
		packed := snappy.Encode(p.out[:cap(p.out)], data)
		return binary.BigEndian.AppendUint32(packed, crc32.ChecksumIEEE(data)), nil
	}
}

// close releases the coders.
func (p *packing) close() error {
	if p.dec != nil {
		p.dec.Close()
	}
	if p.enc != nil {
		return p.enc.Close()
	}
	return nil
}
