package arena

import (
	"fmt"
	"math"
	"reflect"
	"unsafe"
)

// Slice returns n zero values of T from a, aligned to a cache line. T must be free of pointers, which the collector would not see: anything
// else panics.
func Slice[T any](a *Arena, n int) ([]T, error) {
	size := elementSize[T]()
	if n == 0 {
		return nil, nil
	}
	if n < 0 || n > math.MaxInt/size {
		return nil, fmt.Errorf("allocating %d values of %T from an arena: out of range", n, *new(T))
	}
	mem, clean, err := a.alloc(n*size, sliceAlign)
	if err != nil {
		return nil, err
	}
	if !clean {
		clear(mem)
	}
	return View[T](mem), nil
}

// View returns b as values of T, as many as fit, without copying. b must be aligned for T; T must be free of pointers.
func View[T any](b []byte) []T {
	n := len(b) / elementSize[T]()
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// elementSize returns the bytes of a T and panics when arenas cannot hold it.
func elementSize[T any]() int {
	t := reflect.TypeFor[T]()
	if t.Size() == 0 || hasPointers(t) {
		panic(fmt.Sprintf("arena: %s is empty or has pointers", t))
	}
	return int(t.Size())
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return hasPointers(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if hasPointers(field.Type) {
				return true
			}
		}
		return false
	default:
		return t.Kind() < reflect.Bool || t.Kind() > reflect.Complex128
	}
}
