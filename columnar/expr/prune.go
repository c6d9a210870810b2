package expr

import (
	"bytes"
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// Stats is what is known of a column's values in a file, a row group, a page or a partition. The zero Stats knows nothing.
type Stats struct {
	Min, Max any  // as Lit takes them: no value but null and NaN lies outside; nil: not known
	NoNulls  bool // no value is null
	AllNull  bool // every value is null
	NoNaN    bool // no value is NaN; without it, Max says nothing of NaN, which is greater than all else
}

// outcomes is a set of what a predicate can be for a row.
type outcomes uint8

const (
	canBeTrue outcomes = 1 << iota
	canBeFalse
	canBeNull
	anything = canBeTrue | canBeFalse | canBeNull
)

// onlyIf returns o if it can be, else nothing.
func (o outcomes) onlyIf(can bool) outcomes {
	if can {
		return o
	}
	return 0
}

// MayMatch says whether a predicate can be true for some row among values of which stats tells what is known: false is certain, true is
// not. It looks into AND, OR, NOT, IS NULL, and comparisons, IN, LIKE and starts_with of a column with literals. Columns that stats does
// not know (ok false) may hold anything.
func MayMatch(e Expr, stats func(column string) (s Stats, ok bool)) bool {
	return possible(Fold(e), stats)&canBeTrue != 0
}

func possible(e Expr, stats func(string) (Stats, bool)) outcomes {
	switch e.Op {
	case OpLiteral:
		switch e.Value {
		case true:
			return canBeTrue
		case false:
			return canBeFalse
		case nil:
			return canBeNull
		}
		return anything
	case OpNot:
		return negation(possible(e.Args[0], stats))
	case OpAnd:
		result := canBeTrue
		for _, a := range e.Args {
			result = conjunction(result, possible(a, stats))
		}
		return result
	case OpOr:
		none := canBeTrue // of the negations
		for _, a := range e.Args {
			none = conjunction(none, negation(possible(a, stats)))
		}
		return negation(none)
	case OpColumn:
		return possible(e.Eq(true), stats)
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpIn, OpLike, OpStartsWith, OpIsNull:
		e = columnFirst(e)
		if e.Args[0].Op == OpColumn {
			if s, ok := stats(e.Args[0].Name); ok {
				return ofColumn(e, s)
			}
		}
		return anything
	default:
		return anything
	}
}

// columnFirst turns literal op x into x op literal.
func columnFirst(e Expr) Expr {
	if op, ok := flipped[e.Op]; ok && e.Args[0].Op == OpLiteral {
		return node(op, e.Args[1], e.Args[0])
	}
	return e
}

var flipped = map[Op]Op{OpEq: OpEq, OpNe: OpNe, OpLt: OpGt, OpLe: OpGe, OpGt: OpLt, OpGe: OpLe}

// negation returns what NOT makes of o.
func negation(o outcomes) outcomes {
	return o&canBeNull | canBeFalse.onlyIf(o&canBeTrue != 0) | canBeTrue.onlyIf(o&canBeFalse != 0)
}

// conjunction returns what AND makes of a and b when they can be combined at will.
func conjunction(a, b outcomes) outcomes {
	both := a | b
	trueOrNull := canBeTrue | canBeNull
	return a&b&canBeTrue | both&canBeFalse | canBeNull.onlyIf(both&canBeNull != 0 && a&trueOrNull != 0 && b&trueOrNull != 0)
}

// ofColumn returns what a predicate over a column and literals can be.
func ofColumn(e Expr, s Stats) outcomes {
	if e.Op == OpIsNull {
		return canBeTrue.onlyIf(!s.NoNulls) | canBeFalse.onlyIf(!s.AllNull)
	}
	null := canBeNull.onlyIf(!s.NoNulls)
	if s.AllNull {
		return canBeNull
	}
	for _, a := range e.Args[1:] {
		if a.Op != OpLiteral {
			return anything
		}
	}
	r := rangeOf(s)
	switch e.Op {
	case OpIn:
		found := null | canBeFalse
		for _, a := range e.Args[1:] {
			if a.Value == nil {
				found |= canBeNull
			} else {
				found |= r.compare(OpEq, a.Value) & canBeTrue
			}
		}
		return found
	case OpLike, OpStartsWith:
		return null | canBeFalse | r.prefix(e)
	default:
		if e.Args[1].Value == nil {
			return canBeNull
		}
		return null | r.compare(e.Op, e.Args[1].Value)
	}
}

// span is the values that a column can have, besides null.
type span struct {
	min, max any // nil: open
	nan      bool
}

func rangeOf(s Stats) span {
	var r span
	if v, err := normal(s.Min); err == nil {
		r.min = v
	}
	if v, err := normal(s.Max); err == nil {
		r.max = v
	}
	r.nan = !s.NoNaN && (isFloat(r.min) || isFloat(r.max))
	return r
}

func isFloat(v any) bool {
	_, ok := v.(float64)
	return ok
}

// compareBound returns the sign of a bound minus a literal as rows would compare; ok is false where that is not known.
func compareBound(bound, literal any) (order int, ok bool) {
	if bound == nil {
		return 0, false
	}
	if d, isDecimal := literal.(columnar.DecimalValue); isDecimal && isFloat(bound) {
		return compareFloats(bound.(float64), d.Float64()), true
	}
	return compareValues(bound, literal)
}

// compare returns whether column op c can be true, and whether it can be false.
func (r span) compare(op Op, c any) outcomes {
	low, lowKnown := compareBound(r.min, c)
	high, highKnown := compareBound(r.max, c)
	isNaN := isFloat(c) && math.IsNaN(c.(float64))
	less := !lowKnown || low < 0 || r.nan && isNaN
	equal := (!lowKnown || low <= 0) && (!highKnown || high >= 0) || r.nan && isNaN
	greater := !highKnown || high > 0 || r.nan && !isNaN
	switch op {
	case OpEq:
		return canBeTrue.onlyIf(equal) | canBeFalse.onlyIf(less || greater)
	case OpNe:
		return canBeTrue.onlyIf(less || greater) | canBeFalse.onlyIf(equal)
	case OpLt:
		return canBeTrue.onlyIf(less) | canBeFalse.onlyIf(equal || greater)
	case OpLe:
		return canBeTrue.onlyIf(less || equal) | canBeFalse.onlyIf(greater)
	case OpGt:
		return canBeTrue.onlyIf(greater) | canBeFalse.onlyIf(less || equal)
	default:
		return canBeTrue.onlyIf(greater || equal) | canBeFalse.onlyIf(less)
	}
}

// prefix returns canBeTrue unless no value in the span begins as the pattern does.
func (r span) prefix(e Expr) outcomes {
	prefix, ok := prefixOf(e)
	if !ok {
		return canBeTrue
	}
	if most, ok := textOf(r.max); ok && bytes.Compare(most, prefix) < 0 {
		return 0
	}
	if least, ok := textOf(r.min); ok && bytes.Compare(least[:min(len(least), len(prefix))], prefix) > 0 {
		return 0
	}
	return canBeTrue
}

// prefixOf returns what every match of a LIKE or starts_with begins with.
func prefixOf(e Expr) ([]byte, bool) {
	text, ok := textOf(e.Args[1].Value)
	if ok && e.Op == OpLike {
		text, _, _ = kernel.Like(string(text)).Prefix()
	}
	return text, ok
}

// Range is what a predicate asks of one column. A row whose value is null or outside cannot match; one inside need not.
type Range struct {
	Column           string
	Min, Max         any // literal values; nil: open
	MinOpen, MaxOpen bool
	In               []any // not nil: one of these literal values, which may lie outside Min and Max
}

// Bounds returns what the conjuncts of e of the forms column op literal, column IN (…), and LIKE and starts_with with a known beginning
// ask, one Range a column, in order of first mention.
func Bounds(e Expr) []Range {
	var out []Range
	for _, c := range Conjuncts(Fold(e)) {
		r, ok := rangeAsked(c)
		if !ok {
			continue
		}
		at := 0
		for at < len(out) && out[at].Column != r.Column {
			at++
		}
		if at == len(out) {
			out = append(out, r)
		} else {
			out[at].narrow(r)
		}
	}
	return out
}

// rangeAsked returns the range of one conjunct.
func rangeAsked(e Expr) (Range, bool) {
	e = columnFirst(e)
	if len(e.Args) < 2 || e.Args[0].Op != OpColumn {
		return Range{}, false
	}
	r := Range{Column: e.Args[0].Name}
	if e.Op == OpIn {
		r.In = []any{}
		for _, a := range e.Args[1:] {
			if a.Value != nil {
				r.In = append(r.In, a.Value)
			}
		}
		return r, true
	}
	v := e.Args[1].Value
	if e.Args[1].Op != OpLiteral || v == nil {
		return r, false
	}
	switch e.Op {
	case OpEq:
		r.Min, r.Max = v, v
	case OpLt, OpLe:
		r.Max, r.MaxOpen = v, e.Op == OpLt
	case OpGt, OpGe:
		r.Min, r.MinOpen = v, e.Op == OpGt
	case OpLike, OpStartsWith:
		prefix, ok := prefixOf(e)
		if !ok || len(prefix) == 0 {
			return r, false
		}
		r.Min, r.Max, r.MaxOpen = string(prefix), after(prefix), true
	default:
		return r, false
	}
	return r, true
}

// after returns the least string above all that begin with prefix, nil when there is none.
func after(prefix []byte) any {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := bytes.Clone(prefix[:i+1])
			next[i]++
			return string(next)
		}
	}
	return nil
}

// narrow makes r ask for what s asks too. Of bounds that do not compare it keeps its own.
func (r *Range) narrow(s Range) {
	if r.Min == nil {
		r.Min, r.MinOpen = s.Min, s.MinOpen
	} else if order, ok := compareValues(r.Min, s.Min); ok && (order < 0 || order == 0 && s.MinOpen) {
		r.Min, r.MinOpen = s.Min, s.MinOpen
	}
	if r.Max == nil {
		r.Max, r.MaxOpen = s.Max, s.MaxOpen
	} else if order, ok := compareValues(r.Max, s.Max); ok && (order > 0 || order == 0 && s.MaxOpen) {
		r.Max, r.MaxOpen = s.Max, s.MaxOpen
	}
	if r.In == nil {
		r.In = s.In
	}
}
