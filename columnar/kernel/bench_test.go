package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

const benchRows = 8192

var sink int64 // keeps results of reductions from being optimised away

func benchInts(seed uint64) []int64 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]int64, benchRows)
	for i := range v {
		v[i] = r.Int64N(1000)
	}
	return v
}

func bench128(seed uint64) []Int128 {
	v := make([]Int128, benchRows)
	for i, x := range benchInts(seed) {
		v[i] = Of64(x)
	}
	return v
}

// rate runs f, which looks at rows rows, and reports rows per second.
func rate(b *testing.B, name string, rows int, f func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			f()
			n += rows
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	})
}

func BenchmarkCompare(b *testing.B) {
	v, w, d := benchInts(1), benchInts(2), bench128(1)
	out, refined := make([]int32, benchRows), make([]int32, benchRows)
	for _, percent := range []int64{1, 50, 90} {
		c := 1000 - percent*10
		rate(b, fmt.Sprintf("int64>const/selected=%d%%", percent), benchRows, func() { CompareScalar(Gt, v, c, nil, out) })
	}
	half := CompareScalar(Gt, v, 500, nil, make([]int32, benchRows))
	rate(b, "int64>const/refine", len(half), func() { CompareScalar(Gt, w, 500, half, refined) })
	rate(b, "int64<int64", benchRows, func() { CompareVectors(Lt, v, w, nil, out) })
	rate(b, "decimal>const", benchRows, func() { CompareScalar128(Gt, d, Of64(500), nil, out) })
}

func BenchmarkArith(b *testing.B) {
	v, w, d, e := benchInts(1), benchInts(2), bench128(1), bench128(2)
	out, wide := make([]int64, benchRows), make([]Int128, benchRows)
	f, g := make([]float64, benchRows), make([]float64, benchRows)
	Widen(v, nil, f)
	half := CompareScalar(Gt, v, 500, nil, make([]int32, benchRows))
	rate(b, "int64+int64/unchecked", benchRows, func() { Arith(Add, Operand[int64]{Values: v}, Operand[int64]{Values: w}, nil, out) })
	rate(b, "int64+int64/checked", benchRows, func() { ArithInt64(Add, Operand[int64]{Values: v}, Operand[int64]{Values: w}, nil, out) })
	rate(b, "int64*int64/checked", benchRows, func() { ArithInt64(Mul, Operand[int64]{Values: v}, Operand[int64]{Values: w}, nil, out) })
	rate(b, "int64*int64/checked/selected", len(half), func() { ArithInt64(Mul, Operand[int64]{Values: v}, Operand[int64]{Values: w}, half, out) })
	rate(b, "float64*float64", benchRows, func() { Arith(Mul, Operand[float64]{Values: f}, Operand[float64]{Values: f}, nil, g) })
	rate(b, "const-float64", benchRows, func() { Arith(Sub, Operand[float64]{Scalar: 1}, Operand[float64]{Values: f}, nil, g) })
	rate(b, "decimal+decimal", benchRows, func() { Arith128(Add, Operand[Int128]{Values: d}, Operand[Int128]{Values: e}, nil, wide) })
	rate(b, "decimal*decimal", benchRows, func() { Arith128(Mul, Operand[Int128]{Values: d}, Operand[Int128]{Values: e}, nil, wide) })
	rate(b, "const-decimal", benchRows, func() { Arith128(Sub, Operand[Int128]{Scalar: Of64(100)}, Operand[Int128]{Values: e}, nil, wide) })
}

func BenchmarkReduce(b *testing.B) {
	v := benchInts(1)
	rate(b, "sum-int64", benchRows, func() { sink = Sum(v, nil) })
	rate(b, "sum-int64/exact", benchRows, func() { sink = int64(SumInteger(v, nil).Lo) })
	rate(b, "max-int64", benchRows, func() { sink, _ = Max(v, nil) })
}

func BenchmarkBits(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y := make([]byte, benchRows/8+1), make([]byte, benchRows/8+1)
	for i := range x {
		x[i], y[i] = byte(r.Uint32()), byte(r.Uint32())
	}
	bits, valid, out := make([]byte, benchRows/8), make([]byte, benchRows/8), make([]int32, benchRows)
	rate(b, "and", benchRows, func() { AndBits(Bits{x, 3}, Bits{y, 0}, benchRows, bits) })
	rate(b, "and3", benchRows, func() { And3(Bits{x, 3}, Bits{}, Bits{y, 0}, Bits{x, 1}, benchRows, bits, valid) })
	rate(b, "count", benchRows, func() { sink = int64(CountBits(Bits{x, 3}, benchRows)) })
	rate(b, "select", benchRows, func() { SelectBits(Bits{x, 3}, true, benchRows, nil, out) })
}

func BenchmarkTexts(b *testing.B) {
	words := []string{"MAIL", "SHIP", "DELIVER IN PERSON", "the special requests sleep", "furiously ironic", "TRUCK"}
	r := rand.New(rand.NewPCG(1, 1))
	t := Texts{Offsets: []int32{0}}
	for range benchRows {
		t.Bytes = append(t.Bytes, words[r.IntN(len(words))]...)
		t.Offsets = append(t.Offsets, int32(len(t.Bytes)))
	}
	out := make([]int32, benchRows)
	rate(b, "equal", benchRows, func() { CompareText(Eq, t, []byte("MAIL"), nil, out) })
	rate(b, "less", benchRows, func() { CompareText(Lt, t, []byte("MAIL"), nil, out) })
	for _, like := range []string{"DEL%", "%special%requests%", "%PERSON", "_AIL"} {
		p := Like(like)
		rate(b, "like "+like, benchRows, func() { t.Filter(nil, out, p.Match) })
	}
	set := NewTextSet([]string{"MAIL", "SHIP"})
	rate(b, "in", benchRows, func() { InTextSet(set, true, t, nil, out) })
	v := benchInts(1)
	few, many := NewSet([]int64{1, 2, 3}), NewSet(v[:100])
	rate(b, "int64-in-3", benchRows, func() { InSet(few, true, v, nil, out) })
	rate(b, "int64-in-100", benchRows, func() { InSet(many, true, v, nil, out) })
}
