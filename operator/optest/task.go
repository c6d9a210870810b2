package optest

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/stream"
)

// Task drives an operator with state through a script: rows, watermarks and the clock are what the test says, when it says it. What is emitted is
// kept as copies. Batches are overwritten when the operator has to be done with them.
type Task struct {
	Env   *stream.Env
	Out   []columnar.Batch
	Sides map[int][]columnar.Batch // by number
	Clock time.Time
	Alarm time.Time // that the operator has set; zero: none

	t  testing.TB
	op stream.Operator
}

// NewTask opens an operator as the one task of a job that takes checkpoints. It is closed with the test.
func NewTask(t testing.TB, op stream.Operator, inputs ...*columnar.Schema) *Task {
	t.Helper()
	return newTask(t, op, 0, 1, inputs)
}

func newTask(t testing.TB, op stream.Operator, index, tasks int, inputs []*columnar.Schema) *Task {
	t.Helper()
	k := &Task{t: t, op: op, Env: NewEnv(t, 0, inputs...), Sides: map[int][]columnar.Batch{}, Clock: time.UnixMicro(0).UTC()}
	k.Env.Task, k.Env.Tasks, k.Env.IsStreaming, k.Env.Clock = index, tasks, true, clock{k}
	k.Env.Groups = state.Share(index, tasks, state.DefaultKeyGroups)
	k.Env.SetAlarm = func(at time.Time) { k.Alarm = at }
	k.Env.NewStore = func(keys []columnar.Field) (state.Store, error) {
		return heap.New(heap.Config{Keys: keys, Groups: k.Env.Groups, Clock: k.Env.Clock.Now})
	}
	t.Cleanup(func() {
		if err := op.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	if err := op.Open(k.Env); err != nil {
		t.Fatalf("opening: %v", err)
	}
	return k
}

type clock struct{ *Task }

func (c clock) Now() time.Time { return c.Clock }

// taskOutput is the stream.Output of a Task.
type taskOutput struct{ *Task }

func (o taskOutput) Emit(b columnar.Batch) { o.Out = append(o.Out, b.Clone()) }
func (o taskOutput) EmitSide(side int, b columnar.Batch) error {
	o.Sides[side] = append(o.Sides[side], b.Clone())
	return nil
}
func (taskOutput) Room() int { return 1 }

// Try calls a method of the operator and lets it pay what it owes; the error is the first.
func (k *Task) Try(f func(out stream.Output) error) error {
	if err := f(taskOutput{k}); err != nil {
		return err
	}
	r, ok := k.op.(stream.Resumer)
	for more := ok; more; {
		var err error
		if more, err = r.Resume(taskOutput{k}); err != nil {
			return err
		}
	}
	return nil
}

func (k *Task) call(what string, f func(out stream.Output) error) {
	k.t.Helper()
	if err := k.Try(f); err != nil {
		k.t.Fatalf("%s: %v", what, err)
	}
}

// Push gives rows to an input.
func (k *Task) Push(input int, b columnar.Batch) {
	k.t.Helper()
	b = b.Clone()
	k.call("Process", func(out stream.Output) error { return k.op.Process(input, b, out) })
	poison(b)
}

// Advance moves event time.
func (k *Task) Advance(w stream.Watermark) {
	k.t.Helper()
	k.call("Advance", func(out stream.Output) error { return k.op.(stream.Timed).Advance(w, out) })
}

// Tick moves the clock, and rings as often as the operator wants to be called by then.
func (k *Task) Tick(now time.Time) {
	k.t.Helper()
	k.Clock = now
	for !k.Alarm.IsZero() && !k.Alarm.After(now) {
		k.Alarm = time.Time{}
		k.call("Alarm", func(out stream.Output) error { return k.op.(stream.Alarmed).Alarm(now, out) })
	}
}

// End ends event time and all inputs.
func (k *Task) End() {
	k.t.Helper()
	if _, ok := k.op.(stream.Timed); ok {
		k.Advance(stream.EndOfTime)
	}
	for i := range k.Env.Inputs {
		k.call("EndInput", func(out stream.Output) error { return k.op.EndInput(i, out) })
	}
}

// Snapshot freezes the operator's state.
func (k *Task) Snapshot() state.Frozen {
	k.t.Helper()
	f, err := k.op.(stream.Stateful).Snapshot(1)
	if err != nil {
		k.t.Fatalf("freezing: %v", err)
	}
	return f
}

// Restore opens operators as that many tasks, gives each its share of what was frozen in others, and releases that. The operators go on as if
// nothing had been.
func Restore(t testing.TB, frozen []state.Frozen, newOp func() stream.Operator, tasks int, inputs ...*columnar.Schema) []*Task {
	t.Helper()
	out := make([]*Task, tasks)
	for i := range out {
		out[i] = newTask(t, newOp(), i, tasks, inputs)
	}
	turn := 0
	for n, f := range frozen {
		for i, table := range f.Tables() {
			for rows, err := range f.Read(context.Background(), i) {
				if err != nil {
					t.Fatalf("reading the frozen table %q: %v", table.Name, err)
				}
				deal(t, out, n, i, table, rows.Batch, &turn)
			}
		}
		f.Release()
	}
	return out
}

// deal gives rows of table i, frozen in task n, to those tasks that are to have them.
func deal(t testing.TB, to []*Task, n, i int, table state.Table, b columnar.Batch, turn *int) {
	t.Helper()
	if !b.Schema.Equal(table.Schema()) {
		t.Fatalf("the rows of table %q are of the schema\n%swant\n%s", table.Name, b.Schema, table.Schema())
	}
	for k, task := range to {
		var sel []int32
		for r := range b.Rows() {
			switch row := b.Row(r); {
			case table.Distribution == state.Keyed:
				var hash [1]uint64
				keys.Hash(b.Columns[:len(table.Keys)], []int32{int32(row)}, 1, hash[:])
				if g := task.Env.Groups; g.Has(g.Of(hash[0])) {
					sel = append(sel, int32(row))
				}
			case table.Distribution == state.Spread && (*turn+r)%len(to) != k:
			case table.Distribution == state.Broadcast && n > 0:
			default:
				sel = append(sel, int32(row))
			}
		}
		if len(sel) == 0 {
			continue
		}
		mine := b
		mine.Sel = sel
		if err := task.op.(stream.Stateful).Restore(i, mine.Clone()); err != nil {
			t.Fatalf("restoring table %q: %v", table.Name, err)
		}
	}
	if table.Distribution == state.Spread {
		*turn += b.Rows()
	}
}
