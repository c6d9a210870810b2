package expr

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// normal returns v as a literal's value: nil, bool, int64, uint64 (only above int64), float64, string, []byte, columnar.DecimalValue,
// time.Time in UTC at microseconds, or time.Duration.
func normal(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, int64, float64:
		return v, nil
	case []byte:
		return bytes.Clone(v), nil
	case columnar.DecimalValue:
		if v.Scale > columnar.MaxPrecision {
			return nil, fmt.Errorf("a decimal literal has scale %d; the most is %d", v.Scale, columnar.MaxPrecision)
		}
		return v, nil
	case time.Time:
		if !inMicros(v) {
			return nil, fmt.Errorf("the year %d is beyond the times that a literal holds", v.Year())
		}
		return time.UnixMicro(v.UnixMicro()).UTC(), nil
	case time.Duration:
		return v.Truncate(time.Microsecond), nil
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Bool:
		return r.Bool(), nil
	case r.CanInt():
		return r.Int(), nil
	case r.CanUint():
		if u := r.Uint(); u > math.MaxInt64 {
			return u, nil
		}
		return int64(r.Uint()), nil
	case r.CanFloat():
		return r.Float(), nil
	case r.Kind() == reflect.String:
		return r.String(), nil
	}
	return nil, fmt.Errorf("a %T cannot be a literal; literals are nil, bools, numbers, strings, []byte, decimals, times and durations", v)
}

// parseNumber reads digits with an optional sign, point and exponent: an int64, a uint64, a float64, or a decimal when none of these
// holds the number as written.
func parseNumber(s string) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return u, nil
		}
		return columnar.ParseDecimal(s)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is beyond float64", s)
	}
	if strings.ContainsAny(s, "eE") {
		return f, nil
	}
	if d, err := columnar.ParseDecimal(s); err == nil {
		if short, err := columnar.ParseDecimal(strconv.FormatFloat(f, 'f', -1, 64)); err == nil && d.Cmp(short) != 0 {
			return d, nil
		}
	}
	return f, nil
}

// parseTyped reads the text of a literal of the type named.
func parseTyped(kind, s string) (any, error) {
	switch kind {
	case "date", "timestamp":
		return parseTime(s)
	case "duration":
		d, err := time.ParseDuration(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration such as 1h30m", s)
		}
		return d, nil
	case "decimal":
		return columnar.ParseDecimal(s)
	case "float64":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a float64", s)
		}
		return f, nil
	}
	return nil, fmt.Errorf("%s '…' is not a literal; literals with a type are date, timestamp, duration, decimal and float64", kind)
}

// parseTime reads a date, or a date and time with a zone or without one, which then is UTC; or, as timeText writes years far away,
// microseconds.
func parseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if micros, ok := strings.CutSuffix(s, "us"); ok {
		if n, err := strconv.ParseInt(micros, 10, 64); err == nil {
			return time.UnixMicro(n).UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date or time such as 1998-09-02 or 1998-09-02T10:00:00Z", s)
}

// tenTo returns 10^n.
func tenTo(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func toBig(d columnar.Decimal128) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(d.Lo))
}

// fromBig returns the low 128 bits of n in two's complement.
func fromBig(n *big.Int) columnar.Decimal128 {
	lo := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64))
	hi := new(big.Int).Rsh(n, 64)
	return columnar.Decimal128{Lo: lo.Uint64(), Hi: hi.Int64()}
}
