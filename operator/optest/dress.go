package optest

import (
	"math"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
)

// dress returns b's rows in the variant's shape. b has no selection and belongs to the callee.
func (v variant) dress(b columnar.Batch) columnar.Batch {
	if v.shape == plain || b.Len == 0 {
		return b
	}
	others := batches.Random(b.Schema, b.Len+16, v.random.Uint64())
	if b.Time == nil {
		others.Time = nil
	}
	if b.Kind == nil {
		others.Kind = nil
	}
	before := 1 + v.random.IntN(11)
	places := make([]columnar.Place, 0, 2*b.Len+2*before)
	other := func(n int) {
		for range n {
			places = append(places, columnar.Place{Batch: 1, Row: v.random.Uint32N(uint32(others.Len))})
		}
	}
	other(before)
	var sel []int32
	for i := range b.Len {
		if v.shape == selected {
			other(v.random.IntN(3))
			sel = append(sel, int32(len(places)-before))
		}
		places = append(places, columnar.Place{Batch: 0, Row: uint32(i)})
	}
	n := len(places) - before
	other(1 + v.random.IntN(5))
	out := columnar.NewInterleaver(b.Schema, []columnar.Batch{b, others}).Take(places).Slice(before, n)
	out.Sel = sel
	return out
}

// poison overwrites what may be reused of a batch: all but the bytes of strings.
func poison(b columnar.Batch) {
	for i := range b.Columns {
		poisonColumn(&b.Columns[i])
	}
	for i := range b.Sel {
		b.Sel[i] = math.MinInt32
	}
	for i := range b.Time {
		b.Time[i] = -0x5454545454545455
	}
	for i := range b.Kind {
		b.Kind[i] = 0xab
	}
}

func poisonColumn(c *columnar.Column) {
	fill(c.Valid.Bits)
	fill(c.Bits.Bits)
	if c.Offsets == nil {
		fill(c.Data)
	}
	if len(c.Offsets) > 0 {
		fill(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.Offsets))), 4*len(c.Offsets)))
	}
	for k := range c.Children {
		poisonColumn(&c.Children[k])
	}
}

func fill(p []byte) {
	for i := range p {
		p[i] = 0xab
	}
}
