package expr

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Errors that evaluation wraps with the expression and the values.
var (
	ErrOverflow     = errors.New("overflow")
	ErrDivideByZero = errors.New("division by zero")
	ErrCast         = errors.New("not a value of the type")
)

// Program is an expression compiled for batches of one schema. It owns scratch memory: one goroutine uses it at a time.
type Program struct {
	source   Expr
	root     vector
	rows     predicate // nil unless the type is bool
	nullable bool
	frame    frame
}

// Bind checks e against the schema and compiles it. Errors name the part of e that is wrong: unknown columns, types that do not go together,
// literals that are none.
func Bind(e Expr, schema *columnar.Schema) (*Program, error) {
	b := binder{schema}
	if _, err := b.typed(e); err != nil {
		return nil, fmt.Errorf("binding %s: %w", e, err)
	}
	folded := Fold(e)
	root, err := b.typed(folded)
	if err != nil {
		return nil, fmt.Errorf("binding %s: %w", e, err)
	}
	p := &Program{source: e, root: root, nullable: b.nullable(e)}
	if root.typ().Kind == columnar.Bool {
		if p.rows, err = b.predicate(folded, true); err != nil {
			return nil, fmt.Errorf("binding %s: %w", e, err)
		}
	}
	return p, nil
}

// Type returns the type of the values.
func (p *Program) Type() columnar.Type { return p.root.typ() }

// Nullable says whether values may be null; false is certain as long as columns keep to their schema.
func (p *Program) Nullable() bool { return p.nullable }

// String prints the expression.
func (p *Program) String() string { return p.source.String() }

// Eval computes the values of the rows of b that count. The column has b.Len rows, in the positions of b's own columns, so that it can
// stand beside them; rows that b.Sel leaves out are not evaluated and hold anything. Its fixed-width buffers and bitmaps are the Program's until
// the next call; bytes of strings are fresh or b's. A bare column is returned as it is.
func (p *Program) Eval(b columnar.Batch) (columnar.Column, error) {
	if b.Len == 0 {
		return columnar.NewBuilder(p.root.typ(), 0).Finish(), nil
	}
	p.frame.batch, p.frame.n = b, b.Len
	c, err := p.root.eval(&p.frame, b.Sel)
	if err != nil {
		return columnar.Column{}, fmt.Errorf("evaluating %s: %w", p.source, err)
	}
	c.Type = p.root.typ()
	return c, nil
}

// EvalFilter returns the rows of b that count and for which the predicate is true, as positions in b's columns, written to scratch or,
// where that is too short, to new memory; never nil. scratch may be b.Sel's memory. The program's type must be bool.
func (p *Program) EvalFilter(b columnar.Batch, scratch []int32) ([]int32, error) {
	if p.rows == nil {
		return nil, fmt.Errorf("filtering by %s: it is %s, not bool", p.source, p.root.typ())
	}
	if scratch == nil || cap(scratch) < b.Len {
		scratch = make([]int32, b.Len)
	}
	if b.Rows() == 0 {
		return scratch[:0], nil
	}
	p.frame.batch, p.frame.n = b, b.Len
	rows, err := p.rows.filter(&p.frame, b.Sel, scratch[:b.Len])
	if err != nil {
		return nil, fmt.Errorf("filtering by %s: %w", p.source, err)
	}
	return rows, nil
}

// frame is one evaluation: the batch, its rows, of which there is one at least, and selections to write into.
type frame struct {
	batch columnar.Batch
	n     int
	free  [][]int32
}

// rows returns memory for n row numbers; giveBack returns it for reuse.
func (f *frame) rows() []int32 {
	if k := len(f.free) - 1; k >= 0 {
		r := f.free[k]
		f.free = f.free[:k]
		if cap(r) >= f.n {
			return r[:f.n]
		}
	}
	return make([]int32, f.n)
}

func (f *frame) giveBack(rows []int32) { f.free = append(f.free, rows) }

// vector computes values. eval returns a column of f.n rows that is right in the rows of sel (nil: all) and unspecified elsewhere; its
// buffers are the vector's until the next call.
type vector interface {
	typ() columnar.Type
	eval(f *frame, sel []int32) (columnar.Column, error)
}

// predicate selects rows. filter writes those of sel (nil: all) to out, which has f.n entries and may be sel's memory.
type predicate interface {
	filter(f *frame, sel, out []int32) ([]int32, error)
}

// binder compiles expressions over one schema.
type binder struct{ schema *columnar.Schema }

// typed compiles e and insists on a type, which a bare NULL does not have.
func (b binder) typed(e Expr) (vector, error) {
	v, err := b.vector(e)
	if err == nil && v.typ().Kind == 0 {
		return nil, errors.New("NULL has no type here; cast it to one")
	}
	return v, err
}

// vector compiles e, and computes it at once when it has no columns and does not fail.
func (b binder) vector(e Expr) (vector, error) {
	if err := e.checkShape(); err != nil {
		return nil, err
	}
	v, err := b.compile(e)
	if err != nil || e.Op == OpLiteral || v.typ().Kind == 0 || v.typ().IsNested() || len(e.Columns()) > 0 {
		return v, err
	}
	return computed(v), nil
}

// computed returns the value of a vector without columns as a constant, or v when it fails: then rows that need it fail.
func computed(v vector) vector {
	c, err := v.eval(&frame{n: 1}, nil)
	if err != nil {
		return v
	}
	c.Type = v.typ()
	value, err := normal(valueAt(&c, 0))
	if err != nil {
		return v
	}
	return &constant{value: value, t: c.Type, fixed: true}
}

// compile compiles e, whose shape is right.
func (b binder) compile(e Expr) (vector, error) {
	switch e.Op {
	case OpColumn:
		i := b.schema.Index(e.Name)
		if i < 0 {
			return nil, fmt.Errorf("column %q is not in %v", e.Name, b.schema.Names())
		}
		return &column{index: i, t: b.schema.Fields[i].Type}, nil
	case OpLiteral:
		return &constant{value: e.Value, t: literalType(e.Value)}, nil
	case OpAnd, OpOr:
		return b.logic(e)
	case OpNot:
		arg, err := b.boolean(e.Args[0])
		return &not{arg: arg}, err
	case OpIsNull:
		arg, err := b.vector(e.Args[0])
		return &isNull{arg: arg, want: true}, err
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpIn, OpLike, OpStartsWith, OpEndsWith, OpContains:
		return b.leaf(e, true)
	case OpAdd, OpSub, OpMul, OpDiv, OpMod, OpNeg:
		return b.arith(e)
	case OpCast:
		arg, err := b.vector(e.Args[0])
		if err != nil {
			return nil, err
		}
		return newCast(arg, e.Type)
	case OpLower, OpUpper, OpLength, OpSubstring:
		return b.text(e)
	case OpYear, OpMonth, OpDay:
		return b.datePart(e)
	default:
		return b.choice(e)
	}
}

// vectors compiles each of list.
func (b binder) vectors(list []Expr) ([]vector, error) {
	out := make([]vector, len(list))
	for i, e := range list {
		var err error
		if out[i], err = b.vector(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// boolean compiles e, which must be a bool or NULL.
func (b binder) boolean(e Expr) (vector, error) {
	v, err := b.vector(e)
	if err != nil {
		return nil, err
	}
	if v.typ().Kind == 0 {
		return &constant{t: columnar.BoolType}, nil
	}
	if v.typ().Kind != columnar.Bool {
		return nil, fmt.Errorf("%s is %s, not bool", e, v.typ())
	}
	return v, nil
}

// nullable says whether e may be null; e has been bound.
func (b binder) nullable(e Expr) bool {
	switch e.Op {
	case OpColumn:
		return b.schema.Fields[b.schema.Index(e.Name)].Nullable
	case OpLiteral:
		return e.Value == nil
	case OpIsNull:
		return false
	case OpIf:
		return slices.ContainsFunc(e.Args[1:], b.nullable)
	case OpCoalesce:
		return !slices.ContainsFunc(e.Args, func(a Expr) bool { return !b.nullable(a) })
	default:
		return slices.ContainsFunc(e.Args, b.nullable)
	}
}

// column is a column of the batch.
type column struct {
	index int
	t     columnar.Type
}

func (c *column) typ() columnar.Type { return c.t }

func (c *column) eval(f *frame, _ []int32) (columnar.Column, error) {
	return f.batch.Columns[c.index], nil
}

// constant is one value for all rows. Kind 0 is NULL without a type yet.
type constant struct {
	value any // of normal form
	t     columnar.Type
	fixed bool // not a literal: the type does not bend to what stands beside it
	rows  columnar.Column
}

func (c *constant) typ() columnar.Type { return c.t }

func (c *constant) eval(f *frame, _ []int32) (columnar.Column, error) {
	if c.rows.Len >= f.n {
		return c.rows.Slice(0, f.n), nil
	}
	first := columnar.NewBuilder(c.t, 1)
	if err := appendValue(first, c.value); err != nil {
		return columnar.Column{}, err
	}
	all := columnar.NewBuilder(c.t, f.n)
	all.Append(first.Finish(), make([]int32, f.n))
	c.rows = all.Finish()
	return c.rows.Slice(0, f.n), nil
}
