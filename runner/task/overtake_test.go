package task

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

var oneColumn = columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})

// block is rows that are handed on at once, all of them n.
func block(n int64) columnar.Batch {
	values := make([]int64, columnar.DefaultRows)
	for i := range values {
		values[i] = n
	}
	return columnar.Batch{Schema: oneColumn, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})}, Len: len(values)}
}

// blockText is its number, or the mark.
func blockText(i shuffle.Item) string {
	switch i.Mark.Kind {
	case stream.BarrierMark:
		return fmt.Sprintf("|%d", i.Mark.Barrier.ID)
	case stream.WatermarkMark:
		return fmt.Sprintf("w%d", i.Mark.Watermark)
	default:
		return fmt.Sprint(columnar.Values[int64](i.Batch.Columns[0])[0])
	}
}

// keeper passes blocks on and keeps which it has seen.
type keeper struct {
	pass
	seen     []string
	released int // frozen states
}

func (k *keeper) Process(_ int, b columnar.Batch, out stream.Output) error {
	k.seen = append(k.seen, blockText(shuffle.Item{Batch: b}))
	out.Emit(b)
	return nil
}

func (k *keeper) Tables([]*columnar.Schema) ([]state.Table, error) { return nil, nil }
func (k *keeper) Restore(int, columnar.Batch) error                { return nil }
func (k *keeper) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	return &kept{k, len(k.seen)}, nil
}

// kept is how many blocks a keeper had seen.
type kept struct {
	*keeper
	blocks int
}

func (*kept) Tables() []state.Table                                  { return nil }
func (*kept) Read(context.Context, int) iter.Seq2[state.Rows, error] { return nil }
func (k *kept) Release()                                             { k.released++ }

// pressed is a task of two producers, in a synctest bubble, whose consumer takes what the test takes.
type pressed struct {
	*Task
	t       *testing.T
	op      *keeper
	memory  *budget.Budget // of what is in flight
	writers []shuffle.Writer
	out     shuffle.Gate
	cuts    []Cut
	stop    context.CancelFunc
	done    chan error
}

func press(t *testing.T, change func(*Input)) *pressed {
	t.Helper()
	return pressWithin(t, budget.New(1<<30), change)
}

// pressWithin is press with so much memory for rows in flight.
func pressWithin(t *testing.T, memory *budget.Budget, change func(*Input)) *pressed {
	t.Helper()
	p := &pressed{t: t, op: &keeper{}, memory: memory, done: make(chan error, 1)}
	p.Task = New(Config{
		Operators: []Operator{{Name: "keep", Op: p.op, Env: &stream.Env{Metrics: &metrics.Set{}, Clock: stream.SystemClock{}}}},
		Cut:       func(c Cut) { p.cuts = append(p.cuts, c) }, Ended: func() { p.Release() }, Paced: func(control.Pace) {},
		InFlight: func() *budget.Account { return memory.Account("in flight") },
	})
	in, out := shuffle.NewPipe(2, 1, true), shuffle.NewPipe(1, 1, true)
	for i := range 2 {
		p.writers = append(p.writers, in.Writer(i, oneColumn, &partition.Forward{}, func() {}))
	}
	p.out = out.Gate(0, func() {})
	i := Input{Gate: in.Gate(0, p.Wake)}
	if change != nil {
		change(&i)
	}
	p.Connect([]Input{i}, []Output{{Writer: out.Writer(0, oneColumn, &partition.Forward{}, p.Wake)}})
	ctx, stop := context.WithCancel(t.Context())
	p.stop = stop
	go func() { // ends with the task; end waits for it
		_, err := p.Run(ctx)
		p.done <- err
	}()
	return p
}

// write has a producer send blocks, and a barrier of a checkpoint unless it is 0.
func (p *pressed) write(producer int, cp stream.CheckpointID, blocks ...int64) {
	p.t.Helper()
	w := p.writers[producer]
	for _, n := range blocks {
		if err := w.Write(block(n), false); err != nil {
			p.t.Fatal(err)
		}
	}
	if cp != 0 {
		if err := w.Mark(stream.Mark{Kind: stream.BarrierMark, Barrier: stream.Barrier{ID: cp}}); err != nil {
			p.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// read takes what the task has sent so far, and what it sends because of that.
func (p *pressed) read() (got []string) {
	p.t.Helper()
	for {
		i, ok, err := p.out.Poll()
		if err != nil {
			p.t.Fatal(err)
		}
		if !ok {
			return got
		}
		got = append(got, blockText(i))
		p.out.(shuffle.Aligner).Unblock(i.Mark.Barrier.ID)
		synctest.Wait()
	}
}

// cut returns the one cut that there is.
func (p *pressed) cut() Cut {
	p.t.Helper()
	if len(p.cuts) != 1 {
		p.t.Fatalf("%d cuts, want 1", len(p.cuts))
	}
	c := p.cuts[0]
	c.Release()
	p.cuts = nil
	return c
}

// waits says that there is no cut.
func (p *pressed) waits(why string) {
	p.t.Helper()
	synctest.Wait()
	if len(p.cuts) != 0 {
		p.t.Fatalf("it is cut: %s", why)
	}
}

func (p *pressed) end(frozen int) {
	p.t.Helper()
	p.stop()
	if err := <-p.done; !errors.Is(err, context.Canceled) {
		p.t.Error(err)
	}
	if p.op.released != frozen {
		p.t.Errorf("%d frozen states were released, want %d", p.op.released, frozen)
	}
	if n := p.memory.Used(); n != 0 {
		p.t.Errorf("%d bytes are still counted for rows in flight", n)
	}
}

func inFlight(c Cut) (out []string) {
	for _, i := range c.InFlight[0] {
		out = append(out, fmt.Sprintf("%d: %s", i.Channel, blockText(i.Item)))
	}
	return out
}

const patience = 10 * time.Millisecond

// Behind a consumer that takes nothing an aligned checkpoint waits for as long as it does; one that may overtake does until its time is over.
func TestBackpressuredCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, nil)
		p.write(0, 1, 1, 2, 3, 4, 5, 6, 7, 8)
		p.Trigger(stream.Barrier{ID: 1}, -1)
		time.Sleep(time.Hour)
		p.waits("its consumer takes nothing")
		p.write(1, 1, 9)
		time.Sleep(time.Hour)
		p.waits("its consumer takes nothing")
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "9", "6", "7", "8", "|1"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		if c := p.cut(); c.Unaligned || len(c.InFlight) > 0 {
			t.Errorf("it is unaligned, with %v in flight", inFlight(c))
		}
		p.end(1)
	})
	synctest.Test(t, func(t *testing.T) {
		p := press(t, nil)
		p.write(0, 1, 1, 2, 3, 4, 5, 6, 7, 8)
		p.Trigger(stream.Barrier{ID: 1}, patience)
		time.Sleep(patience - 1)
		p.waits("its time is not over")
		time.Sleep(time.Nanosecond)
		p.waits("what the other producer sends ahead of its barrier is not known")
		p.write(1, 0, 9)
		p.waits("nor is it now")
		p.write(1, 1, 10)
		c := p.cut()
		seen := p.op.seen[:c.States[0].(*kept).blocks]
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, seen); diff != "" {
			t.Errorf("seen before the cut (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"0: 6", "0: 7", "0: 8", "1: 9", "1: 10"}, inFlight(c)); diff != "" || !c.Unaligned {
			t.Errorf("in flight (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "|1", "6", "9", "7", "10", "8"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		p.end(1)
	})
}

// With no patience at all the first barrier that is seen cuts the task.
func TestImpatientCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, nil)
		p.Trigger(stream.Barrier{ID: 1}, 0)
		p.write(0, 0, 1, 2, 3)
		p.waits("no barrier has come")
		p.write(0, 1)
		p.write(1, 1)
		if c := p.cut(); len(inFlight(c)) != 0 {
			t.Errorf("%v in flight, where all had been taken", inFlight(c))
		}
		if diff := cmp.Diff([]string{"1", "2", "3", "|1"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		p.end(1)
	})
}

// A checkpoint that is given up while rows in flight are still to come leaves nothing behind, and the next is as ever.
func TestAbortedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, nil)
		p.Trigger(stream.Barrier{ID: 1}, 0)
		p.write(0, 1, 1, 2)
		p.waits("the other barrier is missing")
		p.Aborted(1)
		synctest.Wait()
		if p.op.released != 1 {
			t.Error("the frozen state is still held")
		}
		p.write(1, 1, 3)
		p.waits("it was given up")
		p.Trigger(stream.Barrier{ID: 2}, 0)
		p.write(0, 0, 4, 5, 6, 7, 8, 9)
		p.write(0, 2)
		p.write(1, 2, 10)
		c := p.cut()
		if diff := cmp.Diff([]string{"0: 6", "0: 7", "0: 8", "0: 9", "1: 10"}, inFlight(c)); diff != "" {
			t.Errorf("in flight (-want +got):\n%s", diff)
		}
		p.end(2)
	})
}

// Without memory for what lies in its inputs a task waits for the barriers after all.
func TestNoMemoryToOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pressWithin(t, budget.New(150<<10), nil)
		p.write(0, 1, 1, 2, 3, 4, 5, 6, 7, 8)
		p.write(1, 1, 9)
		p.Trigger(stream.Barrier{ID: 1}, patience)
		time.Sleep(time.Hour)
		p.waits("there is no memory for the four blocks in its inputs")
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "9", "6", "7", "8", "|1"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		if c := p.cut(); c.Unaligned || c.Err != nil {
			t.Errorf("it is unaligned: %t, error %v", c.Unaligned, c.Err)
		}
		p.end(1)
	})
}

// When memory runs out while rows come that are in flight, the checkpoint is given up. The next is aligned, the one after that need not be.
func TestMemoryRunsOutInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pressWithin(t, budget.New(300<<10), nil)
		p.Trigger(stream.Barrier{ID: 1}, 0)
		p.write(0, 1)
		p.waits("the other barrier is missing")
		p.write(1, 0, 1, 2, 3, 4, 5, 6)
		if c := p.cut(); !errors.Is(c.Err, budget.ErrExceeded) || c.InFlight != nil {
			t.Errorf("it is cut with %v, error %v", c.InFlight, c.Err)
		}
		p.Aborted(1)
		p.write(1, 1)
		if diff := cmp.Diff([]string{"|1", "1", "2", "3", "4", "5", "6"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}

		p.Trigger(stream.Barrier{ID: 2}, 0)
		p.write(0, 2)
		p.waits("it is to be aligned")
		p.write(1, 2)
		if c := p.cut(); c.Unaligned || c.Err != nil {
			t.Errorf("the next one is unaligned: %t, error %v", c.Unaligned, c.Err)
		}
		p.Completed(2)

		p.Trigger(stream.Barrier{ID: 3}, 0)
		p.write(0, 3)
		p.write(1, 3, 7)
		if c := p.cut(); !c.Unaligned || len(inFlight(c)) != 1 {
			t.Errorf("after a complete one it is unaligned: %t, with %v in flight", c.Unaligned, inFlight(c))
		}
		p.end(3)
	})
}

// A task that ends while rows in flight are still to come gives its frozen state up.
func TestKilledFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, nil)
		p.Trigger(stream.Barrier{ID: 1}, 0)
		p.write(0, 1, 1)
		p.waits("the other barrier is missing")
		p.end(1)
	})
}

// Rows that could not be given to other tasks are waited for, however long it takes.
func TestAlignedInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, func(i *Input) { i.Aligned = true })
		p.Trigger(stream.Barrier{ID: 1}, 0)
		p.write(0, 1, 1, 2, 3, 4, 5, 6, 7, 8)
		p.write(1, 1, 9)
		time.Sleep(time.Hour)
		p.waits("its consumer takes nothing")
		p.read()
		if c := p.cut(); c.Unaligned {
			t.Error("it is unaligned")
		}
		p.end(1)
	})
}

// What was in flight comes ahead of everything new.
func TestRestoredInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(t, func(i *Input) {
			i.Restore = func() error {
				i.Gate.(shuffle.Aligner).Restore([]shuffle.Flown{
					{Channel: 1, Item: shuffle.Item{Batch: block(20)}}, {Item: shuffle.Item{Batch: block(21)}},
				}, 2)
				return nil
			}
		})
		p.write(0, 1, 1)
		p.write(1, 1, 2)
		if diff := cmp.Diff([]string{"20", "21", "1", "2", "|1"}, p.read()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		p.cut()
		p.end(1)
	})
}
