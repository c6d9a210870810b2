package agg

import (
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// SumOf sums a column of type t: integers as int64 (uint64 as uint64), floats as float64, decimals with 38 digits, durations as they are.
func SumOf(t columnar.Type) (Function, error) {
	switch {
	case t.Kind == columnar.Duration:
		return sumAs(t, t)
	case t.IsInteger() && t.Kind != columnar.Uint64:
		return sumAs(t, columnar.Int64Type)
	case t.IsFloat():
		return sumAs(t, columnar.Float64Type)
	case t.Kind == columnar.Decimal:
		return sumAs(t, columnar.DecimalOf(38, t.Scale))
	default:
		return sumAs(t, t)
	}
}

// sumAs sums a column of type t to a result of a type of the same family.
func sumAs(t, result columnar.Type) (Function, error) {
	switch {
	case t.Kind == columnar.Duration || t.IsInteger() && t.Kind != columnar.Uint64:
		return sumFunction(t, result, arithmetic[int64]{addSigned, subSigned}, true), nil
	case t.Kind == columnar.Uint64:
		return sumFunction(t, result, arithmetic[uint64]{addUnsigned, subUnsigned}, true), nil
	case t.IsFloat():
		return sumFunction(t, result, arithmetic[float64]{addFloats, nil}, false), nil
	case t.Kind == columnar.Decimal:
		return sumFunction(t, result, arithmetic[columnar.Decimal128]{addDecimals, subDecimals}, true), nil
	default:
		return Function{}, inputError("sum", t, "numbers and durations")
	}
}

func sumFunction[A number](t, result columnar.Type, ops arithmetic[A], retracts bool) Function {
	wide := wideType[A](t)
	return Function{
		Name: "sum", Input: []columnar.Field{value("value", t)},
		State:  []columnar.Field{always("sum", wide), always("count", columnar.Int64Type)},
		Result: value("sum", result), CanRetract: retracts,
		New: func() Accumulator {
			s := summer[A]{name: "sum", wide: wide, result: result, ops: ops}
			if retracts {
				return &retractingSummer[A]{s}
			}
			return &s
		},
	}
}

// total is the state of a sum: what was added, and from how many rows. They lie side by side: one cache line a row.
type total[A number] struct {
	sum A
	n   int64
}

// arithmetic adds values to the totals of their groups, or takes them away, counts[k] rows each, or one each when counts is nil. It
// returns whether a total left its range.
type arithmetic[A number] struct {
	add, sub func(totals []total[A], groups []int32, values []A, counts []int64) (overflow bool)
}

// summer is the accumulator of sums.
type summer[A number] struct {
	states[total[A]]
	name   string
	wide   columnar.Type
	result columnar.Type
	ops    arithmetic[A]
	loader loader[A]
}

// retractingSummer is a summer of a type whose arithmetic is exact.
type retractingSummer[A number] struct{ summer[A] }

func (s *summer[A]) Add(groups []int32, in []columnar.Column, sel []int32) error {
	groups, values := s.loader.load(groups, &in[0], sel)
	return s.check(s.ops.add(s.all, groups, values, nil))
}

func (s *retractingSummer[A]) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	groups, values := s.loader.load(groups, &in[0], sel)
	return s.check(s.ops.sub(s.all, groups, values, nil))
}

func (s *summer[A]) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	counts := pick(columnar.Values[int64](state[1]), sel, make([]int64, len(groups)))
	s.loader.values = grown(s.loader.values, len(groups))
	return s.check(s.ops.add(s.all, groups, widen(&state[0], sel, s.loader.values[:len(groups)]), counts))
}

func (s *summer[A]) check(overflow bool) error {
	if overflow {
		return &OverflowError{Aggregate: s.name, Type: s.wide}
	}
	return nil
}

// sums returns the sums and counts of the groups, the sum of none being zero.
func (s *summer[A]) sums(from, to int) (sums []A, counts []int64) {
	sums, counts = make([]A, to-from), make([]int64, to-from)
	for k, t := range s.all[from:to] {
		sums[k], counts[k] = t.sum, t.n
	}
	return sums, counts
}

func (s *summer[A]) State(from, to int) ([]columnar.Column, error) {
	sums, counts := s.sums(from, to)
	sum, fits := narrow(s.wide, sums, columnar.Bitmap{})
	return []columnar.Column{sum, columnar.Of(columnar.Int64Type, counts, columnar.Bitmap{})}, s.check(!fits)
}

func (s *summer[A]) Result(from, to int) (columnar.Column, error) {
	sums, counts := s.sums(from, to)
	column, fits := narrow(s.result, sums, taken(counts))
	if !fits {
		return column, &OverflowError{Aggregate: s.name, Type: s.result}
	}
	return column, nil
}

// taken returns the validity of results: null where nothing was counted.
func taken(counts []int64) columnar.Bitmap {
	var valid columnar.Bitmap
	for k, n := range counts {
		if n != 0 {
			continue
		}
		if valid.IsZero() {
			valid = columnar.NewBitmap(len(counts))
			for i := range counts {
				valid.Set(i)
			}
		}
		valid.Clear(k)
	}
	return valid
}

// rowsOf returns how many rows value k stands for.
func rowsOf(counts []int64, k int) int64 {
	if counts == nil {
		return 1
	}
	return counts[k]
}

func addSigned(totals []total[int64], groups []int32, values, counts []int64) bool {
	bad := int64(0)
	values = values[:len(groups)]
	for k, g := range groups {
		t, v := &totals[g], values[k]
		sum := t.sum + v
		bad |= (t.sum ^ sum) & (v ^ sum) // negative: both had the other sign
		t.sum = sum
		t.n += rowsOf(counts, k)
	}
	return bad < 0
}

func subSigned(totals []total[int64], groups []int32, values, counts []int64) bool {
	bad := int64(0)
	values = values[:len(groups)]
	for k, g := range groups {
		t, v := &totals[g], values[k]
		sum := t.sum - v
		bad |= (t.sum ^ v) & (t.sum ^ sum)
		t.sum = sum
		t.n -= rowsOf(counts, k)
	}
	return bad < 0
}

func addUnsigned(totals []total[uint64], groups []int32, values []uint64, counts []int64) bool {
	over := uint64(0)
	values = values[:len(groups)]
	for k, g := range groups {
		t := &totals[g]
		sum, carry := bits.Add64(t.sum, values[k], 0)
		over |= carry
		t.sum = sum
		t.n += rowsOf(counts, k)
	}
	return over != 0
}

func subUnsigned(totals []total[uint64], groups []int32, values []uint64, counts []int64) bool {
	over := uint64(0)
	values = values[:len(groups)]
	for k, g := range groups {
		t := &totals[g]
		sum, borrow := bits.Sub64(t.sum, values[k], 0)
		over |= borrow
		t.sum = sum
		t.n -= rowsOf(counts, k)
	}
	return over != 0
}

func addFloats(totals []total[float64], groups []int32, values []float64, counts []int64) bool {
	values = values[:len(groups)]
	if counts == nil {
		for k, g := range groups {
			t := &totals[g]
			t.sum += values[k]
			t.n++
		}
		return false
	}
	for k, g := range groups {
		t := &totals[g]
		t.sum += values[k]
		t.n += counts[k]
	}
	return false
}

func addDecimals(totals []total[columnar.Decimal128], groups []int32, values []columnar.Decimal128, counts []int64) bool {
	bad := int64(0)
	for k, g := range groups {
		t, v := &totals[g], values[k]
		lo, carry := bits.Add64(t.sum.Lo, v.Lo, 0)
		hi := t.sum.Hi + v.Hi + int64(carry)
		bad |= (t.sum.Hi ^ hi) & (v.Hi ^ hi)
		t.sum = columnar.Decimal128{Lo: lo, Hi: hi}
		t.n += rowsOf(counts, k)
	}
	return bad < 0
}

func subDecimals(totals []total[columnar.Decimal128], groups []int32, values []columnar.Decimal128, counts []int64) bool {
	bad := int64(0)
	for k, g := range groups {
		t, v := &totals[g], values[k]
		lo, borrow := bits.Sub64(t.sum.Lo, v.Lo, 0)
		hi := t.sum.Hi - v.Hi - int64(borrow)
		bad |= (t.sum.Hi ^ v.Hi) & (t.sum.Hi ^ hi)
		t.sum = columnar.Decimal128{Lo: lo, Hi: hi}
		t.n -= rowsOf(counts, k)
	}
	return bad < 0
}
