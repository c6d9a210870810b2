package arrowipc

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/millrace/millrace/columnar"
)

// dataOf returns a column as Arrow's data of the type t; buffers are shared. The column must be compact: a builder's.
func dataOf(c *columnar.Column, t arrow.DataType) arrow.ArrayData {
	buffers := []*memory.Buffer{nil}
	nulls := 0
	if c.HasNulls() {
		buffers[0] = memory.NewBufferBytes(c.Valid.Bits)
		nulls = c.NullCount()
	}
	if c.Offsets != nil {
		data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.Offsets))), 4*len(c.Offsets))
		buffers = append(buffers, memory.NewBufferBytes(data))
	}
	var children []arrow.ArrayData
	switch c.Type.Kind {
	case columnar.Struct:
		for i, f := range t.(*arrow.StructType).Fields() {
			children = append(children, dataOf(&c.Children[i], f.Type))
		}
	case columnar.List:
		children = append(children, dataOf(&c.Children[0], t.(*arrow.ListType).Elem()))
	case columnar.Map:
		m := t.(*arrow.MapType)
		pair := []arrow.ArrayData{dataOf(&c.Children[0], m.KeyType()), dataOf(&c.Children[1], m.ItemType())}
		children = append(children, array.NewData(m.Elem(), c.Children[0].Len, []*memory.Buffer{nil}, pair, 0, 0))
	case columnar.Bool:
		buffers = append(buffers, memory.NewBufferBytes(c.Bits.Bits))
	default:
		buffers = append(buffers, memory.NewBufferBytes(c.Data))
	}
	return array.NewData(t, c.Len, buffers, children, nulls, 0)
}

// recordOf returns a batch as Arrow's record.
func recordOf(schema *arrow.Schema, b columnar.Batch) arrow.Record {
	columns := make([]arrow.Array, len(b.Columns))
	for i := range b.Columns {
		columns[i] = array.MakeFromData(dataOf(&b.Columns[i], schema.Field(i).Type))
	}
	return array.NewRecord(schema, columns, int64(b.Len))
}
