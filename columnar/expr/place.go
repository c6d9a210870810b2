package expr

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

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
	if t.IsInteger() {
		return integerKinds[t.Kind].place(v, t)
	}
	switch t.Kind {
	case columnar.Bool:
		if v, ok := v.(bool); ok {
			return placed{value: v}, nil
		}
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
		f = v.Float64()
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
	most := new(big.Int).Sub(tenTo(columnar.MaxPrecision), big.NewInt(1))
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
