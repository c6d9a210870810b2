package codec

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// mapShape is what the loops over maps need. Maps are the one type that costs reflection per record, and a sort of its keys.
type mapShape struct {
	goType     reflect.Type
	key, value *field
	compare    func(a, b unsafe.Pointer) int
}

// mapping returns the shape of a map: a map column.
func (d *describer) mapping(t reflect.Type, o options, path string) (*shape, error) {
	compare := comparison(t.Key())
	if compare == nil {
		return nil, fmt.Errorf("%s: the type %s cannot be stored in a column: keys of maps are integers, bools, strings and arrays of bytes", path, t)
	}
	key, err := d.describe(t.Key(), options{}, path+"[key]")
	if err != nil {
		return nil, err
	}
	value, err := d.describe(t.Elem(), o, path+"[]")
	if err != nil {
		return nil, err
	}
	m := &mapShape{
		goType:  t,
		key:     &field{shape: key, name: "key", path: path + "[key]"},
		value:   &field{shape: value, name: "value", path: path + "[]", nullZero: o.nullZero},
		compare: compare,
	}
	return &shape{column: columnar.MapOf(key.column, value.column, value.nullable), slab: true, encode: m.encode, bind: m.bind}, nil
}

// comparison returns the order of keys behind pointers, nil for types that cannot be the keys of a map column.
func comparison(t reflect.Type) func(a, b unsafe.Pointer) int {
	if marshals(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(a, b unsafe.Pointer) int { return cmp.Compare(*(*uint8)(a), *(*uint8)(b)) }
	case reflect.Int8:
		return compareAt[int8]
	case reflect.Int16:
		return compareAt[int16]
	case reflect.Int32:
		return compareAt[int32]
	case reflect.Int64, reflect.Int:
		return compareAt[int64]
	case reflect.Uint8:
		return compareAt[uint8]
	case reflect.Uint16:
		return compareAt[uint16]
	case reflect.Uint32:
		return compareAt[uint32]
	case reflect.Uint64, reflect.Uint:
		return compareAt[uint64]
	case reflect.String:
		return compareAt[string]
	case reflect.Array:
		if n := t.Len(); isLeaf(t) {
			return func(a, b unsafe.Pointer) int {
				return bytes.Compare(unsafe.Slice((*byte)(a), n), unsafe.Slice((*byte)(b), n))
			}
		}
	default: // not a key
	}
	return nil
}

func compareAt[T cmp.Ordered](a, b unsafe.Pointer) int { return cmp.Compare(*(*T)(a), *(*T)(b)) }

func (m *mapShape) encode(b *columnar.Builder, from strided) error {
	keys, values := newSlabs(m.key.goType), newSlabs(m.value.goType)
	for i := range from.n {
		v := reflect.NewAt(m.goType, from.at(i)).Elem()
		n := v.Len()
		ks, vs := reflect.MakeSlice(keys.slice, n, n), reflect.MakeSlice(values.slice, n, n)
		order := make([]int, 0, n)
		for it := v.MapRange(); it.Next(); {
			at := len(order)
			ks.Index(at).SetIterKey(it)
			vs.Index(at).SetIterValue(it)
			order = append(order, at)
		}
		k, e := strided{ks.UnsafePointer(), keys.size, n}, strided{vs.UnsafePointer(), values.size, n}
		slices.SortFunc(order, func(x, y int) int { return m.compare(k.at(x), k.at(y)) })
		for _, at := range order {
			if err := m.key.encode(b.Child(0), k.slice(at, 1)); err != nil {
				return err
			}
			if err := m.value.encode(b.Child(1), e.slice(at, 1)); err != nil {
				return err
			}
		}
		b.CloseNested()
	}
	return nil
}

func (m *mapShape) bind(from columnar.Type) (decodeFunc, error) {
	if from.Kind != columnar.Map {
		return nil, errMismatch
	}
	key, err := m.key.bind(from.Fields[0].Type)
	if err != nil {
		return nil, err
	}
	value, err := m.value.bind(from.Fields[1].Type)
	if err != nil {
		return nil, err
	}
	return m.decodeMaps(guard(m.key, key), guard(m.value, value)), nil
}

// decodeMaps returns the loop that decodes keys and values of all rows and fills a map for each row; of equal keys the last counts.
func (m *mapShape) decodeMaps(key, value decodeFunc) decodeFunc {
	keys, values := newSlabs(m.key.goType), newSlabs(m.value.goType)
	return func(c *columnar.Column, rows span, to strided) error {
		ks, err := decodeItems(&c.Children[0], c.Offsets, rows, keys, key)
		if err != nil {
			return err
		}
		vs, err := decodeItems(&c.Children[1], c.Offsets, rows, values, value)
		if err != nil {
			return err
		}
		at := 0
		for i := range rows.n {
			r := rows.row(i)
			n := int(c.Offsets[r+1] - c.Offsets[r])
			out := reflect.NewAt(m.goType, to.at(i)).Elem()
			if n == 0 {
				out.SetZero()
				continue
			}
			filled := reflect.MakeMapWithSize(m.goType, n)
			for range n {
				filled.SetMapIndex(reflect.NewAt(m.key.goType, ks.at(at)).Elem(), reflect.NewAt(m.value.goType, vs.at(at)).Elem())
				at++
			}
			out.Set(filled)
		}
		return nil
	}
}
