// Package batches draws random schemas and batches for property tests, and compares batches row by row in the plainest way there is.
//
// Drawn batches have what real ones have and tests forget: nulls, empty strings, nesting, slices of larger buffers (offsets that do not
// begin at 0, bitmaps that begin within a byte), selections, times and row kinds.
package batches

import (
	"fmt"
	"math"
	"strings"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

var plainTypes = []columnar.Type{
	columnar.BoolType,
	{Kind: columnar.Int8},
	{Kind: columnar.Int16},
	columnar.Int32Type,
	columnar.Int64Type,
	{Kind: columnar.Uint8},
	{Kind: columnar.Uint16},
	{Kind: columnar.Uint32},
	{Kind: columnar.Uint64},
	{Kind: columnar.Float32},
	columnar.Float64Type,
	columnar.DecimalOf(20, 4),
	columnar.DateType,
	columnar.TimestampType,
	{Kind: columnar.Timestamp},
	{Kind: columnar.Duration},
	columnar.StringType,
	columnar.BinaryType,
	{Kind: columnar.FixedBinary, Width: 3},
	{Kind: columnar.FixedBinary, Width: 20},
}

// Type draws a type nested at most depth deep.
func Type(t *rapid.T, depth int) columnar.Type {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "nested") != 0 {
		return rapid.SampledFrom(plainTypes).Draw(t, "type")
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return columnar.ListOf(Type(t, depth-1), rapid.Bool().Draw(t, "nullable"))
	case 1:
		return columnar.MapOf(Type(t, 0), Type(t, depth-1), rapid.Bool().Draw(t, "nullable"))
	default:
		return columnar.StructOf(Fields(t, 3, depth-1)...)
	}
}

// Fields draws up to most fields with distinct names.
func Fields(t *rapid.T, most, depth int) []columnar.Field {
	fields := make([]columnar.Field, rapid.IntRange(1, most).Draw(t, "fields"))
	for i := range fields {
		fields[i] = columnar.Field{Name: fmt.Sprintf("f%d", i), Type: Type(t, depth), Nullable: rapid.Bool().Draw(t, "nullable")}
	}
	return fields
}

// Schema draws a schema of up to most columns.
func Schema(t *rapid.T, most int) *columnar.Schema { return columnar.NewSchema(Fields(t, most, 2)...) }

// Batch draws a batch of that schema with at most most rows in its columns, which are slices of larger ones, perhaps with a selection,
// times and kinds.
func Batch(t *rapid.T, s *columnar.Schema, most int) columnar.Batch {
	n := rapid.IntRange(0, most).Draw(t, "rows")
	before, behind := rapid.IntRange(0, 9).Draw(t, "before"), rapid.IntRange(0, 9).Draw(t, "behind")
	seed := rapid.Uint64().Draw(t, "seed")
	b := Random(s, before+n+behind, seed).Slice(before, n)
	if !rapid.Bool().Draw(t, "times") {
		b.Time = nil
	}
	if !rapid.Bool().Draw(t, "kinds") {
		b.Kind = nil
	}
	if rapid.Bool().Draw(t, "selection") {
		share := rapid.Uint64Range(0, 4).Draw(t, "share")
		b.Sel = []int32{}
		r := random{seed}
		for i := range n {
			if r.below(4) < share {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// Random returns a batch of n rows with times and kinds; the same seed gives the same batch.
func Random(s *columnar.Schema, n int, seed uint64) columnar.Batch {
	r := &random{seed}
	bb := columnar.NewBatchBuilder(s, n)
	for i, f := range s.Fields {
		for range n {
			r.value(bb.Column(i), f.Nullable)
		}
	}
	bb.Added(n)
	b := bb.Finish()
	b.Time, b.Kind = make([]int64, n), make([]columnar.RowKind, n)
	for i := range n {
		b.Time[i], b.Kind[i] = int64(r.next()), columnar.RowKind(r.below(4))
	}
	return b
}

// random is SplitMix64 (Steele, Lea and Flood 2014): a few lines, and the same numbers for ever.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *random) below(n uint64) uint64 { return r.next() % n }

// value appends one value to b.
func (r *random) value(b *columnar.Builder, nullable bool) {
	if nullable && r.below(4) == 0 {
		b.AppendNulls(1)
		return
	}
	switch b.Type.Kind {
	case columnar.Bool:
		b.AppendBool(r.below(2) == 0)
	case columnar.String, columnar.Binary:
		b.AppendBytes(r.bytes(r.length()))
	case columnar.FixedBinary:
		b.AppendBytes(r.bytes(int(b.Type.Width)))
	case columnar.List, columnar.Map:
		for range r.below(4) {
			for k, f := range b.Type.Fields {
				r.value(b.Child(k), f.Nullable)
			}
		}
		b.CloseNested()
	case columnar.Struct:
		for k, f := range b.Type.Fields {
			r.value(b.Child(k), f.Nullable)
		}
		b.CloseNested()
	default:
		r.number(b)
	}
}

// length is mostly short, sometimes above 255, and seldom above 65535.
func (r *random) length() int {
	switch r.below(1000) {
	case 0:
		return 70_000
	case 1, 2, 3, 4, 5:
		return 300
	default:
		return int(r.below(12))
	}
}

func (r *random) bytes(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = 'a' + byte(r.below(6))
	}
	return p
}

// number appends a small or an arbitrary number; floats are sometimes NaN or negative zero.
func (r *random) number(b *columnar.Builder) {
	v := r.next()
	if v&1 == 0 {
		v = r.below(10)
	}
	switch b.Type.ByteWidth() {
	case 1:
		columnar.AppendFixed(b, uint8(v))
	case 2:
		columnar.AppendFixed(b, uint16(v))
	case 4:
		columnar.AppendFixed(b, uint32(v))
	case 16:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: v, Hi: int64(r.next())})
	default:
		if b.Type.Kind == columnar.Float64 {
			columnar.AppendFixed(b, r.float(v))
			return
		}
		columnar.AppendFixed(b, v)
	}
}

func (r *random) float(v uint64) float64 {
	switch v % 16 {
	case 3:
		return math.NaN()
	case 5:
		return math.Copysign(0, -1)
	default:
		return float64(int64(v)) / 8
	}
}

// Text returns the rows of b that count, one string a row, with all values, the time and the kind: for comparing with ==.
func Text(b columnar.Batch) []string {
	rows := make([]string, b.Rows())
	for i := range rows {
		rows[i] = RowText(b, b.Row(i))
	}
	return rows
}

// RowText returns row i of b's columns as Text does. Rows without time or kind read like those with none and +I.
func RowText(b columnar.Batch, i int) string {
	var out strings.Builder
	for k := range b.Columns {
		writeValue(&out, &b.Columns[k], i)
		out.WriteByte(' ')
	}
	at, kind := columnar.NoTime, columnar.Insert
	if b.Time != nil {
		at = b.Time[i]
	}
	if b.Kind != nil {
		kind = b.Kind[i]
	}
	fmt.Fprintf(&out, "@%d %s", at, kind)
	return out.String()
}

func writeValue(out *strings.Builder, c *columnar.Column, i int) {
	switch {
	case c.IsNull(i):
		out.WriteString("null")
	case c.Type.Kind == columnar.Bool:
		fmt.Fprint(out, c.Bits.Get(i))
	case c.Type.IsVariable():
		fmt.Fprintf(out, "%q", c.Bytes(i))
	case c.Type.Kind == columnar.Struct:
		out.WriteByte('{')
		for k := range c.Children {
			writeValue(out, &c.Children[k], i)
			out.WriteByte(';')
		}
		out.WriteByte('}')
	case c.Type.IsNested():
		out.WriteByte('[')
		for j := c.Offsets[i]; j < c.Offsets[i+1]; j++ {
			for k := range c.Children {
				writeValue(out, &c.Children[k], int(j))
				out.WriteByte(':')
			}
		}
		out.WriteByte(']')
	default:
		fmt.Fprintf(out, "%x", c.FixedBytes(i))
	}
}
