package codec

import (
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

func stringShape() *shape {
	return &shape{column: columnar.StringType, flat: true, texts: []uintptr{0}, encode: encodeString, bind: bindSame(columnar.StringType, decodeString)}
}

func encodeString(b *columnar.Builder, from strided) error {
	for i := range from.n {
		b.AppendString(*(*string)(from.at(i)))
	}
	return nil
}

// decodeString makes strings that alias the column's bytes.
func decodeString(c *columnar.Column, rows span, to strided) error {
	offsets, base := c.Offsets, unsafe.Pointer(unsafe.SliceData(c.Data))
	if rows.sel != nil {
		for i, r := range rows.sel {
			lo, hi := offsets[r], offsets[r+1]
			*(*string)(to.at(i)) = text(base, lo, hi)
		}
		return nil
	}
	lo := offsets[rows.from]
	for i, hi := range offsets[rows.from+1 : rows.from+rows.n+1] {
		*(*string)(to.at(i)) = text(base, lo, hi)
		lo = hi
	}
	return nil
}

// text returns the bytes lo to hi behind base. An empty string points nowhere, not behind the end of the buffer.
func text(base unsafe.Pointer, lo, hi int32) string {
	if lo == hi {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(base, lo)), int(hi-lo))
}

func bytesShape() *shape {
	return &shape{column: columnar.BinaryType, encode: encodeBytes, bind: func(from columnar.Type) (decodeFunc, error) {
		if !from.IsVariable() {
			return nil, errMismatch
		}
		return decodeBytes, nil
	}}
}

func encodeBytes(b *columnar.Builder, from strided) error {
	for i := range from.n {
		b.AppendBytes(*(*[]byte)(from.at(i)))
	}
	return nil
}

func decodeBytes(c *columnar.Column, rows span, to strided) error {
	for i := range rows.n {
		cell := c.Bytes(rows.row(i))
		if len(cell) == 0 {
			cell = nil
		}
		*(*[]byte)(to.at(i)) = cell
	}
	return nil
}

// byteArrayShape is of [n]byte.
func byteArrayShape(n int) *shape {
	t := columnar.Type{Kind: columnar.FixedBinary, Width: int32(n)}
	return &shape{column: t, flat: true, direct: true, encode: func(b *columnar.Builder, from strided) error {
		for i := range from.n {
			b.AppendBytes(unsafe.Slice((*byte)(from.at(i)), n))
		}
		return nil
	}, bind: bindSame(t, func(c *columnar.Column, rows span, to strided) error {
		for i := range rows.n {
			copy(unsafe.Slice((*byte)(to.at(i)), n), c.FixedBytes(rows.row(i)))
		}
		return nil
	})}
}
