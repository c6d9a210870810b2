package codec

import (
	"slices"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// decodeBytesAtOnce bounds the memory of the values that are filled column by column, so that it stays in the first-level cache.
const decodeBytesAtOnce = 32 << 10

// Decoder turns batches of one schema into values of T. It keeps nothing between calls.
type Decoder[T any] struct {
	parts  []part // nil when T is columnar.Row
	schema *columnar.Schema
	chunk  int  // values to fill at once
	holes  bool // values have fields that no column fills
	rows   bool // T is columnar.Row
}

// Decoder returns a decoder of batches with the schema from. Columns are matched by name, but a T that is not a struct takes the only
// column whatever its name. The error lists each field without a column, and each whose column has a type that does not fit.
func (c *Codec[T]) Decoder(from *columnar.Schema) (*Decoder[T], error) {
	if c.layout == nil {
		return &Decoder[T]{schema: from, rows: true}, nil
	}
	parts, err := c.layout.bind(from)
	if err != nil {
		return nil, err
	}
	var zero T
	size := max(1, int(unsafe.Sizeof(zero)))
	return &Decoder[T]{parts: parts, schema: from, chunk: max(64, decodeBytesAtOnce/size), holes: c.layout.holes}, nil
}

// Decode returns the rows of b that count, in dst's memory when that is large enough; what dst held is overwritten. Strings and []byte
// alias the column's bytes; pointers, slices and maps are made for this batch. It allocates per batch at most, but for maps and
// columnar.Row.
func (d *Decoder[T]) Decode(b columnar.Batch, dst []T) ([]T, error) {
	n := b.Rows()
	dst = slices.Grow(dst[:0], n)[:n]
	if n == 0 {
		return dst, nil
	}
	if d.holes {
		clear(dst)
	}
	rows := span{n: n, sel: b.Sel}
	to := strided{base: unsafe.Pointer(unsafe.SliceData(dst)), stride: unsafe.Sizeof(dst[0]), n: n}
	if d.rows {
		decodeRows(d.schema, b.Columns, rows, to)
		return dst, nil
	}
	return dst, d.fill(b.Columns, rows, to)
}

// fill decodes column by column: over a chunk of values that fits the cache, or over all where a column allocates for its values.
func (d *Decoder[T]) fill(columns []columnar.Column, rows span, to strided) error {
	for i := range d.parts {
		p := &d.parts[i]
		if !p.slab {
			continue
		}
		if err := p.decode(&columns[p.index], rows, to.field(p.offset)); err != nil {
			return err
		}
	}
	for at := 0; at < to.n; at += d.chunk {
		n := min(d.chunk, to.n-at)
		for i := range d.parts {
			p := &d.parts[i]
			if p.slab {
				continue
			}
			if err := p.decode(&columns[p.index], rows.slice(at, n), to.field(p.offset).slice(at, n)); err != nil {
				return err
			}
		}
	}
	return nil
}
