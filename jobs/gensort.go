package jobs

import "math/bits"

// wide is a number of 128 bits.
type wide struct{ hi, lo uint64 }

func (a wide) mul(b wide) wide {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return wide{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

func (a wide) add(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

// hex returns the i-th of the 32 hexadecimal digits, from the left.
func (a wide) hex(i int) byte {
	word := a.hi
	if i >= 16 {
		word, i = a.lo, i-16
	}
	return "0123456789ABCDEF"[word>>(60-4*i)&15]
}

// The random numbers of gensort (Chris Nyberg, version 1.5): x -> x*factor + term, of 128 bits, beginning with 0.
var (
	gensortFactor = wide{0x2360ED051FC65DA4, 0x4385DF649FCCF645}
	gensortTerm   = wide{0x4A696D4772617952, 0x4950202020202001}
)

// leap is x -> x*factor + term for a power of two of steps at once.
type leap struct{ factor, term wide }

// leaps has the leaps of 2^i steps.
var leaps = func() (out [64]leap) {
	l := leap{gensortFactor, gensortTerm}
	for i := range out {
		out[i] = l
		l = leap{l.factor.mul(l.factor), l.term.mul(l.factor).add(l.term)}
	}
	return out
}()

// gensortRandom returns the random number of record n: n+1 steps from 0, a leap for each bit that is set.
func gensortRandom(n uint64) (x wide) {
	for steps := n + 1; steps > 0; steps &= steps - 1 {
		l := &leaps[bits.TrailingZeros64(steps)]
		x = x.mul(l.factor).add(l.term)
	}
	return x
}

// fillBinary makes a record of gensort:
//
//	key 10 | 00 11 | number 32, hexadecimal | 88 99 AA BB | 12 digits of the random number, four times each | CC DD EE FF
func fillBinary(r *TeraRecord, random wide, number uint64) {
	for i := range 8 {
		r[i] = byte(random.hi >> (56 - 8*i))
	}
	r[8], r[9] = byte(random.lo>>56), byte(random.lo>>48)
	copy(r[10:], "\x00\x11")
	fillNumber(r, number)
	copy(r[44:], "\x88\x99\xAA\xBB")
	fillDigits(r[48:96], random, 20)
	copy(r[96:], "\xCC\xDD\xEE\xFF")
}

// fillASCII makes a record of gensort -a:
//
//	key 10 | two blanks | number 32 | two blanks | 13 digits of the random number, four times each | \r \n
func fillASCII(r *TeraRecord, random wide, number uint64) {
	const symbols = '~' - ' ' + 1
	rest := random.hi
	for i := range 10 {
		if i == 8 {
			rest = random.lo
		}
		r[i] = byte(' ' + rest%symbols)
		rest /= symbols
	}
	copy(r[10:], "  ")
	fillNumber(r, number)
	copy(r[44:], "  ")
	fillDigits(r[46:98], random, 19)
	copy(r[98:], "\r\n")
}

func fillNumber(r *TeraRecord, number uint64) {
	for i := range 32 {
		r[12+i] = wide{0, number}.hex(i)
	}
}

// fillDigits writes the random number's hexadecimal digits from the given one on, each four times.
func fillDigits(out []byte, random wide, from int) {
	for i := range out {
		out[i] = random.hex(from + i/4)
	}
}
