package codec

import (
	"encoding"
	"fmt"
	"reflect"

	"github.com/millrace/millrace/columnar"
)

// marshalShape is of types that encode themselves.
func marshalShape(t reflect.Type) *shape {
	encode := func(b *columnar.Builder, from strided) error {
		for i := range from.n {
			cell, err := reflect.NewAt(t, from.at(i)).Interface().(encoding.BinaryMarshaler).MarshalBinary()
			if err != nil {
				return fmt.Errorf("encoding a %s: %w", t, err)
			}
			b.AppendBytes(cell)
		}
		return nil
	}
	decode := func(c *columnar.Column, rows span, to strided) error {
		for i := range rows.n {
			r := rows.row(i)
			setZero(t, to.at(i))
			if err := reflect.NewAt(t, to.at(i)).Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(c.Bytes(r)); err != nil {
				return fmt.Errorf("decoding a %s in row %d of the batch: %w", t, r, err)
			}
		}
		return nil
	}
	return &shape{column: columnar.BinaryType, encode: encode, bind: bindSame(columnar.BinaryType, decode), slab: true}
}
