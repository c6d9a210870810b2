package expr

import (
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// arith is an operation on two numbers of the type it computes in.
type arith struct {
	op          kernel.Operation
	t           columnar.Type
	left, right vector    // of the types that the operation takes
	given       [2]vector // the same before they were cast
	words       []uint64  // the result's memory
	valid       []byte
	symbol      string
}

var operations = map[Op]kernel.Operation{OpAdd: kernel.Add, OpSub: kernel.Sub, OpMul: kernel.Mul, OpDiv: kernel.Div, OpMod: kernel.Mod}

// arith compiles an operation; -x is 0 - x, for floats -1 * x, which keeps the sign of zero.
func (b binder) arith(e Expr) (vector, error) {
	v, err := b.vectors(e.Args)
	if err != nil {
		return nil, err
	}
	op := operations[e.Op]
	if e.Op == OpNeg {
		zero := &constant{value: int64(0), t: columnar.Int64Type}
		op, v = kernel.Sub, []vector{zero, v[0]}
		if v[1].typ().IsFloat() {
			op, zero.value = kernel.Mul, int64(-1)
		}
	}
	t, err := arithType(e.Op, v[0], v[1])
	if err != nil {
		return nil, err
	}
	if t.Kind == columnar.Decimal {
		return decimalArith(op, v[0], v[1])
	}
	return castArith(op, t, v[0], t, v[1], t)
}

// castArith computes t from operands cast to types of their own.
func castArith(op kernel.Operation, t columnar.Type, x vector, xt columnar.Type, y vector, yt columnar.Type) (vector, error) {
	left, err := adapt(x, xt)
	if err != nil {
		return nil, err
	}
	right, err := adapt(y, yt)
	if err != nil {
		return nil, err
	}
	return &arith{op: op, t: t, left: left, right: right, given: [2]vector{x, y}, symbol: [...]string{"+", "-", "*", "/", "%"}[op]}, nil
}

// arithType returns the type that two operands are computed in; the scale of decimals is still to be found. The package comment has the rules.
func arithType(op Op, x, y vector) (columnar.Type, error) {
	a, b := x.typ(), y.typ()
	if a.Kind == 0 {
		a = b
	}
	if b.Kind == 0 {
		b = a
	}
	if a.Kind == 0 {
		a, b = columnar.Int64Type, columnar.Int64Type
	}
	if !isNumeric(a) || !isNumeric(b) {
		return a, fmt.Errorf("cannot %s %s and %s", op, a, b)
	}
	if op == OpMod && (!a.IsInteger() || !b.IsInteger()) {
		return a, fmt.Errorf("%% takes integers, not %s and %s", a, b)
	}
	decimal := columnar.Type{Kind: columnar.Decimal}
	switch {
	case a.Kind == columnar.Decimal && (b.Kind == columnar.Decimal || b.IsInteger() || isFiniteLiteral(y)),
		b.Kind == columnar.Decimal && (a.IsInteger() || isFiniteLiteral(x)):
		return decimal, nil
	case a.IsFloat() || b.IsFloat():
		return columnar.Float64Type, nil
	case a.Kind == columnar.Uint64 || b.Kind == columnar.Uint64:
		return columnar.Type{Kind: columnar.Uint64}, nil
	default:
		return columnar.Int64Type, nil
	}
}

// isFiniteLiteral says whether v is a float literal that a decimal can stand for.
func isFiniteLiteral(v vector) bool {
	c, ok := v.(*constant)
	if !ok || c.fixed {
		return false
	}
	f, ok := c.value.(float64)
	_, fits := shortDecimal(f)
	return ok && fits
}

// shortDecimal returns the shortest decimal that reads as f; ok is false when it has too many digits.
func shortDecimal(f float64) (d columnar.DecimalValue, ok bool) {
	if !finite(f) {
		return d, false
	}
	r := ratOf(f, false)
	for scale := range columnar.MaxPrecision + 1 {
		n, lost, _, _ := floorOf(f, scale, false)
		if !lost {
			if n.CmpAbs(tenTo(columnar.MaxPrecision)) >= 0 {
				break
			}
			return columnar.DecimalValue{Unscaled: fromBig(n), Scale: uint8(scale)}, true
		}
	}
	return d, r.Sign() == 0
}

// decimalArith brings the operands to the scales that the operation takes.
func decimalArith(op kernel.Operation, x, y vector) (vector, error) {
	a, b := decimalOperand(x), decimalOperand(y)
	at := func(scale int) columnar.Type { return columnar.DecimalOf(columnar.MaxPrecision, uint8(scale)) }
	sa, sb := int(a.typ().Scale), int(b.typ().Scale)
	switch op {
	case kernel.Mul:
		if sa+sb > columnar.MaxPrecision {
			return nil, fmt.Errorf("multiplying %s by %s takes %d digits after the point; the most is %d: cast one to a smaller scale", a.typ(), b.typ(), sa+sb, columnar.MaxPrecision)
		}
		return castArith(op, at(sa+sb), a, at(sa), b, at(sb))
	case kernel.Div:
		scale := min(columnar.MaxPrecision, max(6, sa+4))
		if scale+sb > columnar.MaxPrecision {
			return nil, fmt.Errorf("dividing %s by %s takes %d digits after the point; the most is %d: cast one to a smaller scale", a.typ(), b.typ(), scale+sb, columnar.MaxPrecision)
		}
		return castArith(op, at(scale), a, at(scale+sb), b, at(sb))
	default:
		s := max(sa, sb)
		return castArith(op, at(s), a, at(s), b, at(s))
	}
}

// decimalOperand gives literals and integers the decimal type that just holds them.
func decimalOperand(v vector) vector {
	if c, ok := v.(*constant); ok {
		if f, ok := c.value.(float64); ok && !c.fixed {
			d, _ := shortDecimal(f)
			return &constant{value: d, t: literalType(d)}
		}
		if c.value == nil {
			return &constant{t: columnar.DecimalOf(columnar.MaxPrecision, c.t.Scale)}
		}
	}
	if v.typ().Kind == columnar.Decimal {
		return v
	}
	wide, err := adapt(v, columnar.DecimalOf(columnar.MaxPrecision, 0))
	if err != nil {
		return v
	}
	return wide
}

func (a *arith) typ() columnar.Type { return a.t }

// evalOperand evaluates one side. A constant other than null is one row.
func evalOperand(f *frame, v vector, sel []int32) (columnar.Column, error) {
	if isScalar(v) {
		return v.eval(&frame{n: 1}, nil)
	}
	return v.eval(f, sel)
}

// isScalar says whether v has one value for all rows, which is not null.
func isScalar(v vector) bool {
	c, ok := v.(*constant)
	return ok && c.value != nil
}

// operandOf shows one side to a kernel.
func operandOf[T any](v vector, c columnar.Column, values func(columnar.Column) []T) kernel.Operand[T] {
	if isScalar(v) {
		return kernel.Operand[T]{Scalar: values(c)[0]}
	}
	return kernel.Operand[T]{Values: values(c)}
}

// operands evaluates both sides and says where neither is null. Where one is null the other's cast must not fail: after an error they are
// evaluated again without such rows, in which they are unspecified then.
func (a *arith) operands(f *frame, sel []int32) (l, r columnar.Column, valid columnar.Bitmap, err error) {
	both := func(x, y vector, sel []int32) {
		if l, err = evalOperand(f, x, sel); err == nil {
			r, err = evalOperand(f, y, sel)
		}
	}
	if both(a.left, a.right, sel); err == nil {
		return l, r, bothValid(&a.valid, f.n, l, r), nil
	}
	if both(a.given[0], a.given[1], sel); err != nil {
		return l, r, valid, err
	}
	tmp := f.rows()
	defer func() { f.giveBack(tmp) }()
	if sel == nil {
		sel = kernel.All(f.n, tmp)
	}
	sel = validRows(r, f.n, validRows(l, f.n, sel, tmp), tmp)
	a.valid = bitmapOf(a.valid, f.n)
	kernel.FillBits(a.valid, false)
	kernel.SetBits(sel, a.valid)
	both(a.left, a.right, sel)
	return l, r, columnar.Bitmap{Bits: a.valid}, err
}

func (a *arith) eval(f *frame, sel []int32) (columnar.Column, error) {
	l, r, valid, err := a.operands(f, sel)
	if err != nil {
		return l, err
	}
	a.words = wordsOf(a.words, f.n*a.t.ByteWidth()/8)
	out := columnar.Column{Type: a.t, Len: f.n, Valid: valid, Data: bytesOf(a.words)}
	bad := a.run(l, r, sel, out)
	if bad >= 0 && !valid.IsZero() {
		// What lies under a null may overflow without being an error.
		tmp := f.rows()
		bad = a.run(l, r, kernel.SelectBits(bitsOf(valid), true, f.n, sel, tmp), out)
		f.giveBack(tmp)
	}
	if bad >= 0 {
		return out, a.failure(l, r, int(bad))
	}
	return out, nil
}

// run computes the rows of sel and returns the first that fails, or -1.
func (a *arith) run(l, r columnar.Column, sel []int32, out columnar.Column) int32 {
	switch a.t.Kind {
	case columnar.Int64:
		values := columnar.Values[int64]
		return kernel.ArithInt64(a.op, operandOf(a.left, l, values), operandOf(a.right, r, values), sel, values(out))
	case columnar.Uint64:
		values := columnar.Values[uint64]
		return kernel.ArithUint64(a.op, operandOf(a.left, l, values), operandOf(a.right, r, values), sel, values(out))
	case columnar.Decimal:
		return kernel.Arith128(a.op, operandOf(a.left, l, decimalsOf), operandOf(a.right, r, decimalsOf), sel, decimalsOf(out))
	default:
		values := columnar.Values[float64]
		if len(sel)*2 > out.Len {
			sel = nil // nothing fails, and a plain loop over all rows is faster
		}
		kernel.Arith(a.op, operandOf(a.left, l, values), operandOf(a.right, r, values), sel, values(out))
		return -1
	}
}

// failure says what went wrong in a row.
func (a *arith) failure(l, r columnar.Column, row int) error {
	x, y := valueAt(&l, min(row, l.Len-1)), valueAt(&r, min(row, r.Len-1))
	err := ErrOverflow
	if order, ok := compareNumbers(y, int64(0)); ok && order == 0 && a.op >= kernel.Div {
		err = ErrDivideByZero
	}
	return fmt.Errorf("%s %s %s: %w of %s", literal(x), a.symbol, literal(y), err, a.t)
}

// wordsOf returns buf with room for n words.
func wordsOf(buf []uint64, n int) []uint64 {
	if cap(buf) < n {
		return make([]uint64, n)
	}
	return buf[:n]
}

// bytesOf returns the memory of words.
func bytesOf(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}
