// Package formattest holds what tests of file formats share: files in memory, random batches, and the checks that every format must pass.
package formattest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// File is a formats.Input in memory.
type File struct {
	*bytes.Reader
	name string
}

// NewFile returns a file of those bytes.
func NewFile(name string, data []byte) File { return File{bytes.NewReader(data), name} }

// Name returns the file's name.
func (f File) Name() string { return f.name }

// Whole is the range of all of a file.
func Whole(in formats.Input) formats.Range { return formats.Range{To: in.Size()} }

// Write returns a file of the batches.
func Write(f formats.Format, schema *columnar.Schema, batches ...columnar.Batch) ([]byte, error) {
	var buf bytes.Buffer
	w, err := f.NewWriter(&buf, schema)
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return buf.Bytes(), err
}

// Read returns the rows of a range. With resume, a new reader goes on from the position after each batch, as after a failure.
func Read(ctx context.Context, f formats.Format, in formats.Input, r formats.Range, o formats.ReadOptions, resume bool) ([]columnar.Row, error) {
	var all []columnar.Row
	for {
		rd, err := f.NewReader(ctx, in, r, o)
		if err != nil {
			return all, err
		}
		more, err := readSome(ctx, rd, resume, &all)
		at := rd.Position()
		if err = errors.Join(err, rd.Close()); err != nil || !more {
			return all, err
		}
		r.From, r.Skip = at.Offset, at.Row
	}
}

// ReadSplit returns the rows of the ranges of about target bytes that a file is divided into, one after the other.
func ReadSplit(ctx context.Context, f formats.Format, in formats.Input, target int64, o formats.ReadOptions, resume bool) ([]columnar.Row, error) {
	ranges, err := f.Split(ctx, in, target)
	if err != nil {
		return nil, err
	}
	var all []columnar.Row
	for _, r := range ranges {
		rows, err := Read(ctx, f, in, r, o, resume)
		all = append(all, rows...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// readSome reads one batch, or all; more says whether there may be further ones.
func readSome(ctx context.Context, rd formats.Reader, one bool, all *[]columnar.Row) (more bool, err error) {
	for {
		b, err := rd.Next(ctx)
		if err == io.EOF { //nolint:errorlint // readers return it bare
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if b.Rows() == 0 {
			return false, errors.New("a reader returned an empty batch")
		}
		rows, err := Rows(b)
		if err != nil {
			return false, err
		}
		*all = append(*all, rows...)
		if one {
			return true, nil
		}
	}
}

// Rows returns the rows of a batch that count.
func Rows(b columnar.Batch) ([]columnar.Row, error) {
	c, err := codec.Of[columnar.Row]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		return nil, err
	}
	return d.Decode(b, nil)
}

// Diff compares rows by values. NaN is NaN; schemas are left out, because names of items differ between formats.
func Diff(want, got []columnar.Row) string {
	same := func(a, b columnar.Row) bool { return reflect.DeepEqual(a.Values, b.Values) }
	if slices.EqualFunc(want, got, same) { // much faster
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmp.Transformer("values", func(r columnar.Row) []any { return r.Values }))
}

// Batch draws a batch of that schema, with a selection at times.
func Batch(rt *rapid.T, schema *columnar.Schema, maxRows int) columnar.Batch {
	n := rapid.IntRange(0, maxRows).Draw(rt, "rows")
	bb := columnar.NewBatchBuilder(schema, n)
	for i, f := range schema.Fields {
		style := rapid.IntRange(0, 3).Draw(rt, "style")
		seed := rapid.Uint64().Draw(rt, "seed")
		g := generator{style: style, state: seed | 1}
		for range n {
			g.cell(bb.Column(i), f)
		}
	}
	bb.Added(n)
	b := bb.Finish()
	if n > 0 && rapid.IntRange(0, 3).Draw(rt, "selection") == 0 {
		b.Sel = []int32{}
		for i := range n {
			if i%3 != 1 {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// generator makes cells by a small linear generator: rapid's own would draw each bit.
type generator struct {
	style int // 0 few values, 1 ascending ones, 2 any, 3 mostly null
	state uint64
	count uint64
}

func (g *generator) next() uint64 {
	g.state ^= g.state << 13 // Marsaglia 2003, xorshift64
	g.state ^= g.state >> 7
	g.state ^= g.state << 17
	return g.state
}

// value returns a number as the style has it.
func (g *generator) value() uint64 {
	g.count++
	switch g.style {
	case 0:
		return g.next() % 5
	case 1:
		return g.count / 3
	default:
		return g.next()
	}
}

func (g *generator) cell(b *columnar.Builder, f columnar.Field) {
	if f.Nullable && (g.style == 3 && g.next()%8 != 0 || g.style != 1 && g.next()%6 == 0) {
		b.AppendNulls(1)
		return
	}
	v := g.value()
	switch t := f.Type; t.Kind {
	case columnar.Bool:
		b.AppendBool(v&1 == 1)
	case columnar.Int8, columnar.Uint8:
		columnar.AppendFixed(b, uint8(v))
	case columnar.Int16, columnar.Uint16:
		columnar.AppendFixed(b, uint16(v))
	case columnar.Int32, columnar.Uint32:
		columnar.AppendFixed(b, uint32(v))
	case columnar.Date:
		columnar.AppendFixed(b, int32(v%40000)-10000)
	case columnar.Float32:
		columnar.AppendFixed(b, float32(int32(v))/4)
	case columnar.Float64:
		columnar.AppendFixed(b, float64(int64(v))/8)
	case columnar.Timestamp, columnar.Duration:
		columnar.AppendFixed(b, int64(v>>12)-1<<50)
	case columnar.Decimal:
		columnar.AppendFixed(b, columnar.Decimal128{Lo: v % 90, Hi: 0})
	case columnar.String, columnar.Binary:
		b.AppendString(g.text(v))
	case columnar.FixedBinary:
		text := fmt.Sprintf("%0*d", t.Width, v)
		b.AppendBytes([]byte(text[len(text)-int(t.Width):]))
	case columnar.List, columnar.Map:
		g.items(b, t, int(v%4))
	case columnar.Struct:
		for k, field := range t.Fields {
			g.cell(b.Child(k), field)
		}
		b.CloseNested()
	default:
		columnar.AppendFixed(b, v)
	}
}

func (g *generator) text(v uint64) string {
	s := fmt.Sprintf("%d", v%100_000)
	if g.style == 2 && v%7 == 0 {
		s += "; a text that is longer than others: " + s
	}
	if v%11 == 0 {
		return ""
	}
	return s
}

// items adds a list, or a map with distinct keys.
func (g *generator) items(b *columnar.Builder, t columnar.Type, n int) {
	for i := range n {
		for k, field := range t.Fields {
			if t.Kind == columnar.Map && k == 0 && field.Type.Kind == columnar.String {
				b.Child(0).AppendString(fmt.Sprintf("key %d", i))
				continue
			}
			g.cell(b.Child(k), field)
		}
	}
	b.CloseNested()
}

// Example returns a batch of n rows, always the same: columns with few, ascending, any and mostly null values by turns.
func Example(schema *columnar.Schema, n int) columnar.Batch {
	bb := columnar.NewBatchBuilder(schema, n)
	for i, f := range schema.Fields {
		g := generator{style: i % 4, state: uint64(i)*2 + 1}
		for range n {
			g.cell(bb.Column(i), f)
		}
	}
	bb.Added(n)
	return bb.Finish()
}
