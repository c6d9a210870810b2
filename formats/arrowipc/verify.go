package arrowipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/formats"
)

// Arrow's library allocates as many fields as a schema says it has before it looks for them. So the counts of the flatbuffer are checked first, against
// its size. The numbers are the slots of the tables' fields in Arrow's Schema.fbs, Message.fbs and File.fbs.
const (
	footerSchema   = 1
	messageHeader  = 2
	schemaFields   = 1
	schemaMetadata = 2
	fieldChildren  = 5
	fieldMetadata  = 6
)

var errFlatbuffer = errors.New("its schema is no flatbuffer: the data is damaged")

// maxFields bounds the fields of a schema, nested ones included, and maxDepth how deep they nest.
const (
	maxFields = 1 << 20
	maxDepth  = 64
)

// verify checks the schema of a file or stream.
func verify(in formats.Input, isFile bool) error {
	if isFile {
		return verifyFooter(in)
	}
	head := make([]byte, 8)
	if err := fill(in, head, 0); err != nil {
		return err
	}
	at, size := int64(4), binary.LittleEndian.Uint32(head)
	if size == 1<<32-1 { // the continuation mark, which streams before Arrow 0.15 lack
		at, size = 8, binary.LittleEndian.Uint32(head[4:])
	}
	meta, err := read(in, at, int64(size))
	if err != nil {
		return err
	}
	v := &verifier{data: meta}
	v.schema(v.child(v.root(), messageHeader))
	return v.err
}

func verifyFooter(in formats.Input) error {
	tail := make([]byte, 4+len(magic))
	if err := fill(in, tail, in.Size()-int64(len(tail))); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(tail))
	meta, err := read(in, in.Size()-int64(len(tail))-size, size)
	if err != nil {
		return err
	}
	v := &verifier{data: meta}
	v.schema(v.child(v.root(), footerSchema))
	return v.err
}

// read returns n bytes of a file, which must have them.
func read(in formats.Input, at, n int64) ([]byte, error) {
	if at < 0 || n > in.Size()-at {
		return nil, fmt.Errorf("metadata of %d bytes in a file of %d", n, in.Size())
	}
	data := make([]byte, n)
	return data, fill(in, data, at)
}

func fill(in formats.Input, p []byte, at int64) error {
	if at < 0 {
		return io.ErrUnexpectedEOF
	}
	n, err := in.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// verifier walks tables of a flatbuffer. Positions are offsets into data; 0 is a field that is not there.
type verifier struct {
	data   []byte
	fields int
	err    error
}

func (v *verifier) fail() int {
	if v.err == nil {
		v.err = errFlatbuffer
	}
	return 0
}

// follow returns the position that the offset stored at a position leads to.
func (v *verifier) follow(at int) int {
	if at < 0 || at+4 > len(v.data) {
		return v.fail()
	}
	to := at + int(binary.LittleEndian.Uint32(v.data[at:]))
	if to+4 > len(v.data) {
		return v.fail()
	}
	return to
}

func (v *verifier) root() int { return v.follow(0) }

// child returns what a table's field refers to.
func (v *verifier) child(table, slot int) int {
	at := v.field(table, slot)
	if at == 0 {
		return 0
	}
	return v.follow(at)
}

// field returns the position of a table's field.
func (v *verifier) field(table, slot int) int {
	if table == 0 || v.err != nil {
		return 0
	}
	vtable := table - int(int32(binary.LittleEndian.Uint32(v.data[table:])))
	if vtable < 0 || vtable+4 > len(v.data) {
		return v.fail()
	}
	entry := 4 + 2*slot
	if entry+2 > int(binary.LittleEndian.Uint16(v.data[vtable:])) {
		return 0
	}
	if vtable+entry+2 > len(v.data) {
		return v.fail()
	}
	offset := int(binary.LittleEndian.Uint16(v.data[vtable+entry:]))
	if offset == 0 {
		return 0
	}
	return table + offset
}

// number returns a table's field of 64 bits; 0 when it is not there.
func (v *verifier) number(table, slot int) int64 {
	at := v.field(table, slot)
	if at == 0 {
		return 0
	}
	if at+8 > len(v.data) {
		v.fail()
		return 0
	}
	return int64(binary.LittleEndian.Uint64(v.data[at:]))
}

// vector returns where the items of a vector of offsets begin, and how many there are.
func (v *verifier) vector(table, slot int) (at, n int) {
	at = v.child(table, slot)
	if at == 0 {
		return 0, 0
	}
	n = int(binary.LittleEndian.Uint32(v.data[at:]))
	if at += 4; n > (len(v.data)-at)/4 {
		v.fail()
		return 0, 0
	}
	return at, n
}

func (v *verifier) schema(table int) {
	v.vector(table, schemaMetadata)
	at, n := v.vector(table, schemaFields)
	v.children(at, n, 0)
}

func (v *verifier) children(at, n, depth int) {
	if v.fields += n; v.fields > maxFields || depth > maxDepth {
		v.fail()
	}
	for i := 0; i < n && v.err == nil; i++ {
		field := v.follow(at + 4*i)
		v.vector(field, fieldMetadata)
		from, count := v.vector(field, fieldChildren)
		v.children(from, count, depth+1)
	}
}
