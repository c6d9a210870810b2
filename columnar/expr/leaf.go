package expr

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// truth is a bool in both forms: as values and as the rows where it is what is wanted.
type truth interface {
	vector
	predicate
}

// test writes to out the rows of sel (nil: all n) that pass; it need not look at nulls.
type test func(cols []columnar.Column, n int, sel, out []int32) []int32

// leaf is a predicate that is null exactly where one of its arguments is: a comparison, IN, LIKE and so on.
type leaf struct {
	args   []vector
	test   test
	isNull bool // null in every row
	cols   []columnar.Column
	bits   []byte
	valid  []byte
}

func (l *leaf) typ() columnar.Type { return columnar.BoolType }

func (l *leaf) evalArgs(f *frame, sel []int32) error {
	l.cols = l.cols[:0]
	for _, a := range l.args {
		c, err := a.eval(f, sel)
		if err != nil {
			return err
		}
		l.cols = append(l.cols, c)
	}
	return nil
}

func (l *leaf) filter(f *frame, sel, out []int32) ([]int32, error) {
	if l.isNull {
		return out[:0], nil
	}
	if err := l.evalArgs(f, sel); err != nil {
		return nil, err
	}
	rows := l.test(l.cols, f.n, sel, out)
	for _, c := range l.cols {
		rows = validRows(c, f.n, rows, out)
	}
	return rows, nil
}

func (l *leaf) eval(f *frame, sel []int32) (columnar.Column, error) {
	l.bits = bitmapOf(l.bits, f.n)
	kernel.FillBits(l.bits, false)
	if l.isNull {
		return columnar.OfBools(columnar.Bitmap{Bits: l.bits}, f.n, columnar.Bitmap{Bits: l.bits}), nil
	}
	if err := l.evalArgs(f, sel); err != nil {
		return columnar.Column{}, err
	}
	tmp := f.rows()
	kernel.SetBits(l.test(l.cols, f.n, sel, tmp), l.bits)
	f.giveBack(tmp)
	return columnar.OfBools(columnar.Bitmap{Bits: l.bits}, f.n, bothValid(&l.valid, f.n, l.cols...)), nil
}

// bitsOf shows a bitmap to kernels.
func bitsOf(m columnar.Bitmap) kernel.Bits { return kernel.Bits{Bytes: m.Bits, Off: m.Off} }

// textsOf shows a column of strings or binaries to kernels.
func textsOf(c columnar.Column) kernel.Texts { return kernel.Texts{Bytes: c.Data, Offsets: c.Offsets} }

// decimalsOf shows a column of decimals to kernels, whose Int128 has the same layout.
func decimalsOf(c columnar.Column) []kernel.Int128 {
	v := columnar.Values[columnar.Decimal128](c)
	return unsafe.Slice((*kernel.Int128)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// validRows keeps the rows of sel in which c is not null; out may be sel's memory.
func validRows(c columnar.Column, n int, sel, out []int32) []int32 {
	if !c.HasNulls() {
		return sel
	}
	return kernel.SelectBits(bitsOf(c.Valid), true, n, sel, out)
}

// bitmapOf returns buf with room for n bits.
func bitmapOf(buf []byte, n int) []byte {
	if cap(buf) < (n+7)/8 {
		buf = make([]byte, (n+7)/8)
	}
	return buf[:(n+7)/8]
}

// bothValid returns the bitmap of the rows where no column is null, in buf where it is not a column's own.
func bothValid(buf *[]byte, n int, cols ...columnar.Column) columnar.Bitmap {
	var all columnar.Bitmap
	for _, c := range cols {
		switch {
		case !c.HasNulls():
		case all.IsZero():
			all = c.Valid
		default:
			*buf = bitmapOf(*buf, n)
			kernel.AndBits(bitsOf(all), bitsOf(c.Valid), n, *buf)
			all = columnar.Bitmap{Bits: *buf}
		}
	}
	return all
}

// leaf compiles a comparison, IN, LIKE or a search in a string, for the rows where it is true, or false when want is.
func (b binder) leaf(e Expr, want bool) (truth, error) {
	switch e.Op {
	case OpIn:
		return b.in(e, want)
	case OpLike, OpStartsWith, OpEndsWith, OpContains:
		return b.search(e, want)
	default:
		op := comparisons[e.Op]
		if !want {
			op = op.Negated()
		}
		return b.comparison(op, e.Args[0], e.Args[1])
	}
}

var comparisons = map[Op]kernel.Comparison{
	OpEq: kernel.Eq, OpNe: kernel.Ne, OpLt: kernel.Lt, OpLe: kernel.Le, OpGt: kernel.Gt, OpGe: kernel.Ge,
}

func (b binder) comparison(op kernel.Comparison, x, y Expr) (*leaf, error) {
	v, err := b.vectors([]Expr{x, y})
	if err != nil {
		return nil, err
	}
	if v[0].typ().Kind == 0 || v[1].typ().Kind == 0 {
		return &leaf{isNull: true}, nil
	}
	if _, ok := v[0].(*constant); ok {
		op, v[0], v[1] = op.Flipped(), v[1], v[0]
	}
	// A float that is no literal compares with decimals as a column of floats does.
	if c, ok := v[1].(*constant); ok && !(c.fixed && c.t.IsFloat() && v[0].typ().Kind == columnar.Decimal) {
		return scalarLeaf(op, v[0], c.value)
	}
	return vectorLeaf(op, v[0], v[1])
}

// scalarLeaf compares a vector with a literal that is not null.
func scalarLeaf(op kernel.Comparison, v vector, value any) (*leaf, error) {
	if value == nil {
		return &leaf{isNull: true}, nil
	}
	if c, ok := v.(*constant); ok {
		order, ok := compareValues(c.value, value)
		if c.value == nil {
			return &leaf{isNull: true}, nil
		}
		if !ok {
			return nil, errIncomparable(value, c.t)
		}
		return &leaf{test: always(op.Holds(order))}, nil
	}
	at, err := place(value, v.typ())
	if err != nil {
		return nil, err
	}
	return &leaf{args: []vector{v}, test: scalarTest(op, v.typ(), at)}, nil
}

// always passes all rows or none.
func always(pass bool) test {
	return func(_ []columnar.Column, n int, sel, out []int32) []int32 {
		switch {
		case !pass:
			return out[:0]
		case sel == nil:
			return kernel.All(n, out)
		default:
			return out[:copy(out, sel)]
		}
	}
}

// scalarTest compares column 0 with a placed literal. A literal between two values is replaced by the one it lies beside.
func scalarTest(op kernel.Comparison, t columnar.Type, at placed) test {
	if at.side != 0 {
		switch op {
		case kernel.Eq:
			return always(false)
		case kernel.Ne:
			return always(true)
		case kernel.Lt, kernel.Le:
			op = kernel.Le
			if at.side < 0 {
				op = kernel.Lt
			}
		default:
			op = kernel.Gt
			if at.side < 0 {
				op = kernel.Ge
			}
		}
	}
	switch c := at.value.(type) {
	case bool:
		return boolTest(op, c)
	case int8:
		return numberTest(op, c)
	case int16:
		return numberTest(op, c)
	case int32:
		return numberTest(op, c)
	case int64:
		return numberTest(op, c)
	case uint8:
		return numberTest(op, c)
	case uint16:
		return numberTest(op, c)
	case uint32:
		return numberTest(op, c)
	case uint64:
		return numberTest(op, c)
	case float32:
		return floatTest(op, c)
	case float64:
		return floatTest(op, c)
	case columnar.Decimal128:
		return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
			return kernel.CompareScalar128(op, decimalsOf(cols[0]), kernel.Int128(c), sel, out)
		}
	case []byte:
		return bytesTest(op, t, c)
	}
	panic(fmt.Sprintf("expr: a literal placed as %T", at.value))
}

func numberTest[T interface {
	kernel.Number
	columnar.Fixed
}](op kernel.Comparison, c T) test {
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.CompareScalar(op, columnar.Values[T](cols[0]), c, sel, out)
	}
}

// floatTest treats NaN as what it is, the greatest number.
func floatTest[T interface {
	kernel.Float
	columnar.Fixed
}](op kernel.Comparison, c T) test {
	if c == c {
		return numberTest(op, c)
	}
	if op == kernel.Le || op == kernel.Gt {
		return always(op == kernel.Le)
	}
	want := op == kernel.Eq || op == kernel.Ge
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.NaNs(columnar.Values[T](cols[0]), want, sel, out)
	}
}

func boolTest(op kernel.Comparison, c bool) test {
	passTrue, passFalse := op.Holds(int(1-toInt(c))), op.Holds(int(-toInt(c)))
	if passTrue == passFalse {
		return always(passTrue)
	}
	return isTest(passTrue)
}

// isTest passes the rows of a bool column that are want.
func isTest(want bool) test {
	return func(cols []columnar.Column, n int, sel, out []int32) []int32 {
		return kernel.SelectBits(bitsOf(cols[0].Bits), want, n, sel, out)
	}
}

func bytesTest(op kernel.Comparison, t columnar.Type, c []byte) test {
	if t.Kind == columnar.FixedBinary {
		return rowTest(func(cols []columnar.Column, i int) bool {
			return op.Holds(bytes.Compare(cols[0].FixedBytes(i), c))
		})
	}
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.CompareText(op, textsOf(cols[0]), c, sel, out)
	}
}

// rowTest is a test row by row, for pairs of types that hardly occur.
func rowTest(pass func(cols []columnar.Column, i int) bool) test {
	return func(cols []columnar.Column, n int, sel, out []int32) []int32 {
		k := 0
		if sel == nil {
			for i := range n {
				if pass(cols, i) {
					out[k] = int32(i)
					k++
				}
			}
			return out[:k]
		}
		for _, i := range sel {
			if pass(cols, int(i)) {
				out[k] = i
				k++
			}
		}
		return out[:k]
	}
}

// in compiles x IN (…). A null in the list makes null of what would be false.
func (b binder) in(e Expr, want bool) (truth, error) {
	x, err := b.vector(e.Args[0])
	if err != nil {
		return nil, err
	}
	if x.typ().Kind == 0 {
		return &leaf{isNull: true}, nil
	}
	var values []any
	hasNull := false
	for _, a := range e.Args[1:] {
		if a.Value == nil {
			hasNull = true
		} else {
			values = append(values, a.Value)
		}
	}
	l, err := inLeaf(x, values, want)
	if err != nil || !hasNull {
		return l, err
	}
	return &orNull{in: l, want: want}, nil
}

// inLeaf looks for x among values that are not null.
func inLeaf(x vector, values []any, want bool) (*leaf, error) {
	if c, ok := x.(*constant); ok {
		return constantIn(c, values, want)
	}
	var exact []any
	for _, v := range values {
		at, err := place(v, x.typ())
		if err != nil {
			return nil, err
		}
		if at.side == 0 {
			exact = append(exact, at.value)
		}
	}
	return &leaf{args: []vector{x}, test: inTest(x.typ(), exact, want)}, nil
}

func constantIn(c *constant, values []any, want bool) (*leaf, error) {
	if c.value == nil {
		return &leaf{isNull: true}, nil
	}
	found := false
	for _, v := range values {
		order, ok := compareValues(c.value, v)
		if !ok {
			return nil, errIncomparable(v, c.t)
		}
		found = found || order == 0
	}
	return &leaf{test: always(found == want)}, nil
}

func inTest(t columnar.Type, values []any, want bool) test {
	switch t.Kind {
	case columnar.Int8:
		return setTest[int8](values, want)
	case columnar.Int16:
		return setTest[int16](values, want)
	case columnar.Int32, columnar.Date:
		return setTest[int32](values, want)
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		return setTest[int64](values, want)
	case columnar.Uint8:
		return setTest[uint8](values, want)
	case columnar.Uint16:
		return setTest[uint16](values, want)
	case columnar.Uint32:
		return setTest[uint32](values, want)
	case columnar.Uint64:
		return setTest[uint64](values, want)
	case columnar.Decimal:
		return setTest[columnar.Decimal128](values, want)
	case columnar.String, columnar.Binary:
		set := textSet(values)
		return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
			return kernel.InTextSet(set, want, textsOf(cols[0]), sel, out)
		}
	default:
		return rareInTest(t, values, want)
	}
}

// rareInTest is IN for bools, floats with their NaN, and fixed binaries: one value after the other.
func rareInTest(t columnar.Type, values []any, want bool) test {
	tests := make([]test, len(values))
	for i, v := range values {
		tests[i] = scalarTest(kernel.Eq, t, placed{value: v})
	}
	var one, found [1]int32
	return rowTest(func(cols []columnar.Column, i int) bool {
		one[0] = int32(i)
		for _, has := range tests {
			if len(has(cols, 1, one[:], found[:])) > 0 {
				return want
			}
		}
		return !want
	})
}

func setTest[T columnar.Fixed](values []any, want bool) test {
	typed := make([]T, len(values))
	for i, v := range values {
		typed[i] = v.(T)
	}
	set := kernel.NewSet(typed)
	return func(cols []columnar.Column, _ int, sel, out []int32) []int32 {
		return kernel.InSet(set, want, columnar.Values[T](cols[0]), sel, out)
	}
}

func textSet(values []any) *kernel.TextSet {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v.([]byte))
	}
	return kernel.NewTextSet(texts)
}

// orNull is an IN whose list has a null: true where found, else null.
type orNull struct {
	in   *leaf
	want bool // which rows filter gives: those where it is true, or the none where it is false
}

func (o *orNull) typ() columnar.Type { return columnar.BoolType }

func (o *orNull) filter(f *frame, sel, out []int32) ([]int32, error) {
	rows, err := o.in.filter(f, sel, out)
	if !o.want {
		rows = rows[:0]
	}
	return rows, err
}

func (o *orNull) eval(f *frame, sel []int32) (columnar.Column, error) {
	c, err := o.in.eval(f, sel)
	if err != nil {
		return c, err
	}
	c.Valid = c.Bits
	if in := o.in; len(in.cols) > 0 && in.cols[0].HasNulls() {
		in.valid = bitmapOf(in.valid, f.n)
		kernel.AndBits(bitsOf(c.Bits), bitsOf(in.cols[0].Valid), f.n, in.valid)
		c.Valid = columnar.Bitmap{Bits: in.valid}
	}
	return c, nil
}

// search compiles LIKE, starts_with, ends_with and contains.
func (b binder) search(e Expr, want bool) (truth, error) {
	v, err := b.vectors(e.Args)
	if err != nil {
		return nil, err
	}
	for i, a := range v {
		if a.typ().Kind == 0 {
			return &leaf{isNull: true}, nil
		}
		if !a.typ().IsVariable() {
			return nil, fmt.Errorf("%s takes strings, but %s is %s", e.Op, e.Args[i], a.typ())
		}
	}
	if c, ok := v[1].(*constant); ok {
		if c.value == nil {
			return &leaf{isNull: true}, nil
		}
		text, _ := textOf(c.value)
		return &leaf{args: v[:1], test: searchTest(e.Op, text, want)}, nil
	}
	find := map[Op]func(s, part []byte) bool{OpStartsWith: bytes.HasPrefix, OpEndsWith: bytes.HasSuffix, OpContains: bytes.Contains}[e.Op]
	return &leaf{args: v, test: rowTest(func(cols []columnar.Column, i int) bool {
		return find(cols[0].Bytes(i), cols[1].Bytes(i)) == want
	})}, nil
}

// searchTest looks for a constant in column 0. Where every match contains some bytes, rows without these are passed over in one search through all
// rows.
func searchTest(op Op, text []byte, want bool) test {
	match, part, enough := matcher(op, text)
	return func(cols []columnar.Column, n int, sel, out []int32) []int32 {
		t := textsOf(cols[0])
		if sel != nil || !want || len(part) == 0 {
			return t.Filter(sel, out, func(s []byte) bool { return match(s) == want })
		}
		rows := kernel.Containing(t, part, out)
		if enough {
			return rows
		}
		return t.Filter(rows, out, match)
	}
}

// matcher returns the search for a constant; bytes that every match contains, if any; and whether containing them is all it takes.
func matcher(op Op, text []byte) (match func([]byte) bool, part []byte, enough bool) {
	switch op {
	case OpStartsWith:
		return func(s []byte) bool { return bytes.HasPrefix(s, text) }, nil, false
	case OpEndsWith:
		return func(s []byte) bool { return bytes.HasSuffix(s, text) }, nil, false
	case OpContains:
		return func(s []byte) bool { return bytes.Contains(s, text) }, text, true
	default:
		p := kernel.Like(string(text))
		if prefix, _, _ := p.Prefix(); len(prefix) == 0 {
			part, enough = p.Part()
		}
		return p.Match, part, enough
	}
}
