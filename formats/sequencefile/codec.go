package sequencefile

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"

	"github.com/millrace/millrace/formats/compress"
)

// Codec names a way to compress. As a flag.Value it takes the names below. The zero value is Zlib.
type Codec string

// The codecs that are written. Files in bzip2 can be read too.
const (
	Zlib   Codec = "zlib" // Hadoop's DefaultCodec
	Gzip   Codec = "gzip"
	Snappy Codec = "snappy"
	LZ4    Codec = "lz4"
	Zstd   Codec = "zstd"
	bzip2  Codec = "bzip2"
)

const codecPrefix = "org.apache.hadoop.io.compress."

// codecClasses has the classes that read and write each codec.
var codecClasses = map[Codec]string{
	Zlib: "DefaultCodec", Gzip: "GzipCodec", Snappy: "SnappyCodec", LZ4: "Lz4Codec", Zstd: "ZStandardCodec", bzip2: "BZip2Codec",
}

// streams has the codecs of package compress.
var streams = map[Codec]compress.Codec{
	Gzip: compress.Gzip, Snappy: compress.HadoopSnappy, LZ4: compress.HadoopLZ4, Zstd: compress.Zstd, bzip2: compress.Bzip2,
}

// String returns the codec's name.
func (c Codec) String() string {
	if c == "" {
		return string(Zlib)
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
	case "", Zlib, Gzip, Snappy, LZ4, Zstd:
		return nil
	default:
		return fmt.Errorf("sequencefile: unknown codec %q; known are zlib, gzip, snappy, lz4, zstd", string(c))
	}
}

// codecOf returns the codec of a class.
func codecOf(name string) (Codec, error) {
	for c, class := range codecClasses {
		if codecPrefix+class == name {
			return c, nil
		}
	}
	if name == codecPrefix+"DeflateCodec" {
		return Zlib, nil
	}
	return "", fmt.Errorf("values compressed by %s cannot be read", name)
}

// maxPart bounds what is decompressed at once.
const maxPart = 1 << 30

// unpack decompresses one part of a block or one value into room's memory.
func (c Codec) unpack(data, room []byte) ([]byte, error) {
	if len(data) == 0 { // Some codecs write nothing for nothing.
		return room[:0], nil
	}
	var in io.ReadCloser
	var err error
	if c == Zlib {
		in, err = zlib.NewReader(bytes.NewReader(data))
	} else {
		in, err = compress.NewReader(streams[c], bytes.NewReader(data), int64(len(data)))
	}
	if err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(room[:0])
	n, err := buf.ReadFrom(io.LimitReader(in, maxPart+1))
	if err == nil && n > maxPart {
		err = fmt.Errorf("more than %d bytes", maxPart)
	}
	if err != nil {
		return nil, err
	}
	return buf.Bytes(), in.Close()
}

// pack appends data, compressed, to dst.
func (c Codec) pack(dst, data []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	var out io.WriteCloser
	var err error
	if c == Zlib {
		out = zlib.NewWriter(buf)
	} else if out, err = compress.NewWriter(streams[c], buf); err != nil {
		return nil, err
	}
	if _, err := out.Write(data); err != nil {
		return nil, err
	}
	err = out.Close()
	return buf.Bytes(), err
}
