package columnar

import (
	"fmt"
	"unsafe"
)

// Decimal128 is the value of a decimal column: a two's-complement integer of 128 bits, to be divided by 10^Scale of its type. The field
// order is Arrow's little-endian layout.
type Decimal128 struct {
	Lo uint64
	Hi int64
}

// Fixed are the Go types whose slices are the values of a fixed-width column.
type Fixed interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | Decimal128
}

// Column is one column in Arrow layout; the package comment has the layouts. A Column is a view: copying the struct shares the buffers.
type Column struct {
	Type     Type
	Len      int
	Valid    Bitmap // bit i: row i is not null; zero: no nulls
	Bits     Bitmap // Bool: the values
	Data     []byte
	Offsets  []int32
	Children []Column
}

// Values returns a fixed-width column's values without copying. T must be the Go type of the column's kind, as listed there.
func Values[T Fixed](c Column) []T {
	var zero T
	if c.Type.ByteWidth() != int(unsafe.Sizeof(zero)) {
		panic(fmt.Sprintf("columnar: %T values asked of a column of %s", zero, c.Type))
	}
	if c.Len == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(c.Data))), c.Len)
}

// Of returns a column of the type t over values, without copying; they belong to the column from then on. The width of T must be t's.
func Of[T Fixed](t Type, values []T, valid Bitmap) Column {
	return Column{Type: t, Len: len(values), Valid: valid, Data: bytesOf(values)}
}

// OfStrings returns a column of strings or binaries over data and offsets, which has one entry more than there are rows; no copy.
func OfStrings(t Type, offsets []int32, data []byte, valid Bitmap) Column {
	return Column{Type: t, Len: len(offsets) - 1, Valid: valid, Data: data, Offsets: offsets}
}

// OfBools returns a column of n bools.
func OfBools(bits Bitmap, n int, valid Bitmap) Column {
	return Column{Type: BoolType, Len: n, Valid: valid, Bits: bits}
}

// bytesOf returns the memory of values, with their capacity.
func bytesOf[T Fixed](values []T) []byte {
	var zero T
	size := int(unsafe.Sizeof(zero))
	p := (*byte)(unsafe.Pointer(unsafe.SliceData(values)))
	return unsafe.Slice(p, cap(values)*size)[:len(values)*size]
}

// IsNull says whether row i is null.
func (c *Column) IsNull(i int) bool { return c.Valid.Bits != nil && !c.Valid.Get(i) }

// HasNulls says whether rows may be null; false is certain.
func (c *Column) HasNulls() bool { return c.Valid.Bits != nil }

// NullCount counts the null rows.
func (c *Column) NullCount() int { return c.Len - c.Valid.Count(c.Len) }

// Bytes returns row i of a string or binary column: a view of Data.
func (c *Column) Bytes(i int) []byte { return c.Data[c.Offsets[i]:c.Offsets[i+1]:c.Offsets[i+1]] }

// Text returns row i of a string or binary column as a string that aliases Data, which is never reused.
func (c *Column) Text(i int) string {
	b := c.Data[c.Offsets[i]:c.Offsets[i+1]]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// FixedBytes returns row i of a fixed-width column as its bytes, in memory order.
func (c *Column) FixedBytes(i int) []byte {
	w := c.Type.ByteWidth()
	return c.Data[i*w : (i+1)*w : (i+1)*w]
}

// Slice returns the n rows from row i on; buffers are shared.
func (c Column) Slice(i, n int) Column {
	s := Column{Type: c.Type, Len: n, Valid: c.Valid.Slice(i)}
	switch {
	case c.Type.Kind == Bool:
		s.Bits = c.Bits.Slice(i)
	case c.Type.Kind == Struct:
		s.Children = make([]Column, len(c.Children))
		for k := range c.Children {
			s.Children[k] = c.Children[k].Slice(i, n)
		}
	case c.Offsets != nil:
		s.Offsets, s.Data, s.Children = c.Offsets[i:i+n+1], c.Data, c.Children
	default:
		w := c.Type.ByteWidth()
		s.Data = c.Data[i*w : (i+n)*w]
	}
	return s
}

// Size returns the bytes of memory that the rows of c take, without the unused rest of shared buffers.
func (c *Column) Size() int {
	size := 0
	if c.Valid.Bits != nil {
		size += (c.Len + 7) / 8
	}
	switch {
	case c.Type.Kind == Bool:
		return size + (c.Len+7)/8
	case c.Offsets != nil:
		size += 4 * len(c.Offsets)
		if len(c.Children) == 0 {
			return size + int(c.Offsets[c.Len]-c.Offsets[0])
		}
		for k := range c.Children {
			rows := c.Children[k].Slice(int(c.Offsets[0]), int(c.Offsets[c.Len]-c.Offsets[0]))
			size += rows.Size()
		}
		return size
	default:
		for k := range c.Children {
			size += c.Children[k].Size()
		}
		return size + c.Len*c.Type.ByteWidth()
	}
}
