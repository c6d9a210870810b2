package sequencefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errEnd says that the file ends where it should not.
var errEnd = fmt.Errorf("the file ends inside a record: %w", io.ErrUnexpectedEOF)

// next stands before the next record and gives its key and value, which are valid until the next call. io.EOF is the end of the file; began says that
// an escape was passed: a segment begins. limit bounds where segments may begin.
func (r *reader) next() (key, value []byte, err error) {
	if r.block {
		return r.nextOfBlock()
	}
	for {
		size, err := r.int32(r.at)
		if err != nil {
			return nil, nil, err
		}
		if size != -1 {
			return r.nextRecord(size)
		}
		if err := r.begin(r.at); err != nil {
			return nil, nil, err
		}
		if r.at, err = r.sync(r.at); err != nil {
			return nil, nil, err
		}
	}
}

// begin notes that a segment begins; io.EOF when it is no more of the range.
func (r *reader) begin(at int64) error {
	if at >= r.want.To {
		r.segment, r.row = at, 0
		return io.EOF
	}
	if at != r.segment {
		r.segment, r.row = at, 0
	}
	return nil
}

// int32 reads a length; io.EOF at the end of the file.
func (r *reader) int32(at int64) (int32, error) {
	b, err := r.win.Bytes(at, 4)
	switch {
	case err != nil:
		return 0, err
	case len(b) == 0:
		return 0, io.EOF
	case len(b) < 4:
		return 0, errEnd
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

// sync passes over an escape.
func (r *reader) sync(at int64) (int64, error) {
	b, err := r.win.Bytes(at, int64(len(r.mark)))
	if err == nil && len(b) < len(r.mark) {
		err = errEnd
	}
	if err == nil && !bytes.Equal(b, r.mark) {
		err = fmt.Errorf("at %d: an escape without the file's sync marker: the file is damaged", at)
	}
	return at + int64(len(b)), err
}

// nextRecord reads a record whose length is size.
func (r *reader) nextRecord(size int32) (key, value []byte, err error) {
	at := r.at
	if size < 0 || int64(size)+8 > r.in.Size()-at {
		return nil, nil, fmt.Errorf("at %d: a record of %d bytes, with %d left of the file: %w", at, size, r.in.Size()-at-8, io.ErrUnexpectedEOF)
	}
	b, err := r.win.Bytes(at, int64(size)+8)
	if err != nil {
		return nil, nil, err
	}
	n := int32(binary.BigEndian.Uint32(b[4:]))
	if n < 0 || n > size {
		return nil, nil, fmt.Errorf("at %d: a key of %d bytes in a record of %d", at, n, size)
	}
	r.at += int64(size) + 8
	key, value = b[8:8+n], b[8+n:]
	if r.record {
		if r.room, err = r.codec.unpack(value, r.room); err != nil {
			return nil, nil, fmt.Errorf("at %d: decompressing %s: %w", at, r.codec, err)
		}
		value = r.room
	}
	return key, value, nil
}

// parts are the records of a block: lengths and bytes of keys and values.
type parts struct {
	left int64
	raw  [4][]byte
}

// nextOfBlock reads the next record of a block, or the next block.
func (r *reader) nextOfBlock() (key, value []byte, err error) {
	for r.parts.left == 0 {
		if err := r.nextBlock(); err != nil {
			return nil, nil, err
		}
	}
	p := &r.parts
	p.left--
	for k, to := range []*[]byte{&key, &value} {
		n, rest, err := cutVarint(p.raw[2*k])
		if err != nil || n < 0 || n > int64(len(p.raw[2*k+1])) {
			return nil, nil, fmt.Errorf("block at %d: its lengths do not fit: the file is damaged", r.segment)
		}
		p.raw[2*k] = rest
		*to, p.raw[2*k+1] = p.raw[2*k+1][:n], p.raw[2*k+1][n:]
	}
	if p.left == 0 && len(p.raw[1])+len(p.raw[3]) > 0 {
		return nil, nil, fmt.Errorf("block at %d: bytes are left behind its last record", r.segment)
	}
	return key, value, nil
}

func (r *reader) nextBlock() error {
	at := r.at
	size, err := r.int32(at)
	if err != nil {
		return err
	}
	if size != -1 {
		return fmt.Errorf("at %d: no block begins here: the file is damaged", at)
	}
	if err := r.begin(at); err != nil {
		return err
	}
	if at, err = r.sync(at); err != nil {
		return err
	}
	records, at, err := r.varint(at)
	if err != nil {
		return err
	}
	for k := range r.parts.raw {
		var n int64
		if n, at, err = r.varint(at); err != nil {
			return err
		}
		if n < 0 || n > r.in.Size()-at {
			return fmt.Errorf("block at %d: a part of %d bytes, with %d left of the file: %w", r.segment, n, r.in.Size()-at, io.ErrUnexpectedEOF)
		}
		data, err := r.win.Bytes(at, n)
		if err != nil {
			return err
		}
		if r.parts.raw[k], err = r.codec.unpack(data, r.rooms[k]); err != nil {
			return fmt.Errorf("block at %d: decompressing %s: %w", r.segment, r.codec, err)
		}
		r.rooms[k] = r.parts.raw[k]
		at += n
	}
	if records < 0 || records > int64(len(r.parts.raw[0])) {
		return fmt.Errorf("block at %d: %d records with %d bytes of lengths", r.segment, records, len(r.parts.raw[0]))
	}
	r.parts.left, r.at = records, at
	return nil
}

// varint reads an integer and returns what is behind it.
func (r *reader) varint(at int64) (v, behind int64, err error) {
	b, err := r.win.Bytes(at, 9)
	if err != nil {
		return 0, 0, err
	}
	v, rest, err := cutVarint(b)
	if err != nil {
		return 0, 0, errors.Join(errEnd)
	}
	return v, at + int64(len(b)-len(rest)), nil
}
