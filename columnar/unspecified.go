package columnar

import (
	"strings"
	"unsafe"

	"github.com/millrace/millrace/internal/invariant"
)

// tinyBytes is the size below which memory need not be aligned for words.
const tinyBytes = 16

// Unspecified returns n bytes of unspecified content that begin at a multiple of 8, so that they may be viewed as values of any width. It is for
// buffers of which each byte that is read has been written before: make clears memory first, which is up to a fifth of the time of a
// scan, and a strings.Builder is what the standard library has that does not. What others may see must not have bytes left as they are: they are
// whatever the process had there last.
func Unspecified(n int) []byte {
	if n < tinyBytes {
		return alignedBytes(n)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0) // so that there is a string to take the memory of
	out := unsafe.Slice(unsafe.StringData(b.String()), n)
	invariant.Poison(out)
	return out
}
