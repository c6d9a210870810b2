package sequencefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

const classPrefix = "org.apache.hadoop.io."

// class is how Hadoop serialises the values of a class (its write method).
type class struct {
	name   string        // without the package
	typ    columnar.Type // Kind 0: no value
	width  int           // bytes of values of fixed width
	varint bool
	length int // bytes of the length before the value: 0 none, 4 big endian, -1 a varint
}

var classes = []class{
	{name: "NullWritable"},
	{name: "Text", typ: columnar.StringType, length: -1},
	{name: "BytesWritable", typ: columnar.BinaryType, length: 4},
	{name: "ByteWritable", typ: columnar.Type{Kind: columnar.Int8}, width: 1},
	{name: "ShortWritable", typ: columnar.Type{Kind: columnar.Int16}, width: 2},
	{name: "IntWritable", typ: columnar.Int32Type, width: 4},
	{name: "LongWritable", typ: columnar.Int64Type, width: 8},
	{name: "FloatWritable", typ: columnar.Type{Kind: columnar.Float32}, width: 4},
	{name: "DoubleWritable", typ: columnar.Float64Type, width: 8},
	{name: "BooleanWritable", typ: columnar.BoolType, width: 1},
	{name: "VIntWritable", typ: columnar.Int32Type, varint: true},
	{name: "VLongWritable", typ: columnar.Int64Type, varint: true},
}

// classOf returns the class of that full name. Of one that is not known values are their bytes.
func classOf(name string) class {
	for _, c := range classes {
		if classPrefix+c.name == name {
			return c
		}
	}
	return class{name: name, typ: columnar.BinaryType}
}

// classFor returns the class that columns of a type are written as.
func classFor(t columnar.Type) (class, error) {
	for _, c := range classes {
		if c.typ.Kind != 0 && c.typ.Equal(t) {
			return c, nil
		}
	}
	return class{}, fmt.Errorf("sequencefile: %s has no class to be written as", t)
}

// The columns.
const (
	keyColumn   = "key"
	valueColumn = "value"
)

// classesOf returns the classes of keys and values for a schema to write: NullWritable for the one that it lacks.
func classesOf(schema *columnar.Schema) (out [2]class, err error) {
	out = [2]class{classes[0], classes[0]}
	for _, f := range schema.Fields {
		k := 0
		switch f.Name {
		case keyColumn:
		case valueColumn:
			k = 1
		default:
			return out, fmt.Errorf("sequencefile: a record is the columns key and value; there is %q", f.Name)
		}
		if out[k], err = classFor(f.Type); err != nil {
			return out, err
		}
	}
	return out, nil
}

// cell is a value taken from its bytes: text, or the bits of a number with the sign extended.
type cell struct {
	bits uint64
	text []byte
}

var errLength = errors.New("its length does not fit its class")

// cell reads a value, which must take all of raw.
func (c *class) cell(raw []byte) (cell, error) {
	switch {
	case c.varint:
		v, rest, err := cutVarint(raw)
		if err == nil && len(rest) > 0 {
			err = errLength
		}
		return cell{bits: uint64(v)}, err
	case c.length == -1:
		n, rest, err := cutVarint(raw)
		if err == nil && n != int64(len(rest)) {
			err = errLength
		}
		return cell{text: rest}, err
	case c.length == 4:
		if len(raw) < 4 || int64(binary.BigEndian.Uint32(raw)) != int64(len(raw)-4) {
			return cell{}, errLength
		}
		return cell{text: raw[4:]}, nil
	case c.width == 0 && c.typ.Kind != 0:
		return cell{text: raw}, nil
	case len(raw) != c.width:
		return cell{}, errLength
	}
	var v uint64
	for _, b := range raw {
		v = v<<8 | uint64(b)
	}
	if c.typ.IsInteger() {
		shift := 64 - 8*c.width
		v = uint64(int64(v<<shift) >> shift)
	}
	return cell{bits: v}, nil
}

// cutVarint takes an integer in Hadoop's variable form (WritableUtils.writeVLong) off the front: one byte from -112 on, else a byte that says sign and
// length, and the magnitude, big endian.
func cutVarint(b []byte) (v int64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, errLength
	}
	first := int8(b[0])
	if first >= -112 {
		return int64(first), b[1:], nil
	}
	n := -112 - int(first)
	if first < -120 {
		n = -120 - int(first)
	}
	if len(b) < n+1 {
		return 0, nil, errLength
	}
	var u uint64
	for _, c := range b[1 : n+1] {
		u = u<<8 | uint64(c)
	}
	if first < -120 {
		u = ^u
	}
	return int64(u), b[n+1:], nil
}

// appendVarint writes that form.
func appendVarint(dst []byte, v int64) []byte {
	if v >= -112 && v <= 127 {
		return append(dst, byte(v))
	}
	first := -112
	u := uint64(v)
	if v < 0 {
		u, first = ^u, -120
	}
	n := 8
	for n > 1 && u>>(8*(n-1)) == 0 {
		n--
	}
	dst = append(dst, byte(int8(first-n)))
	for n--; n >= 0; n-- {
		dst = append(dst, byte(u>>(8*n)))
	}
	return dst
}

// appends adds a cell to a column.
type appends func(b *columnar.Builder, c cell)

// into returns what adds values of the class to a column of the type wanted.
func (c *class) into(want columnar.Type) (appends, error) {
	from := c.typ
	switch {
	case from.IsVariable() && want.IsVariable():
		return func(b *columnar.Builder, c cell) { b.AppendBytes(c.text) }, nil
	case from.Kind == columnar.Bool && want.Kind == columnar.Bool:
		return func(b *columnar.Builder, c cell) { b.AppendBool(c.bits != 0) }, nil
	case from.Kind == columnar.Float32 && want.Kind == columnar.Float32, from.Kind == columnar.Float64 && want.Kind == columnar.Float64:
		return integerInto(want)
	case from.Kind == columnar.Float32 && want.Kind == columnar.Float64:
		return func(b *columnar.Builder, c cell) {
			columnar.AppendFixed(b, float64(math.Float32frombits(uint32(c.bits))))
		}, nil
	case from.IsInteger() && want.IsInteger() && want.Kind <= columnar.Int64 && want.ByteWidth() >= from.ByteWidth():
		return integerInto(want)
	}
	return nil, fmt.Errorf("it is %s in the file, and %s is wanted", c.name, want)
}

func integerInto(want columnar.Type) (appends, error) {
	switch want.ByteWidth() {
	case 1:
		return func(b *columnar.Builder, c cell) { columnar.AppendFixed(b, uint8(c.bits)) }, nil
	case 2:
		return func(b *columnar.Builder, c cell) { columnar.AppendFixed(b, uint16(c.bits)) }, nil
	case 4:
		return func(b *columnar.Builder, c cell) { columnar.AppendFixed(b, uint32(c.bits)) }, nil
	default:
		return func(b *columnar.Builder, c cell) { columnar.AppendFixed(b, c.bits) }, nil
	}
}

// append serialises the cell of a column in a row.
func (c *class) append(dst []byte, col *columnar.Column, row int) []byte {
	switch {
	case c.length == -1:
		v := col.Bytes(row)
		return append(appendVarint(dst, int64(len(v))), v...)
	case c.length == 4:
		v := col.Bytes(row)
		return append(binary.BigEndian.AppendUint32(dst, uint32(len(v))), v...)
	case c.typ.Kind == columnar.Bool:
		if col.Bits.Get(row) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case c.width > 0:
		v := col.FixedBytes(row)
		for _, b := range slices.Backward(v) {
			dst = append(dst, b)
		}
	}
	return dst
}
