package formattest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// RoundTrip checks of random batches that what is written is read back equal: as a whole, in any split, going on from any position, and of some
// columns only.
func RoundTrip(t *testing.T, schema *columnar.Schema, format func(rt *rapid.T) formats.Format, maxRows int) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		f := format(rt)
		var batches []columnar.Batch
		var want []columnar.Row
		for range rapid.IntRange(0, 3).Draw(rt, "batches") {
			b := Batch(rt, schema, maxRows)
			rows, err := Rows(b)
			if err != nil {
				rt.Fatal(err)
			}
			batches, want = append(batches, b), append(want, rows...)
		}
		data, err := Write(f, schema, batches...)
		if err != nil {
			rt.Fatal(err)
		}
		in := NewFile("memory:a"+f.Suffix(), data)
		o := formats.ReadOptions{Schema: schema, Rows: rapid.SampledFrom([]int{0, 17, 1000}).Draw(rt, "rows a batch")}
		Splits(rt, f, in, o, rapid.Int64Range(in.Size()/30, in.Size()+1).Draw(rt, "target"), want)
		project(rt, f, in, o, want)
	})
}

// Splits checks that the ranges of a file give the rows wanted, each once and in order, also when each batch is read by a new reader.
func Splits(t TB, f formats.Format, in formats.Input, o formats.ReadOptions, target int64, want []columnar.Row) {
	t.Helper()
	for _, resume := range []bool{false, true} {
		got, err := ReadSplit(t.Context(), f, in, target, o, resume)
		if err != nil {
			t.Fatal(err)
		}
		if d := Diff(want, got); d != "" {
			t.Fatalf("in ranges of %d bytes, resume %v (-want +got):\n%s", target, resume, d)
		}
	}
}

// project checks that some columns in another order have the values they should.
func project(rt *rapid.T, f formats.Format, in formats.Input, o formats.ReadOptions, all []columnar.Row) {
	columns := rapid.Permutation(upTo(len(o.Schema.Fields))).Draw(rt, "columns")
	columns = columns[:rapid.IntRange(0, len(columns)).Draw(rt, "count")]
	o.Schema = o.Schema.Select(columns)
	o.Schema.Fields = append(slices.Clone(o.Schema.Fields), columnar.Field{Name: "not there", Type: columnar.StringType, Nullable: true})
	var want []columnar.Row
	for _, r := range all {
		p := columnar.Row{Schema: o.Schema}
		for _, c := range columns {
			p.Values = append(p.Values, r.Values[c])
		}
		p.Values = append(p.Values, nil)
		want = append(want, p)
	}
	got, err := Read(rt.Context(), f, in, Whole(in), o, false)
	if err != nil {
		rt.Fatal(err)
	}
	if d := Diff(want, got); d != "" {
		rt.Fatalf("of columns %v (-want +got):\n%s", columns, d)
	}
	o.Schema = columnar.NewSchema(columnar.Field{Name: "not there", Type: columnar.StringType})
	if _, err := Read(rt.Context(), f, in, Whole(in), o, false); err == nil && len(all) > 0 {
		rt.Fatal("a column that is not there and may not be null was read")
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TB is what testing.TB and rapid.T share.
type TB interface {
	rapid.TB
	Context() context.Context
}

// Damaged checks that a file whose bytes were changed or cut off is read without a panic, and, of a format whose
// files have an end mark, that a file cut off is an error.
func Damaged(t *testing.T, f formats.Format, data []byte, hasEnd bool) {
	t.Helper()
	read := func(what string, data []byte) error {
		in := NewFile("memory:damaged"+f.Suffix(), data)
		_, err := Read(t.Context(), f, in, Whole(in), formats.ReadOptions{}, false)
		if err != nil && !bytes.Contains([]byte(err.Error()), []byte(in.Name())) {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
		return err
	}
	for n := 0; n < len(data); n += 1 + len(data)/200 {
		if err := read(fmt.Sprintf("cut to %d of %d bytes", n, len(data)), data[:n]); err == nil && hasEnd {
			t.Errorf("cut to %d of %d bytes: no error", n, len(data))
		}
	}
	for at := 0; at < len(data); at += 1 + len(data)/500 {
		bad := slices.Clone(data)
		bad[at] ^= 1 << (at % 8)
		_ = read(fmt.Sprintf("byte %d changed", at), bad) // An error or not, as long as there is no panic.
	}
}

// Everything is a schema with columns of all types, nullable or not.
func Everything() *columnar.Schema {
	s := columnar.NewSchema(
		columnar.Field{Name: "list", Type: columnar.ListOf(columnar.StringType, true), Nullable: true},
		columnar.Field{Name: "lists", Type: columnar.ListOf(columnar.ListOf(columnar.Int32Type, false), true)},
		columnar.Field{Name: "map", Type: columnar.MapOf(columnar.StringType, columnar.Float64Type, true), Nullable: true},
		columnar.Field{Name: "struct", Type: columnar.StructOf(
			columnar.Field{Name: "a", Type: columnar.Int64Type, Nullable: true},
			columnar.Field{Name: "b", Type: columnar.StructOf(columnar.Field{Name: "c", Type: columnar.ListOf(columnar.BoolType, true), Nullable: true})},
		), Nullable: true},
		columnar.Field{Name: "structs", Type: columnar.ListOf(columnar.StructOf(
			columnar.Field{Name: "x", Type: columnar.StringType},
			columnar.Field{Name: "y", Type: columnar.MapOf(columnar.StringType, columnar.ListOf(columnar.Int64Type, false), false), Nullable: true},
		), false)},
	)
	for _, t := range []columnar.Type{
		columnar.BoolType, columnar.Int32Type, columnar.Int64Type, columnar.Float64Type,
		{Kind: columnar.Float32},
		columnar.StringType,
		columnar.BinaryType, columnar.DateType, columnar.TimestampType,
		{Kind: columnar.Timestamp},
		columnar.DecimalOf(5, 2),
		columnar.DecimalOf(15, 2), columnar.DecimalOf(38, 10),
		{Kind: columnar.FixedBinary, Width: 5},
		{Kind: columnar.Int8},
		{Kind: columnar.Int16},
		{Kind: columnar.Uint8},
		{Kind: columnar.Uint16},
		{Kind: columnar.Uint32},
		{Kind: columnar.Uint64},
		{Kind: columnar.Duration},
	} {
		s.Fields = append(s.Fields, columnar.Field{Name: "n_" + t.String(), Type: t, Nullable: true}, columnar.Field{Name: t.String(), Type: t})
	}
	return s
}

// Named returns the schema with letters, digits and _ alone in names.
func Named(s *columnar.Schema) *columnar.Schema {
	out := &columnar.Schema{}
	for _, f := range s.Fields {
		f.Name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, f.Name)
		out.Fields = append(out.Fields, f)
	}
	return out
}

// Without returns the schema without the columns of a kind.
func Without(s *columnar.Schema, kinds ...columnar.Kind) *columnar.Schema {
	out := &columnar.Schema{}
	for _, f := range s.Fields {
		if !slices.Contains(kinds, f.Type.Kind) {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}
