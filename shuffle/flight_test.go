package shuffle

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/stream"
)

var numberSchema = columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})

func numbers(n ...int64) columnar.Batch {
	return columnar.Batch{Schema: numberSchema, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, n, columnar.Bitmap{})}, Len: len(n)}
}

func watermark(w stream.Watermark) stream.Mark {
	return stream.Mark{Kind: stream.WatermarkMark, Watermark: w}
}

func barrier(cp stream.CheckpointID) stream.Mark {
	return stream.Mark{Kind: stream.BarrierMark, Barrier: stream.Barrier{ID: cp}}
}

// text prints an item: "1 2", "w5", "|3".
func (i Item) text() string {
	switch i.Mark.Kind {
	case stream.WatermarkMark:
		return fmt.Sprintf("w%d", i.Mark.Watermark)
	case stream.IdleMark:
		return "idle"
	case stream.BarrierMark:
		return fmt.Sprintf("|%d", i.Mark.Barrier.ID)
	default:
		return strings.Trim(fmt.Sprint(valuesOf(i.Batch)), "[]")
	}
}

func valuesOf(b columnar.Batch) (out []int64) {
	for i := range b.Rows() {
		out = append(out, columnar.Values[int64](b.Columns[0])[b.Row(i)])
	}
	return out
}

// flows is a pipe of several producers to one consumer.
type flows struct {
	t       *testing.T
	writers []Writer
	gate    *pipeGate
}

func newFlows(t *testing.T, producers int) *flows {
	t.Helper()
	p := NewPipe(producers, 1, true)
	f := &flows{t: t, gate: p.Gate(0, func() {}).(*pipeGate)}
	for i := range producers {
		f.writers = append(f.writers, p.Writer(i, numberSchema, &partition.Forward{}, func() {}))
	}
	return f
}

// write has producers write: "0: 1 2", "1: w5", "0: |1", "0: end".
func (f *flows) write(script ...string) {
	f.t.Helper()
	for _, line := range script {
		var producer int
		var what string
		if _, err := fmt.Sscanf(line, "%d: %s", &producer, &what); err != nil {
			f.t.Fatal(err)
		}
		w := f.writers[producer]
		var n int64
		var err error
		switch {
		case what == "end":
			_, err = w.Close()
		case what == "idle":
			err = w.Mark(stream.Mark{Kind: stream.IdleMark})
		case what[0] == 'w':
			_, _ = fmt.Sscanf(what, "w%d", &n)
			err = w.Mark(watermark(stream.Watermark(n)))
		case what[0] == '|':
			_, _ = fmt.Sscanf(what, "|%d", &n)
			err = w.Mark(barrier(stream.CheckpointID(n)))
		default:
			_, _ = fmt.Sscanf(what, "%d", &n)
			if err = w.Write(numbers(n), false); err == nil {
				err = w.Flush()
			}
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// poll takes at most so many items.
func (f *flows) poll(most int) (out []string) {
	f.t.Helper()
	for range most {
		i, ok, err := f.gate.Poll()
		if err != nil {
			f.t.Fatal(err)
		}
		if !ok {
			break
		}
		out = append(out, i.text())
	}
	return out
}

func flown(items []Flown) (out []string) {
	for _, i := range items {
		out = append(out, fmt.Sprintf("%d: %s", i.Channel, i.text()))
	}
	return out
}

// A consumer that does not wait leaves nothing out and takes nothing twice: what lies ahead of barriers, what comes ahead of those that have not
// come, and nothing that is behind one.
func TestRecord(t *testing.T) {
	for name, c := range map[string]struct {
		before []string // written before the consumer polls
		polls  int
		then   []string // written before the cut
		after  []string // written after it
		want   []string // in flight
		rest   []string // polled after the cut
	}{
		"a barrier behind rows": {
			before: []string{"0: 1", "0: 2", "0: |1", "0: 3", "1: 4", "1: |1"}, polls: 1,
			want: []string{"0: 2", "1: 4"}, rest: []string{"4", "2", "3"},
		},
		"a barrier that has not come": {
			before: []string{"0: |1", "0: 1", "1: 2"}, polls: 1, then: []string{"1: 3"}, after: []string{"1: 4", "0: 5", "1: |1", "1: 6"},
			want: []string{"1: 3", "1: 4"}, rest: []string{"1", "3", "5", "4", "6"},
		},
		"a channel that ends": {
			before: []string{"0: |1", "1: 2"}, polls: 0, after: []string{"1: 3", "1: end", "0: 4"},
			want: []string{"1: 2", "1: 3"}, rest: []string{"2", "4", "3"},
		},
		"a channel that has ended": {
			before: []string{"0: |1", "1: 2", "1: end"}, polls: 0,
			want: []string{"1: 2"}, rest: []string{"2"},
		},
		"watermarks": {
			before: []string{"0: w1", "0: w2", "0: 1", "0: w3", "0: idle", "0: w4", "0: |1", "1: w9", "1: |1"}, polls: 0,
			want: []string{"0: w2", "0: 1", "0: w4", "1: w9"}, rest: []string{"w2", "1", "w3", "w9"},
		},
		"barriers of a checkpoint that was given up": {
			before: []string{"0: |1", "0: 1", "0: |2", "1: 2", "1: |1", "1: 3", "1: |2"}, polls: 0,
			want: []string{"0: 1", "1: 2", "1: 3"}, rest: []string{"2", "1", "3"},
		},
		"all have come": {
			before: []string{"0: 1", "0: |1", "1: |1", "1: 2"}, polls: 2,
			rest: []string{"2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlows(t, 2)
			f.write(c.before...)
			f.poll(c.polls)
			f.write(c.then...)
			cp := stream.CheckpointID(1)
			if strings.HasPrefix(name, "barriers of") {
				cp = 2
			}
			if !f.gate.HasSeen(cp) {
				t.Fatal("the barrier is not seen")
			}
			flight := f.gate.Record(cp, nil)
			f.gate.Unblock(cp)
			if got, want := flight.IsComplete(), len(c.after) == 0; got != want {
				t.Errorf("it is complete: %t, want %t", got, want)
			}
			f.write(c.after...)
			if !flight.IsComplete() {
				t.Error("it is not complete")
			}
			if diff := cmp.Diff(c.want, flown(flight.Items())); diff != "" {
				t.Errorf("in flight (-want +got):\n%s", diff)
			}
			got := f.poll(100)
			slices.Sort(got)
			slices.Sort(c.rest)
			if diff := cmp.Diff(c.rest, got); diff != "" {
				t.Errorf("after the cut (-want +got):\n%s", diff)
			}
		})
	}
}

// Aligned, the barrier does not come before what is ahead of it has been taken; it is seen as soon as one channel has it.
func TestSeenBeforeAligned(t *testing.T) {
	f := newFlows(t, 2)
	f.write("0: 1", "1: 2")
	if f.gate.HasSeen(1) {
		t.Error("seen before there was one")
	}
	f.write("0: |1")
	if !f.gate.HasSeen(1) || f.gate.HasSeen(2) {
		t.Error("what is seen is not checkpoint 1")
	}
	if diff := cmp.Diff([]string{"1", "2"}, f.poll(10)); diff != "" {
		t.Error(diff)
	}
	if !f.gate.HasSeen(1) {
		t.Error("not seen when it has been taken from its channel")
	}
	f.write("1: |1")
	if diff := cmp.Diff([]string{"|1"}, f.poll(10)); diff != "" {
		t.Error(diff)
	}
}

// What is put through again comes before anything new, with the event time of its own channels; cut again, it is in flight again.
func TestRestoredFlight(t *testing.T) {
	items := func() []Flown {
		return []Flown{
			{1, Item{Batch: numbers(1)}},
			{1, Item{Mark: watermark(7)}},
			{0, Item{Mark: watermark(5)}},
			{0, Item{Batch: numbers(2)}},
			{2, Item{Mark: watermark(9)}},
			{2, Item{Batch: numbers(3)}},
		}
	}
	f := newFlows(t, 2)
	f.write("0: 10", "0: w8", "1: w3")
	f.gate.Restore(items(), 3)
	if diff := cmp.Diff([]string{"1", "2", "w5", "3", "10", "w3"}, f.poll(100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.write("0: end", "1: end")
	f.poll(100)
	if !f.gate.HasEnded() {
		t.Error("it has not ended")
	}

	f = newFlows(t, 2)
	f.gate.Restore(items(), 3)
	f.poll(1)
	f.write("0: w20", "0: 10", "0: |1", "1: |1")
	flight := f.gate.Record(1, nil)
	f.gate.Unblock(1)
	if diff := cmp.Diff([]string{"0: 2", "2: 3", "0: 10"}, flown(flight.Items())); diff != "" {
		t.Errorf("in flight again (-want +got):\n%s", diff)
	}
	if f.gate.HasEnded() {
		t.Error("it has ended with something left")
	}
}

// Where there is no memory for what is in flight, the flight fails, now or later, and channels go on as if nobody had wanted one.
func TestFlightWithoutMemory(t *testing.T) {
	probe := newFlows(t, 1)
	probe.write("0: 1")
	i, _, err := probe.gate.Poll()
	if err != nil {
		t.Fatal(err)
	}
	one := int64(footprint(i.Batch))
	for name, c := range map[string]struct {
		bytes          int64
		restored       bool
		before, after  []string
		fails, failing bool // at once; when the rest comes
	}{
		"enough":            {bytes: 1 << 20, before: []string{"0: 1", "0: 2", "1: |1"}, after: []string{"0: 3", "0: |1"}},
		"for none":          {bytes: 1, before: []string{"0: 1", "1: |1"}, after: []string{"0: |1"}, fails: true},
		"for those in it":   {bytes: 16 * one, before: []string{"0: 1", "1: |1"}, after: slices.Repeat([]string{"0: 2"}, 50), failing: true},
		"not for the other": {bytes: 16 * one, before: append(slices.Repeat([]string{"0: 2"}, 50), "1: |1"), fails: true},
		"not again":         {bytes: 1, restored: true, before: []string{"0: |1", "1: |1"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			memory := budget.New(c.bytes)
			f := newFlows(t, 2)
			if c.restored {
				f.gate.Restore([]Flown{{0, Item{Batch: numbers(7)}}}, 2)
			}
			f.write(c.before...)
			account := memory.Account("flight")
			flight := f.gate.Record(1, account)
			f.gate.Unblock(1)
			if failed := flight.Err() != nil; failed != c.fails {
				t.Fatalf("it has failed: %v", flight.Err())
			}
			f.write(c.after...)
			switch err := flight.Err(); {
			case !c.fails && !c.failing && (err != nil || memory.Used() == 0):
				t.Errorf("error %v, %d bytes counted", err, memory.Used())
			case (c.fails || c.failing) && !errors.Is(err, budget.ErrExceeded):
				t.Errorf("it fails with %v", err)
			case !flight.IsComplete():
				t.Error("there is more to come")
			}
			flight.Drop()
			account.Close()
			f.write("0: 4", "0: |2", "1: |2")
			if got, want := len(f.poll(1000)), len(c.before)+len(c.after); got < want-2 {
				t.Errorf("%d items come through, of %d", got, want)
			}
			if memory.Used() != 0 {
				t.Errorf("%d bytes are still counted", memory.Used())
			}
		})
	}
}

// Whenever the consumer is cut, with or without waiting, what it took before and what is in flight is what producers wrote ahead of their barriers.
func TestRecordedCutIsConsistent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		const producers = 3
		f := newFlows(t, producers)
		before, sent := make([][]int64, producers), make([]bool, producers)
		next, taken := int64(0), map[int64]bool{}
		var flight *Flight
		step := func(p int) {
			if r.IntN(6) == 0 && !sent[p] {
				sent[p] = true
				f.write(fmt.Sprintf("%d: |1", p))
				return
			}
			next++
			f.write(fmt.Sprintf("%d: %d", p, next))
			if !sent[p] {
				before[p] = append(before[p], next)
			}
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			if r.IntN(2) == 0 {
				step(r.IntN(producers))
				continue
			}
			i, ok, err := f.gate.Poll()
			if err != nil {
				rt.Fatal(err)
			}
			if i.Mark.Kind == stream.BarrierMark {
				return // aligned
			}
			if ok && flight == nil {
				for _, v := range valuesOf(i.Batch) {
					taken[v] = true
				}
			}
			if flight == nil && f.gate.HasSeen(1) && r.IntN(3) == 0 {
				flight = f.gate.Record(1, nil)
				f.gate.Unblock(1)
			}
		}
		if flight == nil {
			return
		}
		for p := range producers {
			for !sent[p] {
				step(p)
			}
		}
		for _, i := range flight.Items() {
			for _, v := range valuesOf(i.Batch) {
				if taken[v] {
					rt.Fatalf("%d is there twice", v)
				}
				taken[v] = true
			}
		}
		for p := range producers {
			for _, v := range before[p] {
				if !taken[v] {
					rt.Fatalf("%d of producer %d is lost", v, p)
				}
				delete(taken, v)
			}
		}
		if len(taken) > 0 {
			rt.Fatalf("%v are behind barriers", taken)
		}
	})
}
