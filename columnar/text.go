package columnar

import (
	"fmt"
	"math"
	"unsafe"
)

const (
	// shortText is the length up to which a string is copied by one load and one store of that many bytes, whatever its length: strings of
	// mixed lengths then cost no mispredicted branch.
	shortText = 16
	pageSize  = 4096 // the smallest of any machine that Go runs on
)

// TextBuffer grows the bytes and offsets of a string or binary column, which is what most records are made of: the fastest way to make one.
// The zero TextBuffer is empty.
type TextBuffer struct {
	bytes   unsafe.Pointer // of data
	ends    unsafe.Pointer // of offsets[1:]
	end     int            // bytes so far
	n       int            // strings so far
	quick   int            // Invariant: there is room for short strings until there are that many, with shortText bytes for each
	data    []byte         // all of the memory
	offsets []int32        // all of the memory; begins with 0
}

// Append adds one string. A buffer holds 2 GiB; Finish tells when that was too little.
func (t *TextBuffer) Append(s string) {
	if !t.AppendShort(s) {
		t.appendAny(s)
	}
}

// AppendShort adds s, when it is short and there is room; else it returns false and s remains for Append. It is small enough for the
// compiler to put it into the caller's loop.
func (t *TextBuffer) AppendShort(s string) bool {
	src := unsafe.Pointer(unsafe.StringData(s))
	if uint(len(s)-1) >= shortText || t.n >= t.quick || uintptr(src)%pageSize > pageSize-shortText {
		return false
	}
	copyShort(unsafe.Add(t.bytes, t.end), src)
	t.end += len(s)
	*(*int32)(unsafe.Add(t.ends, 4*t.n)) = int32(t.end)
	t.n++
	return true
}

// copyShort copies shortText bytes, of which the first few count. Invariant: dst has that much room, and src and the bytes behind it lie in
// one page, so that reading them cannot fault. Another goroutine may be writing those that do not count; the race detector must not look.
//
//go:norace
func copyShort(dst, src unsafe.Pointer) { *(*[shortText]byte)(dst) = *(*[shortText]byte)(src) }

// appendAny adds a string of any length, and makes room for more.
func (t *TextBuffer) appendAny(s string) {
	t.grow(t.n+1, t.end+len(s))
	copy(t.data[t.end:], s)
	t.end += len(s)
	t.n++
	t.offsets[t.n] = int32(t.end)
	t.quick = t.n + min(len(t.offsets)-1-t.n, (len(t.data)-t.end)/shortText)
}

// grow makes the memory large enough for that many strings of that many bytes together.
func (t *TextBuffer) grow(rows, bytes int) {
	if bytes > len(t.data) || t.data == nil {
		next := make([]byte, max(2*len(t.data), bytes+shortText))
		copy(next, t.data[:t.end])
		t.data, t.bytes = next, unsafe.Pointer(unsafe.SliceData(next))
	}
	if rows >= len(t.offsets) {
		next := make([]int32, max(2*len(t.offsets), rows+16))
		copy(next, t.offsets)
		t.offsets, t.ends = next, unsafe.Pointer(&next[1])
	}
}

// Len returns the number of strings so far.
func (t *TextBuffer) Len() int { return t.n }

// Size returns the bytes that the column takes so far.
func (t *TextBuffer) Size() int { return t.end + 4*(t.n+1) }

// Finish returns the column of type typ, without nulls, and empties the buffer, which keeps nothing of it but makes room for as much again.
// The error says that there were more than 2 GiB.
func (t *TextBuffer) Finish(typ Type) (Column, error) {
	full := *t
	*t = TextBuffer{}
	if full.n == 0 {
		return OfStrings(typ, make([]int32, 1), nil, Bitmap{}), nil
	}
	t.grow(full.n, full.end+full.end/16+shortText)
	if full.end > math.MaxInt32 {
		return Column{}, fmt.Errorf("%d strings have %d bytes, more than the 2 GiB of a column", full.n, full.end)
	}
	return OfStrings(typ, full.offsets[:full.n+1:full.n+1], full.data[:full.end:full.end], Bitmap{}), nil
}
