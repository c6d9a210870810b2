package expr

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

func node(op Op, args ...Expr) Expr { return Expr{Op: op, Args: args} }

// Eq is e = v. Here and below v is an Expr or what Lit takes.
func (e Expr) Eq(v any) Expr { return node(OpEq, e, Lit(v)) }

// Ne is e <> v.
func (e Expr) Ne(v any) Expr { return node(OpNe, e, Lit(v)) }

// Lt is e < v.
func (e Expr) Lt(v any) Expr { return node(OpLt, e, Lit(v)) }

// Le is e <= v.
func (e Expr) Le(v any) Expr { return node(OpLe, e, Lit(v)) }

// Gt is e > v.
func (e Expr) Gt(v any) Expr { return node(OpGt, e, Lit(v)) }

// Ge is e >= v.
func (e Expr) Ge(v any) Expr { return node(OpGe, e, Lit(v)) }

// Between is lo <= e AND e <= hi.
func (e Expr) Between(lo, hi any) Expr { return And(e.Ge(lo), e.Le(hi)) }

// In says whether e equals one of the values, which are literals.
func (e Expr) In(values ...any) Expr {
	args := append(make([]Expr, 0, len(values)+1), e)
	for _, v := range values {
		args = append(args, Lit(v))
	}
	return node(OpIn, args...)
}

// IsNull says whether e is null; it is never null itself.
func (e Expr) IsNull() Expr { return node(OpIsNull, e) }

// IsNotNull is NOT e IS NULL.
func (e Expr) IsNotNull() Expr { return e.IsNull().Not() }

// And is e AND f.
func (e Expr) And(f Expr) Expr { return And(e, f) }

// Or is e OR f.
func (e Expr) Or(f Expr) Expr { return Or(e, f) }

// Not is NOT e.
func (e Expr) Not() Expr { return node(OpNot, e) }

// Like says whether the string e matches the pattern as a whole: % stands for any run of characters, _ for one, \ takes the next
// character literally.
func (e Expr) Like(pattern string) Expr { return node(OpLike, e, Lit(pattern)) }

// StartsWith says whether the string e begins with v.
func (e Expr) StartsWith(v any) Expr { return node(OpStartsWith, e, Lit(v)) }

// EndsWith says whether the string e ends in v.
func (e Expr) EndsWith(v any) Expr { return node(OpEndsWith, e, Lit(v)) }

// Contains says whether v occurs in the string e.
func (e Expr) Contains(v any) Expr { return node(OpContains, e, Lit(v)) }

// Add is e + v.
func (e Expr) Add(v any) Expr { return node(OpAdd, e, Lit(v)) }

// Sub is e - v.
func (e Expr) Sub(v any) Expr { return node(OpSub, e, Lit(v)) }

// Mul is e * v.
func (e Expr) Mul(v any) Expr { return node(OpMul, e, Lit(v)) }

// Div is e / v.
func (e Expr) Div(v any) Expr { return node(OpDiv, e, Lit(v)) }

// Mod is the remainder of e / v for integers, with the sign of e.
func (e Expr) Mod(v any) Expr { return node(OpMod, e, Lit(v)) }

// Neg is -e.
func (e Expr) Neg() Expr { return node(OpNeg, e) }

// Cast is e as another type.
func (e Expr) Cast(t columnar.Type) Expr { return Expr{Op: OpCast, Args: []Expr{e}, Type: t} }

// Lower is the string e in lower case.
func (e Expr) Lower() Expr { return node(OpLower, e) }

// Upper is the string e in upper case.
func (e Expr) Upper() Expr { return node(OpUpper, e) }

// Length is the number of characters of the string e, or of bytes of the binary e, as an int64.
func (e Expr) Length() Expr { return node(OpLength, e) }

// Substring is count characters of the string e from the start-th on, counted from 1; positions outside the string count but hold
// nothing, as in SQL.
func (e Expr) Substring(start, count any) Expr {
	return node(OpSubstring, e, Lit(start), Lit(count))
}

// Year is the year of the date or timestamp e, in UTC, as an int64.
func (e Expr) Year() Expr { return node(OpYear, e) }

// Month is the month of the date or timestamp e, 1 to 12.
func (e Expr) Month() Expr { return node(OpMonth, e) }

// Day is the day of the month of the date or timestamp e, 1 to 31.
func (e Expr) Day() Expr { return node(OpDay, e) }

// And is the conjunction of all: true for none. Conjunctions inside conjunctions are taken apart.
func And(list ...Expr) Expr { return join(OpAnd, list) }

// Or is the disjunction of all: false for none.
func Or(list ...Expr) Expr { return join(OpOr, list) }

func join(op Op, list []Expr) Expr {
	var args []Expr
	for _, e := range list {
		if e.Op == op {
			args = append(args, e.Args...)
		} else {
			args = append(args, e)
		}
	}
	switch len(args) {
	case 0:
		return Lit(op == OpAnd)
	case 1:
		return args[0]
	default:
		return node(op, args...)
	}
}

// Coalesce is the first of the values that is not null.
func Coalesce(values ...any) Expr {
	args := make([]Expr, len(values))
	for i, v := range values {
		args[i] = Lit(v)
	}
	return node(OpCoalesce, args...)
}

// If is then where cond is true and otherwise where it is false or null.
func If(cond Expr, then, otherwise any) Expr {
	return node(OpIf, cond, Lit(then), Lit(otherwise))
}

// When is one branch of a Case.
type When struct {
	Cond Expr
	Then any // an Expr or what Lit takes
}

// Case is the Then of the first branch whose condition is true, and otherwise where there is none: nested Ifs.
func Case(otherwise any, branches ...When) Expr {
	e := Lit(otherwise)
	for _, branch := range slices.Backward(branches) {
		e = If(branch.Cond, branch.Then, e)
	}
	return e
}

// Conjuncts returns the parts of e that must all be true for e to be true: the arguments of an AND, none for the constant true, else e alone.
func Conjuncts(e Expr) []Expr {
	switch {
	case e.Op == OpAnd:
		return e.Args
	case e.isBool(true):
		return nil
	default:
		return []Expr{e}
	}
}

// Substitute returns e with columns replaced by the expressions that the map has for their names.
func Substitute(e Expr, by map[string]Expr) Expr {
	if e.Op == OpColumn {
		if to, ok := by[e.Name]; ok {
			return to
		}
		return e
	}
	return e.withArgs(func(a Expr) Expr { return Substitute(a, by) })
}

// Rename returns e with columns renamed as the map says.
func Rename(e Expr, names map[string]string) Expr {
	by := make(map[string]Expr, len(names))
	for from, to := range names {
		by[from] = Col(to)
	}
	return Substitute(e, by)
}

// withArgs returns e with each argument replaced by f of it.
func (e Expr) withArgs(f func(Expr) Expr) Expr {
	if len(e.Args) == 0 {
		return e
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = f(a)
	}
	if e.Op == OpAnd || e.Op == OpOr {
		return join(e.Op, args)
	}
	e.Args = args
	return e
}
