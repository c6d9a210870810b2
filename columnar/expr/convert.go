package expr

import (
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/columnar"
)

const (
	daySeconds = 24 * 60 * 60
	dayMicros  = daySeconds * 1_000_000
)

// literalType returns the type that a literal has when nothing gives it another.
func literalType(v any) columnar.Type {
	switch v := v.(type) {
	case bool:
		return columnar.BoolType
	case int64:
		return columnar.Int64Type
	case uint64:
		return columnar.Type{Kind: columnar.Uint64}
	case float64:
		return columnar.Float64Type
	case string:
		return columnar.StringType
	case []byte:
		return columnar.BinaryType
	case columnar.DecimalValue:
		return columnar.DecimalOf(columnar.MaxPrecision, v.Scale)
	case time.Time:
		return columnar.TimestampType
	case time.Duration:
		return columnar.Type{Kind: columnar.Duration}
	default:
		return columnar.Type{}
	}
}

// valueAt returns row i of c as a value of normal form; dates are midnights.
func valueAt(c *columnar.Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case columnar.Bool:
		return c.Bits.Get(i)
	case columnar.Int8:
		return int64(columnar.Values[int8](*c)[i])
	case columnar.Int16:
		return int64(columnar.Values[int16](*c)[i])
	case columnar.Int32:
		return int64(columnar.Values[int32](*c)[i])
	case columnar.Int64:
		return columnar.Values[int64](*c)[i]
	case columnar.Uint8:
		return int64(columnar.Values[uint8](*c)[i])
	case columnar.Uint16:
		return int64(columnar.Values[uint16](*c)[i])
	case columnar.Uint32:
		return int64(columnar.Values[uint32](*c)[i])
	case columnar.Uint64:
		if v := columnar.Values[uint64](*c)[i]; v > math.MaxInt64 {
			return v
		}
		return int64(columnar.Values[uint64](*c)[i])
	case columnar.Float32:
		return float64(columnar.Values[float32](*c)[i])
	case columnar.Float64:
		return columnar.Values[float64](*c)[i]
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: columnar.Values[columnar.Decimal128](*c)[i], Scale: c.Type.Scale}
	case columnar.Date:
		return midnight(int64(columnar.Values[int32](*c)[i]))
	case columnar.Timestamp:
		return time.UnixMicro(columnar.Values[int64](*c)[i]).UTC()
	case columnar.Duration:
		return durationOf(columnar.Values[int64](*c)[i])
	case columnar.String:
		return c.Text(i)
	case columnar.Binary:
		return c.Bytes(i)
	case columnar.FixedBinary:
		return c.FixedBytes(i)
	default:
		return fmt.Sprintf("a %s", c.Type)
	}
}

// durationOf returns micros as a duration, at most what one holds.
func durationOf(micros int64) time.Duration {
	const most = math.MaxInt64 / 1000
	return time.Duration(min(max(micros, -most), most)) * time.Microsecond
}

// appendValue adds a value that is one of the builder's type, for floats once it is rounded.
func appendValue(b *columnar.Builder, v any) error {
	if v == nil {
		b.AppendNulls(1)
		return nil
	}
	at, err := place(v, b.Type)
	if err != nil {
		return err
	}
	if !holds(b.Type, at) {
		return fmt.Errorf("%w: %s as %s", ErrCast, literal(v), b.Type)
	}
	switch v := at.value.(type) {
	case bool:
		b.AppendBool(v)
	case int8:
		columnar.AppendFixed(b, v)
	case int16:
		columnar.AppendFixed(b, v)
	case int32:
		columnar.AppendFixed(b, v)
	case int64:
		columnar.AppendFixed(b, v)
	case uint8:
		columnar.AppendFixed(b, v)
	case uint16:
		columnar.AppendFixed(b, v)
	case uint32:
		columnar.AppendFixed(b, v)
	case uint64:
		columnar.AppendFixed(b, v)
	case float32:
		columnar.AppendFixed(b, v)
	case float64:
		columnar.AppendFixed(b, v)
	case columnar.Decimal128:
		columnar.AppendFixed(b, v)
	case []byte:
		if w := b.Type.ByteWidth(); w > 0 && len(v) != w {
			return fmt.Errorf("%w: %d bytes as %s", ErrCast, len(v), b.Type)
		}
		b.AppendBytes(v)
	}
	return nil
}
