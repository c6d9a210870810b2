package expr

import "github.com/millrace/millrace/columnar"

// Fold returns e with constant conditions and constant operands of comparisons computed, and the ANDs and ORs that these decide made
// shorter. What cannot be computed without an error stays as it is, to fail only if a row needs it. Constants elsewhere stay too, since a literal
// may have another type than the expression; Bind computes them once. The folded expression has the type of e.
func Fold(e Expr) Expr {
	e = e.withArgs(Fold)
	switch e.Op {
	case OpAnd, OpOr:
		return foldLogic(e)
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe:
		// Comparisons are by value, so that the type of a constant operand does not matter.
		return foldConstant(e.withArgs(func(a Expr) Expr { return foldConstant(a, true) }), false)
	default:
		return foldConstant(e, false)
	}
}

// foldLogic drops what does not matter to an AND or OR, and all of it when one part decides.
func foldLogic(e Expr) Expr {
	decisive := e.Op == OpOr
	var rest []Expr
	for _, a := range e.Args {
		if a.isBool(decisive) {
			return Lit(decisive)
		}
		if !a.isBool(!decisive) {
			rest = append(rest, a)
		}
	}
	if len(rest) == 1 && rest[0].isNull() {
		return e // a NULL alone would lose its type
	}
	return foldConstant(join(e.Op, rest), false)
}

// foldConstant computes e when it holds no columns and is a bool. In a comparison, which is by value, it may be of any type but a float, which
// would be taken for a literal beside a decimal.
func foldConstant(e Expr, compared bool) Expr {
	if e.Op == OpLiteral || e.Op == OpInvalid || len(e.Columns()) > 0 {
		return e
	}
	v, err := binder{columnar.NewSchema()}.vector(e)
	if err != nil {
		return e
	}
	c, ok := v.(*constant)
	if !ok || c.value == nil || c.t.Kind != columnar.Bool && !compared || c.t.IsFloat() {
		return e
	}
	return Lit(c.value)
}
