package columnar

import (
	"fmt"
	"math"
	"unsafe"
)

// Builder grows one column by rows of others or by values. Finish hands the buffers over; a Builder never reuses them.
type Builder struct {
	Type     Type
	n        int
	hint     int        // rows to make room for when buffers are allocated
	valid    []byte     // nil while there is no null
	bits     []byte     // Bool
	data     []byte     // fixed width
	text     TextBuffer // String, Binary
	offsets  []int32    // List, Map; nil before the first row
	children []*Builder
}

// NewBuilder returns an empty builder with room for about rows rows.
func NewBuilder(t Type, rows int) *Builder {
	b := &Builder{Type: t, hint: rows, text: TextBuffer{hintRows: rows}}
	for _, f := range t.Fields {
		b.children = append(b.children, NewBuilder(f.Type, rows))
	}
	return b
}

func (b *Builder) isList() bool { return b.Type.Kind == List || b.Type.Kind == Map }

// openList makes the offsets of lists begin.
func (b *Builder) openList() {
	if b.offsets == nil {
		b.offsets = make([]int32, 1, b.hint+1)
	}
}

// alignedBytes returns n zero bytes that begin at a multiple of 8, so that they may be viewed as values of any width.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:n]
}

// extend adds n bytes to data, which stays aligned, and returns them, unspecified in content.
func (b *Builder) extend(n int) []byte {
	at := len(b.data)
	if at+n > cap(b.data) {
		b.growData(n)
	}
	b.data = b.data[:at+n]
	return b.data[at:]
}

// growData makes room for n more bytes.
//
//go:noinline
func (b *Builder) growData(n int) {
	next := Unspecified(max(2*cap(b.data), len(b.data)+n, b.hint*b.Type.ByteWidth(), 64))
	copy(next, b.data)
	b.data = next[:len(b.data)]
}

// Len returns the number of rows so far.
func (b *Builder) Len() int { return b.n }

// Size returns the bytes of the rows so far.
func (b *Builder) Size() int {
	size := len(b.data) + len(b.valid) + len(b.bits) + 4*len(b.offsets)
	if b.Type.IsVariable() {
		size += b.text.Size()
	}
	for _, c := range b.children {
		size += c.Size()
	}
	return size
}

// Append adds the rows of c at the positions sel, all of them when sel is nil. A position of -1 adds a null. The types must be equal up
// to names. It panics when a variable-width column would pass 2 GiB: callers bound batches by bytes long before.
func (b *Builder) Append(c Column, sel []int32) {
	if sel == nil {
		b.AppendRange(c, 0, c.Len)
		return
	}
	b.appendValidity(c, sel)
	switch {
	case b.Type.Kind == Bool:
		b.appendBoolRows(c, sel)
	case b.Type.IsVariable():
		b.appendTextRows(c, sel)
	case b.isList():
		b.appendListRows(c, sel)
	case b.Type.Kind == Struct:
		for k, child := range b.children {
			child.Append(c.Children[k], sel)
		}
	default:
		w := b.Type.ByteWidth()
		gatherFixed(b.extend(len(sel)*w), c.Data, w, sel)
	}
	b.n += len(sel)
}

// AppendRange adds the n rows of c from row from on.
func (b *Builder) AppendRange(c Column, from, n int) {
	if n == 0 {
		return
	}
	if c.Valid.Bits != nil || b.valid != nil {
		b.needValid()
		b.valid = appendBits(b.valid, b.n, c.Valid, from, n)
	}
	switch {
	case b.Type.Kind == Bool:
		b.bits = appendBits(b.bits, b.n, c.Bits, from, n)
	case b.Type.IsVariable():
		b.checkRoom(b.text.end, int(c.Offsets[from+n]-c.Offsets[from]))
		b.text.appendRange(&c, from, n)
	case b.isList():
		b.appendListRange(c, from, n)
	case b.Type.Kind == Struct:
		for k, child := range b.children {
			child.AppendRange(c.Children[k], from, n)
		}
	default:
		w := b.Type.ByteWidth()
		copy(b.extend(n*w), c.Data[from*w:(from+n)*w])
	}
	b.n += n
}

func (b *Builder) appendListRange(c Column, from, n int) {
	b.openList()
	lo, hi := c.Offsets[from], c.Offsets[from+n]
	end := b.offsets[b.n]
	b.checkRoom(int(end), int(hi-lo))
	b.offsets = appendShifted(b.offsets, c.Offsets[from+1:from+n+1], end-lo)
	for k, child := range b.children {
		child.AppendRange(c.Children[k], int(lo), int(hi-lo))
	}
}

// checkRoom panics when a column that ends at end has no room for more.
func (b *Builder) checkRoom(end, more int) {
	if end+more > math.MaxInt32 {
		panic(fmt.Sprintf("columnar: a column of %s passes 2 GiB at row %d", b.Type, b.n))
	}
}

// needValid makes the validity bitmap explicit.
func (b *Builder) needValid() {
	if b.valid == nil {
		b.valid = appendBits(make([]byte, 0, (b.n+64)/8), 0, Bitmap{}, 0, b.n)
	}
}

func (b *Builder) appendValidity(c Column, sel []int32) {
	nulls := c.Valid.Bits != nil
	for _, r := range sel {
		if r < 0 {
			nulls = true
			break
		}
	}
	if !nulls && b.valid == nil {
		return
	}
	b.needValid()
	b.valid = appendBits(b.valid, b.n, Bitmap{}, 0, len(sel))
	for i, r := range sel {
		if r < 0 || c.IsNull(int(r)) {
			Bitmap{Bits: b.valid}.Clear(b.n + i)
		}
	}
}

func (b *Builder) appendBoolRows(c Column, sel []int32) {
	for need := (b.n + len(sel) + 7) / 8; len(b.bits) < need; {
		b.bits = append(b.bits, 0)
	}
	out := Bitmap{Bits: b.bits}
	for i, r := range sel {
		if r >= 0 && c.Bits.Get(int(r)) {
			out.Set(b.n + i)
		}
	}
}

func (b *Builder) appendTextRows(c Column, sel []int32) {
	if len(c.Offsets) == 0 || c.Offsets[0] == c.Offsets[c.Len] { // all are empty
		b.text.appendEmpty(len(sel))
		return
	}
	total := 0
	for _, r := range sel {
		if r >= 0 {
			total += int(c.Offsets[r+1] - c.Offsets[r])
		}
	}
	b.checkRoom(b.text.end, total)
	b.text.appendRows(&c, sel, total)
}

func (b *Builder) appendListRows(c Column, sel []int32) {
	b.openList()
	end := b.offsets[b.n]
	for _, r := range sel {
		if r >= 0 {
			lo, n := int(c.Offsets[r]), int(c.Offsets[r+1]-c.Offsets[r])
			b.checkRoom(int(end), n)
			for k, child := range b.children {
				child.AppendRange(c.Children[k], lo, n)
			}
			end += int32(n)
		}
		b.offsets = append(b.offsets, end)
	}
}

// AppendNulls adds n nulls.
func (b *Builder) AppendNulls(n int) {
	b.needValid()
	b.valid = appendClear(b.valid, b.n+n)
	switch {
	case b.Type.Kind == Bool:
		b.bits = appendClear(b.bits, b.n+n)
	case b.Type.IsVariable():
		b.text.appendEmpty(n)
	case b.isList():
		b.openList()
		for range n {
			b.offsets = append(b.offsets, b.offsets[b.n])
		}
	case b.Type.Kind == Struct:
		for _, child := range b.children {
			child.AppendNulls(n)
		}
	default:
		clear(b.extend(n * b.Type.ByteWidth()))
	}
	b.n += n
}

// Extend adds n values to a fixed-width column and returns them, unspecified in content, for the caller to set before b is used again. T
// must have the column's width.
func Extend[T Fixed](b *Builder, n int) []T {
	if n == 0 {
		return nil
	}
	if b.valid != nil {
		b.valid = appendBits(b.valid, b.n, Bitmap{}, 0, n)
	}
	b.n += n
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.extend(n*int(unsafe.Sizeof(zero)))))), n)
}

// AppendFixed adds one value to a fixed-width column; T must have the column's width.
func AppendFixed[T Fixed](b *Builder, v T) {
	at, width := len(b.data), int(unsafe.Sizeof(v))
	if at+width > cap(b.data) {
		b.growData(width)
	}
	b.data = b.data[:at+width]
	*(*T)(unsafe.Pointer(&b.data[at])) = v
	b.validRow()
}

// AppendBool adds one bool.
func (b *Builder) AppendBool(v bool) {
	if b.n&7 == 0 {
		b.bits = append(b.bits, 0)
	}
	Bitmap{Bits: b.bits}.SetTo(b.n, v)
	b.validRow()
}

// AppendBytes adds one value to a string, binary or fixed-binary column.
func (b *Builder) AppendBytes(v []byte) {
	if b.Type.Kind != FixedBinary {
		b.AppendString(unsafe.String(unsafe.SliceData(v), len(v)))
		return
	}
	copy(b.extend(int(b.Type.Width)), v)
	b.validRow()
}

// AppendString adds one value to a string or binary column.
func (b *Builder) AppendString(v string) {
	if !b.text.AppendShort(v) {
		b.checkRoom(b.text.end, len(v))
		b.text.appendAny(v)
	}
	b.validRow()
}

// Lend tells a builder of strings or binaries where values may come from that are appended one by one: buffers of columns, which nobody will write to
// again. Values that lie in one of them, one behind the other, are not copied: the column that Finish returns is made of that part of the buffer, if it is
// half of it at least. What was lent before is forgotten.
func (b *Builder) Lend(buffers [][]byte) { b.text.Lend(buffers) }

// Child returns the builder of child k. Values appended to it belong to the list, map or struct that the next call of CloseNested ends.
func (b *Builder) Child(k int) *Builder { return b.children[k] }

// CloseNested ends one list, map or struct made of what was appended to the children since the last one.
func (b *Builder) CloseNested() {
	if b.isList() {
		b.openList()
		b.offsets = append(b.offsets, int32(b.children[0].n))
	}
	b.validRow()
}

// validRow counts the row just added as not null.
func (b *Builder) validRow() {
	if b.valid != nil {
		if b.n&7 == 0 {
			b.valid = append(b.valid, 0)
		}
		Bitmap{Bits: b.valid}.Set(b.n)
	}
	b.n++
}

// Finish returns the column built and empties the builder.
func (b *Builder) Finish() Column {
	c := Column{Type: b.Type, Len: b.n, Data: b.data, Offsets: b.offsets}
	if b.valid != nil {
		c.Valid = Bitmap{Bits: b.valid}
	}
	switch {
	case b.Type.Kind == Bool:
		c.Bits = Bitmap{Bits: b.bits}
	case b.Type.IsVariable():
		c.Offsets, c.Data = b.text.take()
	case b.isList() && c.Offsets == nil:
		c.Offsets = make([]int32, 1)
	}
	for _, child := range b.children {
		c.Children = append(c.Children, child.Finish())
	}
	b.hint = max(b.n, 1)
	b.n, b.valid, b.bits, b.data, b.offsets = 0, nil, nil, nil, nil
	return c
}
