package expr

import (
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
