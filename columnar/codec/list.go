package codec

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// sliceHeader is how a slice of any type lies in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// item returns the field of the items of the list or array type t.
func (d *describer) item(t reflect.Type, o options, path string) (*field, error) {
	path += "[]"
	s, err := d.describe(t.Elem(), o, path)
	if err != nil {
		return nil, err
	}
	return &field{shape: s, name: "item", path: path, nullZero: o.nullZero}, nil
}

// bindItems binds the items of a list column.
func bindItems(item *field, from columnar.Type) (decodeFunc, error) {
	if from.Kind != columnar.List {
		return nil, errMismatch
	}
	decode, err := item.bind(from.Fields[0].Type)
	if err != nil {
		return nil, err
	}
	return guard(item, decode), nil
}

// slice returns the shape of a slice: a list.
func (d *describer) slice(t reflect.Type, o options, path string) (*shape, error) {
	item, err := d.item(t, o, path)
	if err != nil {
		return nil, err
	}
	return &shape{column: columnar.ListOf(item.column, item.nullable), slab: true, encode: encodeSlices(item), bind: func(from columnar.Type) (decodeFunc, error) {
		decode, err := bindItems(item, from)
		if err != nil {
			return nil, err
		}
		return decodeSlices(newSlabs(t.Elem()), decode), nil
	}}, nil
}

func encodeSlices(item *field) encodeFunc {
	size := item.goType.Size()
	return func(b *columnar.Builder, from strided) error {
		for i := range from.n {
			s := (*sliceHeader)(from.at(i))
			if s.len > 0 {
				if err := item.encode(b.Child(0), strided{s.data, size, s.len}); err != nil {
					return err
				}
			}
			b.CloseNested()
		}
		return nil
	}
}

// decodeSlices decodes the items of all rows into one slab and cuts the slices from it.
func decodeSlices(slabs slabs, decode decodeFunc) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		slab, err := decodeItems(&c.Children[0], c.Offsets, rows, slabs, decode)
		if err != nil {
			return err
		}
		k := 0
		for i := range rows.n {
			r := rows.row(i)
			n := int(c.Offsets[r+1] - c.Offsets[r])
			if n == 0 {
				*(*sliceHeader)(to.at(i)) = sliceHeader{}
				continue
			}
			*(*sliceHeader)(to.at(i)) = sliceHeader{slab.at(k), n, n}
			k += n
		}
		return nil
	}
}

// decodeItems decodes the items of all rows into one slab, in the order of the rows. Invariant: no address behind the last item is made,
// not even of no items; the collector would take it for one into the next object.
func decodeItems(items *columnar.Column, offsets []int32, rows span, slabs slabs, decode decodeFunc) (strided, error) {
	slab := slabs.make(countItems(offsets, rows))
	switch {
	case slab.n == 0:
		return slab, nil
	case rows.sel == nil:
		return slab, decode(items, span{from: int(offsets[rows.from]), n: slab.n}, slab)
	}
	k := 0
	for _, r := range rows.sel {
		lo, n := int(offsets[r]), int(offsets[r+1]-offsets[r])
		if n == 0 {
			continue
		}
		if err := decode(items, span{from: lo, n: n}, slab.slice(k, n)); err != nil {
			return slab, err
		}
		k += n
	}
	return slab, nil
}

func countItems(offsets []int32, rows span) int {
	if rows.sel == nil {
		return int(offsets[rows.from+rows.n] - offsets[rows.from])
	}
	total := 0
	for _, r := range rows.sel {
		total += int(offsets[r+1] - offsets[r])
	}
	return total
}

// array returns the shape of an array that is not of bytes: a list that has as many items in every row.
func (d *describer) array(t reflect.Type, o options, path string) (*shape, error) {
	item, err := d.item(t, o, path)
	if err != nil {
		return nil, err
	}
	s := &shape{column: columnar.ListOf(item.column, item.nullable), flat: item.flat, holes: item.holes, slab: item.slab}
	size, n := t.Elem().Size(), t.Len()
	for i := range n {
		for _, text := range item.texts {
			s.texts = append(s.texts, uintptr(i)*size+text)
		}
	}
	s.encode = func(b *columnar.Builder, from strided) error {
		for i := range from.n {
			if n > 0 {
				if err := item.encode(b.Child(0), strided{from.at(i), size, n}); err != nil {
					return err
				}
			}
			b.CloseNested()
		}
		return nil
	}
	s.bind = func(from columnar.Type) (decodeFunc, error) {
		decode, err := bindItems(item, from)
		if err != nil {
			return nil, err
		}
		return decodeArrays(n, size, decode), nil
	}
	return s, nil
}

func decodeArrays(n int, size uintptr, decode decodeFunc) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		for i := range rows.n {
			r := rows.row(i)
			lo, have := int(c.Offsets[r]), int(c.Offsets[r+1]-c.Offsets[r])
			if have != n {
				return fmt.Errorf("row %d of the batch has a list of %d items where the Go type is an array of %d", r, have, n)
			}
			if n == 0 {
				continue
			}
			if err := decode(&c.Children[0], span{from: lo, n: n}, strided{to.at(i), size, n}); err != nil {
				return err
			}
		}
		return nil
	}
}
