package state

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// face is a typed state: a pointer to a field of a processor.
type face interface {
	declare(t *Table) error
	bind(c Cells, b *Binding) error
}

var faceType = reflect.TypeFor[face]()

// Declared returns the tables of the typed states that are fields of the struct that p points to, or of structs embedded in it, in their
// order, for keys of those columns. Each field is described by its tag:
//
//	Seen state.Value[int64] `state:"seen,ttl=24h,was=old"`
//
// that is its name (without one: the field's in snake_case), how long a value lives after it was written, and the name that it had in older
// snapshots. A p without such fields declares no tables. Errors name the field.
func Declared(p any, keys []columnar.Field) ([]Table, error) {
	fields, err := fieldsOf(p, keys)
	if err != nil {
		return nil, err
	}
	tables := make([]Table, len(fields))
	for i := range fields {
		tables[i] = fields[i].table
	}
	return tables, nil
}

// Binding is the connection of a processor's fields with a store.
type Binding struct{ err error }

// Err returns the first failure of the store since the binding. It is to be looked at behind the calls of user code, which sees no errors:
// what it has got since is worthless.
func (b *Binding) Err() error { return b.err }

// note keeps the first error.
func (b *Binding) note(err error) {
	if err != nil && b.err == nil {
		b.err = err
	}
}

// Bind opens the tables that p declares in a store whose keys are of those columns, and connects its fields with them.
func Bind(p any, keys []columnar.Field, s Store) (*Binding, error) {
	fields, err := fieldsOf(p, keys)
	if err != nil {
		return nil, err
	}
	b := &Binding{}
	for i := range fields {
		f := &fields[i]
		cells, err := s.Open(f.table)
		if err == nil {
			err = f.face.bind(cells, b)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: opening state %q: %w", f.path, f.table.Name, err)
		}
	}
	return b, nil
}

// stateField is a typed state of a processor.
type stateField struct {
	path  string
	face  face
	table Table
}

func fieldsOf(p any, keys []columnar.Field) ([]stateField, error) {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, nil
	}
	fields, err := collect(nil, v.Elem(), v.Elem().Type().String())
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for i := range fields {
		f := &fields[i]
		if other, taken := names[f.table.Name]; taken {
			return nil, fmt.Errorf("%s and %s both are the state %q", other, f.path, f.table.Name)
		}
		names[f.table.Name] = f.path
		f.table.Keys = keys
		if err := f.face.declare(&f.table); err != nil {
			return nil, fmt.Errorf("%s (%s): %w", f.path, typeName(f.face), err)
		}
	}
	return fields, nil
}

func typeName(f face) string { return reflect.TypeOf(f).Elem().String() }

// collect adds the states among the fields of v.
func collect(fields []stateField, v reflect.Value, path string) ([]stateField, error) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		at := path + "." + f.Name
		tag, tagged := f.Tag.Lookup("state")
		switch {
		case reflect.PointerTo(f.Type).Implements(faceType) && f.Type.Kind() == reflect.Struct && !f.Anonymous:
			if !f.IsExported() {
				return nil, fmt.Errorf("%s (%s) is not exported, so that it cannot be connected with a store", at, f.Type)
			}
			table, err := parseTag(tag, f.Name)
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", at, f.Type, err)
			}
			fields = append(fields, stateField{path: at, face: v.Field(i).Addr().Interface().(face), table: table})
		case f.Type.Implements(faceType):
			return nil, fmt.Errorf("%s (%s) is a pointer or embedded; a state is a field of its own, of type %s", at, f.Type, strings.TrimPrefix(f.Type.String(), "*"))
		case tagged:
			return nil, fmt.Errorf("%s (%s) has a state tag but is no state; states are state.Value, List, Map, Reducing and Aggregating", at, f.Type)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			var err error
			if fields, err = collect(fields, v.Field(i), at); err != nil {
				return nil, err
			}
		}
	}
	return fields, nil
}

// parseTag returns the table that a tag describes.
func parseTag(tag, field string) (Table, error) {
	parts := strings.Split(tag, ",")
	t := Table{Name: strings.TrimSpace(parts[0])}
	if t.Name == "" {
		t.Name = nameInSnakeCase(field)
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "ttl":
			ttl, err := time.ParseDuration(value)
			if err != nil || ttl < time.Microsecond {
				return t, fmt.Errorf("the tag's ttl %q is not a duration like 24h", value)
			}
			t.TTL = ttl
		case "was":
			if value == "" {
				return t, fmt.Errorf("the tag's was has no name")
			}
			t.Was = value
		default:
			return t, fmt.Errorf("the tag's option %q is unknown; options are ttl=24h and was=oldname", part)
		}
	}
	return t, nil
}
