package columnar

import (
	"math"
	"time"
)

// DefaultRows is the number of rows a batch has when nothing asks for another: large enough to pay for a call per batch, small enough
// for a few columns to stay in the processor's second-level cache.
const DefaultRows = 8192

// RowKind is what a row of a changelog does. Rows without a kind are inserts.
type RowKind uint8

// The row kinds, in the field's short forms +I -U +U -D.
const (
	Insert RowKind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// String returns the short form.
func (k RowKind) String() string { return [...]string{"+I", "-U", "+U", "-D"}[k&3] }

// Event times are microseconds since 1970-01-01T00:00:00Z.
const (
	NoTime  int64 = math.MinInt64 // the row has no event time
	EndTime int64 = math.MaxInt64 // the end of time
)

// Micros returns t as an event time.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Batch is rows as columns. It is passed by value; the buffers behind it are shared. The package comment says who owns them.
type Batch struct {
	Schema  *Schema   // one field a column
	Columns []Column  // all of Len rows
	Len     int       // rows in the columns, selected or not
	Sel     []int32   // the rows that count, ascending; nil: all Len
	Time    []int64   // event time by row of the columns; nil: none has one
	Kind    []RowKind // row kind by row of the columns; nil: all inserts
}

// Rows returns the number of rows that count.
func (b Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Len
}

// Row returns the position in the columns of the i-th row that counts.
func (b Batch) Row(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// Column returns the column of that name, which must exist.
func (b Batch) Column(name string) *Column { return &b.Columns[b.Schema.Index(name)] }

// Slice returns n of the rows that count, from the i-th on; buffers are shared.
func (b Batch) Slice(i, n int) Batch {
	if b.Sel != nil {
		b.Sel = b.Sel[i : i+n]
		return b
	}
	s := Batch{Schema: b.Schema, Columns: make([]Column, len(b.Columns)), Len: n}
	for k := range b.Columns {
		s.Columns[k] = b.Columns[k].Slice(i, n)
	}
	if b.Time != nil {
		s.Time = b.Time[i : i+n]
	}
	if b.Kind != nil {
		s.Kind = b.Kind[i : i+n]
	}
	return s
}

// Project returns the batch of the columns at those positions, in that order, under the schema given.
func (b Batch) Project(schema *Schema, columns []int) Batch {
	out := b
	out.Schema, out.Columns = schema, make([]Column, len(columns))
	for i, c := range columns {
		out.Columns[i] = b.Columns[c]
	}
	return out
}

// Size returns the bytes of memory that the columns' rows take, selected or not.
func (b Batch) Size() int {
	size := 8*len(b.Time) + len(b.Kind)
	for i := range b.Columns {
		size += b.Columns[i].Size()
	}
	return size
}

// Clone returns a compact copy of the rows that count, which shares nothing with b.
func (b Batch) Clone() Batch {
	bb := NewBatchBuilder(b.Schema, b.Rows())
	bb.Append(b, b.Sel)
	return bb.Finish()
}

// Compact returns b itself when it has no selection, else a fresh copy of the selected rows.
func (b Batch) Compact() Batch {
	if b.Sel == nil {
		return b
	}
	return b.Clone()
}
