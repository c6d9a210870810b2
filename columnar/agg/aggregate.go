package agg

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Aggregate is an aggregate of records: a Function, and what selects its input columns from a record. Err is set when the types do not
// allow it; nothing else is then.
type Aggregate[In, Out any] struct {
	Function
	Select codec.Selector[In]
	Err    error
}

// Number is what can be summed and averaged.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// one makes any type a column of its own.
type one[T any] struct{ Value T }

// keyed is the input of aggregates that choose values by a key.
type keyed[K, V any] struct {
	By    K
	Value V
}

// Count counts records.
func Count[In any]() Aggregate[In, int64] {
	sel, err := codec.Select(func(In) struct{} { return struct{}{} })
	return finish[In, int64](sel, err, func([]columnar.Field, columnar.Type) (Function, error) { return CountRows(), nil })
}

// Sum adds up what f gives, in its own type: a result that does not fit is an [OverflowError]. The sum of no records is zero.
func Sum[In any, N Number](f func(In) N) Aggregate[In, N] {
	return single[In, N, N](f, func(in []columnar.Field, out columnar.Type) (Function, error) { return sumAs(in[0].Type, out) })
}

// Avg averages what f gives. The average of no records is zero.
func Avg[In any, N Number](f func(In) N) Aggregate[In, float64] {
	return single[In, N, float64](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return AvgOf(in[0].Type) })
}

// Min is the least of the values that f gives: numbers, strings, bools, times, decimals, and pointers to these, nil being ignored. The
// least of no values is the zero value.
func Min[In, V any](f func(In) V) Aggregate[In, V] {
	return single[In, V, V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return MinOf(in[0].Type) })
}

// Max is the greatest of the values that f gives; see Min.
func Max[In, V any](f func(In) V) Aggregate[In, V] {
	return single[In, V, V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return MaxOf(in[0].Type) })
}

// MinBy is what f gives for the record for which by gives the least key; of several, the least value in the engine's order. Keys are of
// the types that Min takes.
func MinBy[In, V, K any](f func(In) V, by func(In) K) Aggregate[In, V] {
	return withKey[In, K, V, V](f, by, func(in []columnar.Field, _ columnar.Type) (Function, error) { return MinByOf(in[0].Type, in[1].Type) })
}

// MaxBy is what f gives for the record for which by gives the greatest key; see MinBy.
func MaxBy[In, V, K any](f func(In) V, by func(In) K) Aggregate[In, V] {
	return withKey[In, K, V, V](f, by, func(in []columnar.Field, _ columnar.Type) (Function, error) { return MaxByOf(in[0].Type, in[1].Type) })
}

// First is what f gives for the first record to arrive. Which one that is, only a sorted or sequential input defines.
func First[In, V any](f func(In) V) Aggregate[In, V] {
	return single[In, V, V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return FirstOf(in[0].Type), nil })
}

// Last is what f gives for the last record to arrive; see First.
func Last[In, V any](f func(In) V) Aggregate[In, V] {
	return single[In, V, V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return LastOf(in[0].Type), nil })
}

// CountDistinct counts the different values that f gives, exactly. Values with a nil pointer in them are ignored.
func CountDistinct[In, V any](f func(In) V) Aggregate[In, int64] {
	sel, err := codec.Select(f)
	return finish[In, int64](sel, err, func(in []columnar.Field, _ columnar.Type) (Function, error) { return CountDistinctOf(types(in)...) })
}

// ApproxDistinct estimates the number of different values that f gives; see [ApproxDistinctOf] for the error and the memory.
func ApproxDistinct[In, V any](f func(In) V) Aggregate[In, int64] {
	sel, err := codec.Select(f)
	return finish[In, int64](sel, err, func(in []columnar.Field, _ columnar.Type) (Function, error) { return ApproxDistinctOf(types(in)...) })
}

// Quantile estimates the quantile p, from 0 to 1, of what f gives, within 1% of the value; see [QuantileOf].
func Quantile[In any, N Number](p float64, f func(In) N) Aggregate[In, float64] {
	return single[In, N, float64](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return QuantileOf(in[0].Type, p) })
}

// TopK lists the k greatest of the values that f gives, greatest first.
func TopK[In, V any](k int, f func(In) V) Aggregate[In, []V] {
	return single[In, V, []V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return TopKOf(in[0].Type, k) })
}

// TopKBy lists what f gives for the k records for which by gives the greatest keys, greatest first.
func TopKBy[In, V, K any](k int, f func(In) V, by func(In) K) Aggregate[In, []V] {
	return withKey[In, K, V, []V](f, by, func(in []columnar.Field, _ columnar.Type) (Function, error) {
		return TopKByOf(in[0].Type, in[1].Type, k)
	})
}

// Collect lists what f gives for all records, in the order of arrival. The lists are held in memory as a whole.
func Collect[In, V any](f func(In) V) Aggregate[In, []V] {
	return single[In, V, []V](f, func(in []columnar.Field, _ columnar.Type) (Function, error) { return CollectOf(in[0].Type), nil })
}

func types(fields []columnar.Field) []columnar.Type {
	out := make([]columnar.Type, len(fields))
	for i, f := range fields {
		out[i] = f.Type
	}
	return out
}

// construct makes the Function for the selector's fields and the type of the result.
type construct func(in []columnar.Field, out columnar.Type) (Function, error)

// single makes an aggregate of one column: V, even if it is a struct.
func single[In, V, Out any](f func(In) V, build construct) Aggregate[In, Out] {
	field, err := fieldOf[V]()
	if err != nil {
		return Aggregate[In, Out]{Err: err}
	}
	if field.Type.Kind != columnar.Struct {
		sel, err := codec.Select(f)
		return finish[In, Out](sel, err, build)
	}
	sel, err := codec.Select(func(in In) one[V] { return one[V]{f(in)} })
	return finish[In, Out](sel, err, build)
}

// withKey makes an aggregate of a key column and a value column.
func withKey[In, K, V, Out any](f func(In) V, by func(In) K, build construct) Aggregate[In, Out] {
	sel, err := codec.Select(func(in In) keyed[K, V] { return keyed[K, V]{by(in), f(in)} })
	return finish[In, Out](sel, err, build)
}

// finish makes the aggregate of what was selected.
func finish[In, Out any](sel codec.Selector[In], err error, build construct) Aggregate[In, Out] {
	if err != nil {
		return Aggregate[In, Out]{Err: err}
	}
	result, err := fieldOf[Out]()
	if err != nil {
		return Aggregate[In, Out]{Err: err}
	}
	f, err := build(sel.Fields, result.Type)
	if err != nil {
		return Aggregate[In, Out]{Err: err}
	}
	f.Input = sel.Fields
	return Aggregate[In, Out]{Function: f.resultAs(result), Select: sel}
}

// fieldOf returns the column of a T.
func fieldOf[T any]() (columnar.Field, error) {
	c, err := codec.Of[one[T]]()
	if err != nil {
		return columnar.Field{}, err
	}
	return c.Schema().Fields[0], nil
}

// Decode returns the results in a column that the aggregate's accumulator gave, the zero value for null if Out has no null of its own.
func (a Aggregate[In, Out]) Decode(result columnar.Column) ([]Out, error) {
	c, err := codec.Of[one[Out]]()
	if err != nil {
		return nil, err
	}
	decoder, err := c.Decoder(c.Schema())
	if err != nil {
		return nil, err
	}
	cols := []columnar.Column{withoutNulls(result, c.Schema().Fields[0])}
	values, err := decoder.Decode(columnar.Batch{Schema: c.Schema(), Columns: cols, Len: result.Len}, nil)
	if err != nil {
		return nil, fmt.Errorf("decoding results of %s: %w", a.Name, err)
	}
	out := make([]Out, len(values))
	for i := range values {
		if !result.IsNull(i) {
			out[i] = values[i].Value
		}
	}
	return out, nil
}
