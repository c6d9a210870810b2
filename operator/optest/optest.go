// Package optest multiplies the tests of operators: one case, an operator with its inputs and the rows it must give, is run with batches of
// 1, 7 and 8192 rows; in plain columns, in slices of larger ones, and under selections among rows that do not count; with ample memory and
// with so little that it must spill; in changing orders of the inputs; with inputs that are overwritten as soon as the operator has to be
// done with them, and with inputs that it may keep. The rows that come out are the same every time. What an operator says may be kept of its
// output is looked at only in the end.
//
// Operators are driven as tasks drive them: see package runner/task.
package optest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/stream"
)

// Case is an operator, its inputs, and the rows it must give.
type Case struct {
	New     func() stream.Operator
	Inputs  []columnar.Batch // all rows of each input
	Schema  *columnar.Schema // of the output; nil: not checked
	Want    []string         // rows as package batches writes them; not looked at when Free is set
	Ordered bool             // Want is in order; else in any
	Memory  int64            // bytes of the tight runs; 0: 32 KiB
	Spills  bool             // the tight runs must spill
	Free    bool             // only Check decides: what comes out depends on memory and on how rows come
	Check   func(t *testing.T, out []columnar.Batch)
}

// tightMemory makes most operators spill a few thousand rows, and is enough for one small table.
const tightMemory = 32 << 10

// shape is how the rows of a batch lie in memory.
type shape int

const (
	plain    shape = iota // as fresh copies
	sliced                // between rows of others
	selected              // also among them
	shapes
)

// String returns the shape's name.
func (s shape) String() string { return [...]string{"plain", "sliced", "selected"}[s] }

// variant is one way to run a case.
type variant struct {
	rows   int
	shape  shape
	memory int64 // 0: ample
	fresh  bool  // batches are the operator's to keep, and not overwritten
	random *rand.Rand
}

// Run runs c in all ways.
func Run(t *testing.T, c Case) {
	t.Helper()
	if c.Memory == 0 {
		c.Memory = tightMemory
	}
	for _, rows := range []int{1, 7, columnar.DefaultRows} {
		for s := range shapes {
			for _, memory := range []int64{0, c.Memory} {
				t.Run(fmt.Sprintf("rows=%d/%s/memory=%d", rows, s, memory), func(t *testing.T) {
					t.Helper()
					c.run(t, variant{rows, s, memory, false, random(rows, s)})
				})
			}
		}
	}
	for _, memory := range []int64{0, c.Memory} {
		t.Run(fmt.Sprintf("fresh/memory=%d", memory), func(t *testing.T) {
			t.Helper()
			c.run(t, variant{columnar.DefaultRows, sliced, memory, true, random(0, sliced)})
		})
	}
	t.Run("closed early", func(t *testing.T) {
		t.Helper()
		c.closeEarly(t)
	})
}

// random returns the same numbers for the same variant.
func random(rows int, s shape) *rand.Rand { return rand.New(rand.NewPCG(uint64(rows), uint64(s))) }

func (c Case) run(t *testing.T, v variant) {
	t.Helper()
	env := NewEnv(t, v.memory, c.schemas()...)
	env.Fresh = v.fresh
	d := newDriver(t, c.New(), env, v)
	d.open()
	d.feed(c.pieces(v))
	d.close()
	c.compare(t, d.got)
	if c.Spills && v.memory > 0 && env.Metrics.Spilled.Load() == 0 {
		t.Error("nothing was spilled")
	}
}

// schemas returns the inputs' schemas.
func (c Case) schemas() []*columnar.Schema {
	out := make([]*columnar.Schema, len(c.Inputs))
	for i, b := range c.Inputs {
		out[i] = b.Schema
	}
	return out
}

// pieces cuts the inputs into batches.
func (c Case) pieces(v variant) [][]columnar.Batch {
	out := make([][]columnar.Batch, len(c.Inputs))
	for i, b := range c.Inputs {
		for from := 0; from < b.Rows(); from += v.rows {
			n := min(v.rows, b.Rows()-from)
			out[i] = append(out[i], v.dress(b.Slice(from, n).Clone()))
		}
	}
	return out
}

// closeEarly closes the operator in the middle, as a cancelled task does, and once without Open.
func (c Case) closeEarly(t *testing.T) {
	t.Helper()
	if err := c.New().Close(); err != nil {
		t.Errorf("closing what was never opened: %v", err)
	}
	v := variant{rows: 7, memory: c.Memory, random: random(7, plain)}
	d := newDriver(t, c.New(), NewEnv(t, v.memory, c.schemas()...), v)
	d.open()
	in := c.pieces(v)
	for i := range in {
		in[i] = in[i][:len(in[i])/2]
	}
	d.process(in)
	d.close()
}

// compare fails the test when the rows are not those wanted.
func (c Case) compare(t *testing.T, out []columnar.Batch) {
	t.Helper()
	var got []string
	for _, b := range out {
		c.checkColumns(t, b)
		got = append(got, batches.Text(b)...)
	}
	if c.Check != nil {
		c.Check(t, out)
	}
	if c.Free {
		return
	}
	if !c.Ordered {
		CompareSets(t, got, c.Want)
		return
	}
	compare(t, got, c.Want)
}

// CompareSets fails the test when the rows are not those wanted, in any order.
func CompareSets(t *testing.T, got, want []string) {
	t.Helper()
	compare(t, slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d is\n%.400s\nwant\n%.400s", i, got[i], want[i])
		}
	}
}

// checkColumns fails the test when a batch does not keep to the schema.
func (c Case) checkColumns(t *testing.T, b columnar.Batch) {
	t.Helper()
	if c.Schema == nil {
		return
	}
	if !b.Schema.Equal(c.Schema) || len(b.Columns) != len(c.Schema.Fields) {
		t.Fatalf("the output has %d columns of the schema\n%swant\n%s", len(b.Columns), b.Schema, c.Schema)
	}
	for i, f := range c.Schema.Fields {
		if col := &b.Columns[i]; !col.Type.Equal(f.Type) || col.Len != b.Len {
			t.Fatalf("column %s has %d rows of %s in a batch of %d", f, col.Len, col.Type, b.Len)
		}
	}
}

// Rows returns the rows of batches as Case.Want has them.
func Rows(all ...columnar.Batch) []string {
	var out []string
	for _, b := range all {
		out = append(out, batches.Text(b)...)
	}
	return out
}
