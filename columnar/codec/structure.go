package codec

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/millrace/millrace/columnar"
)

// structure returns the shape of a struct: a cell with children.
func (d *describer) structure(t reflect.Type, path string) (*shape, error) {
	s := &shape{flat: true}
	if err := d.collect(s, t, 0, path); err != nil {
		return nil, err
	}
	s.column = columnar.StructOf(schemaFields(s.fields)...)
	s.encode, s.bind = s.encodeStructs, s.bindStruct
	return s, nil
}

// collect adds the fields of t, which lies at offset within the type of s.
func (d *describer) collect(s *shape, t reflect.Type, offset uintptr, path string) error {
	for f := range t.Fields() {
		tag := f.Tag.Get("col")
		if tag == "-" || f.Name == "_" {
			s.holes = true
			continue
		}
		at := path + "." + f.Name
		name, o, err := parseTag(tag)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && !isLeaf(f.Type) {
			if err := d.collect(s, f.Type, offset+f.Offset, at); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() {
			return fmt.Errorf("%s is not exported and would be lost between tasks; export it, or tag it `col:\"-\"`", at)
		}
		if name == "" {
			name = snakeCase(f.Name)
		}
		child, err := d.describe(f.Type, o, at)
		if err != nil {
			return err
		}
		if err := s.add(field{shape: child, name: name, path: at, offset: offset + f.Offset, nullZero: o.nullZero}); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) add(f field) error {
	for i := range s.fields {
		if s.fields[i].name == f.name {
			return fmt.Errorf("%s and %s both are the column %q; tag one of them", s.fields[i].path, f.path, f.name)
		}
	}
	s.fields = append(s.fields, f)
	s.flat = s.flat && f.flat
	s.holes = s.holes || f.holes
	s.slab = s.slab || f.slab
	for _, text := range f.texts {
		s.texts = append(s.texts, f.offset+text)
	}
	return nil
}

func (s *shape) encodeStructs(b *columnar.Builder, from strided) error {
	for k := range s.fields {
		f := &s.fields[k]
		if err := f.encode(b.Child(k), from.field(f.offset)); err != nil {
			return inField(f, err)
		}
	}
	for range from.n {
		b.CloseNested()
	}
	return nil
}

// bindStruct matches the children of a struct column by name.
func (s *shape) bindStruct(from columnar.Type) (decodeFunc, error) {
	if from.Kind != columnar.Struct {
		return nil, errMismatch
	}
	parts, err := bindFields(s.fields, from.Fields)
	if err != nil {
		return nil, err
	}
	return func(c *columnar.Column, rows span, to strided) error {
		for i := range parts {
			p := &parts[i]
			if err := p.decode(&c.Children[p.index], rows, to.field(p.offset)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// part is a field bound to the column that it is read from.
type part struct {
	index  int // of the column
	offset uintptr
	slab   bool
	decode decodeFunc
}

// bindFields finds the column of each field. The error lists every field that has none or one that does not fit.
func bindFields(fields []field, columns []columnar.Field) ([]part, error) {
	var errs []error
	parts := make([]part, 0, len(fields))
	for i := range fields {
		f := &fields[i]
		index := indexOf(columns, f.name)
		if index < 0 {
			errs = append(errs, fmt.Errorf("%s (%s): no column %q", f.path, f.goType, f.name))
			continue
		}
		decode, err := f.bind(columns[index].Type)
		if err != nil {
			errs = append(errs, mismatch(f, columns[index], err))
			continue
		}
		parts = append(parts, part{index: index, offset: f.offset, slab: f.slab, decode: guard(f, decode)})
	}
	return parts, errors.Join(errs...)
}

func indexOf(columns []columnar.Field, name string) int {
	for i := range columns {
		if columns[i].Name == name {
			return i
		}
	}
	return -1
}

// mismatch says which column did not fit which field.
func mismatch(f *field, column columnar.Field, err error) error {
	if !errors.Is(err, errMismatch) {
		return err
	}
	hint := ""
	if f.column.Kind == columnar.Timestamp && column.Type.Kind == columnar.Timestamp {
		hint = "; the tag local makes the field a date and time without zone"
	}
	return fmt.Errorf("%s (%s): the column %q is %s, not %s%s", f.path, f.goType, column.Name, column.Type, f.column, hint)
}

// inField adds the column's name to an error about a value.
func inField(f *field, err error) error { return fmt.Errorf("column %q: %w", f.name, err) }
