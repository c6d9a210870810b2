package expr

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

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
