package optest

import (
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs/mem"
)

// ampleMemory is more than any test needs.
const ampleMemory = 1 << 40

// NewEnv returns the environment of the one task of a test's operator, with that much memory (0: ample) and spill files in memory. It
// ends with the test, which fails when an operator leaves memory counted.
func NewEnv(t testing.TB, memory int64, inputs ...*columnar.Schema) *stream.Env {
	t.Helper()
	if memory == 0 {
		memory = ampleMemory
	}
	manager, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: mem.New("spill"), Path: "/"}}, Owner: "test", BlockBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	env := &stream.Env{
		Context: t.Context(), Job: "test", RunID: "run", Node: t.Name(), Tasks: 1, Inputs: inputs, Log: slog.New(slog.DiscardHandler),
		Metrics: &metrics.Set{}, Memory: budget.New(memory).Account(t.Name()), Spill: manager, Rand: rand.New(rand.NewPCG(1, 2)),
		Bad: func(b stream.Bad) error { return b.Reason },
	}
	t.Cleanup(func() {
		if used := env.Memory.Used(); used != 0 {
			t.Errorf("%d bytes are still counted after Close", used)
		}
	})
	return env
}

// Drive runs an operator over whole inputs, an input behind the other as far as the operator lets it, and calls take with each batch it
// emits, which is valid until take returns. It opens and closes the operator.
func Drive(t testing.TB, op stream.Operator, env *stream.Env, inputs [][]columnar.Batch, take func(columnar.Batch)) {
	t.Helper()
	d := &driver{t: t, op: op, env: env, take: take}
	d.resumer, _ = op.(stream.Resumer)
	d.open()
	d.feed(inputs)
	d.close()
}

// driver calls an operator as a task does.
type driver struct {
	t       testing.TB
	op      stream.Operator
	resumer stream.Resumer
	env     *stream.Env
	random  *rand.Rand // nil: inputs come one behind the other, and are not overwritten
	take    func(columnar.Batch)

	got   []columnar.Batch
	out   output
	ended stream.InputSet
}

// fresh is an operator that says whether what it emits may be kept; see package runner/task.
type fresh interface{ EmitsFresh(input bool) bool }

func newDriver(t *testing.T, op stream.Operator, env *stream.Env, v variant) *driver {
	t.Helper()
	d := &driver{t: t, op: op, env: env, random: v.random}
	f, ok := op.(fresh)
	keeps := ok && f.EmitsFresh(env.Fresh)
	d.take = func(b columnar.Batch) {
		if !keeps {
			b = b.Clone()
		}
		d.got = append(d.got, b)
	}
	d.resumer, _ = op.(stream.Resumer)
	return d
}

// output is the stream.Output of one call.
type output struct {
	sides   map[int][]columnar.Batch
	batches []columnar.Batch
	room    int
}

// Emit implements stream.Output.
func (o *output) Emit(b columnar.Batch) {
	if b.Rows() > 0 {
		o.batches = append(o.batches, b)
	}
}

// Room implements stream.Output.
// EmitSide implements stream.Output: cases look at side outputs by the tests of their operator.
func (o *output) EmitSide(side int, b columnar.Batch) error {
	if o.sides == nil {
		o.sides = map[int][]columnar.Batch{}
	}
	o.sides[side] = append(o.sides[side], b.Clone())
	return nil
}

func (o *output) Room() int { return max(0, o.room-len(o.batches)) }

func (d *driver) open() {
	d.t.Helper()
	if err := d.op.Open(d.env); err != nil {
		d.t.Fatalf("opening: %v", err)
	}
}

// call calls a method of the operator with an output and takes what it emitted.
func (d *driver) call(name string, f func(out stream.Output) error) {
	d.t.Helper()
	d.out = output{batches: d.out.batches[:0], room: 1}
	if d.random != nil {
		d.out.room += d.random.IntN(2)
	}
	if err := f(&d.out); err != nil {
		d.t.Fatalf("%s: %v", name, err)
	}
	if n := len(d.out.batches); n > d.out.room+1 {
		d.t.Fatalf("%s emitted %d batches into room for %d", name, n, d.out.room)
	}
	for _, b := range d.out.batches {
		d.take(b)
	}
}

// settle lets the operator pay what it owes.
func (d *driver) settle() {
	d.t.Helper()
	for more := d.resumer != nil; more; {
		d.call("Resume", func(out stream.Output) (err error) {
			more, err = d.resumer.Resume(out)
			return err
		})
	}
}

// feed gives all batches and ends the inputs.
func (d *driver) feed(inputs [][]columnar.Batch) {
	d.t.Helper()
	for {
		input, ok := d.choose(len(inputs))
		if !ok {
			return
		}
		if len(inputs[input]) == 0 || d.isFinished() {
			d.ended |= stream.Input(input)
			d.call("EndInput", func(out stream.Output) error { return d.op.EndInput(input, out) })
			d.settle()
			continue
		}
		d.push(input, inputs[input][0])
		inputs[input] = inputs[input][1:]
	}
}

// isFinished says whether the operator needs no more, and is taken at its word this time.
func (d *driver) isFinished() bool {
	f, ok := d.op.(stream.Finisher)
	return ok && f.IsFinished() && (d.random == nil || d.random.IntN(4) == 0)
}

// process gives batches and ends no input.
func (d *driver) process(inputs [][]columnar.Batch) {
	d.t.Helper()
	for {
		input, ok := d.choose(len(inputs))
		if !ok || len(inputs[input]) == 0 {
			return
		}
		d.push(input, inputs[input][0])
		inputs[input] = inputs[input][1:]
	}
}

// push gives one batch, and overwrites it when the operator has to be done with it.
func (d *driver) push(input int, b columnar.Batch) {
	d.t.Helper()
	d.call("Process", func(out stream.Output) error { return d.op.Process(input, b, out) })
	d.settle()
	if d.random != nil && !d.env.Fresh {
		poison(b)
	}
}

// choose returns an input that has not ended and that the operator wants.
func (d *driver) choose(inputs int) (int, bool) {
	d.t.Helper()
	wants := stream.AllInputs
	if c, ok := d.op.(stream.Chooser); ok {
		wants = c.Wants()
	}
	var open, wanted []int
	for i := range inputs {
		if d.ended.Has(i) {
			continue
		}
		open = append(open, i)
		if wants.Has(i) {
			wanted = append(wanted, i)
		}
	}
	switch {
	case len(open) == 0:
		return 0, false
	case len(wanted) == 0:
		d.t.Fatalf("the operator wants inputs %b; those open are %v", wants, open)
		return 0, false
	case d.random == nil:
		return wanted[0], true
	default:
		return wanted[d.random.IntN(len(wanted))], true
	}
}

// collector is the operator of a collect, whose rows the task takes before it closes it.
type collector interface{ Collected() []columnar.Batch }

func (d *driver) close() {
	d.t.Helper()
	if c, ok := d.op.(collector); ok {
		for _, b := range c.Collected() {
			d.take(b)
		}
	}
	if err := d.op.Close(); err != nil {
		d.t.Fatalf("closing: %v", err)
	}
}
