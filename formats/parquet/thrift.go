package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The types of values in Thrift's compact protocol, in which the footer, page headers and page indexes are written (Apache Thrift,
// doc/specs/thrift-compact-protocol.md).
const (
	wireStop   = 0
	wireTrue   = 1
	wireFalse  = 2
	wireByte   = 3
	wireI16    = 4
	wireI32    = 5
	wireI64    = 6
	wireDouble = 7
	wireBinary = 8
	wireList   = 9
	wireSet    = 10
	wireMap    = 11
	wireStruct = 12
)

// errShort says that the bytes end inside a value: with more of them it may be whole.
var errShort = errors.New("the data ends inside a header")

// maxDepth bounds how deep unknown structs may nest.
const maxDepth = 32

// wire reads values one after the other. After the first error all values are zero and loops end.
type wire struct {
	data  []byte
	pos   int
	depth int
	err   error
}

func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.pos = len(w.data)
}

func (w *wire) byte() byte {
	if w.pos >= len(w.data) {
		w.fail(errShort)
		return 0
	}
	w.pos++
	return w.data[w.pos-1]
}

func (w *wire) uvarint() uint64 {
	v, n := binary.Uvarint(w.data[w.pos:])
	switch {
	case n == 0:
		w.fail(errShort)
	case n < 0:
		w.fail(errors.New("an integer of more than 64 bits in a header"))
	default:
		w.pos += n
		return v
	}
	return 0
}

// int reads an integer of any width.
func (w *wire) int() int64 {
	v := w.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (w *wire) int32() int32 {
	v := w.int()
	if v != int64(int32(v)) {
		w.fail(fmt.Errorf("%d in a header where 32 bits are all there are", v))
		return 0
	}
	return int32(v)
}

// bytes reads a binary or string; it aliases the data.
func (w *wire) bytes() []byte {
	n := w.uvarint()
	if n > uint64(len(w.data)-w.pos) {
		if n > math.MaxInt32 {
			w.fail(fmt.Errorf("a text of %d bytes in a header", n))
		} else {
			w.fail(errShort)
		}
		return nil
	}
	w.pos += int(n)
	return w.data[w.pos-int(n) : w.pos : w.pos]
}

// fields reads a struct: it calls f for each field, which reads the value or skips it. A bool's value is kind == wireTrue.
func (w *wire) fields(f func(id int16, kind byte)) {
	if w.depth++; w.depth > maxDepth {
		w.fail(fmt.Errorf("structs nest deeper than %d in a header", maxDepth))
	}
	var id int16
	for w.err == nil {
		head := w.byte()
		kind := head & 15
		if kind == wireStop {
			break
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			id = int16(w.int())
		}
		f(id, kind)
	}
	w.depth--
}

// list reads a list or set: it calls f for each item.
func (w *wire) list(f func(kind byte)) {
	head := w.byte()
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		n = w.uvarint()
	}
	for i := uint64(0); i < n && w.err == nil; i++ {
		f(kind)
	}
}

// itemBool reads a bool in a list.
func (w *wire) itemBool() bool { return w.byte() == wireTrue }

// skip passes over a value of that kind, as a field.
func (w *wire) skip(kind byte) {
	switch kind {
	case wireTrue, wireFalse:
	case wireByte:
		w.byte()
	case wireI16, wireI32, wireI64:
		w.uvarint()
	case wireDouble:
		if w.pos += 8; w.pos > len(w.data) {
			w.fail(errShort)
		}
	case wireBinary:
		w.bytes()
	case wireList, wireSet:
		w.list(w.skipItem)
	case wireMap:
		w.skipMap()
	case wireStruct:
		w.fields(func(_ int16, kind byte) { w.skip(kind) })
	default:
		w.fail(fmt.Errorf("a value of unknown kind %d in a header", kind))
	}
}

// skipItem passes over an item of a list, where bools have a byte.
func (w *wire) skipItem(kind byte) {
	if w.depth++; w.depth > maxDepth {
		w.fail(fmt.Errorf("lists nest deeper than %d in a header", maxDepth))
	}
	if kind == wireTrue || kind == wireFalse {
		w.byte()
	} else {
		w.skip(kind)
	}
	w.depth--
}

func (w *wire) skipMap() {
	n := w.uvarint()
	if n == 0 {
		return
	}
	kinds := w.byte()
	for i := uint64(0); i < n && w.err == nil; i++ {
		w.skipItem(kinds >> 4)
		w.skipItem(kinds & 15)
	}
}

// wireOut writes values. Structs are begun and ended by the caller; fields come in ascending order of their numbers.
type wireOut struct {
	buf  []byte
	last []int16 // the number of the last field, of each open struct
}

func (w *wireOut) begin() { w.last = append(w.last, 0) }

func (w *wireOut) end() {
	w.buf = append(w.buf, wireStop)
	w.last = w.last[:len(w.last)-1]
}

func (w *wireOut) field(id int16, kind byte) {
	last := &w.last[len(w.last)-1]
	if delta := id - *last; delta > 0 && delta <= 15 {
		w.buf = append(w.buf, byte(delta)<<4|kind)
	} else {
		w.buf = binary.AppendVarint(append(w.buf, kind), int64(id))
	}
	*last = id
}

func (w *wireOut) i32(id int16, v int32) {
	w.field(id, wireI32)
	w.buf = binary.AppendVarint(w.buf, int64(v))
}

func (w *wireOut) i64(id int16, v int64) {
	w.field(id, wireI64)
	w.buf = binary.AppendVarint(w.buf, v)
}

func (w *wireOut) i8(id int16, v int8) {
	w.field(id, wireByte)
	w.buf = append(w.buf, byte(v))
}

func (w *wireOut) bool(id int16, v bool) {
	if v {
		w.field(id, wireTrue)
	} else {
		w.field(id, wireFalse)
	}
}

func (w *wireOut) bytes(id int16, v []byte) {
	w.field(id, wireBinary)
	w.item(v)
}

func (w *wireOut) string(id int16, v string) { w.bytes(id, []byte(v)) }

// item writes a binary in a list.
func (w *wireOut) item(v []byte) {
	w.buf = append(binary.AppendUvarint(w.buf, uint64(len(v))), v...)
}

func (w *wireOut) list(id int16, kind byte, n int) {
	w.field(id, wireList)
	if n < 15 {
		w.buf = append(w.buf, byte(n)<<4|kind)
	} else {
		w.buf = binary.AppendUvarint(append(w.buf, 0xf0|kind), uint64(n))
	}
}

func (w *wireOut) structure(id int16) {
	w.field(id, wireStruct)
	w.begin()
}

// varint returns an integer as it is written.
func varint(v int64) []byte { return binary.AppendVarint(nil, v) }
