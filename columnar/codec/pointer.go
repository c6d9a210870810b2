package codec

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// pointer returns the shape of a pointer: what it points to, nullable.
func (d *describer) pointer(t reflect.Type, o options, path string) (*shape, error) {
	target, err := d.describe(t.Elem(), o, path)
	if err != nil {
		return nil, err
	}
	if target.nullable {
		return nil, fmt.Errorf("%s: the type %s has two kinds of null; a column has one", path, t)
	}
	return &shape{column: target.column, nullable: true, holes: target.holes, slab: true, encode: encodePointers(target), bind: bindPointer(target)}, nil
}

func encodePointers(target *shape) encodeFunc {
	return func(b *columnar.Builder, from strided) error {
		for i := range from.n {
			p := *(*unsafe.Pointer)(from.at(i))
			if p == nil {
				b.AppendNulls(1)
			} else if err := target.encode(b, strided{p, 0, 1}); err != nil {
				return err
			}
		}
		return nil
	}
}

func bindPointer(target *shape) func(columnar.Type) (decodeFunc, error) {
	return func(from columnar.Type) (decodeFunc, error) {
		decode, err := target.bind(from)
		if err != nil {
			return nil, err
		}
		return decodePointers(newSlabs(target.goType), decode), nil
	}
}

// decodePointers decodes the cells that are not null into one slab and points to its elements.
func decodePointers(slabs slabs, decode decodeFunc) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		filled := notNull(c, rows)
		slab := slabs.make(filled.n)
		if filled.n > 0 {
			if err := decode(c, filled, slab); err != nil {
				return err
			}
		}
		k := 0
		for i := range rows.n {
			p := (*unsafe.Pointer)(to.at(i))
			if c.IsNull(rows.row(i)) {
				*p = nil
				continue
			}
			*p = slab.at(k)
			k++
		}
		return nil
	}
}

// notNull returns the rows of c that are not null.
func notNull(c *columnar.Column, rows span) span {
	if firstNull(c, rows) < 0 {
		return rows
	}
	sel := make([]int32, 0, rows.n)
	for i := range rows.n {
		if r := rows.row(i); !c.IsNull(r) {
			sel = append(sel, int32(r))
		}
	}
	return span{n: len(sel), sel: sel}
}

// slabs makes arrays of one type that others point into.
type slabs struct {
	slice reflect.Type
	size  uintptr
}

func newSlabs(t reflect.Type) slabs { return slabs{slice: reflect.SliceOf(t), size: t.Size()} }

// make returns n zero values side by side.
func (s slabs) make(n int) strided {
	return strided{reflect.MakeSlice(s.slice, n, n).UnsafePointer(), s.size, n}
}
