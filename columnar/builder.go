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
	hint     int    // rows to make room for when buffers are allocated
	valid    []byte // nil while there is no null
	bits     []byte
	data     []byte
	offsets  []int32
	children []*Builder
}

// NewBuilder returns an empty builder with room for about rows rows.
func NewBuilder(t Type, rows int) *Builder {
	b := &Builder{Type: t, hint: rows}
	for _, f := range t.Fields {
		b.children = append(b.children, NewBuilder(f.Type, rows))
	}
	return b
}

// open allocates the buffers of an empty builder; every way of appending calls it first.
func (b *Builder) open() {
	if b.n > 0 || b.offsets != nil || b.data != nil {
		return
	}
	switch {
	case b.hasOffsets():
		b.offsets = append(make([]int32, 0, b.hint+1), 0)
	case b.Type.Kind == Bool:
		b.bits = make([]byte, 0, (b.hint+7)/8)
	case b.Type.ByteWidth() > 0:
		b.data = alignedBytes(b.hint * b.Type.ByteWidth())[:0]
	}
}

func (b *Builder) hasOffsets() bool {
	return b.Type.IsVariable() || b.Type.Kind == List || b.Type.Kind == Map
}

// alignedBytes returns n zero bytes that begin at a multiple of 8, so that they may be viewed as values of any width.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:n]
}

// growBytes returns b with n more bytes at its end, still aligned, unspecified in content.
func growBytes(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	next := alignedBytes(max(2*cap(b), len(b)+n, 64))
	copy(next, b)
	return next[:len(b)+n]
}

// Len returns the number of rows so far.
func (b *Builder) Len() int { return b.n }

// Size returns the bytes of the rows so far.
func (b *Builder) Size() int {
	size := len(b.data) + len(b.valid) + len(b.bits) + 4*len(b.offsets)
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
	b.open()
	b.appendValidity(c, sel)
	switch {
	case b.Type.Kind == Bool:
		b.appendBoolRows(c, sel)
	case b.Type.IsVariable():
		b.appendBytesRows(c, sel)
	case b.Type.Kind == List || b.Type.Kind == Map:
		b.appendListRows(c, sel)
	case b.Type.Kind == Struct:
		for k, child := range b.children {
			child.Append(c.Children[k], sel)
		}
	default:
		b.data = gatherFixed(b.data, c.Data, b.Type.ByteWidth(), sel)
	}
	b.n += len(sel)
}

// AppendRange adds the n rows of c from row from on.
func (b *Builder) AppendRange(c Column, from, n int) {
	b.open()
	if c.Valid.Bits != nil || b.valid != nil {
		b.needValid()
		b.valid = appendBits(b.valid, b.n, c.Valid, from, n)
	}
	switch {
	case b.Type.Kind == Bool:
		b.bits = appendBits(b.bits, b.n, c.Bits, from, n)
	case b.hasOffsets():
		b.appendOffsetsRange(c, from, n)
	case b.Type.Kind == Struct:
		for k, child := range b.children {
			child.AppendRange(c.Children[k], from, n)
		}
	default:
		w := b.Type.ByteWidth()
		at := len(b.data)
		b.data = growBytes(b.data, n*w)
		copy(b.data[at:], c.Data[from*w:(from+n)*w])
	}
	b.n += n
}

func (b *Builder) appendOffsetsRange(c Column, from, n int) {
	lo, hi := c.Offsets[from], c.Offsets[from+n]
	shift := b.offsets[b.n] - lo
	b.checkRoom(int(hi - lo))
	for _, o := range c.Offsets[from+1 : from+n+1] {
		b.offsets = append(b.offsets, o+shift)
	}
	if b.Type.IsVariable() {
		b.data = append(b.data, c.Data[lo:hi]...)
		return
	}
	for k, child := range b.children {
		child.AppendRange(c.Children[k], int(lo), int(hi-lo))
	}
}

func (b *Builder) checkRoom(more int) {
	if int(b.offsets[b.n])+more > math.MaxInt32 {
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

func (b *Builder) appendBytesRows(c Column, sel []int32) {
	total := 0
	for _, r := range sel {
		if r >= 0 {
			total += int(c.Offsets[r+1] - c.Offsets[r])
		}
	}
	b.checkRoom(total)
	at := len(b.data)
	if at+total > cap(b.data) {
		next := make([]byte, at, max(2*cap(b.data), at+total))
		copy(next, b.data)
		b.data = next
	}
	data := b.data
	for _, r := range sel {
		if r >= 0 {
			data = append(data, c.Data[c.Offsets[r]:c.Offsets[r+1]]...)
		}
		b.offsets = append(b.offsets, int32(len(data)))
	}
	b.data = data
}

func (b *Builder) appendListRows(c Column, sel []int32) {
	end := b.offsets[b.n]
	for _, r := range sel {
		if r >= 0 {
			lo, n := int(c.Offsets[r]), int(c.Offsets[r+1]-c.Offsets[r])
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
	b.open()
	b.needValid()
	for need := (b.n + n + 7) / 8; len(b.valid) < need; {
		b.valid = append(b.valid, 0)
	}
	switch {
	case b.Type.Kind == Bool:
		for need := (b.n + n + 7) / 8; len(b.bits) < need; {
			b.bits = append(b.bits, 0)
		}
	case b.hasOffsets():
		for range n {
			b.offsets = append(b.offsets, b.offsets[len(b.offsets)-1])
		}
	case b.Type.Kind == Struct:
		for _, child := range b.children {
			child.AppendNulls(n)
		}
	default:
		at := len(b.data)
		b.data = growBytes(b.data, n*b.Type.ByteWidth())
		clear(b.data[at:])
	}
	b.n += n
}

// AppendFixed adds one value to a fixed-width column; T must have the column's width.
func AppendFixed[T Fixed](b *Builder, v T) {
	b.open()
	at := len(b.data)
	b.data = growBytes(b.data, int(unsafe.Sizeof(v)))
	*(*T)(unsafe.Pointer(&b.data[at])) = v
	b.validRow()
}

// Extend adds n values to a fixed-width column and returns them, unspecified in content, for the caller to set before b is used again. T
// must have the column's width.
func Extend[T Fixed](b *Builder, n int) []T {
	if n == 0 {
		return nil
	}
	b.open()
	at := len(b.data)
	var zero T
	b.data = growBytes(b.data, n*int(unsafe.Sizeof(zero)))
	if b.valid != nil {
		b.valid = appendBits(b.valid, b.n, Bitmap{}, 0, n)
	}
	b.n += n
	return unsafe.Slice((*T)(unsafe.Pointer(&b.data[at])), n)
}

// AppendBool adds one bool.
func (b *Builder) AppendBool(v bool) {
	b.open()
	if b.n&7 == 0 {
		b.bits = append(b.bits, 0)
	}
	Bitmap{Bits: b.bits}.SetTo(b.n, v)
	b.validRow()
}

// AppendBytes adds one value to a string, binary or fixed-binary column.
func (b *Builder) AppendBytes(v []byte) {
	b.open()
	if b.offsets == nil {
		at := len(b.data)
		b.data = growBytes(b.data, len(v))
		copy(b.data[at:], v)
	} else {
		b.checkRoom(len(v))
		b.data = append(b.data, v...)
		b.offsets = append(b.offsets, int32(len(b.data)))
	}
	b.validRow()
}

// AppendString adds one value to a string or binary column.
func (b *Builder) AppendString(v string) {
	b.open()
	b.checkRoom(len(v))
	b.data = append(b.data, v...)
	b.offsets = append(b.offsets, int32(len(b.data)))
	b.validRow()
}

// Child returns the builder of child k. Values appended to it belong to the list, map or struct that the next call of CloseNested ends.
func (b *Builder) Child(k int) *Builder { return b.children[k] }

// CloseNested ends one list, map or struct made of what was appended to the children since the last one.
func (b *Builder) CloseNested() {
	b.open()
	if b.hasOffsets() {
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
	b.open()
	c := Column{Type: b.Type, Len: b.n, Data: b.data, Offsets: b.offsets}
	if b.valid != nil {
		c.Valid = Bitmap{Bits: b.valid}
	}
	if b.Type.Kind == Bool {
		c.Bits = Bitmap{Bits: b.bits}
	}
	for _, child := range b.children {
		c.Children = append(c.Children, child.Finish())
	}
	b.hint = max(b.n, 1)
	b.n, b.valid, b.bits, b.data, b.offsets = 0, nil, nil, nil, nil
	return c
}

// gatherFixed appends the values of width w at positions sel of src to dst; a position of -1 appends zeros.
func gatherFixed(dst, src []byte, w int, sel []int32) []byte {
	at := len(dst)
	dst = growBytes(dst, len(sel)*w)
	out := dst[at:]
	switch w {
	case 8:
		gather[uint64](out, src, sel)
	case 4:
		gather[uint32](out, src, sel)
	case 2:
		gather[uint16](out, src, sel)
	case 1:
		gather[uint8](out, src, sel)
	case 16:
		gather[Decimal128](out, src, sel)
	default:
		for i, r := range sel {
			if r < 0 {
				clear(out[i*w : (i+1)*w])
			} else {
				copy(out[i*w:(i+1)*w], src[int(r)*w:])
			}
		}
	}
	return dst
}

func gather[T Fixed](out, src []byte, sel []int32) {
	if len(sel) == 0 {
		return
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	to := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(out))), len(sel))
	from := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(src))), len(src)/size)
	for i, r := range sel {
		if r < 0 {
			to[i] = zero
		} else {
			to[i] = from[r]
		}
	}
}

// BatchBuilder grows a batch by rows of others with the same schema, their times and kinds included.
type BatchBuilder struct {
	Schema  *Schema
	columns []*Builder
	n       int
	time    []int64
	kind    []RowKind
}

// NewBatchBuilder returns an empty builder with room for about rows rows.
func NewBatchBuilder(s *Schema, rows int) *BatchBuilder {
	bb := &BatchBuilder{Schema: s, columns: make([]*Builder, len(s.Fields))}
	for i, f := range s.Fields {
		bb.columns[i] = NewBuilder(f.Type, rows)
	}
	return bb
}

// Len returns the number of rows so far.
func (bb *BatchBuilder) Len() int { return bb.n }

// Size returns the bytes of the rows so far.
func (bb *BatchBuilder) Size() int {
	size := 8*len(bb.time) + len(bb.kind)
	for _, c := range bb.columns {
		size += c.Size()
	}
	return size
}

// Column returns the builder of column i, for callers that add rows value by value; they call Added afterwards.
func (bb *BatchBuilder) Column(i int) *Builder { return bb.columns[i] }

// Added counts n rows that were appended to every column builder directly, without time and kind.
func (bb *BatchBuilder) Added(n int) {
	for range n {
		if bb.time != nil {
			bb.time = append(bb.time, NoTime)
		}
		if bb.kind != nil {
			bb.kind = append(bb.kind, Insert)
		}
	}
	bb.n += n
}

// Append adds rows of b: those at the positions sel of its columns, or all b.Len when sel is nil. b.Sel is not looked at.
func (bb *BatchBuilder) Append(b Batch, sel []int32) {
	for i, c := range bb.columns {
		c.Append(b.Columns[i], sel)
	}
	n := len(sel)
	if sel == nil {
		n = b.Len
	}
	bb.time = appendSide(bb.time, bb.n, n, b.Time, sel, NoTime)
	bb.kind = appendSide(bb.kind, bb.n, n, b.Kind, sel, Insert)
	bb.n += n
}

// appendSide adds n entries of a time or kind column that either side may lack; have entries exist so far.
func appendSide[T any](dst []T, have, n int, src []T, sel []int32, none T) []T {
	if dst == nil && src == nil {
		return nil
	}
	for len(dst) < have {
		dst = append(dst, none)
	}
	for i := range n {
		switch {
		case src == nil || sel != nil && sel[i] < 0:
			dst = append(dst, none)
		case sel == nil:
			dst = append(dst, src[i])
		default:
			dst = append(dst, src[sel[i]])
		}
	}
	return dst
}

// Finish returns the batch built and empties the builder.
func (bb *BatchBuilder) Finish() Batch {
	b := Batch{Schema: bb.Schema, Columns: make([]Column, len(bb.columns)), Len: bb.n, Time: bb.time, Kind: bb.kind}
	for i, c := range bb.columns {
		b.Columns[i] = c.Finish()
	}
	bb.n, bb.time, bb.kind = 0, nil, nil
	return b
}
