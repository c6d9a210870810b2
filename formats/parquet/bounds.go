package parquet

import (
	"bytes"
	"cmp"
	"math"

	"github.com/millrace/millrace/columnar"
)

// maxBound is the length up to which strings are kept as bounds.
const maxBound = 64

// bounds are the least and the greatest of some values, as columns of one value each. Values that have no order, and NaN, do not count.
type bounds struct {
	min, max columnar.Column
	isSet    bool
}

// add takes in all values of a column without nulls.
func (b *bounds) add(c *columnar.Column) {
	if c.Len == 0 {
		return
	}
	var least, most int
	switch c.Type.Kind {
	case columnar.Bool:
		return
	case columnar.Int8:
		least, most = extremes(columnar.Values[int8](*c))
	case columnar.Int16:
		least, most = extremes(columnar.Values[int16](*c))
	case columnar.Int32, columnar.Date:
		least, most = extremes(columnar.Values[int32](*c))
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		least, most = extremes(columnar.Values[int64](*c))
	case columnar.Uint8:
		least, most = extremes(columnar.Values[uint8](*c))
	case columnar.Uint16:
		least, most = extremes(columnar.Values[uint16](*c))
	case columnar.Uint32:
		least, most = extremes(columnar.Values[uint32](*c))
	case columnar.Uint64:
		least, most = extremes(columnar.Values[uint64](*c))
	case columnar.Float32:
		least, most = floatExtremes(columnar.Values[float32](*c))
	case columnar.Float64:
		least, most = floatExtremes(columnar.Values[float64](*c))
	default:
		least, most = 0, 0
		for i := 1; i < c.Len; i++ {
			if compareCells(c, i, c, least) < 0 {
				least = i
			} else if compareCells(c, i, c, most) > 0 {
				most = i
			}
		}
	}
	if least >= 0 {
		b.merge(&bounds{min: one(c, least), max: one(c, most), isSet: true})
	}
}

// one returns a copy of one cell.
func one(c *columnar.Column, i int) columnar.Column {
	b := columnar.NewBuilder(c.Type, 1)
	b.AppendRange(*c, i, 1)
	return b.Finish()
}

// merge takes in other bounds of the same type.
func (b *bounds) merge(o *bounds) {
	if !o.isSet {
		return
	}
	if !b.isSet {
		*b = *o
		return
	}
	if compareCells(&o.min, 0, &b.min, 0) < 0 {
		b.min = o.min
	}
	if compareCells(&o.max, 0, &b.max, 0) > 0 {
		b.max = o.max
	}
}

// extremes returns where the least and the greatest value are.
func extremes[T cmp.Ordered](values []T) (least, most int) {
	lo, hi := values[0], values[0]
	for i, v := range values {
		if v < lo {
			lo, least = v, i
		}
		if v > hi {
			hi, most = v, i
		}
	}
	return least, most
}

// floatExtremes leaves out NaN; -1 when there is nothing else.
func floatExtremes[T float32 | float64](values []T) (least, most int) {
	least, most = -1, -1
	for i, v := range values {
		if v != v {
			continue
		}
		if least < 0 || v < values[least] {
			least = i
		}
		if most < 0 || v > values[most] {
			most = i
		}
	}
	return least, most
}

// compareCells orders cells of one type as the format does: by value, bytes without sign.
func compareCells(a *columnar.Column, i int, b *columnar.Column, k int) int {
	switch a.Type.Kind {
	case columnar.String, columnar.Binary:
		return bytes.Compare(a.Bytes(i), b.Bytes(k))
	case columnar.FixedBinary:
		return bytes.Compare(a.FixedBytes(i), b.FixedBytes(k))
	case columnar.Decimal:
		return columnar.Values[columnar.Decimal128](*a)[i].Cmp(columnar.Values[columnar.Decimal128](*b)[k])
	case columnar.Float32:
		return cmp.Compare(columnar.Values[float32](*a)[i], columnar.Values[float32](*b)[k])
	case columnar.Float64:
		return cmp.Compare(columnar.Values[float64](*a)[i], columnar.Values[float64](*b)[k])
	case columnar.Uint8:
		return compareOf[uint8](a, i, b, k)
	case columnar.Uint16:
		return compareOf[uint16](a, i, b, k)
	case columnar.Uint32:
		return compareOf[uint32](a, i, b, k)
	case columnar.Uint64:
		return compareOf[uint64](a, i, b, k)
	case columnar.Int8:
		return compareOf[int8](a, i, b, k)
	case columnar.Int16:
		return compareOf[int16](a, i, b, k)
	case columnar.Int32, columnar.Date:
		return compareOf[int32](a, i, b, k)
	default:
		return compareOf[int64](a, i, b, k)
	}
}

func compareOf[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](a *columnar.Column, i int, b *columnar.Column, k int) int {
	return cmp.Compare(columnar.Values[T](*a)[i], columnar.Values[T](*b)[k])
}

// encode returns the bounds as they are stored; nil where there is none.
func (b *bounds) encode(e element) (least, most []byte) {
	if !b.isSet {
		return nil, nil
	}
	return encodeBound(e, &b.min, math.Copysign(0, -1)), encodeBound(e, &b.max, 0)
}

// encodeBound returns a bound in plain form. Zero stands for both zeros: the least is written as -0 and the greatest as +0.
func encodeBound(e element, c *columnar.Column, zero float64) []byte {
	switch {
	case e.phys == physBytes && c.Offsets[1]-c.Offsets[0] > maxBound:
		return nil
	case e.phys == physBytes:
		return append([]byte{}, c.Bytes(0)...)
	case c.Type.Kind == columnar.Float32 && columnar.Values[float32](*c)[0] == 0:
		v := columnar.Of(c.Type, []float32{float32(zero)}, columnar.Bitmap{})
		c = &v
	case c.Type.Kind == columnar.Float64 && columnar.Values[float64](*c)[0] == 0:
		v := columnar.Of(c.Type, []float64{zero}, columnar.Bitmap{})
		c = &v
	}
	return appendPlain([]byte{}, e, c)
}
