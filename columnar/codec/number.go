package codec

import (
	"reflect"

	"github.com/millrace/millrace/columnar"
)

// numberShape returns the shape of an integer or floating-point type.
func numberShape(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Int8:
		return widening[int8](columnar.Int8)
	case reflect.Int16:
		return widening[int16](columnar.Int16)
	case reflect.Int32:
		return widening[int32](columnar.Int32)
	case reflect.Uint8:
		return widening[uint8](columnar.Uint8)
	case reflect.Uint16:
		return widening[uint16](columnar.Uint16)
	case reflect.Uint32:
		return widening[uint32](columnar.Uint32)
	case reflect.Uint64, reflect.Uint:
		return widening[uint64](columnar.Uint64)
	case reflect.Float32:
		return widening[float32](columnar.Float32)
	case reflect.Float64:
		s := widening[float64](columnar.Float64)
		numbers := s.bind
		s.bind = func(from columnar.Type) (decodeFunc, error) {
			if from.Kind == columnar.Decimal {
				return decodeDecimalFloat(from.Scale), nil
			}
			return numbers(from)
		}
		return s
	default:
		return widening[int64](columnar.Int64)
	}
}

// fixedShape returns the shape of values that lie in the column as they lie in memory.
func fixedShape[T columnar.Fixed](t columnar.Type) *shape {
	return &shape{column: t, flat: true, direct: true, encode: encodeFixed[T], bind: bindSame(t, decodeFixed[T])}
}

// number is what widens.
type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// widening returns the shape of numbers, which also reads columns of narrower ones: those all of whose values T holds exactly.
func widening[T number](kind columnar.Kind) *shape {
	s := fixedShape[T](columnar.Type{Kind: kind})
	s.bind = func(from columnar.Type) (decodeFunc, error) {
		if from.Kind == kind {
			return decodeFixed[T], nil
		}
		if !fits(from.Kind, kind) {
			return nil, errMismatch
		}
		return wideningLoop[T](from.Kind), nil
	}
	return s
}

// fits says whether every number of kind from is one of kind to.
func fits(from, to columnar.Kind) bool {
	f, t := numberBits[from], numberBits[to]
	switch {
	case f.whole == 0 || t.whole == 0 || f.float && !t.float:
		return false
	default:
		return f.whole <= t.whole && (!f.signed || t.signed)
	}
}

// numberBits has, for each kind of number, how many binary digits of a whole number it holds exactly.
var numberBits = [columnar.Struct + 1]struct {
	whole         int
	signed, float bool
}{
	columnar.Int8: {7, true, false}, columnar.Int16: {15, true, false}, columnar.Int32: {31, true, false}, columnar.Int64: {63, true, false},
	columnar.Uint8: {8, false, false}, columnar.Uint16: {16, false, false}, columnar.Uint32: {32, false, false}, columnar.Uint64: {64, false, false},
	columnar.Float32: {24, true, true}, columnar.Float64: {53, true, true},
}

// wideningLoop returns the loop that reads numbers of a kind that fits T.
func wideningLoop[T number](from columnar.Kind) decodeFunc {
	switch from {
	case columnar.Int8:
		return decodeNumber[int8, T]
	case columnar.Int16:
		return decodeNumber[int16, T]
	case columnar.Int32:
		return decodeNumber[int32, T]
	case columnar.Uint8:
		return decodeNumber[uint8, T]
	case columnar.Uint16:
		return decodeNumber[uint16, T]
	case columnar.Uint32:
		return decodeNumber[uint32, T]
	default:
		return decodeNumber[float32, T]
	}
}

func encodeFixed[T columnar.Fixed](b *columnar.Builder, from strided) error {
	out := columnar.Extend[T](b, from.n)
	for i := range out {
		out[i] = *(*T)(from.at(i))
	}
	return nil
}

func decodeFixed[T columnar.Fixed](c *columnar.Column, rows span, to strided) error {
	values := columnar.Values[T](*c)
	if rows.sel != nil {
		for i, r := range rows.sel {
			*(*T)(to.at(i)) = values[r]
		}
		return nil
	}
	for i, v := range values[rows.from : rows.from+rows.n] {
		*(*T)(to.at(i)) = v
	}
	return nil
}

// decodeNumber reads numbers of another type.
func decodeNumber[S, T number](c *columnar.Column, rows span, to strided) error {
	values := columnar.Values[S](*c)
	for i := range rows.n {
		*(*T)(to.at(i)) = T(values[rows.row(i)])
	}
	return nil
}

func boolShape() *shape {
	return &shape{column: columnar.BoolType, flat: true, encode: encodeBool, bind: bindSame(columnar.BoolType, decodeBool)}
}

func encodeBool(b *columnar.Builder, from strided) error {
	for i := range from.n {
		b.AppendBool(*(*bool)(from.at(i)))
	}
	return nil
}

func decodeBool(c *columnar.Column, rows span, to strided) error {
	for i := range rows.n {
		*(*bool)(to.at(i)) = c.Bits.Get(rows.row(i))
	}
	return nil
}
