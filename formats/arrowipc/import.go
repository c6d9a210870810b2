package arrowipc

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/millrace/millrace/columnar"
)

var errBuffers = errors.New("its buffers do not hold what they should: the data is damaged")

// columnOf returns an array as a column of its type as typeOf gives it. Buffers are shared where they fit; what offsets say is checked, so that those
// who read the column need not.
func columnOf(a arrow.Array) (columnar.Column, error) {
	t, err := typeOf(a.DataType())
	if err != nil {
		return columnar.Column{}, err
	}
	switch a := a.(type) {
	case *array.Null:
		b := columnar.NewBuilder(t, a.Len())
		b.AppendNulls(a.Len())
		return b.Finish(), nil
	case *array.Dictionary:
		return dictionaryColumn(a)
	case array.ExtensionArray:
		return columnOf(a.Storage())
	case *array.Float16:
		return converted(a, t, a.Len(), func(i int) float32 { return a.Value(i).Float32() })
	case *array.Date64:
		return converted(a, t, a.Len(), func(i int) int32 { return int32(int64(a.Value(i)) / 86_400_000) })
	case *array.Time32:
		unit := a.DataType().(*arrow.Time32Type).Unit
		return converted(a, t, a.Len(), func(i int) int64 { return micros(int64(a.Value(i)), unit) })
	case *array.Time64:
		unit := a.DataType().(*arrow.Time64Type).Unit
		return converted(a, t, a.Len(), func(i int) int64 { return micros(int64(a.Value(i)), unit) })
	case *array.Timestamp:
		if unit := a.DataType().(*arrow.TimestampType).Unit; unit != arrow.Microsecond {
			return converted(a, t, a.Len(), func(i int) int64 { return micros(int64(a.Value(i)), unit) })
		}
	case *array.Duration:
		if unit := a.DataType().(*arrow.DurationType).Unit; unit != arrow.Microsecond {
			return converted(a, t, a.Len(), func(i int) int64 { return micros(int64(a.Value(i)), unit) })
		}
	case array.ViewLike, *array.LargeString, *array.LargeBinary:
		return texts(a, t)
	case *array.LargeList, *array.FixedSizeList, *array.ListView, *array.LargeListView:
		return lists(a.(array.ListLike), t)
	}
	return shared(a, t)
}

// micros makes microseconds of a time in another unit.
func micros(v int64, unit arrow.TimeUnit) int64 {
	switch unit {
	case arrow.Second:
		return v * 1_000_000
	case arrow.Millisecond:
		return v * 1000
	case arrow.Nanosecond:
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		return q
	default:
		return v
	}
}

// converted makes a column value by value.
func converted[T columnar.Fixed](a arrow.Array, t columnar.Type, n int, value func(i int) T) (columnar.Column, error) {
	valid, err := validity(a.Data())
	if err != nil {
		return columnar.Column{}, err
	}
	out := make([]T, n)
	for i := range out {
		out[i] = value(i)
	}
	return columnar.Of(t, out, valid), nil
}

// texts copies strings of other layouts.
func texts(a arrow.Array, t columnar.Type) (columnar.Column, error) {
	b := columnar.NewBuilder(t, a.Len())
	total := 0
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNulls(1)
			continue
		}
		var v string
		switch a := a.(type) {
		case *array.LargeString:
			v = a.Value(i)
		case *array.LargeBinary:
			v = a.ValueString(i)
		case *array.StringView:
			v = a.Value(i)
		case *array.BinaryView:
			v = a.ValueString(i)
		}
		if total += len(v); total > math.MaxInt32 {
			return columnar.Column{}, errors.New("a record batch has more than 2 GiB of text in one column")
		}
		b.AppendString(v)
	}
	return b.Finish(), nil
}

// lists copies lists of other layouts.
func lists(a array.ListLike, t columnar.Type) (columnar.Column, error) {
	items, err := columnOf(a.ListValues())
	if err != nil {
		return items, err
	}
	b := columnar.NewBuilder(t, a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNulls(1)
			continue
		}
		from, to := a.ValueOffsets(i)
		if from < 0 || to < from || to > int64(items.Len) {
			return items, errBuffers
		}
		b.Child(0).AppendRange(items, int(from), int(to-from))
		b.CloseNested()
	}
	return b.Finish(), nil
}

// dictionaryColumn takes the values that the indices name.
func dictionaryColumn(a *array.Dictionary) (columnar.Column, error) {
	values, err := columnOf(a.Dictionary())
	if err != nil {
		return values, err
	}
	rows := make([]int32, a.Len())
	for i := range rows {
		rows[i] = -1
		if a.IsNull(i) {
			continue
		}
		x := a.GetValueIndex(i)
		if x < 0 || x >= values.Len {
			return values, fmt.Errorf("index %d into a dictionary of %d values", x, values.Len)
		}
		rows[i] = int32(x)
	}
	b := columnar.NewBuilder(values.Type, len(rows))
	b.Append(values, rows)
	return b.Finish(), nil
}

// validity returns an array's null bitmap.
func validity(d arrow.ArrayData) (columnar.Bitmap, error) {
	buf := buffer(d, 0)
	if len(buf) == 0 || d.NullN() == 0 {
		return columnar.Bitmap{}, nil
	}
	if len(buf)*8 < d.Offset()+d.Len() {
		return columnar.Bitmap{}, errBuffers
	}
	return columnar.Bitmap{Bits: buf}.Slice(d.Offset()), nil
}

func buffer(d arrow.ArrayData, i int) []byte {
	var b *memory.Buffer
	if all := d.Buffers(); i < len(all) {
		b = all[i]
	}
	if b == nil {
		return nil
	}
	return b.Bytes()
}

// shared returns an array whose layout is ours.
func shared(a arrow.Array, t columnar.Type) (columnar.Column, error) {
	d := a.Data()
	c := columnar.Column{Type: t, Len: d.Len()}
	var err error
	if c.Valid, err = validity(d); err != nil {
		return c, err
	}
	at, n := d.Offset(), d.Len()
	switch {
	case t.Kind == columnar.Bool:
		bits := buffer(d, 1)
		if len(bits)*8 < at+n {
			return c, errBuffers
		}
		if n > 0 {
			c.Bits = columnar.Bitmap{Bits: bits}.Slice(at)
		}
		return c, nil
	case t.IsVariable():
		c.Data = buffer(d, 2)
		c.Offsets, err = offsets(d, len(c.Data))
		return c, err
	case t.IsNested():
		return nested(a, c)
	}
	w := t.ByteWidth()
	data := buffer(d, 1)
	if len(data) < (at+n)*w {
		return c, errBuffers
	}
	c.Data = aligned(data[at*w : (at+n)*w])
	return c, nil
}

// aligned returns data at a multiple of 8, copied if need be.
func aligned(data []byte) []byte {
	if uintptr(unsafe.Pointer(unsafe.SliceData(data)))%8 == 0 {
		return data
	}
	words := make([]uint64, (len(data)+7)/8)
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:len(data)]
	copy(out, data)
	return out
}

// offsets returns the offsets of strings or lists, which must ascend and end at most at end.
func offsets(d arrow.ArrayData, end int) ([]int32, error) {
	n := d.Len()
	data := buffer(d, 1)
	if n == 0 && len(data) == 0 {
		return []int32{0}, nil
	}
	if len(data) < 4*(d.Offset()+n+1) {
		return nil, errBuffers
	}
	data = aligned(data[4*d.Offset() : 4*(d.Offset()+n+1)])
	out := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(data))), n+1)
	for i := range n {
		if out[i] > out[i+1] {
			return nil, errBuffers
		}
	}
	if out[0] < 0 || int(out[n]) > end {
		return nil, errBuffers
	}
	return out, nil
}

// nested returns a struct, list or map.
func nested(a arrow.Array, c columnar.Column) (columnar.Column, error) {
	d := a.Data()
	var children []arrow.Array
	switch a := a.(type) {
	case *array.Struct:
		for i := range a.NumField() {
			children = append(children, a.Field(i))
		}
	case *array.Map:
		children = []arrow.Array{a.Keys(), a.Items()}
	case array.ListLike:
		children = []arrow.Array{a.ListValues()}
	}
	items := c.Len
	for i, child := range children {
		col, err := columnOf(child)
		if err != nil {
			return c, err
		}
		if i == 0 && c.Type.Kind != columnar.Struct {
			items = col.Len
		}
		if col.Len < items || c.Type.Kind == columnar.Map && i == 0 && col.NullCount() > 0 {
			return c, errBuffers
		}
		c.Children = append(c.Children, col)
	}
	var err error
	if c.Type.Kind != columnar.Struct {
		c.Offsets, err = offsets(d, items)
	}
	return c, err
}
