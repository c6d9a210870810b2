package expr

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

// This file is the plain meaning of expressions, a row and a value at a time, on big numbers; the property tests hold programs against it.

var errReference = errors.New("the row fails")

// reference evaluates expressions over one row of values of normal form.
type reference struct {
	schema *columnar.Schema
	row    []any
}

// typeOf is the static type, which the reference takes from Bind.
func (r reference) typeOf(e Expr) columnar.Type {
	v, err := binder{r.schema}.vector(e)
	if err != nil {
		panic(err)
	}
	return v.typ()
}

func (r reference) eval(e Expr) (any, error) {
	switch e.Op {
	case OpColumn:
		return r.row[r.schema.Index(e.Name)], nil
	case OpLiteral:
		return e.Value, nil
	case OpAnd, OpOr:
		return r.logic(e)
	case OpIf:
		c, err := r.eval(e.Args[0])
		if err != nil {
			return nil, err
		}
		if c == true {
			return r.as(e, e.Args[1])
		}
		return r.as(e, e.Args[2])
	case OpCoalesce:
		for _, a := range e.Args {
			if v, err := r.as(e, a); v != nil || err != nil {
				return v, err
			}
		}
		return nil, nil
	default:
		return r.evalArgs(e)
	}
}

// evalArgs evaluates what looks at all its arguments.
func (r reference) evalArgs(e Expr) (any, error) {
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		var err error
		if args[i], err = r.eval(a); err != nil {
			return nil, err
		}
	}
	if e.Op == OpIsNull {
		return args[0] == nil, nil
	}
	if args[0] == nil {
		return nil, nil
	}
	if e.Op == OpIn {
		return r.in(e, args)
	}
	for _, a := range args {
		if a == nil {
			return nil, nil
		}
	}
	return r.strict(e, args)
}

// as evaluates an arm of e in e's type.
func (r reference) as(e, arm Expr) (any, error) {
	v, err := r.eval(arm)
	if err != nil || v == nil {
		return v, err
	}
	return castReference(v, r.typeOf(arm), r.typeOf(e))
}

func (r reference) logic(e Expr) (any, error) {
	decisive := e.Op == OpOr
	var result any = !decisive
	for _, a := range e.Args {
		v, err := r.eval(a)
		if err != nil {
			return nil, err
		}
		if v == decisive {
			return decisive, nil
		}
		if v == nil {
			result = nil
		}
	}
	return result, nil
}

func (r reference) in(e Expr, args []any) (any, error) {
	var result any = false
	for i, v := range args[1:] {
		switch {
		case v == nil:
			result = nil
		case r.order(e.Args[0], e.Args[i+1], args[0], v) == 0:
			return true, nil
		}
	}
	return result, nil
}

func (r reference) strict(e Expr, args []any) (any, error) {
	if op, ok := comparisons[e.Op]; ok {
		return op.Holds(r.order(e.Args[0], e.Args[1], args[0], args[1])), nil
	}
	switch e.Op {
	case OpNot:
		return !args[0].(bool), nil
	case OpLike:
		return likeReference(args[0].(string), args[1].(string)), nil
	case OpStartsWith:
		return strings.HasPrefix(args[0].(string), args[1].(string)), nil
	case OpEndsWith:
		return strings.HasSuffix(args[0].(string), args[1].(string)), nil
	case OpContains:
		return strings.Contains(args[0].(string), args[1].(string)), nil
	case OpLower:
		return strings.ToLower(args[0].(string)), nil
	case OpUpper:
		return strings.ToUpper(args[0].(string)), nil
	case OpLength:
		if b, ok := args[0].([]byte); ok {
			return int64(len(b)), nil
		}
		return int64(utf8.RuneCountInString(args[0].(string))), nil
	case OpSubstring:
		var out []rune
		for i, c := range []rune(args[0].(string)) {
			if at := int64(i) + 1; at >= args[1].(int64) && at < args[1].(int64)+args[2].(int64) {
				out = append(out, c)
			}
		}
		return string(out), nil
	case OpYear:
		return int64(args[0].(time.Time).Year()), nil
	case OpMonth:
		return int64(args[0].(time.Time).Month()), nil
	case OpDay:
		return int64(args[0].(time.Time).Day()), nil
	case OpCast:
		return castReference(args[0], r.typeOf(e.Args[0]), e.Type)
	case OpNeg:
		if r.typeOf(e).IsFloat() {
			return -args[0].(float64), nil
		}
		return arithReference(OpSub, int64(0), args[0], r.typeOf(e))
	default:
		return arithReference(e.Op, args[0], args[1], r.typeOf(e))
	}
}

// order is the sign of x - y. Decimals against float columns compare as float64, against float literals by what the literal says.
func (r reference) order(ex, ey Expr, x, y any) int {
	_, xd := x.(columnar.DecimalValue)
	_, yd := y.(columnar.DecimalValue)
	fx, xf := x.(float64)
	fy, yf := y.(float64)
	switch {
	case xd && yf && ey.Op != OpLiteral:
		return compareFloats(x.(columnar.DecimalValue).Float64(), fy)
	case yd && xf && ex.Op != OpLiteral:
		return compareFloats(fx, y.(columnar.DecimalValue).Float64())
	}
	if a, ok := x.([]byte); ok {
		x, y = string(a), string(y.([]byte))
	}
	switch a := x.(type) {
	case string:
		return strings.Compare(a, y.(string))
	case bool:
		return int(toInt(a) - toInt(y.(bool)))
	case time.Time:
		if s, ok := y.(string); ok {
			y, _ = time.Parse(time.DateOnly, s)
		}
		return a.Compare(y.(time.Time))
	case time.Duration:
		return int(a - y.(time.Duration))
	}
	return numberOrder(x, y)
}

func numberOrder(x, y any) int {
	fx, xf := x.(float64)
	fy, yf := y.(float64)
	if xf && yf {
		return compareFloats(fx, fy)
	}
	if xf && !finite(fx) {
		return compareFloats(fx, 0)
	}
	if yf && !finite(fy) {
		return compareFloats(0, fy)
	}
	_, xd := x.(columnar.DecimalValue)
	_, yd := y.(columnar.DecimalValue)
	return fraction(x, yd).Cmp(fraction(y, xd))
}

// fraction is a number as it is, or for floats beside decimals as it prints.
func fraction(v any, printed bool) *big.Rat {
	r := new(big.Rat)
	switch v := v.(type) {
	case int64:
		r.SetInt64(v)
	case uint64:
		r.SetUint64(v)
	case float64:
		if r.SetFloat64(v); printed {
			r.SetString(fmt.Sprint(v))
		}
	case columnar.DecimalValue:
		r.SetString(v.String())
	default:
		panic(fmt.Sprintf("%T is no number", v))
	}
	return r
}

func arithReference(op Op, x, y any, t columnar.Type) (any, error) {
	if t.IsFloat() {
		a, b := floatReference(x), floatReference(y)
		return map[Op]float64{OpAdd: a + b, OpSub: a - b, OpMul: a * b, OpDiv: a / b}[op], nil
	}
	decimal := t.Kind == columnar.Decimal
	a, b := fraction(x, decimal), fraction(y, decimal)
	if t.Kind == columnar.Uint64 && (a.Sign() < 0 || b.Sign() < 0) {
		return nil, errReference
	}
	if b.Sign() == 0 && (op == OpDiv || op == OpMod) {
		return nil, errReference
	}
	r := new(big.Rat)
	switch op {
	case OpAdd:
		r.Add(a, b)
	case OpSub:
		r.Sub(a, b)
	case OpMul:
		r.Mul(a, b)
	case OpDiv:
		r.Quo(a, b)
	default:
		r.SetInt(new(big.Int).Rem(a.Num(), b.Num()))
	}
	return numberReference(r, t, false)
}

// numberReference is a fraction as a value of an integer or decimal type: truncated, or rounded half away from zero.
func numberReference(r *big.Rat, t columnar.Type, round bool) (any, error) {
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(tenTo(int(t.Scale))))
	if round {
		scaled.Add(scaled, big.NewRat(int64(scaled.Sign()), 2))
	}
	n := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	if t.Kind == columnar.Decimal {
		if n.CmpAbs(tenTo(int(t.Precision))) >= 0 {
			return nil, errReference
		}
		return columnar.DecimalValue{Unscaled: fromBig(n), Scale: t.Scale}, nil
	}
	bits := uint(8 * t.ByteWidth())
	least, beyond := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bits)
	if !isUnsigned(t) {
		beyond.Rsh(beyond, 1)
		least.Neg(beyond)
	}
	if n.Cmp(least) < 0 || n.Cmp(beyond) >= 0 {
		return nil, errReference
	}
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return n.Uint64(), nil
}

func floatReference(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case columnar.DecimalValue:
		return v.Float64()
	default:
		f, _ := fraction(v, false).Float64()
		return f
	}
}

func castReference(v any, from, to columnar.Type) (any, error) {
	if from.Equal(to) || from.Kind == to.Kind && !isNumeric(from) {
		return v, nil
	}
	switch {
	case to.Kind == columnar.String:
		return valueText(v, from), nil
	case to.Kind == columnar.Float64:
		return floatReference(v), nil
	case to.Kind == columnar.Float32:
		return float64(float32(floatReference(v))), nil
	case to.IsInteger():
		if f, ok := v.(float64); ok && !finite(f) {
			return nil, errReference
		}
		return numberReference(fraction(v, false), to, false)
	case to.Kind == columnar.Decimal:
		if f, ok := v.(float64); ok {
			if !finite(f) {
				return nil, errReference
			}
			scale := math.Pow10(int(to.Scale))
			if scaled := math.Round(f * scale); math.Abs(scaled) < 1<<53 {
				r := fraction(scaled, false)
				return numberReference(r.Quo(r, fraction(scale, false)), to, true)
			}
			return numberReference(fraction(f, false), to, true)
		}
		return numberReference(fraction(v, true), to, true)
	case to.Kind == columnar.Timestamp:
		return v, nil
	case to.Kind == columnar.Date:
		return v.(time.Time).Truncate(24 * time.Hour), nil
	}
	panic(fmt.Sprintf("no reference for casts from %s to %s", from, to))
}

func likeReference(s, like string) bool {
	q := regexp.QuoteMeta(like)
	q = strings.ReplaceAll(strings.ReplaceAll(q, "%", ".*"), "_", ".")
	return regexp.MustCompile(`(?s)\A` + q + `\z`).MatchString(s)
}

// sameResult says whether a program's value is the reference's.
func sameResult(got, want any) bool {
	if a, ok := got.(float64); ok {
		b, ok := want.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-14*math.Abs(b))
	}
	return sameValue(got, want)
}
