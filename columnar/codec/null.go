package codec

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// NullError says that a null was met where the Go field cannot hold one. It concerns one row; the batch's other rows may be read without it.
type NullError struct {
	Column string       // name of the column, or of the nested field
	Row    int          // position in that column of the batch, selected or not; an item's position for lists and maps
	Field  string       // Go field, as Type.Field
	Type   reflect.Type // its type
}

// Error says what to do about it.
func (e *NullError) Error() string {
	return fmt.Sprintf("column %q is null in row %d of the batch, and %s is of type %s: make it *%s, or tag it `col:\",null=zero\"`", e.Column, e.Row, e.Field, e.Type, e.Type)
}

// guard returns decode with the care for nulls that the field wants.
func guard(f *field, decode decodeFunc) decodeFunc {
	switch {
	case f.nullable:
		return decode
	case f.nullZero:
		return zeroNulls(f, decode)
	default:
		return refuseNulls(f, decode)
	}
}

func refuseNulls(f *field, decode decodeFunc) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		if r := firstNull(c, rows); r >= 0 {
			return &NullError{Column: f.name, Row: r, Field: f.path, Type: f.goType}
		}
		return decode(c, rows, to)
	}
}

// firstNull returns the first of the rows that is null, or -1.
func firstNull(c *columnar.Column, rows span) int {
	if !c.HasNulls() || rows.sel == nil && c.Valid.Slice(rows.from).Count(rows.n) == rows.n {
		return -1
	}
	for i := range rows.n {
		if r := rows.row(i); c.IsNull(r) {
			return r
		}
	}
	return -1
}

// zeroNulls decodes the runs between nulls, so that parts of null structs are not looked at.
func zeroNulls(f *field, decode decodeFunc) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		if firstNull(c, rows) < 0 {
			return decode(c, rows, to)
		}
		for i := 0; i < rows.n; {
			if c.IsNull(rows.row(i)) {
				setZero(f.goType, to.at(i))
				i++
				continue
			}
			end := i + 1
			for end < rows.n && !c.IsNull(rows.row(end)) {
				end++
			}
			if err := decode(c, rows.slice(i, end-i), to.slice(i, end-i)); err != nil {
				return err
			}
			i = end
		}
		return nil
	}
}

func setZero(t reflect.Type, p unsafe.Pointer) { reflect.NewAt(t, p).Elem().SetZero() }
