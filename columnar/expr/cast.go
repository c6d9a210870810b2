package expr

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// adapt makes v a vector of type t: a constant that t holds exactly becomes one of t, anything else is cast.
func adapt(v vector, t columnar.Type) (vector, error) {
	if v.typ().Equal(t) {
		return v, nil
	}
	c, ok := v.(*constant)
	if !ok {
		return newCast(v, t)
	}
	if c.value == nil {
		return &constant{t: t}, nil
	}
	if c.fixed {
		to, err := newCast(v, t)
		if err != nil {
			return nil, err
		}
		return computed(to), nil
	}
	at, err := place(c.value, t)
	if err != nil {
		return nil, err
	}
	if !holds(t, at) {
		return nil, fmt.Errorf("%s is not a value of %s", literal(c.value), t)
	}
	return &constant{value: c.value, t: t}, nil
}

// cast is a value as another type.
type cast struct {
	arg   vector
	t     columnar.Type
	run   caster
	words []uint64
}

// caster writes the rows of sel of c to out and returns the first that fails, or -1.
type caster func(c columnar.Column, sel []int32, out columnar.Column) int32

// newCast compiles a cast, or returns arg itself when its type is t already.
func newCast(arg vector, t columnar.Type) (vector, error) {
	from := arg.typ()
	if from.Equal(t) {
		return arg, nil
	}
	if c, ok := arg.(*constant); ok && c.value == nil {
		return &constant{t: t}, nil
	}
	if relabels(from, t) {
		return &cast{arg: arg, t: t}, nil
	}
	if run := numberCast(from, t); run != nil {
		return &cast{arg: arg, t: t, run: run}, nil
	}
	if !castable(from, t) {
		return nil, fmt.Errorf("cannot cast %s to %s", from, t)
	}
	return &rowCast{arg: arg, t: t}, nil
}

// relabels says whether a cast changes nothing but the type.
func relabels(from, t columnar.Type) bool {
	switch {
	case from.Kind == columnar.Timestamp && t.Kind == columnar.Timestamp,
		from.Kind == columnar.Duration && t.Kind == columnar.Int64,
		from.Kind == columnar.Int64 && t.Kind == columnar.Duration,
		from.Kind == columnar.String && t.Kind == columnar.Binary:
		return true
	}
	return from.Kind == columnar.Decimal && t.Kind == columnar.Decimal && from.Scale == t.Scale && from.Precision <= t.Precision
}

func (c *cast) typ() columnar.Type { return c.t }

func (c *cast) eval(f *frame, sel []int32) (columnar.Column, error) {
	in, err := c.arg.eval(f, sel)
	if err != nil {
		return in, err
	}
	if c.run == nil {
		in.Type = c.t
		return in, nil
	}
	c.words = wordsOf(c.words, (f.n*c.t.ByteWidth()+7)/8)
	out := columnar.Column{Type: c.t, Len: f.n, Valid: in.Valid, Data: bytesOf(c.words)[:f.n*c.t.ByteWidth()]}
	bad := c.run(in, sel, out)
	if bad >= 0 && in.HasNulls() {
		tmp := f.rows()
		bad = c.run(in, kernel.SelectBits(bitsOf(in.Valid), true, f.n, sel, tmp), out)
		f.giveBack(tmp)
	}
	if bad >= 0 {
		return out, castFailure(valueAt(&in, int(bad)), c.t)
	}
	return out, nil
}

func castFailure(v any, t columnar.Type) error {
	return fmt.Errorf("casting %s: %w %s", literal(v), ErrCast, t)
}

// numberCast returns the loop for a pair of numeric types, nil for others.
func numberCast(from, t columnar.Type) caster {
	if from.IsInteger() {
		return integerKinds[from.Kind].castTo(t)
	}
	switch from.Kind {
	case columnar.Float32:
		return floatCast[float32](t)
	case columnar.Float64:
		return floatCast[float64](t)
	case columnar.Decimal:
		return decimalCast(int(from.Scale), t)
	default:
		return nil
	}
}

type fixedInteger interface {
	kernel.Integer
	columnar.Fixed
}

type fixedFloat interface {
	kernel.Float
	columnar.Fixed
}

func integerCast[From fixedInteger](t columnar.Type) caster {
	switch t.Kind {
	case columnar.Int8:
		return narrow[From, int8]
	case columnar.Int16:
		return narrow[From, int16]
	case columnar.Int32:
		return narrow[From, int32]
	case columnar.Int64:
		return narrow[From, int64]
	case columnar.Uint8:
		return narrow[From, uint8]
	case columnar.Uint16:
		return narrow[From, uint16]
	case columnar.Uint32:
		return narrow[From, uint32]
	case columnar.Uint64:
		return narrow[From, uint64]
	case columnar.Float32:
		return widen[From, float32]
	case columnar.Float64:
		return widen[From, float64]
	case columnar.Decimal:
		return func(c columnar.Column, sel []int32, out columnar.Column) int32 {
			v := decimalsOf(out)
			if bad := kernel.Int128s(columnar.Values[From](c), int(t.Scale), sel, v); bad >= 0 || t.Precision == columnar.MaxPrecision {
				return bad
			}
			return kernel.Rescale128(v, 0, int(t.Precision), sel, v)
		}
	default:
		return nil
	}
}

func narrow[From, To fixedInteger](c columnar.Column, sel []int32, out columnar.Column) int32 {
	return kernel.Narrow(columnar.Values[From](c), sel, columnar.Values[To](out))
}

func widen[From, To interface {
	kernel.Number
	columnar.Fixed
}](c columnar.Column, sel []int32, out columnar.Column) int32 {
	kernel.Widen(columnar.Values[From](c), sel, columnar.Values[To](out))
	return -1
}

func truncate[From fixedFloat, To fixedInteger](c columnar.Column, sel []int32, out columnar.Column) int32 {
	return kernel.Truncate(columnar.Values[From](c), sel, columnar.Values[To](out))
}

func floatCast[From fixedFloat](t columnar.Type) caster {
	switch t.Kind {
	case columnar.Int8:
		return truncate[From, int8]
	case columnar.Int16:
		return truncate[From, int16]
	case columnar.Int32:
		return truncate[From, int32]
	case columnar.Int64:
		return truncate[From, int64]
	case columnar.Uint8:
		return truncate[From, uint8]
	case columnar.Uint16:
		return truncate[From, uint16]
	case columnar.Uint32:
		return truncate[From, uint32]
	case columnar.Uint64:
		return truncate[From, uint64]
	case columnar.Float32:
		return widen[From, float32]
	case columnar.Float64:
		return widen[From, float64]
	case columnar.Decimal:
		return func(c columnar.Column, sel []int32, out columnar.Column) int32 {
			return kernel.Decimals(columnar.Values[From](c), int(t.Scale), int(t.Precision), sel, decimalsOf(out))
		}
	default:
		return nil
	}
}

func decimalCast(scale int, t columnar.Type) caster {
	if t.IsInteger() {
		return integerKinds[t.Kind].fromDecimal(scale)
	}
	switch t.Kind {
	case columnar.Float64:
		return func(c columnar.Column, sel []int32, out columnar.Column) int32 {
			kernel.Float64s(decimalsOf(c), scale, sel, columnar.Values[float64](out))
			return -1
		}
	case columnar.Decimal:
		return func(c columnar.Column, sel []int32, out columnar.Column) int32 {
			return kernel.Rescale128(decimalsOf(c), int(t.Scale)-scale, int(t.Precision), sel, decimalsOf(out))
		}
	default:
		return nil
	}
}

// castable says whether convertValue has a way from one type to the other.
func castable(from, t columnar.Type) bool {
	if from.IsNested() || t.IsNested() {
		return false
	}
	switch {
	case t.Kind == columnar.String:
		return from.Kind != columnar.FixedBinary
	case from.Kind == columnar.String:
		return true
	case from.Kind == columnar.Binary || from.Kind == columnar.FixedBinary:
		return t.Kind == columnar.Binary || t.Kind == columnar.FixedBinary
	case from.Kind == columnar.Bool:
		return isNumeric(t)
	case t.Kind == columnar.Bool:
		return isNumeric(from)
	case from.Kind == columnar.Decimal:
		return t.IsFloat()
	}
	return (from.Kind == columnar.Date || from.Kind == columnar.Timestamp) && (t.Kind == columnar.Date || t.Kind == columnar.Timestamp)
}

// rowCast casts value by value, for the pairs of types without a loop of their own: mostly to and from text.
type rowCast struct {
	arg vector
	t   columnar.Type
}

func (c *rowCast) typ() columnar.Type { return c.t }

func (c *rowCast) eval(f *frame, sel []int32) (columnar.Column, error) {
	in, err := c.arg.eval(f, sel)
	if err != nil {
		return in, err
	}
	b := columnar.NewBuilder(c.t, f.n)
	add := func(i int) error {
		v := valueAt(&in, i)
		if v != nil {
			to, ok := convertValue(v, in.Type, c.t)
			if !ok {
				return castFailure(v, c.t)
			}
			v = to
		}
		return appendValue(b, v)
	}
	next := 0
	for k := range rowCount(f.n, sel) {
		i := k
		if sel != nil {
			i = int(sel[k])
		}
		if i > next {
			b.AppendNulls(i - next)
		}
		if err := add(i); err != nil {
			return in, err
		}
		next = i + 1
	}
	if next < f.n {
		b.AppendNulls(f.n - next)
	}
	return b.Finish(), nil
}

func rowCount(n int, sel []int32) int {
	if sel == nil {
		return n
	}
	return len(sel)
}

// convertValue casts a value of normal form from one type to another that castable allows.
func convertValue(v any, from, t columnar.Type) (any, bool) {
	switch t.Kind {
	case columnar.String:
		return valueText(v, from), true
	case columnar.Bool:
		if s, ok := v.(string); ok {
			b, err := strconv.ParseBool(strings.ToLower(s))
			return b, err == nil
		}
		order, ok := compareNumbers(v, int64(0))
		return order != 0, ok
	case columnar.Date:
		if s, ok := v.(string); ok {
			at, err := parseTime(s)
			if err != nil {
				return nil, false
			}
			v = at
		}
		days, _ := floorDiv(v.(time.Time).Unix(), daySeconds)
		return midnight(days), true
	case columnar.Float32:
		if d, ok := v.(columnar.DecimalValue); ok {
			return float64(float32(d.Float64())), true
		}
		return plainValue(v, t)
	default:
		return plainValue(v, t)
	}
}

// plainValue casts where the kind of value decides, not the type.
func plainValue(v any, t columnar.Type) (any, bool) {
	switch v := v.(type) {
	case bool:
		return toInt(v), true
	case string:
		return textValue(strings.TrimSpace(v), v, t)
	case time.Time:
		return v, inMicros(v)
	default:
		return v, true
	}
}

// valueText prints a value as casts to strings do: times as RFC 3339, dates as dates, binaries as they are.
func valueText(v any, from columnar.Type) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		size := 64
		if from.Kind == columnar.Float32 {
			size = 32
		}
		return strconv.FormatFloat(v, 'g', -1, size)
	case columnar.DecimalValue:
		return v.String()
	case time.Time:
		switch {
		case from.Kind == columnar.Date:
			return v.Format(time.DateOnly)
		case from.UTC:
			return v.Format(time.RFC3339Nano)
		default:
			return v.Format("2006-01-02T15:04:05.999999")
		}
	case time.Duration:
		return v.String()
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

// textValue reads s, trimmed, or raw for binaries, as a value of type t.
func textValue(s, raw string, t columnar.Type) (any, bool) {
	switch {
	case t.IsInteger():
		n, ok := new(big.Int).SetString(s, 10)
		switch {
		case !ok || strings.Contains(s, "_"):
			return nil, false
		case n.IsInt64():
			return n.Int64(), true
		default:
			return n.Uint64(), n.IsUint64()
		}
	case t.IsFloat():
		size := 64
		if t.Kind == columnar.Float32 {
			size = 32
		}
		f, err := strconv.ParseFloat(s, size)
		return f, err == nil && !strings.ContainsAny(s, "_xX")
	case t.Kind == columnar.Decimal:
		d, err := columnar.ParseDecimal(s)
		if err != nil {
			return nil, false
		}
		r, ok := kernel.Int128(d.Unscaled).Rescale(int(t.Scale) - int(d.Scale))
		return columnar.DecimalValue{Unscaled: columnar.Decimal128(r), Scale: t.Scale}, ok && r.Fits(int(t.Precision))
	case t.Kind == columnar.Timestamp:
		at, err := parseTime(s)
		return at, err == nil && inMicros(at)
	case t.Kind == columnar.Duration:
		d, err := time.ParseDuration(s)
		return d, err == nil
	default:
		return []byte(raw), t.ByteWidth() == 0 || len(raw) == t.ByteWidth()
	}
}
