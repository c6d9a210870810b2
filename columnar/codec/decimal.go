package codec

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// decimalShape is of columnar.DecimalValue. It reads decimals of any precision and scale: the value carries its own.
func decimalShape(o options) *shape {
	t := columnar.DecimalOf(o.precision, o.scale)
	encode := encodeFitting(func(v columnar.DecimalValue) (columnar.Decimal128, error) { return v.Fit(t) })
	return &shape{column: t, flat: true, encode: encode, bind: func(from columnar.Type) (decodeFunc, error) {
		if from.Kind != columnar.Decimal {
			return nil, errMismatch
		}
		return decodeVia(func(u columnar.Decimal128) columnar.DecimalValue {
			return columnar.DecimalValue{Unscaled: u, Scale: from.Scale}
		}), nil
	}}
}

// floatDecimalShape is of a float64 stored as a decimal.
func floatDecimalShape(o options) *shape {
	t := columnar.DecimalOf(o.precision, o.scale)
	encode := encodeFitting(func(v float64) (columnar.Decimal128, error) { return columnar.FitFloat(v, t) })
	return &shape{column: t, flat: true, encode: encode, bind: numberShape(float64Type).bind}
}

// decodeDecimalFloat reads decimals of the scale as the nearest float64.
func decodeDecimalFloat(scale uint8) decodeFunc {
	return decodeVia(func(u columnar.Decimal128) float64 {
		return columnar.DecimalValue{Unscaled: u, Scale: scale}.Float64()
	})
}

// unscaledShape is of an int64 that counts units of 10^-scale. It reads decimals of that scale only.
func unscaledShape(o options) (*shape, error) {
	if o.precision > 18 {
		return nil, fmt.Errorf("decimal(%d,%d) has more digits than the 18 of an int64", o.precision, o.scale)
	}
	t := columnar.DecimalOf(o.precision, o.scale)
	encode := encodeFitting(func(v int64) (columnar.Decimal128, error) {
		d := columnar.DecimalOfInt64(v)
		d.Scale = o.scale
		return d.Fit(t)
	})
	return &shape{column: t, flat: true, encode: encode, bind: func(from columnar.Type) (decodeFunc, error) {
		if from.Kind != columnar.Decimal || from.Scale != o.scale {
			return nil, errMismatch
		}
		return decodeUnscaled, nil
	}}, nil
}

func decodeUnscaled(c *columnar.Column, rows span, to strided) error {
	values := columnar.Values[columnar.Decimal128](*c)
	for i := range rows.n {
		r := rows.row(i)
		v, ok := values[r].Int64()
		if !ok && !c.IsNull(r) {
			return fmt.Errorf("%s in row %d of the batch does not fit an int64 of scale %d", columnar.DecimalValue{Unscaled: values[r], Scale: c.Type.Scale}, r, c.Type.Scale)
		}
		*(*int64)(to.at(i)) = v
	}
	return nil
}

// encodeFitting stores what fit makes of each value.
func encodeFitting[T any](fit func(T) (columnar.Decimal128, error)) encodeFunc {
	return func(b *columnar.Builder, from strided) error {
		out := columnar.Extend[columnar.Decimal128](b, from.n)
		for i := range out {
			u, err := fit(*(*T)(from.at(i)))
			if err != nil {
				return err
			}
			out[i] = u
		}
		return nil
	}
}
