package parquet

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// encoding is how a page's values are written.
type encoding int32

const (
	encPlain           encoding = 0
	encPlainDictionary encoding = 2 // the older name of encDictionary
	encRLE             encoding = 3
	encBitPacked       encoding = 4 // deprecated; of levels only
	encDelta           encoding = 5
	encDeltaLength     encoding = 6
	encDeltaBytes      encoding = 7
	encDictionary      encoding = 8
	encSplit           encoding = 9
)

var encodingNames = [...]string{
	"PLAIN", "1", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY",
	"BYTE_STREAM_SPLIT",
}

func (e encoding) String() string {
	if uint(e) < uint(len(encodingNames)) {
		return encodingNames[e]
	}
	return fmt.Sprintf("encoding %d", int32(e))
}

// sink decodes a column's values into the memory of columns: one column after the other, each from one page or more.
//
// Values are read without the nulls between them; spread then moves those just read apart.
type sink interface {
	// begin starts a column of about n cells.
	begin(n int)
	// dictionary takes the n values of a dictionary page. It keeps no reference to data.
	dictionary(data []byte, n int) error
	// page starts to read the values of a page. data must stay as it is until the next page; n is the most values there can be.
	page(enc encoding, data []byte, n int) error
	// read adds k values.
	read(k int) error
	// skip passes over k values.
	skip(k int) error
	// spread makes m cells of the last k: they go, in order, where valid has ones from bit from on.
	spread(m, k int, valid columnar.Bitmap, from int)
	// finish hands the column over.
	finish(valid columnar.Bitmap) columnar.Column
}

var (
	errNoDictionary = errors.New("a page refers to a dictionary, but there is none before it")
	errOutside      = errors.New("a page refers to a value that its dictionary does not have")
)

func unsupported(enc encoding, p physical) error {
	return fmt.Errorf("values of %s in the encoding %s", p, enc)
}

// indexes are dictionary indexes, decoded some at a time.
type indexes struct {
	hybrid
	block [1024]uint32
}

// start begins to read the indexes of a page: a byte with their width, then the hybrid.
func (x *indexes) start(data []byte) error {
	if len(data) == 0 { // a page of nulls
		x.reset(nil, 0)
		return nil
	}
	if data[0] > 32 {
		return fmt.Errorf("dictionary indexes of %d bits", data[0])
	}
	x.reset(data[1:], int(data[0]))
	return nil
}

// next returns the next indexes, k at most.
func (x *indexes) next(k int) ([]uint32, error) {
	b := x.block[:min(k, len(x.block))]
	return b, x.read(b)
}

// newSink returns the sink for a leaf.
func newSink(l *leafType) sink {
	e := l.elem
	unit := modern(e).unit
	switch t := l.typ; t.Kind {
	case columnar.Bool:
		return &boolSink{}
	case columnar.Int8:
		return newFixedSink(e, t, narrowed[int8])
	case columnar.Int16:
		return newFixedSink(e, t, narrowed[int16])
	case columnar.Uint8:
		return newFixedSink(e, t, narrowed[uint8])
	case columnar.Uint16:
		return newFixedSink(e, t, narrowed[uint16])
	case columnar.Int32, columnar.Date:
		return newFixedSink(e, t, same[int32])
	case columnar.Uint32:
		return newFixedSink(e, t, same[uint32])
	case columnar.Int64:
		return newFixedSink(e, t, same[int64])
	case columnar.Uint64:
		return newFixedSink(e, t, same[uint64])
	case columnar.Float32:
		if e.phys == physFixed {
			return newFixedSink(e, t, halves)
		}
		return newFixedSink(e, t, same[float32])
	case columnar.Float64:
		return newFixedSink(e, t, same[float64])
	case columnar.Timestamp, columnar.Duration:
		return newFixedSink(e, t, timesOf(e.phys, unit))
	case columnar.Decimal:
		return decimalSink(e, t)
	case columnar.FixedBinary:
		return &rawSink{typ: t, width: int(t.Width)}
	default:
		return &textSink{typ: t}
	}
}

func decimalSink(e element, t columnar.Type) sink {
	switch e.phys {
	case physInt32:
		return newFixedSink(e, t, decimals32)
	case physInt64:
		return newFixedSink(e, t, decimals64)
	case physBytes:
		return &textDecimals{textSink: textSink{typ: columnar.BinaryType}, typ: t}
	default:
		return newFixedSink(e, t, decimalsFixed(int(e.length)))
	}
}

// physWidth is the bytes of a stored value of fixed width.
func physWidth(e element) int {
	switch e.phys {
	case physInt32, physFloat:
		return 4
	case physInt96:
		return 12
	case physFixed:
		return int(e.length)
	default:
		return 8
	}
}
