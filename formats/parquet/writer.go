package parquet

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
)

// settings are a Format's without its type, with the defaults filled in.
type settings struct {
	codec      int32
	groupBytes int
	groupRows  int
	pageBytes  int
	err        error
}

func (f Format[T]) settings() settings {
	return settings{
		codec: codecNumbers[f.Codec], groupBytes: cmp.Or(f.RowGroupBytes, 128<<20), groupRows: cmp.Or(f.RowGroupRows, 1<<20),
		pageBytes: cmp.Or(f.PageBytes, 1<<20), err: f.Validate(),
	}
}

// Validate reports settings that make no sense and types that cannot be columns.
func (f Format[T]) Validate() error {
	err := f.Codec.Validate()
	if f.RowGroupBytes < 0 || f.RowGroupRows < 0 || f.PageBytes < 0 {
		err = errors.Join(err, errors.New("parquet: a size is negative"))
	}
	if schema := f.Schema(); schema != nil {
		_, schemaErr := elementsOf(schema)
		err = errors.Join(err, schemaErr)
	}
	return err
}

// writeRows is how many rows are moved into the columns at once.
const writeRows = columnar.DefaultRows

// writer writes a file: pages gather in memory until their row group is full.
type writer struct {
	settings
	w        io.Writer
	at       int64 // bytes written
	elements []element
	schema   *columnar.Schema
	shapes   []*shape
	columns  []*columnWriter
	rows     int // in the row group
	total    int64
	groups   []rowGroup
	packer   packer
}

func newWriter(s settings, w io.Writer, schema *columnar.Schema) (*writer, error) {
	elements, err := elementsOf(schema)
	if err = errors.Join(s.err, err); err != nil {
		return nil, err
	}
	shapes, err := shapesOf(elements)
	if err != nil {
		return nil, err
	}
	out := &writer{settings: s, w: w, elements: elements, schema: schema, shapes: shapes, packer: packer{codec: s.codec}}
	for i, c := range shapes {
		for _, leaf := range typedLeaves(c, schema.Fields[i].Type) {
			out.columns = append(out.columns, newColumnWriter(leaf.leaf, leaf.typ))
		}
	}
	return out, out.write([]byte(magic))
}

// write writes bytes of the file.
func (w *writer) write(data []byte) error {
	n, err := w.w.Write(data)
	w.at += int64(n)
	return err
}

// Write adds rows.
func (w *writer) Write(b columnar.Batch) error {
	for i := 0; i < b.Rows(); {
		n := min(b.Rows()-i, writeRows, w.groupRows-w.rows)
		if err := w.add(b.Slice(i, n)); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// add adds rows that the row group has room for.
func (w *writer) add(b columnar.Batch) error {
	rest := w.columns
	for i, s := range w.shapes {
		var err error
		if rest, err = w.shred(s, b, i, rest); err != nil {
			return fmt.Errorf("column %q: %w", s.field.Name, err)
		}
	}
	w.rows += b.Rows()
	for _, c := range w.columns {
		if c.pending() >= w.pageBytes || c.rows >= pageRows {
			if err := c.flush(&w.packer); err != nil {
				return err
			}
		}
	}
	if w.rows >= w.groupRows || w.buffered() >= w.groupBytes {
		return w.endGroup()
	}
	return nil
}

// buffered is the size of the row group before compression.
func (w *writer) buffered() int {
	n := 0
	for _, c := range w.columns {
		n += int(c.plainBytes) + c.pending()
	}
	return n
}

// endGroup writes the row group.
func (w *writer) endGroup() error {
	if w.rows == 0 {
		return nil
	}
	g := rowGroup{rows: int64(w.rows)}
	for _, c := range w.columns {
		meta, err := c.finish(w)
		if err != nil {
			return err
		}
		g.bytes += meta.uncompressed
		g.columns = append(g.columns, meta)
	}
	w.groups = append(w.groups, g)
	w.total += g.rows
	w.rows = 0
	return nil
}

// Size counts what is written and what waits, the latter as it is in memory.
func (w *writer) Size() int64 {
	n := w.at
	for _, c := range w.columns {
		n += int64(len(c.chunk) + c.pending())
	}
	return n
}

// Close writes the last row group and the footer.
func (w *writer) Close() error {
	if err := w.endGroup(); err != nil {
		return err
	}
	if err := w.writeIndexes(); err != nil {
		return err
	}
	data := encodeFooter(&footer{schema: w.elements, rows: w.total, groups: w.groups}, len(w.columns))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(data)))
	if w.packer.zstd != nil {
		if err := w.packer.zstd.Close(); err != nil {
			return err
		}
	}
	return w.write(append(data, magic...))
}
