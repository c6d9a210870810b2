package lines

import (
	"strings"
	"unsafe"
)

// Room returns an empty slice with room for n bytes, which are not cleared: a third of the time of copying text would go there.
func Room(n int) []byte {
	if n == 0 {
		return nil
	}
	var b strings.Builder // the only way to such memory
	b.Grow(n)
	return unsafe.Slice(unsafe.StringData(b.String()), n)[:0]
}
