package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// The encoding of a row of columns as a cell. Columns that are structs stand for their fields, from left to right:
//
//	null mask  one bit for each nullable column or struct, least significant first, set when null; whole bytes
//	slots      for each column its value in its width, little endian; a bool in a byte; of strings, binaries, lists and maps the length, 4 bytes.
//	           Zeros under null
//	tail       the bytes of strings, binaries, lists and maps one behind the other
//
// The bytes of a list or map are the number of its items, then for each a length and a cell of the item's one column or the entry's two, numbers
// as uvarints. So a row of fixed widths is a cell of a fixed size, and a Go struct of numbers is copied into it field by field.

// ErrCorrupt is what errors about bytes match that are not the encoding of a row of the columns.
var ErrCorrupt = errors.New("not a row of these columns")

// Coder makes cells of rows of columns, and rows of cells. It is immutable.
type Coder struct {
	fields []columnar.Field
	nodes  []node
	mask   int  // bytes of the null mask
	fixed  int  // bytes of mask and slots
	tail   bool // there are columns of varying length
	key    bool // floats are canonical
}

// node is a column, or a field of a struct.
type node struct {
	kind     columnar.Kind
	bit      int // in the null mask, -1 when not nullable
	slot     int // position in the cell; of a struct, where its fields begin
	width    int // bytes of the slot
	variable bool
	local    bool // a timestamp without a zone
	name     string
	children []node // of a struct
	item     *Coder // of a list or map
}

// NewCoder returns the coder of rows of those fields.
func NewCoder(fields []columnar.Field) *Coder { return newCoder(fields, false) }

// NewKeyCoder returns the coder of keys of those fields: of equal keys the cells are equal, -0.0 being 0.0 and any NaN the one, as package
// columnar/keys has it.
func NewKeyCoder(fields []columnar.Field) *Coder { return newCoder(fields, true) }

func newCoder(fields []columnar.Field, key bool) *Coder {
	c := &Coder{fields: fields, key: key}
	bits := countNullable(fields)
	c.mask = (bits + 7) / 8
	c.fixed = c.mask
	bit := 0
	c.nodes = c.place(fields, &bit)
	return c
}

func countNullable(fields []columnar.Field) int {
	n := 0
	for _, f := range fields {
		if f.Nullable {
			n++
		}
		if f.Type.Kind == columnar.Struct {
			n += countNullable(f.Type.Fields)
		}
	}
	return n
}

// place gives the fields their bits and slots.
func (c *Coder) place(fields []columnar.Field, bit *int) []node {
	nodes := make([]node, len(fields))
	for i, f := range fields {
		n := node{kind: f.Type.Kind, bit: -1, slot: c.fixed, name: f.Name, local: !f.Type.UTC}
		if f.Nullable {
			n.bit = *bit
			*bit++
		}
		switch {
		case n.kind == columnar.Struct:
			n.children = c.place(f.Type.Fields, bit)
			n.width = c.fixed - n.slot
			nodes[i] = n
			continue
		case n.kind == columnar.Bool:
			n.width = 1
		case f.Type.IsVariable():
			n.width, n.variable = 4, true
		case n.kind == columnar.List || n.kind == columnar.Map:
			n.width, n.variable, n.item = 4, true, newCoder(f.Type.Fields, c.key)
		default:
			n.width = f.Type.ByteWidth()
		}
		c.tail = c.tail || n.variable
		c.fixed += n.width
		nodes[i] = n
	}
	return nodes
}

// Fields returns the columns that rows consist of.
func (c *Coder) Fields() []columnar.Field { return c.fields }

// Fixed returns the size of every cell, or ok false when it varies; size is then the least.
func (c *Coder) Fixed() (size int, ok bool) { return c.fixed, !c.tail }

// Check returns an error when the columns are not of the coder's types.
func (c *Coder) Check(cols []columnar.Column) error {
	if len(cols) != len(c.fields) {
		return fmt.Errorf("%d columns where there should be %d", len(cols), len(c.fields))
	}
	for i := range cols {
		if cols[i].Type.Kind != c.fields[i].Type.Kind || !cols[i].Type.Equal(c.fields[i].Type) {
			return fmt.Errorf("column %q is %s, not %s", c.fields[i].Name, cols[i].Type, c.fields[i].Type)
		}
	}
	return nil
}

// Append adds the cell of a row of the columns, which must have the coder's types. Of a column that is not nullable a null is as a zero
// value.
func (c *Coder) Append(dst []byte, cols []columnar.Column, row int) []byte {
	at := len(dst)
	dst = append(dst, zeros[:min(c.fixed, len(zeros))]...)
	for len(dst)-at < c.fixed {
		dst = append(dst, 0)
	}
	for i := range c.nodes {
		dst = c.append(dst, at, &c.nodes[i], &cols[i], row)
	}
	return dst
}

var zeros [256]byte

// append writes one column of a row whose cell begins at at.
func (c *Coder) append(dst []byte, at int, n *node, col *columnar.Column, row int) []byte {
	if col.IsNull(row) {
		if n.bit >= 0 {
			dst[at+n.bit/8] |= 1 << (n.bit % 8)
		}
		return dst
	}
	slot := dst[at+n.slot : at+n.slot+n.width]
	switch n.kind {
	case columnar.Bool:
		if col.Bits.Get(row) {
			slot[0] = 1
		}
	case columnar.String, columnar.Binary:
		v := col.Bytes(row)
		binary.LittleEndian.PutUint32(slot, uint32(len(v)))
		return append(dst, v...)
	case columnar.List, columnar.Map:
		from := len(dst)
		dst = n.item.appendItems(dst, col, row)
		binary.LittleEndian.PutUint32(dst[at+n.slot:], uint32(len(dst)-from))
	case columnar.Struct:
		for k := range n.children {
			dst = c.append(dst, at, &n.children[k], &col.Children[k], row)
		}
	default:
		copy(slot, col.FixedBytes(row))
		if c.key {
			canonical(n.kind, slot)
		}
	}
	return dst
}

// canonical makes equal floats the same bytes.
func canonical(kind columnar.Kind, p []byte) {
	switch kind {
	case columnar.Float32:
		switch v := math.Float32frombits(binary.LittleEndian.Uint32(p)); {
		case v == 0:
			clear(p)
		case v != v:
			binary.LittleEndian.PutUint32(p, 0x7fc00000)
		}
	case columnar.Float64:
		switch v := math.Float64frombits(binary.LittleEndian.Uint64(p)); {
		case v == 0:
			clear(p)
		case v != v:
			binary.LittleEndian.PutUint64(p, 0x7ff8000000000000)
		}
	default: // equal values are equal bytes
	}
}

// appendItems adds the items of a list or map.
func (c *Coder) appendItems(dst []byte, col *columnar.Column, row int) []byte {
	lo, hi := int(col.Offsets[row]), int(col.Offsets[row+1])
	dst = binary.AppendUvarint(dst, uint64(hi-lo))
	var cell []byte
	for item := lo; item < hi; item++ {
		cell = c.Append(cell[:0], col.Children, item)
		dst = binary.AppendUvarint(dst, uint64(len(cell)))
		dst = append(dst, cell...)
	}
	return dst
}

// Encode returns the cells of n rows in r's memory: rows sel[0] to sel[n-1] of the columns, or the first n when sel is nil.
func (c *Coder) Encode(cols []columnar.Column, sel []int32, n int, r *Cellar) {
	r.n, r.stride = n, 0
	if c.tail || c.fixed == 0 || n == 0 {
		c.encodeRows(cols, sel, n, r)
		return
	}
	r.stride = c.fixed
	size := n * c.fixed
	if cap(r.data) < size {
		r.data = make([]byte, size+size/4)
	}
	r.data = r.data[:size]
	if c.mask > 0 || !c.encodePlain(cols, sel, n, r.data) {
		r.data = r.data[:0]
		for i := range n {
			r.data = c.Append(r.data, cols, rowAt(sel, i))
		}
	}
}

func (c *Coder) encodeRows(cols []columnar.Column, sel []int32, n int, r *Cellar) {
	r.data, r.ends = r.data[:0], r.ends[:0]
	for i := range n {
		r.data = c.Append(r.data, cols, rowAt(sel, i))
		r.ends = append(r.ends, len(r.data))
	}
}

// encodePlain encodes a column at a time what is fixed widths only, and returns false, and nothing of use, when there is something else.
func (c *Coder) encodePlain(cols []columnar.Column, sel []int32, n int, data []byte) bool {
	for k := range c.nodes {
		node, col := &c.nodes[k], &cols[k]
		if node.kind == columnar.Bool || node.kind == columnar.Struct || col.HasNulls() || c.key && col.Type.IsFloat() {
			return false
		}
		scatter(data[node.slot:], c.fixed, col.Data, node.width, sel, n)
	}
	return true
}

// scatter copies n values of a width to places stride bytes apart.
func scatter(dst []byte, stride int, src []byte, width int, sel []int32, n int) {
	switch {
	case width == stride && sel == nil:
		copy(dst, src[:n*width])
	case width == 8:
		for i := range n {
			binary.LittleEndian.PutUint64(dst[i*stride:], binary.LittleEndian.Uint64(src[rowAt(sel, i)*8:]))
		}
	case width == 16:
		for i := range n {
			r := rowAt(sel, i) * 16
			*(*[16]byte)(dst[i*stride:]) = *(*[16]byte)(src[r:])
		}
	default:
		for i := range n {
			r := rowAt(sel, i) * width
			copy(dst[i*stride:i*stride+width], src[r:r+width])
		}
	}
}

func rowAt(sel []int32, i int) int {
	if sel != nil {
		return int(sel[i])
	}
	return i
}

// Cellar is cells one behind the other, as [Coder.Encode] makes them.
type Cellar struct {
	data   []byte
	n      int
	stride int   // of all cells, 0: ends has their ends
	ends   []int // positions in data
}

// Len returns the number of cells.
func (r *Cellar) Len() int { return r.n }

// At returns cell i, valid until the next Encode.
func (r *Cellar) At(i int) []byte {
	if r.stride > 0 {
		at := i * r.stride
		return r.data[at : at+r.stride : at+r.stride]
	}
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.data[from:r.ends[i]:r.ends[i]]
}

// Decode adds the row of a cell to a builder for each column. After an error, which matches ErrCorrupt, the builders are worthless.
func (c *Coder) Decode(cell []byte, into []*columnar.Builder) error {
	if len(cell) < c.fixed {
		return fmt.Errorf("%w: %d bytes of at least %d", ErrCorrupt, len(cell), c.fixed)
	}
	tail := cell[c.fixed:]
	var err error
	for i := range c.nodes {
		if tail, err = c.decode(cell, tail, &c.nodes[i], into[i]); err != nil {
			return err
		}
	}
	if len(tail) != 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(tail))
	}
	return nil
}

// decode adds one column's value and returns what is left of the tail.
func (c *Coder) decode(cell, tail []byte, n *node, b *columnar.Builder) ([]byte, error) {
	if n.bit >= 0 && cell[n.bit/8]>>(n.bit%8)&1 != 0 {
		b.AppendNulls(1)
		return tail, nil
	}
	slot := cell[n.slot : n.slot+n.width]
	if n.variable {
		size := int(binary.LittleEndian.Uint32(slot))
		if size > len(tail) {
			return nil, fmt.Errorf("%w: column %q has %d bytes where %d are left", ErrCorrupt, n.name, size, len(tail))
		}
		if n.item == nil {
			b.AppendBytes(tail[:size])
		} else if err := n.item.decodeItems(tail[:size], b); err != nil {
			return nil, fmt.Errorf("column %q: %w", n.name, err)
		}
		return tail[size:], nil
	}
	if n.kind != columnar.Struct {
		appendFixed(b, n.kind, slot)
		return tail, nil
	}
	for k := range n.children {
		var err error
		if tail, err = c.decode(cell, tail, &n.children[k], b.Child(k)); err != nil {
			return nil, err
		}
	}
	b.CloseNested()
	return tail, nil
}

// appendFixed adds a value of a fixed width, given little endian.
func appendFixed(b *columnar.Builder, kind columnar.Kind, p []byte) {
	switch {
	case kind == columnar.Bool:
		b.AppendBool(p[0] != 0)
	case kind == columnar.FixedBinary:
		b.AppendBytes(p)
	case len(p) == 1:
		columnar.AppendFixed(b, p[0])
	case len(p) == 2:
		columnar.AppendFixed(b, binary.LittleEndian.Uint16(p))
	case len(p) == 4:
		columnar.AppendFixed(b, binary.LittleEndian.Uint32(p))
	case len(p) == 8:
		columnar.AppendFixed(b, binary.LittleEndian.Uint64(p))
	default:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: binary.LittleEndian.Uint64(p), Hi: int64(binary.LittleEndian.Uint64(p[8:]))})
	}
}

func (c *Coder) decodeItems(p []byte, b *columnar.Builder) error {
	items, w := binary.Uvarint(p)
	if w <= 0 {
		return fmt.Errorf("%w: a list without length", ErrCorrupt)
	}
	p = p[w:]
	children := make([]*columnar.Builder, len(c.fields))
	for k := range children {
		children[k] = b.Child(k)
	}
	for range items {
		size, w := binary.Uvarint(p)
		if w <= 0 || size > uint64(len(p)-w) {
			return fmt.Errorf("%w: an item passes its list", ErrCorrupt)
		}
		if err := c.Decode(p[w:w+int(size)], children); err != nil {
			return err
		}
		p = p[w+int(size):]
	}
	if len(p) != 0 {
		return fmt.Errorf("%w: %d bytes behind a list", ErrCorrupt, len(p))
	}
	b.CloseNested()
	return nil
}

// Columns returns one row of columns made of a cell.
func (c *Coder) Columns(cell []byte) ([]columnar.Column, error) {
	into := make([]*columnar.Builder, len(c.fields))
	for i, f := range c.fields {
		into[i] = columnar.NewBuilder(f.Type, 1)
	}
	if err := c.Decode(cell, into); err != nil {
		return nil, err
	}
	cols := make([]columnar.Column, len(into))
	for i, b := range into {
		cols[i] = b.Finish()
	}
	return cols, nil
}

// Size returns how many of the bytes of p are a cell, of which p begins with one: cells tell their own length.
func (c *Coder) Size(p []byte) (int, error) {
	size := c.fixed
	if len(p) >= size && c.tail {
		size += c.tailSize(p, c.nodes)
	}
	if size > len(p) {
		return 0, fmt.Errorf("%w: %d bytes of %d", ErrCorrupt, len(p), size)
	}
	return size, nil
}

func (c *Coder) tailSize(p []byte, nodes []node) int {
	size := 0
	for i := range nodes {
		switch n := &nodes[i]; {
		case n.variable:
			size += int(binary.LittleEndian.Uint32(p[n.slot:]))
		case n.kind == columnar.Struct:
			size += c.tailSize(p, n.children)
		}
	}
	return size
}
