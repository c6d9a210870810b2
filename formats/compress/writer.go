package compress

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// NewWriter returns a writer whose compressed bytes go to w. Its Close writes what is buffered and the end mark; it does not close w.
func NewWriter(codec Codec, w io.Writer) (io.WriteCloser, error) {
	if err := codec.Validate(); err != nil {
		return nil, err
	}
	switch codec {
	case Gzip:
		return gzip.NewWriterLevel(w, gzip.DefaultCompression)
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true))
	case LZ4:
		z := lz4.NewWriter(w)
		return z, z.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(true), lz4.ConcurrencyOption(1))
	case Snappy:
		return newSnappyWriter(w), nil
	case HadoopLZ4:
		return &hadoopWriter{w: w, encode: encodeLZ4}, nil
	case HadoopSnappy:
		return &hadoopWriter{w: w, encode: encodeSnappy}, nil
	default:
		return plain{w}, nil
	}
}

// snappyWriter writes the first chunk even when there is no data, so that an empty file is a whole one.
type snappyWriter struct {
	*s2.Writer
	w       io.Writer
	written bool
}

func newSnappyWriter(w io.Writer) *snappyWriter {
	return &snappyWriter{Writer: s2.NewWriter(w, s2.WriterSnappyCompat(), s2.WriterConcurrency(1)), w: w}
}

func (s *snappyWriter) Write(p []byte) (int, error) {
	s.written = s.written || len(p) > 0
	return s.Writer.Write(p)
}

func (s *snappyWriter) Close() error {
	if !s.written {
		_, err := s.w.Write(snappyMagic)
		return err
	}
	return s.Writer.Close()
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }
