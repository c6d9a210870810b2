package block

import (
	"math"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// Decoder reads blocks of one schema. For one goroutine at a time.
type Decoder struct {
	// MaxBytes is the most plain bytes of a block that are accepted; 0 stands for the format's limit of 1 GiB.
	MaxBytes int

	schema *columnar.Schema
	id     uint32
	nodes  int
}

// NewDecoder returns a decoder for blocks of that schema.
func NewDecoder(schema *columnar.Schema) *Decoder {
	return &Decoder{schema: schema, id: fingerprint(schema), nodes: countNodes(schema.Fields)}
}

// Schema returns the schema of the batches.
func (d *Decoder) Schema() *columnar.Schema { return d.schema }

// Decode reads the block at the beginning of src. The batch is fresh: src is not kept. Damage gives an error that matches ErrCorrupt.
func (d *Decoder) Decode(src []byte) (Header, columnar.Batch, error) { return d.decode(src, false) }

// DecodeOwned is Decode for a src that the caller gives away: the batch of a block that is not compressed is made of views of it.
func (d *Decoder) DecodeOwned(src []byte) (Header, columnar.Batch, error) {
	return d.decode(src, uintptr(unsafe.Pointer(unsafe.SliceData(src)))%8 == 0)
}

func (d *Decoder) decode(src []byte, inPlace bool) (Header, columnar.Batch, error) {
	h, err := ParseHeader(src)
	if err != nil {
		return h, columnar.Batch{}, err
	}
	if err := d.accepts(h); err != nil {
		return h, columnar.Batch{}, err
	}
	plain, err := h.payload(src)
	if err != nil {
		return h, columnar.Batch{}, err
	}
	if h.Codec != None || !inPlace {
		if plain, err = decompress(h, plain); err != nil {
			return h, columnar.Batch{}, err
		}
	}
	b, err := d.batch(h, plain)
	return h, b, err
}

func (d *Decoder) accepts(h Header) error {
	switch {
	case h.Kind != Rows:
		return h.corrupt("header", "kind is %d, want rows", h.Kind)
	case h.schema != d.id:
		return h.corrupt("header", "it was written with another schema: fingerprint %08x, want %08x", h.schema, d.id)
	case d.MaxBytes > 0 && (h.Plain > d.MaxBytes || h.Stored > d.MaxBytes):
		return h.corrupt("header", "%d bytes stored, %d plain: more than %d", h.Stored, h.Plain, d.MaxBytes)
	}
	return nil
}

// DecodeRaw returns the payload of the block at the beginning of src, which is of a kind other than rows: a view of src.
func DecodeRaw(src []byte) (Header, []byte, error) {
	h, err := ParseHeader(src)
	if err != nil {
		return h, nil, err
	}
	if h.Kind == Rows || h.Codec != None {
		return h, nil, h.corrupt("header", "kind %d and codec %s, want another kind than rows, not compressed", h.Kind, h.Codec)
	}
	payload, err := h.payload(src)
	return h, payload, err
}

// batch makes a batch of views of plain.
func (d *Decoder) batch(h Header, plain []byte) (columnar.Batch, error) {
	r := plainReader{header: h, rest: plain}
	var err error
	if r.nodes, err = r.take("columns", int64(d.nodes)); err != nil {
		return columnar.Batch{}, err
	}
	b := columnar.Batch{Schema: d.schema, Columns: make([]columnar.Column, len(d.schema.Fields)), Len: h.Rows}
	for i, f := range d.schema.Fields {
		if b.Columns[i], err = r.column(f, h.Rows); err != nil {
			return columnar.Batch{}, err
		}
	}
	if h.flags&hasTimes != 0 {
		if b.Time, err = valuesOf[int64](&r, "times", h.Rows); err != nil {
			return columnar.Batch{}, err
		}
	}
	if h.flags&hasKinds != 0 {
		if b.Kind, err = r.kinds(h.Rows); err != nil {
			return columnar.Batch{}, err
		}
	}
	if len(r.rest) > 0 {
		return columnar.Batch{}, h.corrupt("payload", "%d bytes are left over", len(r.rest))
	}
	return b, nil
}

// plainReader walks a plain payload in the order plainWriter laid it out.
type plainReader struct {
	header Header
	nodes  []byte // one a column, from the next one on
	rest   []byte
}

// take returns the next n bytes and skips their padding.
func (r *plainReader) take(part string, n int64) ([]byte, error) {
	if n > int64(len(r.rest)) || padded(int(n)) > len(r.rest) {
		return nil, r.header.corrupt(part, "%d bytes are needed, %d are left", n, len(r.rest))
	}
	out := r.rest[:n:n]
	r.rest = r.rest[padded(int(n)):]
	return out, nil
}

func valuesOf[T any](r *plainReader, part string, n int) ([]T, error) {
	raw, err := r.take(part, int64(n)*int64(unsafe.Sizeof(*new(T))))
	return viewOf[T](raw), err
}

func (r *plainReader) kinds(rows int) ([]columnar.RowKind, error) {
	kinds, err := valuesOf[columnar.RowKind](r, "row kinds", rows)
	for _, k := range kinds {
		if k > columnar.Delete {
			return nil, r.header.corrupt("row kinds", "unknown kind %d", k)
		}
	}
	return kinds, err
}

func (r *plainReader) bits(part string, n int) (columnar.Bitmap, error) {
	raw, err := r.take(part, (int64(n)+7)/8)
	return columnar.Bitmap{Bits: raw}, err
}

// column reads one column of n rows, with its children.
func (r *plainReader) column(f columnar.Field, n int) (columnar.Column, error) {
	node := r.nodes[0]
	r.nodes = r.nodes[1:]
	c := columnar.Column{Type: f.Type, Len: n}
	var err error
	if node&hasValidity != 0 {
		if c.Valid, err = r.bits(f.Name, n); err != nil {
			return c, err
		}
	}
	switch {
	case f.Type.Kind == columnar.Bool:
		c.Bits, err = r.bits(f.Name, n)
	case f.Type.IsVariable():
		if c.Offsets, err = r.offsets(f.Name, node>>widthShift&widthBits, n); err == nil {
			c.Data, err = r.take(f.Name, int64(c.Offsets[n]))
		}
	case f.Type.Kind == columnar.Struct:
		c.Children, err = r.children(f.Type.Fields, n)
	case f.Type.IsNested():
		if c.Offsets, err = r.offsets(f.Name, node>>widthShift&widthBits, n); err == nil {
			c.Children, err = r.children(f.Type.Fields, int(c.Offsets[n]))
		}
	default:
		c.Data, err = r.take(f.Name, int64(n)*int64(f.Type.ByteWidth()))
	}
	return c, err
}

func (r *plainReader) children(fields []columnar.Field, n int) ([]columnar.Column, error) {
	children := make([]columnar.Column, len(fields))
	for k, f := range fields {
		var err error
		if children[k], err = r.column(f, n); err != nil {
			return nil, err
		}
	}
	return children, nil
}

// offsets reads n lengths and sums them up into n+1 offsets.
func (r *plainReader) offsets(part string, code uint8, n int) ([]int32, error) {
	switch code {
	case 0:
		return sumLengths[uint8](r, part, n)
	case 1:
		return sumLengths[uint16](r, part, n)
	case 2:
		return sumLengths[uint32](r, part, n)
	default:
		return nil, r.header.corrupt(part, "unknown width of lengths %d", code)
	}
}

func sumLengths[T uint8 | uint16 | uint32](r *plainReader, part string, n int) ([]int32, error) {
	lengths, err := valuesOf[T](r, part, n)
	if err != nil {
		return nil, err
	}
	offsets := make([]int32, n+1)
	sum := int64(0)
	for i, length := range lengths {
		sum += int64(length)
		offsets[i+1] = int32(sum)
	}
	// The sum cannot overflow: at most 2^28 lengths below 2^32. If its end fits, so did all before it.
	if sum > math.MaxInt32 {
		return nil, r.header.corrupt(part, "its lengths add up to %d", sum)
	}
	return offsets, nil
}
