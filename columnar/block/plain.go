package block

import (
	"math/bits"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// Bits of the byte that describes a column.
const (
	hasValidity = 1
	widthShift  = 1
	widthBits   = 3 // after shifting
)

// plainWriter lays out plain payloads, with room for a header before them, in one buffer that begins, as every part of it does, at a multiple
// of 8.
type plainWriter struct {
	buf  []byte
	node int // where the byte of the column being written is, children after their parents
}

// batch lays out the rows of b that count and returns the flags of the header.
func (w *plainWriter) batch(b columnar.Batch, s *columnar.Schema) (flags uint8) {
	w.buf, w.node = w.buf[:0], HeaderSize
	w.add(HeaderSize)
	clear(w.add(countNodes(s.Fields)))
	for i := range b.Columns {
		w.column(b.Columns[i], b.Sel)
	}
	if b.Time != nil && b.Rows() > 0 {
		flags |= hasTimes
		fixed(w, b.Time[:b.Len], b.Sel)
	}
	if b.Kind != nil && b.Rows() > 0 {
		flags |= hasKinds
		fixed(w, b.Kind[:b.Len], b.Sel)
	}
	return flags
}

// countNodes returns the number of columns with all their children.
func countNodes(fields []columnar.Field) int {
	n := len(fields)
	for _, f := range fields {
		n += countNodes(f.Type.Fields)
	}
	return n
}

// add returns n more bytes at the end of the buffer, of unspecified content, and pads them with zeros.
func (w *plainWriter) add(n int) []byte {
	at, end := len(w.buf), len(w.buf)+padded(n)
	if end > cap(w.buf) {
		next := alignedBytes(max(2*cap(w.buf), end))
		copy(next, w.buf)
		w.buf = next
	}
	w.buf = w.buf[:end]
	clear(w.buf[at+n:])
	return w.buf[at : at+n : at+n]
}

// column lays out the rows of c at the positions sel, all when sel is nil.
func (w *plainWriter) column(c columnar.Column, sel []int32) {
	if sel != nil && c.Type.IsNested() {
		b := columnar.NewBuilder(c.Type, len(sel))
		b.Append(c, sel)
		c, sel = b.Finish(), nil
	}
	node := w.node
	w.node++
	if w.validity(c, sel) {
		w.buf[node] |= hasValidity
	}
	switch {
	case c.Type.Kind == columnar.Bool:
		w.bits(c.Bits, c.Len, sel)
	case c.Type.IsVariable():
		w.buf[node] |= w.lengths(c.Offsets[:c.Len+1], sel) << widthShift
		w.bytes(c, sel)
	case c.Type.Kind == columnar.Struct:
		for k := range c.Children {
			w.column(c.Children[k], nil)
		}
	case c.Type.IsNested():
		w.buf[node] |= w.lengths(c.Offsets[:c.Len+1], nil) << widthShift
		from, to := int(c.Offsets[0]), int(c.Offsets[c.Len])
		for k := range c.Children {
			w.column(c.Children[k].Slice(from, to-from), nil)
		}
	default:
		w.values(c, sel)
	}
}

// validity lays out the validity bitmap unless no row is null, and says whether it did.
func (w *plainWriter) validity(c columnar.Column, sel []int32) bool {
	if !c.HasNulls() {
		return false
	}
	at := len(w.buf)
	ones, rows := w.bits(c.Valid, c.Len, sel), c.Len
	if sel != nil {
		rows = len(sel)
	}
	if ones == rows {
		w.buf = w.buf[:at]
		return false
	}
	return true
}

// bits lays out bits and returns how many are one.
func (w *plainWriter) bits(m columnar.Bitmap, n int, sel []int32) (ones int) {
	if sel != nil {
		out := w.add((len(sel) + 7) / 8)
		clear(out)
		for i, r := range sel {
			if m.Get(int(r)) {
				out[i>>3] |= 1 << (i & 7)
				ones++
			}
		}
		return ones
	}
	out := w.add((n + 7) / 8)
	copy(out, m.Packed(n).Bits)
	if n&7 != 0 {
		out[len(out)-1] &= 1<<(n&7) - 1
	}
	for _, b := range out {
		ones += bits.OnesCount8(b)
	}
	return ones
}

// values lays out a fixed-width column.
func (w *plainWriter) values(c columnar.Column, sel []int32) {
	width := c.Type.ByteWidth()
	if sel == nil {
		copy(w.add(c.Len*width), c.Data)
		return
	}
	switch width {
	case 8:
		fixed(w, columnar.Values[uint64](c), sel)
	case 4:
		fixed(w, columnar.Values[uint32](c), sel)
	case 2:
		fixed(w, columnar.Values[uint16](c), sel)
	case 1:
		fixed(w, columnar.Values[uint8](c), sel)
	case 16:
		fixed(w, columnar.Values[columnar.Decimal128](c), sel)
	default:
		out := w.add(len(sel) * width)
		for i, r := range sel {
			copy(out[i*width:(i+1)*width], c.Data[int(r)*width:])
		}
	}
}

// fixed lays out values at the positions sel, all when sel is nil.
func fixed[T any](w *plainWriter, values []T, sel []int32) {
	n := len(values)
	if sel != nil {
		n = len(sel)
	}
	out := viewOf[T](w.add(n * int(unsafe.Sizeof(*new(T)))))
	if sel == nil {
		copy(out, values)
		return
	}
	out = out[:len(sel)]
	for i, r := range sel {
		out[i] = values[r]
	}
}

// lengths lays out the lengths of the rows in the smallest width that holds them all, and returns the width's code.
func (w *plainWriter) lengths(offsets, sel []int32) (code uint8) {
	all := int32(0) // or of all lengths: its bits say what width is enough
	if sel == nil {
		for i, o := range offsets[1:] {
			all |= o - offsets[i]
		}
	}
	for _, r := range sel {
		all |= offsets[r+1] - offsets[r]
	}
	switch {
	case all < 1<<8:
		putLengths[uint8](w, offsets, sel)
		return 0
	case all < 1<<16:
		putLengths[uint16](w, offsets, sel)
		return 1
	default:
		putLengths[uint32](w, offsets, sel)
		return 2
	}
}

func putLengths[T uint8 | uint16 | uint32](w *plainWriter, offsets, sel []int32) {
	size := int(unsafe.Sizeof(T(0)))
	if sel == nil {
		out := viewOf[T](w.add((len(offsets) - 1) * size))
		for i := range out {
			out[i] = T(offsets[i+1] - offsets[i])
		}
		return
	}
	out := viewOf[T](w.add(len(sel) * size))
	for i, r := range sel {
		out[i] = T(offsets[r+1] - offsets[r])
	}
}

// bytes lays out the bytes of a string or binary column.
func (w *plainWriter) bytes(c columnar.Column, sel []int32) {
	if sel == nil {
		from, to := c.Offsets[0], c.Offsets[c.Len]
		copy(w.add(int(to-from)), c.Data[from:to])
		return
	}
	total := 0
	for _, r := range sel {
		total += int(c.Offsets[r+1] - c.Offsets[r])
	}
	copyRows(w.add(total), c.Data, c.Offsets, sel)
}

// short is the length up to which bytes are copied by one load and store of that size, whatever follows them; what is written too much is
// overwritten by the next row.
const short = 16

// copyRows writes the bytes of the rows sel, one behind the other, into out, which they fill.
func copyRows(out, data []byte, offsets, sel []int32) {
	for _, r := range sel {
		from, to := int(offsets[r]), int(offsets[r+1])
		if n := to - from; n <= short && from+short <= len(data) && len(out) >= short {
			*(*[short]byte)(out) = *(*[short]byte)(data[from:])
			out = out[n:]
		} else {
			copy(out, data[from:to])
			out = out[n:]
		}
	}
}

// alignedBytes returns n zero bytes that begin at a multiple of 8; small byte slices of the Go heap need not.
func alignedBytes(n int) []byte {
	words := make([]uint64, padded(n)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), padded(n))[:n]
}

// viewOf returns b as values of T, as many as fit; b begins at a multiple of 8.
func viewOf[T any](b []byte) []T {
	if len(b) == 0 { // it may begin behind the end of its buffer
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(*new(T))))
}
