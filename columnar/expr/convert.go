package expr

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
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
		return columnar.DecimalOf(maxDigits, v.Scale)
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

// placed is where a value lies among those of a type: at value, or between it and its neighbour above (side 1) or below (side -1).
type placed struct {
	value any // the Go type of the column's slice; []byte for strings and binaries
	side  int
}

// holds says whether a placed value is one of the type's; floats may be rounded.
func holds(t columnar.Type, at placed) bool {
	if d, ok := at.value.(columnar.Decimal128); ok {
		return at.side == 0 && kernel.Int128(d).Fits(int(t.Precision))
	}
	return at.side == 0 || t.IsFloat()
}

// errIncomparable says that values of a literal never compare with a type.
func errIncomparable(v any, t columnar.Type) error {
	return fmt.Errorf("cannot compare %s with %s (%s)", t, literalType(v), literal(v))
}

// place finds a value, which is not nil, among those of type t.
func place(v any, t columnar.Type) (placed, error) {
	switch t.Kind {
	case columnar.Bool:
		if v, ok := v.(bool); ok {
			return placed{value: v}, nil
		}
	case columnar.Int8:
		return placeInteger[int8](v, t)
	case columnar.Int16:
		return placeInteger[int16](v, t)
	case columnar.Int32:
		return placeInteger[int32](v, t)
	case columnar.Int64:
		return placeInteger[int64](v, t)
	case columnar.Uint8:
		return placeInteger[uint8](v, t)
	case columnar.Uint16:
		return placeInteger[uint16](v, t)
	case columnar.Uint32:
		return placeInteger[uint32](v, t)
	case columnar.Uint64:
		return placeInteger[uint64](v, t)
	case columnar.Float32, columnar.Float64:
		return placeFloat(v, t)
	case columnar.Decimal:
		return placeDecimal(v, t)
	case columnar.Date, columnar.Timestamp:
		return placeTime(v, t)
	case columnar.Duration:
		if v, ok := v.(time.Duration); ok {
			return placed{value: v.Microseconds()}, nil
		}
	case columnar.String, columnar.Binary, columnar.FixedBinary:
		switch v := v.(type) {
		case string:
			return placed{value: []byte(v)}, nil
		case []byte:
			return placed{value: v}, nil
		}
	default: // lists, maps and structs
	}
	return placed{}, errIncomparable(v, t)
}

// floorOf returns a number times 10^scale, rounded down, and whether that lost something. A float counts as the shortest decimal that
// reads as it, or with exact as the number it is. Infinities and NaN give inf: -1 or 1. ok is false for what is no number.
func floorOf(v any, scale int, exact bool) (floor *big.Int, lost bool, inf int, ok bool) {
	switch v := v.(type) {
	case int64:
		return new(big.Int).Mul(big.NewInt(v), tenTo(scale)), false, 0, true
	case uint64:
		return new(big.Int).Mul(new(big.Int).SetUint64(v), tenTo(scale)), false, 0, true
	case columnar.DecimalValue:
		n := new(big.Int).Mul(toBig(v.Unscaled), tenTo(scale))
		rem := new(big.Int)
		n.DivMod(n, tenTo(int(v.Scale)), rem)
		return n, rem.Sign() != 0, 0, true
	case float64:
		if math.IsInf(v, -1) {
			return nil, false, -1, true
		}
		if math.IsNaN(v) || math.IsInf(v, 1) {
			return nil, false, 1, true
		}
		r := ratOf(v, exact)
		n := new(big.Int).Mul(r.Num(), tenTo(scale))
		rem := new(big.Int)
		n.DivMod(n, r.Denom(), rem)
		return n, rem.Sign() != 0, 0, true
	}
	return nil, false, 0, false
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// limits returns the least and greatest value of an integer type.
func limits[T integer]() (least, most T) {
	if ^T(0) > 0 {
		return 0, ^T(0)
	}
	most = 1
	for most<<1 > 0 {
		most = most<<1 | 1
	}
	return -most - 1, most
}

func placeInteger[T integer](v any, t columnar.Type) (placed, error) {
	n, lost, inf, ok := floorOf(v, 0, true)
	if !ok {
		return placed{}, errIncomparable(v, t)
	}
	least, most := limits[T]()
	switch {
	case inf > 0 || inf == 0 && n.Cmp(bigOf(most)) > 0:
		return placed{most, 1}, nil
	case inf < 0 || n.Cmp(bigOf(least)) < 0:
		return placed{least, -1}, nil
	case n.IsInt64():
		return placed{T(n.Int64()), sideOf(lost)}, nil
	default:
		return placed{T(n.Uint64()), sideOf(lost)}, nil
	}
}

func sideOf(lost bool) int {
	if lost {
		return 1
	}
	return 0
}

func bigOf[T integer](v T) *big.Int {
	if v < 0 {
		return big.NewInt(int64(v))
	}
	return new(big.Int).SetUint64(uint64(v))
}

// placeFloat rounds to the nearest float. A decimal is that float, so that 0.1 equals decimal 0.1; an integer lies beside it when it differs.
func placeFloat(v any, t columnar.Type) (placed, error) {
	var f float64
	side := 0
	switch v := v.(type) {
	case float64:
		f = v
	case int64:
		f = float64(v)
		side, _ = compareNumbers(v, f)
	case uint64:
		f = float64(v)
		side, _ = compareNumbers(v, f)
	case columnar.DecimalValue:
		f = decimalFloat(v)
	default:
		return placed{}, errIncomparable(v, t)
	}
	if t.Kind == columnar.Float64 {
		return placed{f, side}, nil
	}
	narrow := float32(f)
	if f == f && float64(narrow) != f {
		side = cmp.Compare(f, float64(narrow))
	}
	return placed{narrow, side}, nil
}

func placeDecimal(v any, t columnar.Type) (placed, error) {
	n, lost, inf, ok := floorOf(v, int(t.Scale), false)
	if !ok {
		return placed{}, errIncomparable(v, t)
	}
	most := new(big.Int).Sub(tenTo(maxDigits), big.NewInt(1))
	switch {
	case inf > 0 || inf == 0 && n.Cmp(most) > 0:
		return placed{fromBig(most), 1}, nil
	case inf < 0 || n.Cmp(new(big.Int).Neg(most)) < 0:
		return placed{fromBig(most.Neg(most)), -1}, nil
	default:
		return placed{fromBig(n), sideOf(lost)}, nil
	}
}

func placeTime(v any, t columnar.Type) (placed, error) {
	if s, ok := v.(string); ok {
		at, err := parseTime(s)
		if err != nil {
			return placed{}, err
		}
		v = at
	}
	at, ok := v.(time.Time)
	if !ok {
		return placed{}, errIncomparable(v, t)
	}
	days, rest := floorDiv(at.Unix(), daySeconds)
	switch {
	case t.Kind == columnar.Date:
		return placed{int32(days), sideOf(rest != 0 || at.Nanosecond() != 0)}, nil
	case inMicros(at):
		return placed{value: at.UnixMicro()}, nil
	case days < 0:
		return placed{int64(math.MinInt64), -1}, nil
	default:
		return placed{int64(math.MaxInt64), 1}, nil
	}
}

// midnight returns the beginning of a day counted from 1970-01-01.
func midnight(day int64) time.Time { return time.Unix(day*daySeconds, 0).UTC() }

// inMicros says whether a time is within what 64 bits of microseconds hold.
func inMicros(t time.Time) bool {
	s := t.Unix()
	return math.MinInt64/1_000_000 < s && s < math.MaxInt64/1_000_000
}

// floorDiv returns a / b rounded down and the rest, which is not negative.
func floorDiv(a, b int64) (quo, rest int64) {
	quo, rest = a/b, a%b
	if rest < 0 {
		return quo - 1, rest + b
	}
	return quo, rest
}

// compareFloats is the order of floats.
func compareFloats(a, b float64) int {
	switch {
	case a != a && b != b:
		return 0
	case a != a:
		return 1
	case b != b:
		return -1
	default:
		return cmp.Compare(a, b)
	}
}

// compareValues returns the sign of a - b for two values of normal form; ok is false when they never compare.
func compareValues(a, b any) (order int, ok bool) {
	if s, isText := b.(string); isText {
		if _, isTime := a.(time.Time); isTime {
			order, ok = compareValues(s, a)
			return -order, ok
		}
	}
	switch a := a.(type) {
	case bool:
		b, ok := b.(bool)
		return int(toInt(a) - toInt(b)), ok
	case string:
		if t, isTime := b.(time.Time); isTime {
			at, err := parseTime(a)
			return at.Compare(t), err == nil
		}
		if b, ok := textOf(b); ok {
			return strings.Compare(a, string(b)), true
		}
	case []byte:
		if b, ok := textOf(b); ok {
			return bytes.Compare(a, b), true
		}
	case time.Time:
		b, ok := b.(time.Time)
		return a.Compare(b), ok
	case time.Duration:
		b, ok := b.(time.Duration)
		return cmp.Compare(a, b), ok
	default:
		return compareNumbers(a, b)
	}
	return 0, false
}

func textOf(v any) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, true
	}
	return nil, false
}

func toInt(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// compareNumbers returns the sign of a - b by value. A float next to a decimal counts as the shortest decimal that reads as it.
func compareNumbers(a, b any) (order int, ok bool) {
	fa, aFloat := a.(float64)
	fb, bFloat := b.(float64)
	switch {
	case aFloat && bFloat:
		return compareFloats(fa, fb), true
	case aFloat && !finite(fa):
		return compareFloats(fa, 0), isNumber(b)
	case bFloat && !finite(fb):
		return compareFloats(0, fb), isNumber(a)
	}
	_, aDecimal := a.(columnar.DecimalValue)
	_, bDecimal := b.(columnar.DecimalValue)
	x, y := ratOf(a, !bDecimal), ratOf(b, !aDecimal)
	if x == nil || y == nil {
		return 0, false
	}
	return x.Cmp(y), true
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func isNumber(v any) bool {
	switch v.(type) {
	case int64, uint64, float64, columnar.DecimalValue:
		return true
	}
	return false
}

// ratOf returns a finite number as a fraction, nil for what is none. exact is for floats: see floorOf.
func ratOf(v any, exact bool) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case uint64:
		return new(big.Rat).SetUint64(v)
	case columnar.DecimalValue:
		return new(big.Rat).SetFrac(toBig(v.Unscaled), tenTo(int(v.Scale)))
	case float64:
		if exact {
			return new(big.Rat).SetFloat64(v)
		}
		r, _ := new(big.Rat).SetString(strconv.FormatFloat(v, 'e', -1, 64))
		return r
	}
	return nil
}

// decimalFloat returns the float nearest to d.
func decimalFloat(d columnar.DecimalValue) float64 {
	f, _ := strconv.ParseFloat(decimalText(d), 64)
	return f
}
