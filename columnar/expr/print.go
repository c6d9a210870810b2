package expr

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Binding strengths, weakest first. An argument that binds weaker than its place is put in parentheses.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindCompare
	bindAdd
	bindMul
	bindUnary
	bindAtom
)

// infix has the operations written between their two arguments.
var infix = map[Op]struct {
	text string
	bind int
}{
	OpEq: {" = ", bindCompare}, OpNe: {" <> ", bindCompare}, OpLt: {" < ", bindCompare}, OpLe: {" <= ", bindCompare},
	OpGt: {" > ", bindCompare}, OpGe: {" >= ", bindCompare}, OpLike: {" LIKE ", bindCompare}, OpAdd: {" + ", bindAdd}, OpSub: {" - ", bindAdd},
	OpMul: {" * ", bindMul}, OpDiv: {" / ", bindMul}, OpMod: {" % ", bindMul}, OpAnd: {" AND ", bindAnd}, OpOr: {" OR ", bindOr},
}

// String prints e as text that [Parse] reads back, with no more parentheses than needed: l_shipdate <= 1998-09-02 AND l_discount < 0.07.
func (e Expr) String() string {
	var b strings.Builder
	e.print(&b, 0)
	return b.String()
}

// print writes e into a place that asks for at least that binding.
func (e Expr) print(b *strings.Builder, place int) {
	if e.bind() < place {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch e.Op {
	case OpInvalid:
		b.WriteString("invalid(" + quote(e.Name) + ")")
	case OpColumn:
		b.WriteString(name(e.Name))
	case OpLiteral:
		b.WriteString(literal(e.Value))
	case OpAnd, OpOr:
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(infix[e.Op].text)
			}
			a.print(b, e.bind()+1)
		}
	case OpNot:
		e.printNot(b)
	case OpNeg:
		b.WriteByte('-')
		if a := e.Args[0]; a.Op == OpLiteral || a.Op == OpNeg {
			b.WriteString("(" + a.String() + ")")
		} else {
			a.print(b, bindAtom)
		}
	case OpIsNull:
		e.Args[0].print(b, bindAdd)
		b.WriteString(" IS NULL")
	case OpIn:
		e.printIn(b, " IN ")
	case OpCast:
		b.WriteString("cast(" + e.Args[0].String() + " AS " + e.Type.String() + ")")
	default:
		e.printCall(b)
	}
}

func (e Expr) printCall(b *strings.Builder) {
	if op, ok := infix[e.Op]; ok && len(e.Args) == 2 {
		left := op.bind
		if left == bindCompare {
			left++
		}
		e.Args[0].print(b, left)
		b.WriteString(op.text)
		e.Args[1].print(b, op.bind+1)
		return
	}
	b.WriteString(e.Op.String() + "(")
	printList(b, e.Args)
	b.WriteByte(')')
}

// printNot writes the negations that SQL has words for with these.
func (e Expr) printNot(b *strings.Builder) {
	switch a := e.Args[0]; a.Op {
	case OpIsNull:
		a.Args[0].print(b, bindAdd)
		b.WriteString(" IS NOT NULL")
	case OpIn:
		a.printIn(b, " NOT IN ")
	case OpLike:
		a.Args[0].print(b, bindAdd)
		b.WriteString(" NOT LIKE ")
		a.Args[1].print(b, bindAdd)
	default:
		b.WriteString("NOT ")
		a.print(b, bindNot)
	}
}

func (e Expr) printIn(b *strings.Builder, word string) {
	e.Args[0].print(b, bindAdd)
	b.WriteString(word + "(")
	printList(b, e.Args[1:])
	b.WriteByte(')')
}

func printList(b *strings.Builder, list []Expr) {
	for i, a := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		a.print(b, 0)
	}
}

func (e Expr) bind() int {
	switch e.Op {
	case OpNot:
		if a := e.Args[0].Op; a == OpIsNull || a == OpIn || a == OpLike {
			return bindCompare
		}
		return bindNot
	case OpIsNull, OpIn:
		return bindCompare
	case OpNeg:
		return bindUnary
	default:
		if op, ok := infix[e.Op]; ok {
			return op.bind
		}
		return bindAtom
	}
}

// name writes a column's name, in double quotes unless it is a plain word that means nothing else.
func name(s string) string {
	if isWord(s) && !keywords[strings.ToLower(s)] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// quote writes a string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal writes a value of normal form.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case float64:
		return float(v)
	case string:
		return quote(v)
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	case columnar.DecimalValue:
		return "decimal '" + v.String() + "'"
	case time.Time:
		return timeText(v)
	case time.Duration:
		return "duration '" + v.String() + "'"
	default:
		return fmt.Sprint(v)
	}
}

// float writes a float so that it reads back as one, and exactly.
func float(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "float64 '" + strconv.FormatFloat(v, 'g', -1, 64) + "'"
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// timeText writes a time as a bare date when it is a midnight, else as a bare RFC 3339 timestamp; with a word and quotes for years that do not have four digits.
func timeText(t time.Time) string {
	s := t.Format(time.RFC3339Nano)
	if t.Equal(t.Truncate(24 * time.Hour)) {
		s = t.Format(time.DateOnly)
	}
	if y := t.Year(); y < 1000 || y > 9999 {
		return "timestamp '" + strconv.FormatInt(t.UnixMicro(), 10) + "us'"
	}
	return s
}
