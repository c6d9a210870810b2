package agg

import (
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// FirstOf is the first value to arrive of a column of type t, null or not.
func FirstOf(t columnar.Type) Function {
	return arrival("first", t, func([]columnar.Column, int, []columnar.Column, int) bool { return false })
}

// LastOf is the last value to arrive of a column of type t, null or not.
func LastOf(t columnar.Type) Function {
	return arrival("last", t, func([]columnar.Column, int, []columnar.Column, int) bool { return true })
}

func arrival(name string, t columnar.Type, replaces replaces) Function {
	f := Function{Name: name, Input: []columnar.Field{value("value", t)}, Result: value(name, t)}
	f.State = []columnar.Field{value(name, t), always("taken", columnar.BoolType)}
	f.New = func() Accumulator {
		c := newChosen(f.Input, 0, replaces)
		c.takesNulls = true
		return c
	}
	return f
}

// MinByOf is the value, of type v, of the row with the least key, of type key: the columns are key and value.
func MinByOf(key, v columnar.Type) (Function, error) { return extremeByOf("min_by", key, v, -1) }

// MaxByOf is the value, of type v, of the row with the greatest key, of type key: the columns are key and value.
func MaxByOf(key, v columnar.Type) (Function, error) { return extremeByOf("max_by", key, v, 1) }

func extremeByOf(name string, key, v columnar.Type, want int) (Function, error) {
	if key.IsNested() {
		return Function{}, inputError(name, key, "keys that are not nested")
	}
	f := Function{Name: name, Input: []columnar.Field{value("by", key), value("value", v)}, Result: value(name, v)}
	f.State = f.Input
	f.New = func() Accumulator { return newChosen(f.Input, 1, chooseBy(want)) }
	return f, nil
}

// replaces says whether row i of a is chosen over row j of b.
type replaces func(a []columnar.Column, i int, b []columnar.Column, j int) bool

// chooseBy prefers the lesser (want -1) or greater (want 1) first column, then the lesser of the others.
func chooseBy(want int) replaces {
	orders := []keys.Order{{NullsFirst: true}}
	return func(a []columnar.Column, i int, b []columnar.Column, j int) bool {
		if c := keys.CompareValues(&a[0], i, &b[0], j); c != 0 {
			return c*want > 0
		}
		return len(a) > 1 && keys.Compare(a[1:], i, b[1:], j, orders) < 0
	}
}

// chosen is the accumulator of aggregates that keep one row a group, of columns of any types. Rows are copied once a batch, after the
// batch has been decided; those replaced are dropped when they are more than the rest.
type chosen struct {
	onHeap
	fields     []columnar.Field
	result     int  // the column that is the result
	takesNulls bool // also takes rows whose first column is null, and has a state that tells
	replaces   replaces
	rows       []chosenRow // by group
	chunks     [][]columnar.Column
	stored     int // rows in the chunks
	bytes      int // of the chunks
	pending    []int32
}

// chosenRow is where the row of a group is: in chunk-1, or nowhere when chunk is 0.
type chosenRow struct{ chunk, row int32 }

// inBatch is the chunk of rows of the batch that is being added.
const inBatch = math.MaxInt32

func newChosen(fields []columnar.Field, result int, replaces replaces) *chosen {
	return &chosen{fields: fields, result: result, replaces: replaces}
}

func (c *chosen) Grow(n int) { c.rows = grown(c.rows, n) }

func (c *chosen) Add(groups []int32, in []columnar.Column, sel []int32) error {
	for k, g := range groups {
		c.offer(g, in, rowAt(sel, k))
	}
	c.settle(in)
	return nil
}

// Merge is Add, but for states that say where there is nothing.
func (c *chosen) Merge(groups []int32, state []columnar.Column, sel []int32) error {
	if !c.takesNulls {
		return c.Add(groups, state, sel)
	}
	in, taken := state[:len(c.fields)], &state[len(c.fields)]
	for k, g := range groups {
		if row := rowAt(sel, k); taken.Bits.Get(row) {
			c.offer(g, in, row)
		}
	}
	c.settle(in)
	return nil
}

// offer lets a row of the batch compete for its group.
func (c *chosen) offer(g int32, in []columnar.Column, row int) {
	if !c.takesNulls && in[0].IsNull(row) {
		return
	}
	r := &c.rows[g]
	switch r.chunk {
	case 0:
		c.pending = append(c.pending, g)
	case inBatch:
		if !c.replaces(in, row, in, int(r.row)) {
			return
		}
	default:
		if !c.replaces(in, row, c.chunks[r.chunk-1], int(r.row)) {
			return
		}
		c.pending = append(c.pending, g)
	}
	*r = chosenRow{inBatch, int32(row)}
}

// settle copies the rows chosen from the batch.
func (c *chosen) settle(in []columnar.Column) {
	if len(c.pending) == 0 {
		return
	}
	sel := make([]int32, len(c.pending))
	for i, g := range c.pending {
		sel[i] = c.rows[g].row
		c.rows[g] = chosenRow{int32(len(c.chunks)) + 1, int32(i)}
	}
	chunk := make([]columnar.Column, len(c.fields))
	for i, f := range c.fields {
		b := columnar.NewBuilder(f.Type, len(sel))
		b.Append(in[i], sel)
		chunk[i] = b.Finish()
	}
	c.chunks = append(c.chunks, chunk)
	c.stored += len(sel)
	c.bytes += sizeOf(chunk)
	c.pending = c.pending[:0]
	if c.stored > 2*len(c.rows)+columnar.DefaultRows || len(c.chunks) > maxChunks+len(c.rows)/maxChunks {
		c.compact()
	}
}

// maxChunks bounds the chunks where they have few rows each, and so their cost beside the rows; with many groups there are more, since
// to compact costs a step a group.
const maxChunks = 256

func sizeOf(chunk []columnar.Column) int {
	size := 0
	for i := range chunk {
		size += chunk[i].Size()
	}
	return size
}

// compact keeps only the rows chosen, as one chunk in the order of the groups.
func (c *chosen) compact() {
	chunk := make([]columnar.Column, len(c.fields))
	for i := range c.fields {
		chunk[i] = c.gather(i, 0, len(c.rows))
	}
	c.chunks, c.stored, c.bytes = [][]columnar.Column{chunk}, len(c.rows), sizeOf(chunk)
	for g := range c.rows {
		if c.rows[g].chunk != 0 {
			c.rows[g] = chosenRow{1, int32(g)}
		}
	}
}

// gather returns a column of the rows chosen for the groups, null where there is none.
func (c *chosen) gather(column, from, to int) columnar.Column {
	b := columnar.NewBuilder(c.fields[column].Type, to-from)
	var sel []int32
	for g := from; g < to; {
		chunk := c.rows[g].chunk
		for sel = sel[:0]; g < to && c.rows[g].chunk == chunk; g++ {
			sel = append(sel, c.rows[g].row)
		}
		if chunk == 0 {
			b.AppendNulls(len(sel))
		} else {
			b.Append(c.chunks[chunk-1][column], sel)
		}
	}
	return b.Finish()
}

func (c *chosen) State(from, to int) ([]columnar.Column, error) {
	var out []columnar.Column
	for i := range c.fields {
		out = append(out, c.gather(i, from, to))
	}
	if c.takesNulls {
		taken := columnar.NewBitmap(to - from)
		for k, r := range c.rows[from:to] {
			taken.SetTo(k, r.chunk != 0)
		}
		out = append(out, columnar.OfBools(taken, to-from, columnar.Bitmap{}))
	}
	return out, nil
}

func (c *chosen) Result(from, to int) (columnar.Column, error) {
	return c.gather(c.result, from, to), nil
}

func (c *chosen) Size() int { return 8*cap(c.rows) + c.bytes }

func (c *chosen) Reset() {
	c.rows, c.chunks, c.stored, c.bytes = emptied(c.rows), nil, 0, 0
}
