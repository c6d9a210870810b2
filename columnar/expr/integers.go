package expr

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// integerKind is what is done with an integer type in its Go type: a row of the table of integer types.
type integerKind interface {
	// place finds a value, which is not nil, among those of the type.
	place(v any, t columnar.Type) (placed, error)
	// in tests whether a value of the type is one of several, which are of its Go type.
	in(values []any, want bool) test
	// castTo converts from the type; nil: that is not possible.
	castTo(t columnar.Type) caster
	// fromDecimal converts decimals of a scale to the type.
	fromDecimal(scale int) caster
}

type integerOf[T fixedInteger] struct{}

func (integerOf[T]) place(v any, t columnar.Type) (placed, error) { return placeInteger[T](v, t) }
func (integerOf[T]) in(values []any, want bool) test              { return setTest[T](values, want) }
func (integerOf[T]) castTo(t columnar.Type) caster                { return integerCast[T](t) }

func (integerOf[T]) fromDecimal(scale int) caster {
	return func(c columnar.Column, sel []int32, out columnar.Column) int32 {
		return kernel.Integers(decimalsOf(c), scale, sel, columnar.Values[T](out))
	}
}

// integerKinds has the integer types by kind.
var integerKinds = [...]integerKind{
	columnar.Int8:   integerOf[int8]{},
	columnar.Int16:  integerOf[int16]{},
	columnar.Int32:  integerOf[int32]{},
	columnar.Int64:  integerOf[int64]{},
	columnar.Uint8:  integerOf[uint8]{},
	columnar.Uint16: integerOf[uint16]{},
	columnar.Uint32: integerOf[uint32]{},
	columnar.Uint64: integerOf[uint64]{},
}
