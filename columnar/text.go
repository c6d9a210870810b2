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
	ends    unsafe.Pointer // of offsets
	end     int            // bytes so far
	n       int            // strings so far
	quick   int            // Invariant: there is room for short strings until there are that many, with shortText bytes for each
	data    []byte         // all of the memory
	offsets []int32        // all of the memory; begins with 0

	hintRows, hintBytes int // what to make room for at first

	lent   [][]byte // where strings may lie already
	shared []byte   // one of them, from where the strings begin on, which is where bytes points; nil: they are in data
	whole  int      // bytes of that one
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
	t.n++
	*(*int32)(unsafe.Add(t.ends, 4*t.n)) = int32(t.end)
	return true
}

// copyShort copies shortText bytes, of which the first few count. Invariant: dst has that much room, and src and the bytes behind it lie in
// one page, so that reading them cannot fault. Another goroutine may be writing those that do not count; the race detector must not look.
//
//go:norace
func copyShort(dst, src unsafe.Pointer) { *(*[shortText]byte)(dst) = *(*[shortText]byte)(src) }

// Lend tells of buffers in which strings may lie that will be appended, one behind the other: they need not be copied then. Nobody may write to the
// buffers again. What was lent before is forgotten.
func (t *TextBuffer) Lend(buffers [][]byte) {
	t.lent = buffers
	if t.end == 0 {
		t.quick = 0 // the first string tells whether they do
	}
}

// appendAny adds a string of any length, and makes room for more.
func (t *TextBuffer) appendAny(s string) {
	if t.share(s) {
		return
	}
	t.grow(1, len(s))
	copy(t.data[t.end:], s)
	t.end += len(s)
	t.n++
	t.offsets[t.n] = int32(t.end)
	t.setQuick()
}

// share adds s without copying it if it lies behind the strings that have been shared so far, or, as the first, anywhere in what was lent.
func (t *TextBuffer) share(s string) bool {
	switch {
	case t.shared != nil:
		if len(s) > len(t.shared)-t.end || len(s) > 0 && unsafe.Pointer(unsafe.StringData(s)) != unsafe.Add(t.bytes, t.end) {
			return false
		}
	case t.end > 0 || len(t.lent) == 0:
		return false
	case len(s) > 0:
		if t.shared, t.whole = within(t.lent, s); t.shared == nil {
			return false
		}
		t.bytes = unsafe.Pointer(unsafe.SliceData(t.shared))
	}
	t.growOffsets(1)
	t.end += len(s)
	t.n++
	t.offsets[t.n] = int32(t.end)
	return true
}

// within returns the buffer in which s lies, from there on, and its size; nil: it lies in none.
func within(buffers [][]byte, s string) (rest []byte, whole int) {
	at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	for _, b := range buffers {
		from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
		if from <= at && at+uintptr(len(s)) <= from+uintptr(len(b)) {
			return b[at-from:], len(b)
		}
	}
	return nil, 0
}

// unshare copies what has been shared so far to memory of n bytes.
func (t *TextBuffer) unshare(n int) {
	t.data = Unspecified(n)
	t.bytes = unsafe.Pointer(unsafe.SliceData(t.data))
	copy(t.data, t.shared[:t.end])
	t.shared = nil
}

// appendRange adds n cells of c from row from on.
func (t *TextBuffer) appendRange(c *Column, from, n int) {
	lo, hi := c.Offsets[from], c.Offsets[from+n]
	t.grow(n, int(hi-lo))
	appendShifted(t.offsets[:t.n+1], c.Offsets[from+1:from+n+1], int32(t.end)-lo)
	t.end += copy(t.data[t.end:], c.Data[lo:hi])
	t.n += n
	t.setQuick()
}

// appendRows adds the cells of c at the positions sel, which have total bytes; a position of -1 adds an empty one.
func (t *TextBuffer) appendRows(c *Column, sel []int32, total int) {
	t.grow(len(sel), total)
	src, last := unsafe.Pointer(unsafe.SliceData(c.Data)), len(c.Data)-shortText
	offsets, end := t.offsets[t.n+1:t.n+1+len(sel)], t.end
	for i, r := range sel {
		if r >= 0 {
			lo, n := int(c.Offsets[r]), int(c.Offsets[r+1]-c.Offsets[r])
			if n <= shortText && lo <= last {
				copyShort(unsafe.Add(t.bytes, end), unsafe.Add(src, lo))
			} else {
				copy(t.data[end:], c.Data[lo:lo+n])
			}
			end += n
		}
		offsets[i] = int32(end)
	}
	t.end = end
	t.n += len(sel)
	t.setQuick()
}

// appendEmpty adds n empty strings.
func (t *TextBuffer) appendEmpty(n int) {
	t.grow(n, 0)
	offsets, end := t.offsets[t.n+1:t.n+1+n], int32(t.end)
	for i := range offsets {
		offsets[i] = end
	}
	t.n += n
	t.setQuick()
}

// appendShifted adds src to dst, each offset moved by shift.
func appendShifted(dst, src []int32, shift int32) []int32 {
	for _, o := range src {
		dst = append(dst, o+shift)
	}
	return dst
}

// grow makes room for that many more strings of that many bytes together, and a short copy's overrun.
func (t *TextBuffer) grow(rows, bytes int) {
	if t.shared != nil {
		t.unshare(max(t.end+bytes+shortText, t.hintBytes))
	}
	if need := t.end + bytes + shortText; need > len(t.data) {
		next := Unspecified(max(2*len(t.data), need, t.hintBytes))
		copy(next, t.data[:t.end])
		t.data, t.bytes = next, unsafe.Pointer(unsafe.SliceData(next))
	}
	t.growOffsets(rows)
}

func (t *TextBuffer) growOffsets(rows int) {
	if need := t.n + 1 + rows; need > len(t.offsets) {
		next := make([]int32, max(2*len(t.offsets), need, t.hintRows+1))
		copy(next, t.offsets)
		t.offsets, t.ends = next, unsafe.Pointer(unsafe.SliceData(next))
	}
}

func (t *TextBuffer) setQuick() {
	bytes := min(len(t.data), math.MaxInt32) - t.end
	t.quick = t.n + min(len(t.offsets)-1-t.n, bytes/shortText)
}

// Len returns the number of strings so far.
func (t *TextBuffer) Len() int { return t.n }

// Size returns the bytes that the column takes so far.
func (t *TextBuffer) Size() int { return t.end + 4*(t.n+1) }

// Finish returns the column of type typ, without nulls, and empties the buffer, which keeps nothing of it but makes room for as much again.
// The error says that there were more than 2 GiB.
func (t *TextBuffer) Finish(typ Type) (Column, error) {
	rows, bytes := t.n, t.end
	offsets, data := t.take()
	if bytes > math.MaxInt32 {
		return Column{}, fmt.Errorf("%d strings have %d bytes, more than the 2 GiB of a column", rows, bytes)
	}
	return OfStrings(typ, offsets, data, Bitmap{}), nil
}

// take returns the offsets and bytes and empties the buffer.
func (t *TextBuffer) take() ([]int32, []byte) {
	if t.shared != nil && t.end < t.whole/2 { // not worth that all of it stays in memory
		t.unshare(t.end)
	}
	full := *t
	*t = TextBuffer{lent: full.lent}
	if full.n == 0 {
		return make([]int32, 1), nil
	}
	t.hintRows, t.hintBytes = full.n, full.end+shortText
	data := full.data
	if full.shared != nil {
		data = full.shared
	}
	return full.offsets[: full.n+1 : full.n+1], data[:full.end:full.end]
}
