package agg

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Part is one of several aggregates of records In that fill a struct R together; its result's type is hidden.
type Part[R, In any] struct {
	Function
	Select codec.Selector[In]
	Err    error
	bind   func(result columnar.Column) (func(row int, r *R), error)
}

// Into is the aggregate a whose result goes where dst says.
func Into[R, In, Out any](dst func(*R) *Out, a Aggregate[In, Out]) Part[R, In] {
	return Part[R, In]{
		Function: a.Function, Select: a.Select, Err: a.Err,
		bind: func(result columnar.Column) (func(row int, r *R), error) {
			values, err := a.Decode(result)
			return func(row int, r *R) { *dst(r) = values[row] }, err
		},
	}
}

// Bind decodes a column of results and returns what puts the result of a row into an R.
func (p Part[R, In]) Bind(result columnar.Column) (func(row int, r *R), error) { return p.bind(result) }
