package compress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// readSize is the size of the reads from the file: one trip to a DataNode each.
const readSize = 1 << 20

// maxZstdWindow bounds the memory that a file's header can ask for; it is what the command zstd accepts without --long.
const maxZstdWindow = 128 << 20

// Error says what is wrong and where.
func (e *Error) Error() string {
	if errors.Is(e.Err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("unexpected end of %s data at byte %d", e.Codec, e.Offset)
	}
	return fmt.Sprintf("damaged %s data before byte %d: %v", e.Codec, e.Offset, e.Err)
}

// Unwrap returns the codec's error.
func (e *Error) Unwrap() error { return e.Err }

// Reader decompresses a file from its start. One goroutine uses it.
type Reader struct {
	codec Codec
	in    *input
	out   io.Reader
	close func()
	err   error
}

// NewReader returns the decompressed bytes of a file of size bytes. Of LZ4 and Snappy it takes frames and Hadoop's blocks. Errors are
// in's own or an [Error].
func NewReader(codec Codec, in io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{codec: codec, in: newInput(in, 0, size), close: func() {}}
	var err error
	switch codec {
	case None:
		r.out = r.in
	case Gzip:
		r.out, err = gzip.NewReader(r.in)
	case Bzip2:
		r.out, err = NewBlocks(in, size, 0, size), nil
	case Zstd:
		r.out, err = r.openZstd()
	case LZ4, HadoopLZ4:
		r.out, err = r.openLZ4()
	case Snappy, HadoopSnappy:
		r.out, err = r.openSnappy()
	default:
		err = unknown(codec)
	}
	if err != nil {
		return nil, r.fail(err)
	}
	return r, nil
}

func (r *Reader) openZstd() (io.Reader, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(r.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	r.close = d.Close
	return d, nil
}

// The magics of frames: LZ4's, its legacy one, any skippable one (the last three bytes), and Snappy's first chunk.
var (
	lz4Magic       = []byte{0x04, 0x22, 0x4d, 0x18}
	lz4LegacyMagic = []byte{0x02, 0x21, 0x4c, 0x18}
	skippableMagic = []byte{0x2a, 0x4d, 0x18}
	snappyMagic    = []byte("\xff\x06\x00\x00sNaPpY")
)

func (r *Reader) openLZ4() (io.Reader, error) {
	head, err := r.in.Peek(4)
	switch {
	case err != nil && err != io.EOF: //nolint:errorlint // bufio returns it bare
		return nil, err
	case bytes.Equal(head, lz4Magic), bytes.Equal(head, lz4LegacyMagic), len(head) == 4 && bytes.Equal(head[1:], skippableMagic):
		return &lz4Frames{in: r.in, frame: lz4.NewReader(r.in)}, nil
	default:
		r.codec = HadoopLZ4
		return &hadoopBlocks{in: r.in, decode: decodeLZ4}, nil
	}
}

func (r *Reader) openSnappy() (io.Reader, error) {
	head, err := r.in.Peek(len(snappyMagic))
	switch {
	case err != nil && err != io.EOF: //nolint:errorlint // bufio returns it bare
		return nil, err
	case bytes.Equal(head, snappyMagic):
		return s2.NewReader(r.in, s2.ReaderMaxBlockSize(64<<10)), nil
	default:
		r.codec = HadoopSnappy
		return &hadoopBlocks{in: r.in, decode: decodeSnappy}, nil
	}
}

// lz4Frames reads one frame after the other.
type lz4Frames struct {
	in    *input
	frame *lz4.Reader
}

func (l *lz4Frames) Read(p []byte) (int, error) {
	for {
		n, err := l.frame.Read(p)
		if n > 0 || err != io.EOF { //nolint:errorlint // the frame's end is bare
			return n, err
		}
		if _, err := l.in.Peek(1); err != nil {
			return 0, err
		}
		l.frame.Reset(l.in)
	}
}

// Codec is the codec found: of LZ4 and Snappy it says which of the two formats it is.
func (r *Reader) Codec() Codec { return r.codec }

// Consumed returns how many bytes of the file have been read, read-ahead included.
func (r *Reader) Consumed() int64 {
	if b, ok := r.out.(*Blocks); ok {
		return b.Consumed()
	}
	return r.in.consumed()
}

// Read returns decompressed bytes; io.EOF only where the compressed data ends as it should.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.out.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // codecs return a proper end bare
		err = r.fail(err)
	}
	r.err = err
	return n, err
}

// Close releases the decoder; it does not close the file.
func (r *Reader) Close() error {
	r.close()
	return nil
}

// fail tells apart errors of the file and of what is in it.
func (r *Reader) fail(err error) error {
	var damaged *Error
	switch {
	case r.in.err != nil:
		return r.in.err
	case r.codec == None || errors.As(err, &damaged):
		return err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &Error{Codec: r.codec, Offset: r.in.consumed(), Err: err}
}

// input reads a file forward from an offset in large pieces and keeps the file's error.
type input struct {
	*bufio.Reader
	section *io.SectionReader
	from    int64
	err     error
}

func newInput(in io.ReaderAt, from, size int64) *input {
	i := &input{section: io.NewSectionReader(in, from, size-from), from: from}
	i.Reader = bufio.NewReaderSize(readerFunc(i.fill), int(min(readSize, max(size-from, 16))))
	return i
}

// fill is the bufio.Reader's source. A file that turns out shorter than it was said to be is an error of the file.
func (i *input) fill(p []byte) (int, error) {
	n, err := i.section.Read(p)
	at, _ := i.section.Seek(0, io.SeekCurrent)
	if err == io.EOF && at < i.section.Size() { //nolint:errorlint // a ReaderAt's end is bare
		err = fmt.Errorf("the file ends at byte %d of %d: %w", i.from+at, i.from+i.section.Size(), io.ErrUnexpectedEOF)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // as above
		i.err = err
	}
	return n, err
}

func (i *input) consumed() int64 {
	at, _ := i.section.Seek(0, io.SeekCurrent)
	return i.from + at - int64(i.Buffered())
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
