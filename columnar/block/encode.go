package block

import (
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/invariant"
)

// maxRows is the most rows of a block: positions are int32.
const maxRows = math.MaxInt32

// Encoder writes batches of one schema as blocks. It keeps buffers of the size of the largest batch: one serves all
// channels of a task. For
// one goroutine at a time.
type Encoder struct {
	schema     *columnar.Schema
	id         uint32
	compressor compressor
	plain      plainWriter
	out        []byte // the last compressed block
}

// NewEncoder returns an encoder for batches of that schema that compresses with codec while that pays.
func NewEncoder(schema *columnar.Schema, codec Codec) *Encoder {
	return &Encoder{schema: schema, id: fingerprint(schema), compressor: compressor{codec: codec}}
}

// Schema returns the schema of the batches.
func (e *Encoder) Schema() *columnar.Schema { return e.schema }

// Encode appends the rows of b that count, as one block of that channel and sequence number, to dst and returns it. b is only read, and not
// kept. It fails when the plain payload is larger than 1 GiB; dst is then returned as it was.
func (e *Encoder) Encode(dst []byte, channel uint32, sequence uint64, b columnar.Batch) ([]byte, error) {
	block, err := e.Block(channel, sequence, b)
	return append(dst, block...), err
}

// Block is Encode into the encoder's own memory, which saves a copy: the block is valid until the next call.
func (e *Encoder) Block(channel uint32, sequence uint64, b columnar.Batch) ([]byte, error) {
	h := Header{Kind: Rows, Channel: channel, Sequence: sequence, Rows: b.Rows(), schema: e.id}
	if len(b.Columns) != len(e.schema.Fields) {
		return nil, fmt.Errorf("encoding a block of %d columns with a schema of %d", len(b.Columns), len(e.schema.Fields))
	}
	if invariant.Enabled {
		e.checkTypes(b)
	}
	h.flags = e.plain.batch(b, e.schema)
	plain := e.plain.buf[HeaderSize:]
	h.Plain = len(plain)
	if h.Plain > maxPlain {
		return nil, fmt.Errorf("encoding %d rows: the block has %d bytes, at most %d fit", h.Rows, h.Plain, maxPlain)
	}
	var pays bool
	e.out, pays = e.compressor.compress(grown(e.out[:0], HeaderSize), plain)
	if !pays {
		return finish(e.plain.buf, 0, h), nil
	}
	h.Codec = e.compressor.codec
	e.out = finish(e.out, 0, h)
	return e.out, nil
}

// checkTypes panics when a column is not what the schema says. Names of nested fields may differ.
func (e *Encoder) checkTypes(b columnar.Batch) {
	for i, f := range e.schema.Fields {
		invariant.Check(sameLayout(b.Columns[i].Type, f.Type), "encoding column %s as %s", f, b.Columns[i].Type)
	}
}

func sameLayout(t, u columnar.Type) bool {
	return t.Kind == u.Kind && t.Width == u.Width && slices.EqualFunc(t.Fields, u.Fields, func(f, g columnar.Field) bool { return sameLayout(f.Type, g.Type) })
}

// AppendRaw appends a block with payload as it is, not compressed, to dst and returns it. The header gives Kind, which is not Rows, and
// Channel and Sequence. It fails when the payload is larger than 1 GiB.
func AppendRaw(dst []byte, kind Kind, channel uint32, sequence uint64, payload []byte) ([]byte, error) {
	if len(payload) > maxPlain {
		return dst, fmt.Errorf("encoding a block of kind %d: it has %d bytes, at most %d fit", kind, len(payload), maxPlain)
	}
	h := Header{Kind: kind, Channel: channel, Sequence: sequence, Plain: len(payload)}
	at := len(dst)
	dst = append(grown(dst, HeaderSize), payload...)
	return finish(dst, at, h), nil
}

// finish pads the block that begins at dst[at] and ends with dst, and writes its header.
func finish(dst []byte, at int, h Header) []byte {
	h.Stored = len(dst) - at - HeaderSize
	for range padded(h.Stored) - h.Stored {
		dst = append(dst, 0)
	}
	h.put(dst[at:])
	return dst
}
