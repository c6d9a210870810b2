package columnar

import (
	"math"
	"slices"
	"unsafe"
)

// Place is where a row is: a row of the columns of a batch of a list.
type Place struct{ Batch, Row uint32 }

// NoBatch as the batch of a Place stands for a row of nulls.
const NoBatch = math.MaxUint32

// Interleaver copies rows of many batches, in any order, into new ones: what sorting and joining end with. It reads each row once, column
// by column, and looks at all lengths of a column before it copies, so that cache misses overlap. For one goroutine.
type Interleaver struct {
	schema  *Schema
	columns []interleaved
	batches []Batch
	hasTime bool
	hasKind bool
	widest  int     // bytes of a row at most, but for nested columns; 0: not computed yet
	starts  []int32 // scratch: where each string begins
}

// NewInterleaver returns an Interleaver over rows of batches of that schema. Their selections are not looked at; their buffers are read as
// long as it is used.
func NewInterleaver(schema *Schema, batches []Batch) *Interleaver {
	v := &Interleaver{schema: schema, batches: batches, columns: make([]interleaved, len(schema.Fields))}
	for i, f := range schema.Fields {
		c := make([]Column, len(batches))
		for k := range batches {
			c[k] = batches[k].Columns[i]
		}
		v.columns[i] = newInterleaved(f.Type, c)
	}
	for k := range batches {
		v.hasTime = v.hasTime || batches[k].Time != nil
		v.hasKind = v.hasKind || batches[k].Kind != nil
	}
	return v
}

// Take returns the rows at those places, in that order, as a fresh batch. It panics when a variable-width column would pass 2 GiB: see Fit.
func (v *Interleaver) Take(places []Place) Batch {
	b := Batch{Schema: v.schema, Columns: make([]Column, len(v.columns)), Len: len(places)}
	if len(v.starts) < len(places) {
		v.starts = make([]int32, len(places))
	}
	for i := range v.columns {
		b.Columns[i] = v.columns[i].take(places, v.starts)
	}
	if v.hasTime {
		b.Time = takeSide(v.batches, places, NoTime, func(b *Batch) []int64 { return b.Time })
	}
	if v.hasKind {
		b.Kind = takeSide(v.batches, places, Insert, func(b *Batch) []RowKind { return b.Kind })
	}
	return b
}

// Fit returns how many of the first places make a batch of at most that many bytes: at least 1, if there are any.
func (v *Interleaver) Fit(places []Place, bytes int) int {
	if v.widest == 0 {
		for i := range v.columns {
			v.widest += v.columns[i].widest()
		}
		v.widest = max(1, v.widest)
	}
	if len(places)*v.widest <= bytes {
		return len(places)
	}
	size := 0
	for i, p := range places {
		if p.Batch == NoBatch {
			continue
		}
		for k := range v.columns {
			size += v.columns[k].rowSize(p)
		}
		if size > bytes {
			return max(1, i)
		}
	}
	return len(places)
}

// takeSide gathers times or kinds, which a batch may lack.
func takeSide[T any](batches []Batch, places []Place, none T, side func(*Batch) []T) []T {
	out := make([]T, len(places))
	for i, p := range places {
		out[i] = none
		if p.Batch == NoBatch {
			continue
		}
		if s := side(&batches[p.Batch]); s != nil {
			out[i] = s[p.Row]
		}
	}
	return out
}

// interleaved is one column of all batches.
type interleaved struct {
	typ     Type
	columns []Column
	nulls   bool      // some column has a validity bitmap
	offsets [][]int32 // strings
	data    [][]byte
	touched byte                             // keeps the loads of touch alive
	fixed   func(out []byte, places []Place) // fixed widths
}

func newInterleaved(t Type, columns []Column) interleaved {
	v := interleaved{typ: t, columns: columns}
	for k := range columns {
		v.nulls = v.nulls || columns[k].HasNulls()
	}
	switch {
	case t.IsVariable():
		v.offsets, v.data = make([][]int32, len(columns)), make([][]byte, len(columns))
		for k := range columns {
			v.offsets[k], v.data[k] = columns[k].Offsets, columns[k].Data
		}
	case t.Kind != Bool && !t.IsNested():
		v.fixed = fixedInterleaver(columns, t.ByteWidth())
	}
	return v
}

func (v *interleaved) take(places []Place, starts []int32) Column {
	if v.typ.IsNested() {
		return v.takeNested(places)
	}
	c := Column{Type: v.typ, Len: len(places), Valid: v.validity(places)}
	switch {
	case v.typ.Kind == Bool:
		c.Bits = v.bools(places)
	case v.typ.IsVariable():
		c.Offsets, c.Data = v.takeText(places, starts)
	default:
		c.Data = alignedBytes(len(places) * v.typ.ByteWidth())
		v.fixed(c.Data, places)
	}
	return c
}

// validity returns the rows' validity bitmap, zero when none is null.
func (v *interleaved) validity(places []Place) Bitmap {
	missing := slices.ContainsFunc(places, func(p Place) bool { return p.Batch == NoBatch })
	if !v.nulls && !missing {
		return Bitmap{}
	}
	m := NewBitmap(len(places))
	for i, p := range places {
		if p.Batch != NoBatch && !v.columns[p.Batch].IsNull(int(p.Row)) {
			m.Set(i)
		}
	}
	return m
}

func (v *interleaved) bools(places []Place) Bitmap {
	m := NewBitmap(len(places))
	for i, p := range places {
		if p.Batch != NoBatch && v.columns[p.Batch].Bits.Get(int(p.Row)) {
			m.Set(i)
		}
	}
	return m
}

// takeText gathers strings: first their lengths, then their bytes.
func (v *interleaved) takeText(places []Place, starts []int32) ([]int32, []byte) {
	offsets, end := make([]int32, len(places)+1), 0
	for i, p := range places {
		if p.Batch != NoBatch {
			o := v.offsets[p.Batch]
			lo, hi := o[p.Row], o[p.Row+1]
			starts[i] = lo
			end += int(hi - lo)
		}
		offsets[i+1] = int32(end)
	}
	if end > math.MaxInt32 {
		panic("columnar: a batch would have a column of more than 2 GiB")
	}
	data := make([]byte, end+shortText) // a short copy's overrun
	for from := 0; from < len(places); from += touchRows {
		to := min(from+touchRows, len(places))
		v.touch(places[from:to], starts[from:to])
		v.copyText(data, offsets[from:to+1], places[from:to], starts[from:to])
	}
	return offsets, data[:end:end]
}

// touchRows is how many strings are touched before they are copied: few enough to be in the first-level cache still.
const touchRows = 128

// touch loads a byte of each string, in a loop so short that the processor has many cache misses under way at once.
func (v *interleaved) touch(places []Place, starts []int32) {
	sum := byte(0)
	for i, p := range places {
		if p.Batch != NoBatch {
			if d := v.data[p.Batch]; int(starts[i]) < len(d) {
				sum |= d[starts[i]]
			}
		}
	}
	v.touched |= sum
}

// copyText copies the strings that begin at starts to where offsets say.
func (v *interleaved) copyText(data []byte, offsets []int32, places []Place, starts []int32) {
	to := unsafe.Pointer(unsafe.SliceData(data))
	for i, p := range places {
		if p.Batch == NoBatch {
			continue
		}
		lo, at := int(starts[i]), int(offsets[i])
		n := int(offsets[i+1]) - at
		src := v.data[p.Batch]
		if n <= shortText && lo+shortText <= len(src) {
			copyShort(unsafe.Add(to, at), unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), lo))
		} else {
			copy(data[at:at+n], src[lo:])
		}
	}
}

// takeNested gathers lists, maps and structs, by runs of rows of the same batch.
func (v *interleaved) takeNested(places []Place) Column {
	b, sel := NewBuilder(v.typ, len(places)), make([]int32, 0, len(places))
	for from := 0; from < len(places); {
		batch := places[from].Batch
		sel = sel[:0]
		for ; from < len(places) && places[from].Batch == batch; from++ {
			sel = append(sel, int32(places[from].Row))
		}
		if batch == NoBatch {
			b.AppendNulls(len(sel))
		} else {
			b.Append(v.columns[batch], sel)
		}
	}
	return b.Finish()
}

// widest returns the bytes of the largest value; nested columns count as their mean.
func (v *interleaved) widest() int {
	if !v.typ.IsVariable() {
		most := v.typ.ByteWidth() + 1
		for k := range v.columns {
			if c := &v.columns[k]; v.typ.IsNested() && c.Len > 0 {
				most = max(most, c.Size()/c.Len)
			}
		}
		return most
	}
	most := int32(0)
	for k := range v.columns {
		o := v.offsets[k]
		for i := 1; i < len(o); i++ {
			most = max(most, o[i]-o[i-1])
		}
	}
	return int(most) + 4
}

// rowSize returns about the bytes of one value.
func (v *interleaved) rowSize(p Place) int {
	c := &v.columns[p.Batch]
	switch {
	case v.typ.IsVariable():
		return int(c.Offsets[p.Row+1]-c.Offsets[p.Row]) + 4
	case v.typ.IsNested():
		row := c.Slice(int(p.Row), 1)
		return row.Size()
	default:
		return v.typ.ByteWidth()
	}
}

// fixedInterleaver returns the gathering loop for columns of that width.
func fixedInterleaver(columns []Column, width int) func(out []byte, places []Place) {
	switch width {
	case 8:
		return interleaveAs[uint64](columns)
	case 4:
		return interleaveAs[uint32](columns)
	case 2:
		return interleaveAs[uint16](columns)
	case 1:
		return interleaveAs[uint8](columns)
	case 16:
		return interleaveAs[Decimal128](columns)
	default:
		return func(out []byte, places []Place) {
			for i, p := range places {
				if p.Batch != NoBatch {
					copy(out[i*width:(i+1)*width], columns[p.Batch].Data[int(p.Row)*width:])
				}
			}
		}
	}
}

func interleaveAs[T Fixed](columns []Column) func(out []byte, places []Place) {
	sources := make([][]T, len(columns))
	for k, c := range columns {
		if c.Len > 0 {
			sources[k] = unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(c.Data))), c.Len)
		}
	}
	return func(out []byte, places []Place) {
		if len(places) == 0 {
			return
		}
		to := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(out))), len(places))
		for i, p := range places {
			if p.Batch != NoBatch {
				to[i] = sources[p.Batch][p.Row]
			}
		}
	}
}
