package main

// rng is SplitMix64 (Steele, Lea, Flood 2014). It is repeated in Java by flink/src/NexmarkGenFactory.java,
// and a value is cheap to make, so that row n can have a generator of its own.
type rng struct{ s uint64 }

// newRNG returns the generator for item n of a stream of items; streams of different salt are unrelated.
func newRNG(n int64, salt uint64) *rng { return &rng{mix(uint64(n) + salt)} }

// mix is SplitMix64's output function, a bijection of 64-bit words.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func (r *rng) next() uint64 {
	r.s += 0x9e3779b97f4a7c15
	return mix(r.s)
}

// intn returns a number in [0, n) for n below 2^32, by multiply-shift of the upper 32 bits.
func (r *rng) intn(n int) int { return int(((r.next() >> 32) * uint64(n)) >> 32) }

// float returns a number in [0, 1).
func (r *rng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// oneIn is true with probability 1/n.
func (r *rng) oneIn(n int) bool { return r.intn(n) == 0 }

// letter returns one of a to z.
func (r *rng) letter() byte { return byte('a' + r.intn(26)) }

// pick returns an element of list.
func (r *rng) pick(list []string) string { return list[r.intn(len(list))] }
