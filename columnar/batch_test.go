package columnar_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/millrace/millrace/columnar"
)

// rowOfBatch is one row that counts, as the reference has it.
type rowOfBatch struct {
	cells []any
	time  int64
	kind  RowKind
}

// drawBatch returns a batch and its rows.
func drawBatch(t *rapid.T, schema *Schema) (Batch, []rowOfBatch) {
	n := rapid.IntRange(0, 20).Draw(t, "rows")
	b := Batch{Schema: schema, Len: n}
	rows := make([]rowOfBatch, n)
	for _, f := range schema.Fields {
		values := rapid.SliceOfN(cells(f.Type, f.Nullable), n, n).Draw(t, "values")
		b.Columns = append(b.Columns, columnOf(f.Type, values))
		for i, v := range values {
			rows[i].cells = append(rows[i].cells, v)
		}
	}
	withTime, withKind := rapid.Bool().Draw(t, "time"), rapid.Bool().Draw(t, "kind")
	for i := range rows {
		rows[i].time = NoTime
		if withTime {
			rows[i].time = int64(i)
			b.Time = append(b.Time, int64(i))
		}
		if withKind {
			rows[i].kind = RowKind(i % 4)
			b.Kind = append(b.Kind, RowKind(i%4))
		}
	}
	if rapid.Bool().Draw(t, "selection") {
		b.Sel = []int32{}
		var some []rowOfBatch
		for i, r := range rows {
			if rapid.Bool().Draw(t, "selected") {
				b.Sel, some = append(b.Sel, int32(i)), append(some, r)
			}
		}
		rows = some
	}
	return b, rows
}

func checkBatch(t rapid.TB, what string, b Batch, want []rowOfBatch) {
	t.Helper()
	if b.Rows() != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, b.Rows(), len(want))
	}
	for i := range want {
		r := b.Row(i)
		got := rowOfBatch{time: NoTime}
		for k := range b.Columns {
			got.cells = append(got.cells, cellOf(&b.Columns[k], r))
		}
		if b.Time != nil {
			got.time = b.Time[r]
		}
		if b.Kind != nil {
			got.kind = b.Kind[r]
		}
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Fatalf("%s: row %d is %v, want %v", what, i, got, want[i])
		}
	}
}

// TestBatch slices, copies and builds batches, with and without selections, times and kinds.
func TestBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := make([]Field, rapid.IntRange(1, 3).Draw(t, "fields"))
		for i := range fields {
			fields[i] = Field{Name: fmt.Sprint("c", i), Type: types(1).Draw(t, "type"), Nullable: true}
		}
		schema := NewSchema(fields...)
		bb := NewBatchBuilder(schema, 0)
		var built []rowOfBatch
		for range rapid.IntRange(0, 3).Draw(t, "batches") {
			b, rows := drawBatch(t, schema)
			checkBatch(t, "drawn", b, rows)
			i := rapid.IntRange(0, len(rows)).Draw(t, "from")
			n := rapid.IntRange(0, len(rows)-i).Draw(t, "n")
			checkBatch(t, "sliced", b.Slice(i, n), rows[i:i+n])
			b, rows = b.Slice(i, n), rows[i:i+n]
			checkBatch(t, "cloned", b.Clone(), rows)
			checkBatch(t, "compact", b.Compact(), rows)
			if b.Compact().Sel != nil || b.Size() < 0 {
				t.Fatalf("compacted rows have a selection")
			}
			bb.Append(b, b.Sel)
			built = append(built, rows...)
			if rapid.Bool().Draw(t, "cells") {
				for k := range schema.Fields {
					bb.Column(k).AppendNulls(1)
				}
				bb.Added(1)
				built = append(built, rowOfBatch{cells: make([]any, len(fields)), time: NoTime})
			}
		}
		if bb.Len() != len(built) {
			t.Fatalf("Len is %d after %d rows", bb.Len(), len(built))
		}
		checkBatch(t, "built", bb.Finish(), built)
		checkBatch(t, "built again", bb.Finish(), nil)
	})
}

func TestProject(t *testing.T) {
	schema := NewSchema(Field{Name: "a", Type: Int64Type}, Field{Name: "b", Type: StringType})
	b := Batch{Schema: schema, Len: 2, Columns: []Column{columnOf(Int64Type, []any{int64(1), int64(2)}), columnOf(StringType, []any{"x", "y"})}}
	p := b.Project(schema.Select([]int{1}), []int{1})
	if !slices.Equal(p.Schema.Names(), []string{"b"}) || p.Column("b").Text(1) != "y" || schema.Index("c") != -1 {
		t.Errorf("projected %v", p)
	}
}

// TestSize holds that the size of a slice is that of its rows, wherever they lie.
func TestSize(t *testing.T) {
	c := columnOf(ListOf(StringType, true), []any{[]any{"a", "bc"}, nil, []any{"def"}, []any{}})
	if whole, parts := c.Size(), c.Slice(0, 2); whole <= 0 || parts.Size() >= whole {
		t.Errorf("all rows have %d bytes, two %d", whole, parts.Size())
	}
	last := c.Slice(2, 1)
	if got, want := last.Size(), 1+2*4+2*4+3; got != want {
		t.Errorf("the row of one string has %d bytes, want %d", got, want)
	}
}
