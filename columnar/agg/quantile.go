package agg

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// QuantileOf estimates the quantile p, from 0 (the least value) to 1 (the greatest), of a column of numbers: the value of rank
// floor(p*(n-1)) of n, within 1% of it, as a float64. It is a DDSketch (Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile
// sketch, 2019) whose bins are never collapsed: it does not depend on the order of rows or on how they were split, and rows can be
// retracted. A group takes 16 bytes a bin, of which there are 115 for each power of ten that its values span.
func QuantileOf(t columnar.Type, p float64) (Function, error) {
	if !(p >= 0 && p <= 1) {
		return Function{}, fmt.Errorf("quantile %v: it is from 0 to 1", p)
	}
	if !t.IsInteger() && !t.IsFloat() && t.Kind != columnar.Decimal && t.Kind != columnar.Duration {
		return Function{}, inputError("quantile", t, "numbers and durations")
	}
	items := columnar.ListOf(columnar.StructOf(always("bin", columnar.Int32Type), always("count", columnar.Int64Type)), false)
	return Function{
		Name: "quantile", Input: []columnar.Field{value("value", t)}, State: []columnar.Field{always("bins", items)},
		Result: value("quantile", columnar.Float64Type), CanRetract: true,
		New: func() Accumulator { return &quantiles{p: p, state: items} },
	}, nil
}

// quantiles is the accumulator of quantile.
type quantiles struct {
	onHeap
	p      float64
	state  columnar.Type
	groups [][]bin
	loader loader[float64]
	bins   int
}

// bin counts values that differ by less than 2%. Bins are in ascending order of their values.
type bin struct {
	index int32
	count int64
}

// Bins of numbers: 0 has 0; binShift+i has the numbers above gamma^(i-1) up to gamma^i, and -(binShift+i) their negatives.
const (
	accuracy = 0.01
	gamma    = (1 + accuracy) / (1 - accuracy)
	binShift = 1 << 16
	binInf   = math.MaxInt32 - 1
	binNaN   = math.MaxInt32
)

var logGamma = math.Log(gamma)

// binOf returns the bin of v.
func binOf(v float64) int32 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return binNaN
	case math.IsInf(v, 0):
		return int32(math.Copysign(binInf, v))
	case v < 0:
		return -binOf(-v)
	default:
		return binShift + int32(math.Ceil(math.Log(v)/logGamma))
	}
}

// binValue returns the number that stands for all of a bin.
func binValue(i int32) float64 {
	switch {
	case i == 0:
		return 0
	case i == binNaN:
		return math.NaN()
	case i == binInf || i == -binInf:
		return math.Inf(int(i))
	case i < 0:
		return -binValue(-i)
	default:
		// Halved first: the greatest bin's value times 2 is not a number.
		return math.Exp(float64(i-binShift)*logGamma-math.Ln2) * (2 / (gamma + 1)) * 2
	}
}

func (q *quantiles) Grow(n int) { q.groups = grown(q.groups, n) }

func (q *quantiles) Add(groups []int32, in []columnar.Column, sel []int32) error {
	return q.count(groups, in, sel, 1)
}

func (q *quantiles) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	return q.count(groups, in, sel, -1)
}

func (q *quantiles) count(groups []int32, in []columnar.Column, sel []int32, by int64) error {
	groups, values := q.loader.load(groups, &in[0], sel)
	for k, g := range groups {
		q.add(g, binOf(values[k]), by)
	}
	return nil
}

func (q *quantiles) add(group, index int32, by int64) {
	bins := q.groups[group]
	i, found := slices.BinarySearchFunc(bins, index, func(b bin, index int32) int { return cmp.Compare(b.index, index) })
	switch {
	case !found:
		q.groups[group] = slices.Insert(bins, i, bin{index, by})
		q.bins++
	case bins[i].count+by == 0:
		q.groups[group] = slices.Delete(bins, i, i+1)
		q.bins--
	default:
		bins[i].count += by
	}
}

func (q *quantiles) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	items, rows, owners := unlist(groups, &state[0], sel)
	indexes, counts := columnar.Values[int32](items[0]), columnar.Values[int64](items[1])
	for k, row := range rows {
		if counts[row] != 0 {
			q.add(owners[k], indexes[row], counts[row])
		}
	}
	return nil
}

func (q *quantiles) State(from, to int) ([]columnar.Column, error) {
	l := lists{starts: []int32{0}}
	var indexes []int32
	var counts []int64
	for _, bins := range q.groups[from:to] {
		for _, b := range bins {
			indexes, counts = append(indexes, b.index), append(counts, b.count)
		}
		l.starts = append(l.starts, int32(len(indexes)))
	}
	cols := []columnar.Column{
		columnar.Of(columnar.Int32Type, indexes, columnar.Bitmap{}), columnar.Of(columnar.Int64Type, counts, columnar.Bitmap{}),
	}
	return []columnar.Column{l.structs(q.state, cols, 0, to-from)}, nil
}

func (q *quantiles) Result(from, to int) (columnar.Column, error) {
	values, totals := make([]float64, to-from), make([]int64, to-from)
	for k, bins := range q.groups[from:to] {
		for _, b := range bins {
			totals[k] += b.count
		}
		rank := int64(q.p * float64(totals[k]-1))
		for _, b := range bins {
			if rank -= b.count; rank < 0 {
				values[k] = binValue(b.index)
				break
			}
		}
	}
	return columnar.Of(columnar.Float64Type, values, taken(totals)), nil
}

func (q *quantiles) Size() int { return 24*cap(q.groups) + 20*q.bins }
func (q *quantiles) Reset()    { q.groups, q.bins = emptied(q.groups), 0 }
