package avro

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
)

// defaultBlock is the size of blocks before compression: large enough to compress well and small enough to begin often.
const defaultBlock = 256 << 10

// writer writes a container file, a block when it is full.
type writer struct {
	w       io.Writer
	at      int64
	schema  *columnar.Schema
	fields  []appends
	packing packing
	sync    [syncSize]byte
	most    int
	buf     []byte
	records int64
}

func newWriter(codec Codec, blockBytes int, out io.Writer, schema *columnar.Schema) (*writer, error) {
	if err := codec.Validate(); err != nil {
		return nil, err
	}
	text, err := schemaText(schema)
	if err != nil {
		return nil, err
	}
	w := &writer{w: out, schema: schema, packing: packing{codec: cmp.Or(codec, Snappy)}, most: cmp.Or(blockBytes, defaultBlock)}
	for _, f := range schema.Fields {
		w.fields = append(w.fields, appender(f))
	}
	if _, err := rand.Read(w.sync[:]); err != nil {
		return nil, err
	}
	head := append([]byte(magic), 4) // two entries
	for _, s := range []string{"avro.schema", string(text), "avro.codec", string(w.packing.codec)} {
		head = append(binary.AppendVarint(head, int64(len(s))), s...)
	}
	return w, w.write(append(append(head, 0), w.sync[:]...))
}

func (w *writer) write(data []byte) error {
	n, err := w.w.Write(data)
	w.at += int64(n)
	return err
}

// Write adds rows.
func (w *writer) Write(b columnar.Batch) error {
	for i := range b.Rows() {
		row := b.Row(i)
		for k, f := range w.fields {
			var err error
			if w.buf, err = f(w.buf, &b.Columns[k], row); err != nil {
				return fmt.Errorf("column %q: %w", w.schema.Fields[k].Name, err)
			}
		}
		w.records++
		if len(w.buf) >= w.most {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes a block.
func (w *writer) flush() error {
	if w.records == 0 {
		return nil
	}
	packed, err := w.packing.pack(w.buf)
	if err != nil {
		return err
	}
	head := binary.AppendVarint(binary.AppendVarint(nil, w.records), int64(len(packed)))
	w.records, w.buf = 0, w.buf[:0]
	for _, part := range [][]byte{head, packed, w.sync[:]} {
		if err := w.write(part); err != nil {
			return err
		}
	}
	return nil
}

// Size counts what is written and what waits.
func (w *writer) Size() int64 { return w.at + int64(len(w.buf)) }

// Close writes the last block.
func (w *writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.packing.close()
}
