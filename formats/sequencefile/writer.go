package sequencefile

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
)

// syncInterval is about how many bytes of records there are between two escapes: Hadoop's 100 times the size of one.
const syncInterval = 100 * (4 + syncSize)

// writer writes a file.
type writer struct {
	w           io.Writer
	at          int64
	compression Compression
	codec       Codec
	most        int
	classes     [2]class
	columns     [2]int // in the schema; -1 none
	mark        []byte
	buf         []byte // None and Record: records to be written
	synced      int64  // where the last escape is
	record      []byte

	// Block: what the next block has.
	records int64
	parts   [4][]byte
}

func newWriter(compression Compression, codec Codec, blockBytes int, out io.Writer, schema *columnar.Schema) (*writer, error) {
	classes, err := classesOf(schema)
	if err != nil {
		return nil, err
	}
	w := &writer{w: out, compression: compression, codec: codec, most: blockBytes, classes: classes}
	w.columns = [2]int{schema.Index(keyColumn), schema.Index(valueColumn)}
	w.mark = append(append([]byte{}, escape...), make([]byte, syncSize)...)
	if _, err := rand.Read(w.mark[len(escape):]); err != nil {
		return nil, err
	}
	head := []byte(magic)
	for _, c := range classes {
		head = appendText(head, classPrefix+c.name)
	}
	switch compression {
	case None:
		head = append(head, 0, 0)
	case Record:
		head = appendText(append(head, 1, 0), codecPrefix+codecClasses[codec])
	default:
		head = appendText(append(head, 1, 1), codecPrefix+codecClasses[codec])
	}
	head = append(append(head, 0, 0, 0, 0), w.mark[len(escape):]...) // no metadata
	w.synced = int64(len(head))
	return w, w.write(head)
}

func appendText(dst []byte, s string) []byte {
	return append(appendVarint(dst, int64(len(s))), s...)
}

func (w *writer) write(data []byte) error {
	n, err := w.w.Write(data)
	w.at += int64(n)
	return err
}

// Write adds rows. Nulls cannot be written.
func (w *writer) Write(b columnar.Batch) error {
	for i := range b.Rows() {
		row := b.Row(i)
		for k, c := range w.columns {
			if c >= 0 && b.Columns[c].IsNull(row) {
				return fmt.Errorf("column %q: a null, which %s cannot be", b.Schema.Fields[c].Name, w.classes[k].name)
			}
		}
		if err := w.add(b, row); err != nil {
			return err
		}
	}
	if w.compression != Block {
		return w.flush()
	}
	return nil
}

// add adds a record.
func (w *writer) add(b columnar.Batch, row int) error {
	if w.compression != Block {
		return w.addRecord(b, row)
	}
	for k, c := range w.columns {
		from := len(w.parts[2*k+1])
		if c >= 0 {
			w.parts[2*k+1] = w.classes[k].append(w.parts[2*k+1], &b.Columns[c], row)
		}
		w.parts[2*k] = appendVarint(w.parts[2*k], int64(len(w.parts[2*k+1])-from))
	}
	w.records++
	if len(w.parts[1])+len(w.parts[3]) >= w.most {
		return w.flushBlock()
	}
	return nil
}

func (w *writer) addRecord(b columnar.Batch, row int) error {
	if w.at+int64(len(w.buf)) >= w.synced+syncInterval {
		w.synced = w.at + int64(len(w.buf))
		w.buf = append(w.buf, w.mark...)
	}
	from := len(w.buf)
	w.buf = append(w.buf, 0, 0, 0, 0, 0, 0, 0, 0)
	if c := w.columns[0]; c >= 0 {
		w.buf = w.classes[0].append(w.buf, &b.Columns[c], row)
	}
	key := len(w.buf) - from - 8
	w.record = w.record[:0]
	if c := w.columns[1]; c >= 0 {
		w.record = w.classes[1].append(w.record, &b.Columns[c], row)
	}
	if w.compression == Record {
		var err error
		if w.buf, err = w.codec.pack(w.buf, w.record); err != nil {
			return err
		}
	} else {
		w.buf = append(w.buf, w.record...)
	}
	binary.BigEndian.PutUint32(w.buf[from:], uint32(len(w.buf)-from-8))
	binary.BigEndian.PutUint32(w.buf[from+4:], uint32(key))
	if len(w.buf) >= 1<<20 {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	err := w.write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *writer) flushBlock() error {
	if w.records == 0 {
		return nil
	}
	w.buf = appendVarint(append(w.buf[:0], w.mark...), w.records)
	for k := range w.parts {
		packed, err := w.codec.pack(w.record[:0], w.parts[k])
		if err != nil {
			return err
		}
		w.buf = append(appendVarint(w.buf, int64(len(packed))), packed...)
		w.record, w.parts[k] = packed, w.parts[k][:0]
	}
	w.records = 0
	return w.flush()
}

// Size counts what is written and what waits.
func (w *writer) Size() int64 {
	return w.at + int64(len(w.buf)+len(w.parts[1])+len(w.parts[3]))
}

// Close writes the last block.
func (w *writer) Close() error {
	if w.compression == Block {
		return w.flushBlock()
	}
	return w.flush()
}
