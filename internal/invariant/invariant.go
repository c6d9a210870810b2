// Package invariant checks the engine's own promises in test builds and costs nothing in others.
//
// With the build tag "invariants" (on in make test) Enabled is true, Check panics when its condition is false, and Poison overwrites
// buffers whose borrower must not read them any more. Without the tag all three vanish at compile time.
package invariant

import (
	"fmt"
	"unsafe"
)

// Check panics with the formatted message when ok is false, in builds with the tag invariants. Guard calls whose arguments cost
// something by `if invariant.Enabled`.
func Check(ok bool, format string, args ...any) {
	if Enabled && !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}

// poison is the byte that returned buffers are filled with: as an integer of any width it is an unlikely value, as a float a tiny
// negative number, as an offset out of range.
const poison = 0xAB

// Poison overwrites s, in builds with the tag invariants, so that a late reader of a returned buffer computes nonsense in every test.
func Poison[T any](s []T) {
	if !Enabled || len(s) == 0 {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
	for i := range b {
		b[i] = poison
	}
}
