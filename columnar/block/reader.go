package block

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
)

// Reader reads blocks of rows, one after the other, from a stream.
type Reader struct {
	src     io.Reader
	decoder *Decoder
	header  [HeaderSize]byte
	buf     []byte // the last compressed block
}

// NewReader returns a reader of the blocks in src. Reads are as large as blocks; a src that is a file needs a buffer in front only for the
// headers.
func NewReader(src io.Reader, decoder *Decoder) *Reader { return &Reader{src: src, decoder: decoder} }

// Reset makes the reader go on with another stream of the same schema.
func (r *Reader) Reset(src io.Reader) { r.src = src }

// Next returns the next batch, which is fresh, and its block's header. At the end of the stream the error is io.EOF; a stream that ends
// within a block is corrupt.
func (r *Reader) Next() (Header, columnar.Batch, error) {
	n, err := io.ReadFull(r.src, r.header[:])
	if errors.Is(err, io.EOF) {
		return Header{}, columnar.Batch{}, io.EOF
	}
	if err != nil {
		return Header{}, columnar.Batch{}, truncated(Header{}, n, HeaderSize, err)
	}
	h, err := ParseHeader(r.header[:])
	if err != nil {
		return h, columnar.Batch{}, err
	}
	if err := r.decoder.accepts(h); err != nil {
		return h, columnar.Batch{}, err
	}
	return r.body(h)
}

func (r *Reader) body(h Header) (Header, columnar.Batch, error) {
	var buf []byte
	if h.Codec == None {
		buf = alignedBytes(h.Size()) // the batch will be views of it
	} else {
		r.buf = grown(r.buf[:0], h.Size())
		buf = r.buf
	}
	copy(buf, r.header[:])
	if n, err := io.ReadFull(r.src, buf[HeaderSize:]); err != nil {
		return h, columnar.Batch{}, truncated(h, n, h.Size()-HeaderSize, err)
	}
	return r.decoder.DecodeOwned(buf)
}

// truncated says that a read got n of want bytes. An end of the stream is damage, anything else the stream's own error.
func truncated(h Header, n, want int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return h.corrupt("stream", "it ends after %d of %d bytes", n, want)
	}
	return fmt.Errorf("reading block %d of channel %d: %w", h.Sequence, h.Channel, err)
}
