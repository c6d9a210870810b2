package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets whose width is a sixty-fourth of what they hold, as HdrHistogram (Tene 2012) does, and in a few coarse
// steps for people.
type histogram struct {
	buckets [64 << fineBits]int64
	steps   [len(steps) + 1]int64 // the last: longer than all
	n       int64
	max     time.Duration
}

// fineBits is how many bits behind the first tell buckets apart.
const fineBits = 6

// steps are the coarse steps: a duration is counted at the first that is not shorter.
var steps = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.n++
	h.max = max(h.max, d)
	h.buckets[bucketOf(uint64(d))]++
	for i, s := range steps {
		if d <= s {
			h.steps[i]++
			return
		}
	}
	h.steps[len(steps)]++
}

// bucketOf returns the bucket of n: numbers below 2^fineBits have their own.
func bucketOf(n uint64) int {
	shift := max(bits.Len64(n)-fineBits-1, 0)
	return shift<<fineBits + int(n>>shift) //nolint:gosec // below 2^(fineBits+1)
}

// highest returns the largest number of a bucket.
func highest(bucket int) uint64 {
	if bucket < 2<<fineBits {
		return uint64(bucket) //nolint:gosec // not negative
	}
	shift := bucket>>fineBits - 1
	return uint64(bucket-shift<<fineBits+1)<<shift - 1 //nolint:gosec // not negative
}

// quantile returns a duration that the part q of all are not longer than, too high by a sixty-fourth at most.
func (h *histogram) quantile(q float64) time.Duration {
	var sum int64
	for i, n := range h.buckets {
		if sum += n; n > 0 && float64(sum) >= q*float64(h.n) {
			return min(time.Duration(highest(i)), h.max) //nolint:gosec // no longer than what was added
		}
	}
	return h.max
}
