package avro

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/avro"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/window"
)

const (
	magic    = "Obj\x01"
	syncSize = 16
	// maxHeader bounds the header: schemas are text, some of them long.
	maxHeader = 64 << 20
)

// file is a container file whose header has been read.
type file struct {
	in    formats.Input
	win   window.Window
	root  *avro.SchemaNode
	codec Codec
	sync  []byte
	first int64 // where the first block begins
}

// open reads a file's header.
func open(in formats.Input) (*file, error) {
	f := &file{in: in, win: window.New(in)}
	if err := f.readHeader(); err != nil {
		return nil, fmt.Errorf("reading the Avro header of %s: %w", in.Name(), err)
	}
	return f, nil
}

func (f *file) readHeader() error {
	for n := int64(64 << 10); ; n *= 8 {
		data, err := f.win.Bytes(0, n)
		if err != nil {
			return err
		}
		if len(data) < len(magic) || string(data[:len(magic)]) != magic {
			return errors.New("it does not begin as an Avro container file does")
		}
		d := &decoder{data: data, pos: len(magic)}
		meta := d.metadata()
		f.sync = bytes.Clone(d.take(syncSize))
		f.first = int64(d.pos)
		switch {
		case d.err == nil:
			return f.describe(meta)
		case !errors.Is(d.err, errEnd) || int64(len(data)) < n || n > maxHeader:
			return d.err
		}
	}
}

// metadata reads the header's map.
func (d *decoder) metadata() map[string][]byte {
	meta := map[string][]byte{}
	for n := d.count(); n > 0; n = d.count() {
		for range n {
			key := string(d.bytes())
			meta[key] = bytes.Clone(d.bytes())
			if d.err != nil {
				return nil
			}
		}
	}
	return meta
}

func (f *file) describe(meta map[string][]byte) error {
	f.codec = Codec(meta["avro.codec"])
	if f.codec == "" {
		f.codec = Uncompressed
	}
	if err := f.codec.canRead(); err != nil {
		return err
	}
	schema, err := avro.Parse(string(meta["avro.schema"]))
	if err != nil {
		return fmt.Errorf("its schema: %w", err)
	}
	f.root = schema.Root()
	return nil
}

// schema returns the columns of the file.
func (f *file) schema() (*columnar.Schema, error) {
	names := newNames(f.root)
	if f.root.Type != "record" {
		field, err := names.field("value", f.root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.in.Name(), err)
		}
		return columnar.NewSchema(field), nil
	}
	s := &columnar.Schema{}
	for i := range f.root.Fields {
		field, err := names.field(f.root.Fields[i].Name, &f.root.Fields[i].Type)
		if err != nil {
			return nil, fmt.Errorf("%s: field %q: %w", f.in.Name(), f.root.Fields[i].Name, err)
		}
		s.Fields = append(s.Fields, field)
	}
	return s, nil
}

// block is one block of a file.
type block struct {
	at, end int64 // in the file; end is where the next begins
	records int64
	data    []byte // compressed
}

// next reads the block at an offset. The file's end is io.EOF.
func (f *file) next(at int64) (block, error) {
	if at >= f.in.Size() {
		return block{}, io.EOF
	}
	head, err := f.win.Bytes(at, 20) // two varints at most
	if err != nil {
		return block{}, err
	}
	d := &decoder{data: head}
	b := block{at: at, records: d.long()}
	size := d.long()
	if d.err != nil {
		return b, fmt.Errorf("block at %d: %w", at, d.err)
	}
	from := at + int64(d.pos)
	if size < 0 || b.records < 0 || size > f.in.Size()-from-syncSize {
		return b, fmt.Errorf("block at %d: %d records in %d bytes, with %d bytes left of the file: it is damaged or cut off", at, b.records, size, f.in.Size()-from)
	}
	data, err := f.win.Bytes(from, size+syncSize)
	if err != nil {
		return b, err
	}
	if !bytes.Equal(data[size:], f.sync) {
		return b, fmt.Errorf("block at %d: it does not end in the file's sync marker: the file is damaged", at)
	}
	b.data, b.end = data[:size], from+size+syncSize
	return b, nil
}

// find returns where the first block at or behind an offset begins, and the file's size when there is none.
func (f *file) find(off int64) (int64, error) {
	if off <= f.first {
		return f.first, nil
	}
	for at := off - syncSize; ; {
		data, err := f.win.Bytes(at, window.Size)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(data, f.sync); i >= 0 {
			return at + int64(i) + syncSize, nil
		}
		if at+int64(len(data)) >= f.in.Size() {
			return f.in.Size(), nil
		}
		at += int64(len(data)) - syncSize + 1
	}
}
