package windowed

import (
	"math"

	"github.com/millrace/millrace/columnar"
)

// bucket is the rows of a batch that are in one slice.
type bucket struct {
	start int64
	sel   []int32 // nil: all of the batch
}

// cutter puts the rows of batches by slices. Its buckets are used again.
type cutter struct {
	buckets []bucket
	byStart map[int64]int // when they are many
	spare   [][]int32
	hands   [][]int32 // memory of deal
}

// fewBuckets is how many buckets are looked through one by one.
const fewBuckets = 8

// cut returns the rows of b by slices of that length, each in order; rows of which sliceOf says that they are in no window are left out:
// there are none when slices are gapless.
func (c *cutter) cut(b columnar.Batch, length int64, gapless bool, sliceOf func(int64) (int64, bool)) ([]bucket, error) {
	lo, hi := bounds(b)
	if lo == columnar.NoTime {
		return nil, errNoTime
	}
	c.reset()
	if start, ok := sliceOf(lo); ok && hi-start < length {
		c.buckets = append(c.buckets[:0], bucket{start, b.Sel})
		return c.buckets, nil
	}
	c.buckets = c.buckets[:0]
	if base, _ := sliceOf(lo); gapless && uint64(hi-base) < dealt*uint64(length) {
		return c.deal(b, base, hi, length), nil
	}
	at, from := -1, int64(0) // the bucket of the last row, and its start
	for i := range b.Rows() {
		r := int32(b.Row(i))
		t := b.Time[r]
		if at < 0 || uint64(t)-uint64(from) >= uint64(length) {
			if at = c.of(t, length, sliceOf); at < 0 {
				continue
			}
			from = c.buckets[at].start
		}
		k := &c.buckets[at]
		k.sel = append(k.sel, r)
	}
	return c.buckets, nil
}

// dealt is among how many slices rows are dealt by arithmetic.
const dealt = 8

// deal is cut for few slices in a row, the first of which begins at base, and times up to hi. Which slice a row is in is computed without branches
// that depend on it: rows are out of order, and guessing wrong would cost more than all the rest.
func (c *cutter) deal(b columnar.Batch, base, hi, length int64) []bucket {
	n := b.Rows()
	if len(c.hands) == 0 || len(c.hands[0]) < n {
		c.hands = make([][]int32, dealt)
		for k := range c.hands {
			c.hands[k] = make([]int32, max(n, columnar.DefaultRows))
		}
	}
	var counts [dealt]int
	if uint64(hi-base) < 3*uint64(length) {
		counts[0], counts[1], counts[2] = dealThree(b, base+length, base+2*length, c.hands[0][:n], c.hands[1][:n], c.hands[2][:n])
	} else {
		c.dealMany(b, base, length, &counts)
	}
	for k, count := range counts {
		if count > 0 {
			c.buckets = append(c.buckets, bucket{base + int64(k)*length, c.hands[k][:count]})
		}
	}
	return c.buckets
}

// dealThree puts the rows before second, those before third, and the others into hands of their own, and returns how many each has. It is the
// usual case, of batches shorter than a slice and rows out of order by less than one, so it keeps the numbers in registers and writes each row to
// all three hands: the next row overwrites what is one too many.
func dealThree(b columnar.Batch, second, third int64, first, next, last []int32) (x, y, z int) {
	if b.Sel == nil {
		for i, t := range b.Time[:b.Len] {
			first[x], next[y], last[z] = int32(i), int32(i), int32(i)
			isNext, isLast := reached(t, second), reached(t, third)
			x, y, z = x+1-isNext, y+isNext-isLast, z+isLast
		}
		return x, y, z
	}
	for _, r := range b.Sel {
		first[x], next[y], last[z] = r, r, r
		isNext, isLast := reached(b.Time[r], second), reached(b.Time[r], third)
		x, y, z = x+1-isNext, y+isNext-isLast, z+isLast
	}
	return x, y, z
}

// reached is 1 for times from start on, 0 before. The two lie close to each other.
func reached(t, start int64) int { return int(1 - uint64(t-start)>>63) }

// dealMany is deal for up to as many slices as there are hands.
func (c *cutter) dealMany(b columnar.Batch, base, length int64, counts *[dealt]int) {
	inverse := 1 / float64(length)
	n := b.Rows()
	for i := range n {
		r := i
		if b.Sel != nil {
			r = int(b.Sel[i])
		}
		since := b.Time[r] - base
		k := int64(float64(since) * inverse)
		switch { // Invariant: the product is off by less than one.
		case since < k*length:
			k--
		case since >= (k+1)*length:
			k++
		}
		c.hands[k&(dealt-1)][counts[k&(dealt-1)]] = int32(r)
		counts[k&(dealt-1)]++
	}
}

// reset takes the memory of the buckets back.
func (c *cutter) reset() {
	for _, k := range c.buckets {
		if k.sel != nil && cap(k.sel) > 0 && len(c.spare) < 64 && c.byStart != nil {
			c.spare = append(c.spare, k.sel[:0])
		}
	}
	c.byStart = nil
}

// of returns the bucket of a time, a new one if there is none; -1 when the time is in no window.
func (c *cutter) of(t, length int64, sliceOf func(int64) (int64, bool)) int {
	if len(c.buckets) <= fewBuckets {
		for i := range c.buckets {
			if uint64(t)-uint64(c.buckets[i].start) < uint64(length) {
				return i
			}
		}
	}
	start, ok := sliceOf(t)
	if !ok {
		return -1
	}
	if c.byStart == nil {
		c.byStart = map[int64]int{}
	}
	if i, ok := c.byStart[start]; ok {
		return i
	}
	c.byStart[start] = len(c.buckets)
	k := bucket{start: start, sel: []int32{}}
	if n := len(c.spare); n > 0 {
		k.sel, c.spare = c.spare[n-1], c.spare[:n-1]
	}
	c.buckets = append(c.buckets, k)
	return len(c.buckets) - 1
}

// bounds returns the least and the greatest time of the rows that count, of which there must be one.
func bounds(b columnar.Batch) (lo, hi int64) {
	lo, hi = math.MaxInt64, math.MinInt64
	if b.Sel == nil {
		for _, t := range b.Time[:b.Len] {
			lo, hi = min(lo, t), max(hi, t)
		}
		return lo, hi
	}
	for _, r := range b.Sel {
		t := b.Time[r]
		lo, hi = min(lo, t), max(hi, t)
	}
	return lo, hi
}
