package codec

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// strided is n values of one Go type that lie stride bytes apart: a field of the elements of a slice.
type strided struct {
	base   unsafe.Pointer
	stride uintptr
	n      int
}

// at returns the address of value i.
func (s strided) at(i int) unsafe.Pointer { return unsafe.Add(s.base, uintptr(i)*s.stride) }

// slice returns the n values from the i-th on.
func (s strided) slice(i, n int) strided { return strided{s.at(i), s.stride, n} }

// field returns the values that lie offset bytes into each of s.
func (s strided) field(offset uintptr) strided {
	return strided{unsafe.Add(s.base, offset), s.stride, s.n}
}

// span is the rows of a column to decode: those at sel when it is not nil, else n from row from on.
type span struct {
	from, n int
	sel     []int32
}

// row returns the position in the column of the i-th row.
func (s span) row(i int) int {
	if s.sel != nil {
		return int(s.sel[i])
	}
	return s.from + i
}

// slice returns n of the rows from the i-th on.
func (s span) slice(i, n int) span {
	if s.sel != nil {
		return span{n: n, sel: s.sel[i : i+n]}
	}
	return span{from: s.from + i, n: n}
}

// encodeFunc appends values to a column.
type encodeFunc func(b *columnar.Builder, from strided) error

// decodeFunc writes the cells of c at rows to as many values. It overwrites each value whole, but for the holes of its shape.
type decodeFunc func(c *columnar.Column, rows span, to strided) error

// shape is what is known of one Go type under one tag: the column that stores it, and how values move both ways. Shapes are immutable.
type shape struct {
	goType   reflect.Type
	column   columnar.Type
	nullable bool    // a pointer: nil is null
	fields   []field // of a struct, those of embedded structs promoted

	// flat says that a value refers to nothing but strings, so that nobody can change it behind a copy's back; texts are the offsets of
	// those strings.
	flat   bool
	texts  []uintptr
	direct bool // values in memory are the column's values
	holes  bool // decoding leaves some fields alone
	slab   bool // decoding allocates, so that it is better done once a batch

	encode encodeFunc
	// bind returns the loop that decodes a column of the type from. The error is errMismatch, or about a part of the type. Unless the shape
	// is nullable the loop does not look for nulls of the column itself.
	bind func(from columnar.Type) (decodeFunc, error)
}

// field is one field of a struct, or the whole of a T that is none.
type field struct {
	*shape
	name     string // of the column
	path     string // in Go, with the type in front
	offset   uintptr
	nullZero bool
}

func (f *field) schemaField() columnar.Field {
	return columnar.Field{Name: f.name, Type: f.column, Nullable: f.nullable}
}

// schemaFields returns the columns of fields.
func schemaFields(fields []field) []columnar.Field {
	out := make([]columnar.Field, len(fields))
	for i := range fields {
		out[i] = fields[i].schemaField()
	}
	return out
}

// errMismatch says that a column cannot be read into a Go type; whoever knows both names wraps it.
var errMismatch = errors.New("the types do not fit")

// bindSame returns a bind for shapes that read no column type but their own.
func bindSame(t columnar.Type, decode decodeFunc) func(columnar.Type) (decodeFunc, error) {
	return func(from columnar.Type) (decodeFunc, error) {
		if !from.Equal(t) {
			return nil, errMismatch
		}
		return decode, nil
	}
}
