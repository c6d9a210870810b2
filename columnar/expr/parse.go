package expr

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// maxDepth bounds how deeply a text may nest, so that no input exhausts the stack.
const maxDepth = 500

// Parse reads an expression from text. Words are as in SQL, in any case:
//
//	a > 3 AND b LIKE 'x%'          = <> != < <= > >= + - * / %, AND OR NOT, parentheses
//	x BETWEEN 1 AND 5              x IN (1, 2), x NOT IN (3), s NOT LIKE '_', x IS NULL, x IS NOT NULL
//	day <= 1998-09-02              a date, without spaces; 1998-09-02T10:00:00Z a timestamp
//	"odd name" = 'it''s'           a column, a string; x'00ff' a binary; TRUE, FALSE, NULL
//	CASE WHEN a THEN 1 ELSE 2 END  if(a, 1, 2), coalesce(a, b), lower(s), upper(s), length(s), substring(s, 1, 3)
//	cast(a AS decimal(15,2))       year(t), month(t), day(t), starts_with(s, p), ends_with(s, p), contains(s, p)
//	decimal '1.50'                 date '…', timestamp '…', duration '1h30m', float64 'NaN'
//
// A number without exponent that float64 would change is read as a decimal. Column names are case-sensitive. Errors are of type
// *[ParseError].
func Parse(text string) (Expr, error) {
	p, err := newParser(text)
	if err != nil {
		return Expr{}, err
	}
	e, err := p.expr(0)
	if err != nil {
		return Expr{}, err
	}
	if p.peek().kind != tokenEnd {
		return Expr{}, p.errorf("the expression should end here, or go on with an operator")
	}
	return e, nil
}

// Named is an expression with the name of the column that it makes.
type Named struct {
	Name string
	Expr Expr
}

// ParseColumns reads expressions separated by commas, each with AS and a name or without: a, "b c", price * 2 AS double. A column's own name is its
// name, and any other expression's is how it prints.
func ParseColumns(text string) ([]Named, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	var list []Named
	for {
		e, err := p.expr(0)
		if err != nil {
			return nil, err
		}
		n := Named{Name: e.String(), Expr: e}
		if e.Op == OpColumn {
			n.Name = e.Name
		}
		if p.accept("as") {
			t := p.peek()
			if t.kind != tokenWord && t.kind != tokenName {
				return nil, p.errorf("a name should stand here")
			}
			n.Name = p.take().text
		}
		list = append(list, n)
		if p.peek().kind == tokenEnd {
			return list, nil
		}
		if !p.accept(",") {
			return nil, p.errorf("a comma should follow, or AS and a name, or the end")
		}
	}
}

// parser reads tokens by recursive descent, operators by binding strength (Pratt, "Top Down Operator Precedence", 1973).
type parser struct {
	text   string
	tokens []token
	next   int
	depth  int
}

func newParser(text string) (*parser, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	return &parser{text: text, tokens: tokens}, nil
}

func (p *parser) peek() token { return p.tokens[p.next] }

// take returns the next token and moves on; the end stays.
func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

func (p *parser) errorf(format string, args ...any) error {
	return &ParseError{p.text, p.peek().pos, fmt.Sprintf(format, args...)}
}

// is says whether t is that symbol or, in any case, that word.
func (t token) is(text string) bool {
	return t.kind == tokenSymbol && t.text == text || t.kind == tokenWord && strings.EqualFold(t.text, text)
}

// accept takes the next token when it is that symbol or word.
func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.next++
		return true
	}
	return false
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.errorf("%s should stand here", strings.ToUpper(text))
	}
	return nil
}

// operators has what stands between two expressions.
var operators = map[string]Op{
	"=": OpEq, "==": OpEq, "<>": OpNe, "!=": OpNe, "<": OpLt, "<=": OpLe, ">": OpGt, ">=": OpGe, "+": OpAdd, "-": OpSub, "*": OpMul, "/": OpDiv,
	"%": OpMod, "and": OpAnd, "or": OpOr,
}

// expr reads an expression of operators that bind at least as strongly as bind.
func (p *parser) expr(bind int) (Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return Expr{}, p.errorf("the expression nests deeper than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	left, err := p.prefix()
	for err == nil {
		t := p.peek()
		op, ok := operators[strings.ToLower(t.text)]
		switch {
		case ok && (t.kind == tokenSymbol || t.kind == tokenWord):
			if infix[op].bind < bind {
				return left, nil
			}
			left, err = p.infix(op, left)
		case bind <= bindCompare && p.startsPredicate():
			left, err = p.predicate(left)
		default:
			return left, nil
		}
	}
	return Expr{}, err
}

func (p *parser) infix(op Op, left Expr) (Expr, error) {
	p.take()
	right, err := p.expr(infix[op].bind + 1)
	if op == OpAnd || op == OpOr {
		return join(op, []Expr{left, right}), err
	}
	return node(op, left, right), err
}

func (p *parser) startsPredicate() bool {
	return slices.ContainsFunc([]string{"is", "in", "like", "between", "not"}, p.peek().is)
}

// predicate reads what follows left in IS NULL, IN, LIKE and BETWEEN and their negations.
func (p *parser) predicate(left Expr) (Expr, error) {
	if p.accept("is") {
		negate := p.accept("not")
		return negated(left.IsNull(), negate), p.expect("null")
	}
	negate := p.accept("not")
	switch {
	case p.accept("in"):
		e, err := p.in(left)
		return negated(e, negate), err
	case p.accept("like"):
		t := p.peek()
		if t.kind != tokenString {
			return Expr{}, p.errorf("LIKE is followed by a pattern in single quotes")
		}
		p.take()
		return negated(left.Like(t.text), negate), nil
	case p.accept("between"):
		lo, err := p.expr(bindAdd)
		if err == nil {
			err = p.expect("and")
		}
		if err != nil {
			return Expr{}, err
		}
		hi, err := p.expr(bindAdd)
		return negated(left.Between(lo, hi), negate), err
	}
	return Expr{}, p.errorf("NOT is followed here by IN, LIKE or BETWEEN")
}

func negated(e Expr, negate bool) Expr {
	if negate {
		return e.Not()
	}
	return e
}

func (p *parser) in(left Expr) (Expr, error) {
	args := []Expr{left}
	if err := p.expect("("); err != nil {
		return Expr{}, err
	}
	for !p.accept(")") {
		if len(args) > 1 {
			if err := p.expect(","); err != nil {
				return Expr{}, err
			}
		}
		at := p.next
		e, err := p.expr(bindUnary)
		if err != nil {
			return Expr{}, err
		}
		if e.Op != OpLiteral {
			p.next = at
			return Expr{}, p.errorf("IN lists constants")
		}
		args = append(args, e)
	}
	return node(OpIn, args...), nil
}

// list reads expressions separated by commas.
func (p *parser) list() ([]Expr, error) {
	var list []Expr
	for {
		e, err := p.expr(0)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if !p.accept(",") {
			return list, nil
		}
	}
}

// prefix reads an expression up to its first operator between two.
func (p *parser) prefix() (Expr, error) {
	t := p.peek()
	switch {
	case t.kind == tokenNumber:
		return p.number("")
	case p.accept("-"):
		if p.peek().kind == tokenNumber {
			return p.number("-")
		}
		e, err := p.expr(bindUnary)
		return e.Neg(), err
	case p.accept("("):
		e, err := p.expr(0)
		if err != nil {
			return Expr{}, err
		}
		return e, p.expect(")")
	case t.kind == tokenString:
		return Lit(p.take().text), nil
	case t.kind == tokenBytes:
		return p.bytes()
	case t.kind == tokenTime:
		return p.typed("timestamp")
	case t.kind == tokenName:
		return Col(p.take().text), nil
	case t.kind == tokenWord:
		return p.word()
	}
	return Expr{}, p.errorf("a column, a value or '(' should stand here")
}

// word reads what begins with a word: a keyword, a function, a typed literal or a column.
func (p *parser) word() (Expr, error) {
	switch {
	case p.accept("not"):
		e, err := p.expr(bindNot)
		return e.Not(), err
	case p.accept("null"):
		return Lit(nil), nil
	case p.accept("true"):
		return Lit(true), nil
	case p.accept("false"):
		return Lit(false), nil
	case p.accept("case"):
		return p.cases()
	case p.accept("cast"):
		return p.cast()
	}
	t := p.peek()
	if keywords[strings.ToLower(t.text)] {
		return Expr{}, p.errorf("a column, a value or '(' should stand here; a column of that name goes in double quotes")
	}
	p.take()
	switch next := p.peek(); {
	case next.kind == tokenString:
		return p.typed(strings.ToLower(t.text))
	case next.is("("):
		return p.call(t)
	}
	return Col(t.text), nil
}

func (p *parser) call(t token) (Expr, error) {
	op, ok := opByName[strings.ToLower(t.text)]
	if !ok || op == OpColumn || op == OpLiteral || op == OpLike || op == OpIn || op == OpCast {
		return Expr{}, &ParseError{p.text, t.pos, "there is no such function"}
	}
	p.take()
	args, err := p.list()
	if err == nil {
		err = p.expect(")")
	}
	if err != nil {
		return Expr{}, err
	}
	e := node(op, args...)
	if op == OpAnd || op == OpOr {
		e = join(op, args)
	}
	if err := e.checkShape(); err != nil {
		return Expr{}, &ParseError{p.text, t.pos, err.Error()}
	}
	return e, nil
}

// cases reads what follows CASE.
func (p *parser) cases() (Expr, error) {
	var branches []When
	for p.accept("when") {
		cond, err := p.expr(0)
		if err == nil {
			err = p.expect("then")
		}
		if err != nil {
			return Expr{}, err
		}
		then, err := p.expr(0)
		if err != nil {
			return Expr{}, err
		}
		branches = append(branches, When{cond, then})
	}
	if len(branches) == 0 {
		return Expr{}, p.errorf("WHEN should stand here")
	}
	otherwise := Lit(nil)
	if p.accept("else") {
		var err error
		if otherwise, err = p.expr(0); err != nil {
			return Expr{}, err
		}
	}
	return Case(otherwise, branches...), p.expect("end")
}

// cast reads what follows CAST.
func (p *parser) cast() (Expr, error) {
	if err := p.expect("("); err != nil {
		return Expr{}, err
	}
	e, err := p.expr(0)
	if err == nil {
		err = p.expect("as")
	}
	if err != nil {
		return Expr{}, err
	}
	from := p.peek().pos
	for depth := 0; depth > 0 || !p.peek().is(")"); p.take() {
		switch {
		case p.peek().kind == tokenEnd:
			return Expr{}, p.errorf("a type and ')' should stand here")
		case p.peek().is("("):
			depth++
		case p.peek().is(")"):
			depth--
		}
	}
	t, err := ParseType(p.text[from:p.peek().pos])
	if err != nil {
		return Expr{}, &ParseError{p.text, from, err.Error()}
	}
	return e.Cast(t), p.expect(")")
}

func (p *parser) number(sign string) (Expr, error) {
	v, err := parseNumber(sign + p.peek().text)
	if err != nil {
		return Expr{}, p.errorf("%v", err)
	}
	p.take()
	return Lit(v), nil
}

func (p *parser) bytes() (Expr, error) {
	v, err := hex.DecodeString(p.peek().text)
	if err != nil {
		return Expr{}, p.errorf("not hexadecimal digits in pairs")
	}
	p.take()
	return Lit(v), nil
}

// typed reads the text of a literal of the type that stood before it.
func (p *parser) typed(kind string) (Expr, error) {
	v, err := parseTyped(kind, p.peek().text)
	if err != nil {
		return Expr{}, p.errorf("%v", err)
	}
	p.take()
	return Lit(v), nil
}

// ParseType reads a type without fields as columnar.Type prints it: int64, decimal(15,2), timestamp(local), fixedbinary(16).
func ParseType(s string) (columnar.Type, error) {
	base, rest, params := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "(")
	base = strings.TrimSpace(base)
	if alias, ok := typeAliases[base]; ok {
		base = alias
	}
	var args []string
	if params {
		inside, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
		if !ok {
			return columnar.Type{}, fmt.Errorf("%q is not a type: the parenthesis is not closed", s)
		}
		args = strings.Split(inside, ",")
	}
	for k := columnar.Bool; k <= columnar.FixedBinary; k++ {
		if k.String() == base {
			return typeOf(k, args, s)
		}
	}
	return columnar.Type{}, fmt.Errorf("%q is not a type; types are bool, int8 to int64, uint8 to uint64, float32, float64, decimal(p,s), date, timestamp, timestamp(local), duration, string, binary, fixedbinary(n)", s)
}

var typeAliases = map[string]string{
	"boolean": "bool", "tinyint": "int8", "smallint": "int16", "int": "int32", "integer": "int32", "bigint": "int64", "float": "float32",
	"real": "float32", "double": "float64", "numeric": "decimal", "varchar": "string", "text": "string", "bytes": "binary",
}

func typeOf(k columnar.Kind, args []string, s string) (columnar.Type, error) {
	t := columnar.Type{Kind: k, UTC: k == columnar.Timestamp}
	numbers := make([]int, len(args))
	for i, a := range args {
		numbers[i], _ = strconv.Atoi(strings.TrimSpace(a))
	}
	switch {
	case k == columnar.Timestamp && len(args) == 1 && strings.TrimSpace(args[0]) == "local":
		t.UTC = false
		return t, nil
	case k == columnar.Decimal && len(args) == 2 && 1 <= numbers[0] && numbers[0] <= columnar.MaxPrecision && 0 <= numbers[1] && numbers[1] <= numbers[0]:
		return columnar.DecimalOf(uint8(numbers[0]), uint8(numbers[1])), nil
	case k == columnar.FixedBinary && len(args) == 1 && 0 < numbers[0] && numbers[0] <= 1<<20:
		t.Width = int32(numbers[0])
		return t, nil
	case k != columnar.Decimal && k != columnar.FixedBinary && len(args) == 0:
		return t, nil
	}
	return t, fmt.Errorf("%q is not a type: decimals are decimal(precision,scale) with at most %d digits, fixed binaries fixedbinary(bytes)", s, columnar.MaxPrecision)
}
