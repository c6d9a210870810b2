package columnar_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// bigOf is the reference: the unscaled integer.
func bigOf(d Decimal128) *big.Int {
	v := big.NewInt(d.Hi)
	return v.Add(v.Lsh(v, 64), new(big.Int).SetUint64(d.Lo))
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

var maxDecimal = new(big.Int).Sub(tenTo(MaxPrecision), big.NewInt(1))

// drawUnscaled draws integers of all lengths up to 38 digits.
func drawUnscaled(t *rapid.T) Decimal128 {
	d := Decimal128{Lo: rapid.Uint64().Draw(t, "lo"), Hi: rapid.Int64().Draw(t, "hi")}
	if shift := rapid.IntRange(0, 127).Draw(t, "shift"); shift >= 64 {
		d = Decimal128{Lo: uint64(d.Hi >> (shift - 64)), Hi: d.Hi >> 63}
	} else {
		d = Decimal128{Lo: d.Lo>>shift | uint64(d.Hi)<<(64-shift), Hi: d.Hi >> shift}
	}
	if !d.Fits(MaxPrecision) {
		d = Decimal128{Lo: d.Lo, Hi: d.Hi >> 4}
	}
	return d
}

func drawDecimal(t *rapid.T) DecimalValue {
	return DecimalValue{Unscaled: drawUnscaled(t), Scale: uint8(rapid.IntRange(0, 38).Draw(t, "scale"))}
}

func ratOf(d DecimalValue) *big.Rat {
	return new(big.Rat).SetFrac(bigOf(d.Unscaled), tenTo(int(d.Scale)))
}

// roundedAway rounds to an integer, halves away from zero.
func roundedAway(r *big.Rat) *big.Int {
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		half.Neg(half)
	}
	sum := new(big.Rat).Add(r, half)
	return new(big.Int).Quo(sum.Num(), sum.Denom())
}

// TestDecimal compares the arithmetic with math/big.
func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := drawDecimal(t), drawDecimal(t)
		if got, want := d.Cmp(e), ratOf(d).Cmp(ratOf(e)); got != want {
			t.Fatalf("Cmp(%s, %s) is %d, want %d", d, e, got, want)
		}
		if got, want := d.String(), ratOf(d).FloatString(int(d.Scale)); got != want && bigOf(d.Unscaled).Sign() != 0 {
			t.Fatalf("String is %s, want %s", got, want)
		}
		if back, err := ParseDecimal(d.String()); err != nil || back != d {
			t.Fatalf("%s is read as %s, %v", d, back, err)
		}
		if got, _ := ratOf(d).Float64(); d.Float64() != got {
			t.Fatalf("%s is the float %v, want %v", d, d.Float64(), got)
		}
		precision := uint8(rapid.IntRange(1, MaxPrecision).Draw(t, "precision"))
		if got, want := d.Unscaled.Fits(precision), new(big.Int).Abs(bigOf(d.Unscaled)).Cmp(tenTo(int(precision))) < 0; got != want {
			t.Fatalf("%s fits %d digits: %t, want %t", d, precision, got, want)
		}
		want := roundedAway(new(big.Rat).Mul(ratOf(d), new(big.Rat).SetInt(tenTo(int(e.Scale)))))
		got, ok := d.Unscaled.Rescale(d.Scale, e.Scale)
		if fits := want.CmpAbs(maxDecimal) <= 0; ok != fits || ok && bigOf(got).Cmp(want) != 0 {
			t.Fatalf("%s at scale %d is %s, %t; want %s", d, e.Scale, bigOf(got), ok, want)
		}
	})
}

// TestFitFloat holds that a decimal of at most 15 digits survives the way through a float64.
func TestFitFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := DecimalOfInt64(rapid.Int64Range(-1e15+1, 1e15-1).Draw(t, "unscaled"))
		d.Scale = uint8(rapid.IntRange(0, 15).Draw(t, "scale"))
		got, err := FitFloat(d.Float64(), DecimalOf(15, d.Scale))
		if err != nil || got != d.Unscaled {
			t.Fatalf("%s comes back as %v, %v", d, got, err)
		}
	})
	for _, c := range []struct {
		f    float64
		t    Type
		want string
	}{
		{0.125, DecimalOf(3, 2), "0.13"},
		{-0.125, DecimalOf(3, 2), "-0.13"},
		{1e22, DecimalOf(38, 2), "10000000000000000000000.00"},
		{0.1, DecimalOf(38, 30), "0.100000000000000005551115123126"},
		{100, DecimalOf(4, 2), ""},
		{math.NaN(), DecimalOf(4, 2), ""},
		{math.Inf(1), DecimalOf(38, 38), ""},
		{1e300, DecimalOf(38, 0), ""},
	} {
		u, err := FitFloat(c.f, c.t)
		got := ""
		if err == nil {
			got = DecimalValue{Unscaled: u, Scale: c.t.Scale}.String()
		}
		if got != c.want {
			t.Errorf("%v as %s is %q, %v; want %q", c.f, c.t, got, err, c.want)
		}
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"+1.50", "1.50"},
		{".5", "0.5"},
		{"5.", "5"},
		{"-000.001", "-0.001"},
		{"00000000000000000000000000000000000000000001", "1"},
		{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
		{"", ""},
		{".", ""},
		{"-", ""},
		{"--1", ""},
		{"1e3", ""},
		{"1.2.3", ""},
		{" 1", ""},
		{"100000000000000000000000000000000000000", ""},
		{"340282366920938463463374607431768211457", ""},
		{"0.000000000000000000000000000000000000001", ""},
	} {
		d, err := ParseDecimal(c.in)
		got := ""
		if err == nil {
			got = d.String()
		}
		if got != c.want {
			t.Errorf("%q is %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "99999999999999999999999999999999999999", "1.2.3", "+.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDecimal(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || want.Cmp(ratOf(d)) != 0 {
			t.Fatalf("%q is read as %s, want %v", s, d, want)
		}
	})
}
