package block

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// HeaderSize is the bytes of a block before its payload.
const HeaderSize = 48

// maxPlain is the most plain bytes of a block.
const maxPlain = 1 << 30

// magic is "MRB" and version 1.
const magic = uint32('M') | uint32('R')<<8 | uint32('B')<<16 | 1<<24

// Kind says what a block's payload is. Values from FirstOwnKind on are for the two ends of a stream to agree on.
type Kind uint8

// The kinds with a meaning to this package.
const (
	Rows         Kind = 1
	SchemaOnly   Kind = 2
	FirstOwnKind Kind = 16
)

// flags of a block of rows.
const (
	hasTimes = 1 << iota
	hasKinds
)

// Header is what is known of a block before its payload is read. Callers of Encode set Kind, Channel and Sequence.
type Header struct {
	Kind     Kind
	Codec    Codec
	Channel  uint32
	Sequence uint64
	Rows     int
	Stored   int // bytes of the payload as stored
	Plain    int // bytes of the payload before compression

	flags  uint8
	schema uint32 // fingerprint
	check  uint32
	sum    uint64
}

// Size returns the bytes of the whole block.
func (h Header) Size() int { return HeaderSize + padded(h.Stored) }

// ParseHeader reads the header at the beginning of src. The payload need not be there yet.
func ParseHeader(src []byte) (Header, error) {
	if len(src) < HeaderSize {
		return Header{}, corrupt("header", "%d bytes of %d", len(src), HeaderSize)
	}
	le := binary.LittleEndian
	if m := le.Uint32(src); m != magic {
		return Header{}, corrupt("header", "magic is %08x, want %08x", m, magic)
	}
	h := Header{
		Kind: Kind(src[4]), Codec: Codec(src[5]), flags: src[6], Channel: le.Uint32(src[8:]), Rows: int(le.Uint32(src[12:])), Sequence: le.Uint64(src[16:]),
		Stored: int(le.Uint32(src[24:])), Plain: int(le.Uint32(src[28:])), schema: le.Uint32(src[32:]), check: le.Uint32(src[36:]), sum: le.Uint64(src[40:]),
	}
	if check := headerCheck(src); check != h.check {
		return Header{}, h.corrupt("header", "check is %08x, want %08x", h.check, check)
	}
	return h, h.validate()
}

// validate checks what a damaged header with a right check, made by nobody of ours, could get wrong.
func (h Header) validate() error {
	switch {
	case h.Codec >= codecs:
		return h.corrupt("header", "unknown codec %d", h.Codec)
	case h.Plain > maxPlain || h.Stored > maxPlain:
		return h.corrupt("header", "%d bytes stored, %d plain: more than %d", h.Stored, h.Plain, maxPlain)
	case h.Codec == None && h.Stored != h.Plain:
		return h.corrupt("header", "%d bytes stored, %d plain, not compressed", h.Stored, h.Plain)
	case h.Rows > maxRows:
		return h.corrupt("header", "%d rows", h.Rows)
	case h.flags&^(hasTimes|hasKinds) != 0:
		return h.corrupt("header", "unknown flags %x", h.flags)
	}
	return nil
}

// put writes the header into the first HeaderSize bytes of block, whose stored payload is there already.
func (h Header) put(block []byte) {
	le := binary.LittleEndian
	le.PutUint32(block, magic)
	block[4], block[5], block[6], block[7] = byte(h.Kind), byte(h.Codec), h.flags, 0
	le.PutUint32(block[8:], h.Channel)
	le.PutUint32(block[12:], uint32(h.Rows))
	le.PutUint64(block[16:], h.Sequence)
	le.PutUint32(block[24:], uint32(h.Stored))
	le.PutUint32(block[28:], uint32(h.Plain))
	le.PutUint32(block[32:], h.schema)
	h.check = headerCheck(block)
	le.PutUint32(block[36:], h.check)
	le.PutUint64(block[40:], h.payloadSum(block[HeaderSize:HeaderSize+h.Stored]))
}

func headerCheck(header []byte) uint32 { return uint32(xxh3.Hash(header[:36])) }

func (h Header) payloadSum(stored []byte) uint64 { return xxh3.HashSeed(stored, uint64(h.check)) }

// payload returns the stored payload of the block at the beginning of src after comparing its checksum.
func (h Header) payload(src []byte) ([]byte, error) {
	if len(src) < HeaderSize+h.Stored {
		return nil, h.corrupt("payload", "%d bytes of %d", len(src)-HeaderSize, h.Stored)
	}
	stored := src[HeaderSize : HeaderSize+h.Stored]
	if sum := h.payloadSum(stored); sum != h.sum {
		return nil, h.corrupt("payload", "checksum is %016x, want %016x", sum, h.sum)
	}
	return stored, nil
}

func (h Header) corrupt(part, format string, args ...any) error {
	return &CorruptError{Channel: h.Channel, Sequence: h.Sequence, Part: part, Reason: fmt.Sprintf(format, args...)}
}

// padded returns n rounded up to a multiple of 8.
func padded(n int) int { return (n + 7) &^ 7 }
