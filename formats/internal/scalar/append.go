package scalar

import (
	"strconv"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Appender returns how the values of a column of numbers, dates, times, durations or decimals are written. The column's rows that are null must not be
// asked for.
func Appender(c *columnar.Column) func(buf []byte, row int) []byte {
	t := c.Type
	switch t.Kind {
	case columnar.Int8:
		return signed(columnar.Values[int8](*c))
	case columnar.Int16:
		return signed(columnar.Values[int16](*c))
	case columnar.Int32:
		return signed(columnar.Values[int32](*c))
	case columnar.Int64:
		return signed(columnar.Values[int64](*c))
	case columnar.Uint8:
		return unsigned(columnar.Values[uint8](*c))
	case columnar.Uint16:
		return unsigned(columnar.Values[uint16](*c))
	case columnar.Uint32:
		return unsigned(columnar.Values[uint32](*c))
	case columnar.Uint64:
		return unsigned(columnar.Values[uint64](*c))
	case columnar.Float32:
		v := columnar.Values[float32](*c)
		return func(buf []byte, row int) []byte { return AppendFloat(buf, float64(v[row]), 32) }
	case columnar.Float64:
		v := columnar.Values[float64](*c)
		return func(buf []byte, row int) []byte { return AppendFloat(buf, v[row], 64) }
	case columnar.Date:
		v := columnar.Values[int32](*c)
		return func(buf []byte, row int) []byte { return AppendDate(buf, v[row]) }
	case columnar.Timestamp:
		v := columnar.Values[int64](*c)
		return func(buf []byte, row int) []byte { return AppendTimestamp(buf, v[row], t.UTC) }
	case columnar.Duration:
		v := columnar.Values[int64](*c)
		return func(buf []byte, row int) []byte {
			return append(buf, (time.Duration(v[row]) * time.Microsecond).String()...)
		}
	default:
		v := columnar.Values[columnar.Decimal128](*c)
		return func(buf []byte, row int) []byte {
			return append(buf, columnar.DecimalValue{Unscaled: v[row], Scale: t.Scale}.String()...)
		}
	}
}

func signed[T int8 | int16 | int32 | int64](v []T) func([]byte, int) []byte {
	return func(buf []byte, row int) []byte { return strconv.AppendInt(buf, int64(v[row]), 10) }
}

func unsigned[T uint8 | uint16 | uint32 | uint64](v []T) func([]byte, int) []byte {
	return func(buf []byte, row int) []byte { return strconv.AppendUint(buf, uint64(v[row]), 10) }
}
