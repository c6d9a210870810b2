package codec

import (
	"errors"
	"fmt"
	"reflect"
)

var errDynamic = errors.New("a function's result is a columnar.Row, whose columns are not known; return a struct")

// CheckKey says whether K may be a key: integers, strings, bools, times, and structs or arrays of these. Two keys are then equal just when
// their columns are; times are compared as instants, to the microsecond.
func CheckKey[K any]() error {
	t := reflect.TypeFor[K]()
	if where, what := unfitKey(t, ""); what != "" {
		if where != "" {
			where = ": field " + where[1:]
		}
		return fmt.Errorf("key type %s%s is %s; keys are integers, strings, bools, times, and structs or arrays of these", t, where, what)
	}
	if _, err := layoutOf(t); err != nil {
		return fmt.Errorf("key type %w", err)
	}
	return nil
}

// unfitKey returns the place within t, and what is there, that keeps it from being a key.
func unfitKey(t reflect.Type, path string) (where, what string) {
	switch {
	case t == timeType:
		return "", ""
	case t == decimalType:
		return path, "a decimal"
	case marshals(t):
		return path, "a " + t.String() + " that encodes itself"
	}
	switch k := t.Kind(); k {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "", ""
	case reflect.Array:
		return unfitKey(t.Elem(), path)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Tag.Get("col") == "-" {
				return path + "." + f.Name, "left out by its tag, so that unequal keys would be equal"
			}
			if where, what := unfitKey(f.Type, path+"."+f.Name); what != "" {
				return where, what
			}
		}
		return "", ""
	case reflect.Pointer:
		return path, "a pointer"
	case reflect.Interface:
		return path, "an interface"
	default:
		return path, "a " + k.String()
	}
}
