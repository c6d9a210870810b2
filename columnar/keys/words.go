package keys

import (
	"math"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// chunk is how many rows the kernels here take at once: their scratch arrays stay in the first-level cache.
const chunk = 512

// isWord says whether values of the type fit one word: all fixed widths of up to 8 bytes, and bools.
func isWord(t columnar.Type) bool {
	switch t.Kind {
	case columnar.Bool, columnar.Date, columnar.Timestamp, columnar.Duration:
		return true
	default:
		return t.IsInteger() || t.IsFloat()
	}
}

// loadWords writes the values of a column for which isWord holds, as words of which two are equal when the values are: integers sign- or
// zero-extended, floats as the bits of the canonical float64. Under nulls stands anything.
func loadWords(col *columnar.Column, sel []int32, out []uint64) {
	switch col.Type.Kind {
	case columnar.Bool:
		for k := range out {
			out[k] = 0
			if col.Bits.Get(rowAt(sel, k)) {
				out[k] = 1
			}
		}
	case columnar.Int8:
		extend[int8](col, sel, out)
	case columnar.Int16:
		extend[int16](col, sel, out)
	case columnar.Int32, columnar.Date:
		extend[int32](col, sel, out)
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		extend[int64](col, sel, out)
	case columnar.Uint8:
		extend[uint8](col, sel, out)
	case columnar.Uint16:
		extend[uint16](col, sel, out)
	case columnar.Uint32:
		extend[uint32](col, sel, out)
	case columnar.Uint64:
		extend[uint64](col, sel, out)
	case columnar.Float32:
		floats[float32](col, sel, out)
	case columnar.Float64:
		floats[float64](col, sel, out)
	default:
		panic("keys: words asked of a column of " + col.Type.String())
	}
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func extend[T integer](col *columnar.Column, sel []int32, out []uint64) {
	values := columnar.Values[T](*col)
	if sel == nil {
		values = values[:len(out)]
		for k, v := range values {
			out[k] = uint64(v)
		}
		return
	}
	for k, r := range sel[:len(out)] {
		out[k] = uint64(values[r])
	}
}

func floats[T float32 | float64](col *columnar.Column, sel []int32, out []uint64) {
	values := columnar.Values[T](*col)
	for k := range out {
		out[k] = canonical(float64(values[rowAt(sel, k)]))
	}
}

// storeWords returns the column of type t whose loadWords are the words given. Nulls has one entry per word, or is nil.
func storeWords(t columnar.Type, words []uint64, valid columnar.Bitmap) columnar.Column {
	if t.Kind == columnar.Bool {
		bits := columnar.NewBitmap(len(words))
		for k, w := range words {
			bits.SetTo(k, w != 0)
		}
		return columnar.OfBools(bits, len(words), valid)
	}
	switch t.Kind {
	case columnar.Float32:
		out := make([]float32, len(words))
		for k, w := range words {
			out[k] = float32(math.Float64frombits(w))
		}
		return columnar.Of(t, out, valid)
	default:
	}
	switch t.ByteWidth() {
	case 1:
		return columnar.Of(t, truncated[uint8](words), valid)
	case 2:
		return columnar.Of(t, truncated[uint16](words), valid)
	case 4:
		return columnar.Of(t, truncated[uint32](words), valid)
	default:
		return columnar.Of(t, append(make([]uint64, 0, len(words)), words...), valid)
	}
}

func truncated[T uint8 | uint16 | uint32](words []uint64) []T {
	out := make([]T, len(words))
	for k, w := range words {
		out[k] = T(w)
	}
	return out
}

// longMark is the length byte of a byte string that does not fit two words; nullMark that of a null.
const (
	longMark = 0xff
	nullMark = 0x80
)

// keepBytes has the masks that keep the first n bytes of two words, and the length byte n+1.
var keepBytes = func() (m [inlineBytes + 1]struct{ a, b, length uint64 }) {
	for n := range m {
		m[n].a, m[n].b, m[n].length = math.MaxUint64, 0, uint64(n+1)<<lengthShift
		if n < 8 {
			m[n].a = 1<<(8*n) - 1
		} else {
			m[n].b = 1<<(8*(n-8)) - 1
		}
	}
	return m
}()

// stringWords writes two words for each byte string: of up to 15 bytes as shortWords does, of more its hash and longMark with its length
// below. Equal words of a long string mean equal hash and length only.
func stringWords(offsets []int32, data []byte, sel []int32, a, b []uint64) {
	base := unsafe.Pointer(unsafe.SliceData(data))
	safe := len(data) - 16 // the last position from where 16 bytes may be loaded
	b = b[:len(a)]
	for k := range a {
		r := k
		if sel != nil {
			r = int(sel[k])
		}
		lo, hi := int(offsets[r]), int(offsets[r+1])
		n := hi - lo
		if uint(n) <= inlineBytes && lo <= safe {
			p := unsafe.Add(base, lo)
			keep := &keepBytes[n]
			a[k] = *(*uint64)(p) & keep.a
			b[k] = *(*uint64)(unsafe.Add(p, 8))&keep.b | keep.length
			continue
		}
		if n <= inlineBytes {
			a[k], b[k] = shortWords(data[lo:hi])
			continue
		}
		a[k], b[k] = longHash(data[lo:hi]), longMark<<lengthShift|uint64(n)
	}
}
