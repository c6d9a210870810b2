package sequencefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/window"
)

const (
	magic    = "SEQ\x06"
	syncSize = 16
	// maxHeader bounds the header, metadata included.
	maxHeader = 16 << 20
)

// escape begins what is no record: four bytes that are no length, and the sync marker.
var escape = []byte{0xff, 0xff, 0xff, 0xff}

// file is a SequenceFile whose header has been read.
type file struct {
	in      formats.Input
	win     window.Window
	classes [2]class // of keys and values
	record  bool     // values are compressed
	block   bool     // blocks are
	codec   Codec
	mark    []byte // escape and sync marker
	first   int64  // where the records begin
}

// open reads a file's header.
func open(in formats.Input) (*file, error) {
	f := &file{in: in, win: window.New(in)}
	if err := f.readHeader(); err != nil {
		return nil, fmt.Errorf("reading the SequenceFile header of %s: %w", in.Name(), err)
	}
	return f, nil
}

var errShort = errors.New("the header is cut off")

func (f *file) readHeader() error {
	for n := int64(4 << 10); ; n *= 8 {
		data, err := f.win.Bytes(0, n)
		if err != nil {
			return err
		}
		if len(data) < len(magic) || string(data[:3]) != magic[:3] {
			return errors.New("it does not begin as a SequenceFile does")
		}
		if data[3] != magic[3] {
			return fmt.Errorf("version %d; only 6 can be read", data[3])
		}
		rest, err := f.parse(data[len(magic):])
		if errors.Is(err, errShort) && int64(len(data)) == n && n < maxHeader {
			continue
		}
		f.first = int64(len(data) - len(rest))
		return err
	}
}

// parse reads what is behind the version and returns what is behind the header.
func (f *file) parse(data []byte) (rest []byte, err error) {
	var names [3]string
	for i := range 2 {
		if names[i], data, err = cutText(data); err != nil {
			return nil, err
		}
		f.classes[i] = classOf(names[i])
	}
	if len(data) < 2 {
		return nil, errShort
	}
	f.record, f.block = data[0] != 0 && data[1] == 0, data[0] != 0 && data[1] != 0
	data = data[2:]
	if f.record || f.block {
		if names[2], data, err = cutText(data); err != nil {
			return nil, err
		}
		if f.codec, err = codecOf(names[2]); err != nil {
			return nil, err
		}
	}
	if len(data) < 4 {
		return nil, errShort
	}
	entries := binary.BigEndian.Uint32(data)
	data = data[4:]
	for range 2 * uint64(entries) {
		if _, data, err = cutText(data); err != nil {
			return nil, err
		}
	}
	if len(data) < syncSize {
		return nil, errShort
	}
	f.mark = append(bytes.Clone(escape), data[:syncSize]...)
	return data[syncSize:], nil
}

// cutText takes a string with its length before it off the front.
func cutText(data []byte) (text string, rest []byte, err error) {
	n, rest, err := cutVarint(data)
	if err != nil || n > int64(len(rest)) {
		return "", nil, errShort
	}
	if n < 0 {
		return "", nil, fmt.Errorf("a name of %d bytes", n)
	}
	return string(rest[:n]), rest[n:], nil
}

// schema returns the columns of the file.
func (f *file) schema() *columnar.Schema {
	s := &columnar.Schema{}
	for i, name := range []string{keyColumn, valueColumn} {
		if t := f.classes[i].typ; t.Kind != 0 {
			s.Fields = append(s.Fields, columnar.Field{Name: name, Type: t})
		}
	}
	return s
}

// find returns where the first escape at or behind an offset is; the start of the records counts as one, and so does the end of the file.
func (f *file) find(off int64) (int64, error) {
	if off <= f.first {
		return f.first, nil
	}
	for at := off; ; {
		data, err := f.win.Bytes(at, window.Size)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(data, f.mark); i >= 0 {
			return at + int64(i), nil
		}
		if at+int64(len(data)) >= f.in.Size() {
			return f.in.Size(), nil
		}
		at += int64(len(data)) - int64(len(f.mark)) + 1
	}
}
