package join

import (
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/arena"
	"github.com/millrace/millrace/internal/budget"
)

const (
	// maxStride bounds a packed row. Longer ones are spread over so many cache lines that columns do as well.
	maxStride = 256
	// textCell is the width of a string's cell, shortCell where all strings are very short.
	textCell, shortCell = 16, 8
	// longText in the last byte of a string's cell says that the cell holds a longString.
	longText = 255
	// offsetBytes is what a string in a column costs beside its bytes.
	offsetBytes = 4
)

// packed holds rows one behind the other, outside of the Go heap: a row looked up at random costs a cache miss or two, and not one or two a
// column. It takes columns that are not nested. Places in it have the batch 0.
//
//	row   the cells, and a byte for each cell that may be null: 1 if it is
//	cell  a value; a byte that is 0 or 1; or a string, its length in the last byte; or where a longer one is
type packed struct {
	schema *columnar.Schema
	cells  []cell
	stride int
	plain  int // bytes of a row as columns at most, but for long strings
	widest int // the same with them
	long   int // bytes of long strings
	region *arena.Region
	rows   unsafe.Pointer // in region: the rows, then the long strings
}

type cell struct {
	typ   columnar.Type
	at    int
	width int
	null  int // where the byte is that says so; -1: it never is
}

// longString is a cell's string that is not in it.
type longString struct {
	at     int64 // in the region
	length int32
	_      [3]byte
	mark   byte
}

// newPacked copies the rows of batches, n in all; nil when they cannot be packed, or memory is refused.
func newPacked(schema *columnar.Schema, batches []columnar.Batch, n int, account *budget.Account) *packed {
	p := &packed{schema: schema}
	if !p.layOut(batches) || n == 0 {
		return nil
	}
	var err error
	if p.region, err = arena.NewRegion(account, n*p.stride+p.long); err != nil {
		account.Force(0) // it does without, and is not short
		return nil
	}
	p.rows = unsafe.Pointer(unsafe.SliceData(p.region.Bytes()))
	row, free := 0, p.region.Bytes()[n*p.stride:]
	for _, b := range batches {
		for i, c := range p.cells {
			if c.typ.IsVariable() {
				free = p.fillText(c, row, &b.Columns[i], free)
			} else {
				p.fill(c, row, &b.Columns[i])
			}
			if c.null >= 0 {
				p.fillNulls(c, row, &b.Columns[i])
			}
		}
		row += b.Len
	}
	return p
}

// layOut decides where each cell is; false: rows like these are not packed.
func (p *packed) layOut(batches []columnar.Batch) bool {
	at := 0
	for i, f := range p.schema.Fields {
		c := cell{typ: f.Type, null: -1}
		switch {
		case f.Type.IsNested():
			return false
		case f.Type.IsVariable():
			c.width = p.measure(batches, i)
			p.plain += offsetBytes
		case f.Type.Kind == columnar.Bool:
			c.width = 1
		default:
			c.width = f.Type.ByteWidth()
		}
		if c.width%2 == 0 {
			at = roundUp(at, min(8, c.width&-c.width))
		}
		c.at = at
		at += c.width
		p.cells = append(p.cells, c)
	}
	for i := range p.cells {
		if slices.ContainsFunc(batches, func(b columnar.Batch) bool { return b.Columns[i].HasNulls() }) {
			p.cells[i].null = at
			at++
		}
	}
	p.stride = strideFor(max(at, 1))
	p.plain += p.stride
	p.widest += p.plain
	return p.stride <= maxStride
}

// strideFor returns how far apart rows of n bytes are: if it costs little, a power of two, so that a short row lies in one cache line.
func strideFor(n int) int {
	n = roundUp(n, 8)
	if power := 1 << bits.Len(uint(n-1)); power-n <= power/4 {
		return power
	}
	return n
}

// roundUp rounds up to a multiple of a power of two.
func roundUp(n, to int) int { return (n + to - 1) &^ (to - 1) }

// measure looks at the strings of column i and returns the width of their cells.
func (p *packed) measure(batches []columnar.Batch, i int) int {
	longest := 0
	for _, b := range batches {
		o := b.Columns[i].Offsets
		for k := 1; k <= b.Len; k++ {
			n := int(o[k] - o[k-1])
			longest = max(longest, n)
			if n >= textCell {
				p.long += n
			}
		}
	}
	if longest < shortCell {
		return shortCell
	}
	if longest >= textCell {
		p.widest += longest
	}
	return textCell
}

// fill writes a cell of the rows from row on.
func (p *packed) fill(c cell, row int, col *columnar.Column) {
	to := unsafe.Add(p.rows, row*p.stride+c.at)
	if c.typ.Kind == columnar.Bool {
		for i := range col.Len {
			*(*bool)(unsafe.Add(to, i*p.stride)) = col.Bits.Get(i)
		}
		return
	}
	switch c.width {
	case 8:
		spread[uint64](to, p.stride, col)
	case 4:
		spread[uint32](to, p.stride, col)
	case 2:
		spread[uint16](to, p.stride, col)
	case 1:
		spread[uint8](to, p.stride, col)
	default:
		for i := range col.Len {
			copy(unsafe.Slice((*byte)(unsafe.Add(to, i*p.stride)), c.width), col.FixedBytes(i))
		}
	}
}

// fillText writes a string's cell of the rows from row on, the long ones to the beginning of free, and returns what is left
// of that, an end of the region.
func (p *packed) fillText(c cell, row int, col *columnar.Column, free []byte) []byte {
	to := unsafe.Add(p.rows, row*p.stride+c.at)
	for i := range col.Len {
		text, at := col.Bytes(i), unsafe.Add(to, i*p.stride)
		if len(text) < c.width {
			b := unsafe.Slice((*byte)(at), c.width)
			copy(b, text)
			b[c.width-1] = byte(len(text))
			continue
		}
		*(*longString)(at) = longString{at: int64(len(p.region.Bytes()) - len(free)), length: int32(len(text)), mark: longText}
		free = free[copy(free, text):]
	}
	return free
}

func (p *packed) fillNulls(c cell, row int, col *columnar.Column) {
	to := unsafe.Add(p.rows, row*p.stride+c.null)
	for i := range col.Len {
		*(*bool)(unsafe.Add(to, i*p.stride)) = col.IsNull(i)
	}
}

// spread writes the values of a column stride bytes apart.
func spread[T any](to unsafe.Pointer, stride int, col *columnar.Column) {
	if col.Len == 0 {
		return
	}
	for i, v := range unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(col.Data))), col.Len) {
		*(*T)(unsafe.Add(to, i*stride)) = v
	}
}

// Take implements source.
func (p *packed) Take(places []columnar.Place) columnar.Batch {
	b := columnar.Batch{Schema: p.schema, Columns: make([]columnar.Column, len(p.cells)), Len: len(places)}
	missing := slices.ContainsFunc(places, func(at columnar.Place) bool { return at.Batch == columnar.NoBatch })
	for i, c := range p.cells {
		b.Columns[i] = p.take(c, places)
		if missing || c.null >= 0 {
			b.Columns[i].Valid = p.validity(c, places)
		}
	}
	return b
}

// Fit implements source.
func (p *packed) Fit(places []columnar.Place, bytes int) int {
	if len(places)*p.widest <= bytes {
		return len(places)
	}
	size := 0
	for i, at := range places {
		size += p.plain
		for _, c := range p.cells {
			if c.typ.IsVariable() && at.Batch != columnar.NoBatch {
				size += max(0, len(p.string(c, at.Row))-c.width)
			}
		}
		if size > bytes {
			return max(1, i)
		}
	}
	return len(places)
}

// string returns a string of a row: a view.
func (p *packed) string(c cell, row uint32) []byte {
	at := unsafe.Add(p.rows, int(row)*p.stride+c.at)
	n := *(*byte)(unsafe.Add(at, c.width-1))
	if n == longText {
		long := (*longString)(at)
		return unsafe.Slice((*byte)(unsafe.Add(p.rows, long.at)), long.length)
	}
	return unsafe.Slice((*byte)(at), n)
}

func (p *packed) take(c cell, places []columnar.Place) columnar.Column {
	from := unsafe.Add(p.rows, c.at)
	switch {
	case c.typ.Kind == columnar.Bool:
		bits := columnar.NewBitmap(len(places))
		for i, at := range places {
			if at.Batch != columnar.NoBatch && *(*bool)(unsafe.Add(from, int(at.Row)*p.stride)) {
				bits.Set(i)
			}
		}
		return columnar.OfBools(bits, len(places), columnar.Bitmap{})
	case c.typ.IsVariable():
		return p.text(c, places)
	}
	switch c.width {
	case 8:
		return gather[int64](c.typ, from, p.stride, places)
	case 4:
		return gather[int32](c.typ, from, p.stride, places)
	case 2:
		return gather[int16](c.typ, from, p.stride, places)
	case 1:
		return gather[int8](c.typ, from, p.stride, places)
	}
	data := make([]byte, len(places)*c.width)
	if c.typ.Kind == columnar.Decimal {
		return gather[columnar.Decimal128](c.typ, from, p.stride, places)
	}
	for i, at := range places {
		if at.Batch != columnar.NoBatch {
			copy(data[i*c.width:], unsafe.Slice((*byte)(unsafe.Add(from, int(at.Row)*p.stride)), c.width))
		}
	}
	return columnar.Column{Type: c.typ, Len: len(places), Data: data}
}

// gather reads a cell of each row. The loop is so short that the processor has many rows under way at once.
func gather[T columnar.Fixed](t columnar.Type, from unsafe.Pointer, stride int, places []columnar.Place) columnar.Column {
	out := make([]T, len(places))
	for i, at := range places {
		if at.Batch != columnar.NoBatch {
			out[i] = *(*T)(unsafe.Add(from, int(at.Row)*stride))
		}
	}
	return columnar.Of(t, out, columnar.Bitmap{})
}

// text reads a string of each row: first their lengths, which brings the rows into the cache, then their bytes, of a short one the whole
// cell, whose rest the next string overwrites.
func (p *packed) text(c cell, places []columnar.Place) columnar.Column {
	length := unsafe.Add(p.rows, c.at+c.width-1)
	offsets, end := make([]int32, len(places)+1), 0
	for i, at := range places {
		if at.Batch != columnar.NoBatch {
			n := int(*(*byte)(unsafe.Add(length, int(at.Row)*p.stride)))
			if n == longText {
				n = len(p.string(c, at.Row))
			}
			end += n
		}
		offsets[i+1] = int32(end)
	}
	if end > math.MaxInt32 {
		panic("join: a batch would have a column of more than 2 GiB") // Invariant: Fit has been asked
	}
	data := make([]byte, end+c.width)
	if c.width == shortCell {
		copyCells[[shortCell]byte](p, c, places, offsets, data)
	} else {
		copyCells[[textCell]byte](p, c, places, offsets, data)
	}
	return columnar.OfStrings(c.typ, offsets, data[:end:end], columnar.Bitmap{})
}

// copyCells copies strings to where offsets say. Data is longer than they are by a cell.
func copyCells[T any](p *packed, c cell, places []columnar.Place, offsets []int32, data []byte) {
	from, to := unsafe.Add(p.rows, c.at), unsafe.Pointer(unsafe.SliceData(data))
	for i, at := range places {
		if at.Batch == columnar.NoBatch {
			continue
		}
		if offsets[i+1]-offsets[i] >= int32(c.width) {
			copy(data[offsets[i]:], p.string(c, at.Row))
			continue
		}
		*(*T)(unsafe.Add(to, offsets[i])) = *(*T)(unsafe.Add(from, int(at.Row)*p.stride))
	}
}

// validity returns which cells are not null.
func (p *packed) validity(c cell, places []columnar.Place) columnar.Bitmap {
	m := columnar.NewBitmap(len(places))
	for i, at := range places {
		if at.Batch != columnar.NoBatch && (c.null < 0 || !*(*bool)(unsafe.Add(p.rows, int(at.Row)*p.stride+c.null))) {
			m.Set(i)
		}
	}
	return m
}

// free gives the memory back.
func (p *packed) free() { p.region.Free() }
