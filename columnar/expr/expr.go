package expr

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Op says what a node of an expression does.
type Op uint8

// The operations. The comment gives the arguments; s is a string, b a bool, t a date or timestamp.
const (
	OpInvalid    Op = iota // none; Name says what is wrong
	OpColumn               // none; Name
	OpLiteral              // none; Value
	OpEq                   // x, y
	OpNe                   // x, y
	OpLt                   // x, y
	OpLe                   // x, y
	OpGt                   // x, y
	OpGe                   // x, y
	OpAnd                  // b, b, ...
	OpOr                   // b, b, ...
	OpNot                  // b
	OpIsNull               // x
	OpIn                   // x, literal, ...
	OpLike                 // s, literal pattern: % is any run of characters, _ is one, \ takes the next literally
	OpStartsWith           // s, s
	OpEndsWith             // s, s
	OpContains             // s, s
	OpAdd                  // number, number
	OpSub                  // number, number
	OpMul                  // number, number
	OpDiv                  // number, number
	OpMod                  // integer, integer; the sign is the dividend's
	OpNeg                  // number
	OpCast                 // x; Type
	OpLower                // s
	OpUpper                // s
	OpLength               // s: characters; binary: bytes
	OpSubstring            // s, start from 1, count: characters
	OpCoalesce             // x, ...: the first that is not null
	OpIf                   // b, x, y: y also where b is null
	OpYear                 // t
	OpMonth                // t: 1 to 12
	OpDay                  // t: 1 to 31
)

var opNames = [...]string{
	OpInvalid: "invalid", OpColumn: "column", OpLiteral: "literal", OpEq: "eq", OpNe: "ne", OpLt: "lt", OpLe: "le", OpGt: "gt", OpGe: "ge",
	OpAnd: "and", OpOr: "or", OpNot: "not", OpIsNull: "is_null", OpIn: "in", OpLike: "like", OpStartsWith: "starts_with", OpEndsWith: "ends_with",
	OpContains: "contains", OpAdd: "add", OpSub: "sub", OpMul: "mul", OpDiv: "div", OpMod: "mod", OpNeg: "neg", OpCast: "cast", OpLower: "lower",
	OpUpper: "upper", OpLength: "length", OpSubstring: "substring", OpCoalesce: "coalesce", OpIf: "if", OpYear: "year", OpMonth: "month",
	OpDay: "day",
}

// String returns the operation's name as functions and JSON write it.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// Expr is an expression: a tree that nobody changes once it is made, so that trees may share branches. The zero Expr is invalid. The fields are for
// those who read trees; make them with Col, Lit and the methods, which keep the shapes listed at the operations.
type Expr struct {
	Op    Op
	Args  []Expr
	Name  string        // OpColumn: the column; OpInvalid: what is wrong
	Value any           // OpLiteral: see Lit
	Type  columnar.Type // OpCast: the type cast to
}

// Col is the column of that name.
func Col(name string) Expr { return Expr{Op: OpColumn, Name: name} }

// Lit is a constant. v is nil, a bool, an integer, a float, a string, []byte, [columnar.DecimalValue], time.Time, time.Duration or a type
// whose underlying type is one of the basic ones; an Expr is returned as it is. Integers are kept as int64, or uint64 when they exceed
// it, floats as float64, times in UTC to the microsecond. Values of other types make an invalid expression, which Bind reports.
func Lit(v any) Expr {
	if e, ok := v.(Expr); ok {
		return e
	}
	value, err := normal(v)
	if err != nil {
		return Expr{Name: err.Error()}
	}
	return Expr{Op: OpLiteral, Value: value}
}

// IsZero says whether e is the zero Expr, which stands for no expression.
func (e Expr) IsZero() bool { return e.Op == OpInvalid && e.Name == "" }

// IsColumn says whether e is a column.
func (e Expr) IsColumn() bool { return e.Op == OpColumn }

// IsLiteral says whether e is a constant.
func (e Expr) IsLiteral() bool { return e.Op == OpLiteral }

// isNull says whether e is the constant null.
func (e Expr) isNull() bool { return e.Op == OpLiteral && e.Value == nil }

// isBool says whether e is the constant v.
func (e Expr) isBool(v bool) bool { return e.Op == OpLiteral && e.Value == v }

// Equal says whether both trees are the same, literals by type and value. NaN is the same as NaN.
func (e Expr) Equal(f Expr) bool {
	return e.Op == f.Op && e.Name == f.Name && e.Type.Equal(f.Type) && sameValue(e.Value, f.Value) && slices.EqualFunc(e.Args, f.Args, Expr.Equal)
}

// sameValue compares two literals of normal form for identity.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || a != a && b != b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	default:
		if _, ok := b.([]byte); ok {
			return false
		}
		return a == b
	}
}

// Hash returns a number that equal trees share. It is the same in every process.
func (e Expr) Hash() uint64 {
	h := fnv.New64a()
	h.Write([]byte(e.String()))
	return h.Sum64()
}

// Columns returns the names of the columns that e reads, each once, in the order in which they first occur.
func (e Expr) Columns() []string {
	var names []string
	e.Walk(func(n Expr) {
		if n.Op == OpColumn && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
	})
	return names
}

// Walk calls f for e and every expression inside it, parents first.
func (e Expr) Walk(f func(Expr)) {
	f(e)
	for _, a := range e.Args {
		a.Walk(f)
	}
}
