package task

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// Input is where rows of a task come from: an input of one of its operators.
type Input struct {
	At   int // the operator's position among those given to New
	Port int
	Gate shuffle.Gate
	// Aligned says that barriers are waited for however long it takes: its rows could not be given to other tasks afterwards.
	Aligned bool
	// Restore gives the gate back what was in flight, when the operators have their state; nil: nothing was.
	Restore func() error

	rest columnar.Batch      // of what the gate gave last: rows not taken yet
	feed int                 // its number among what the operator is fed by
	cut  stream.CheckpointID // the barrier that has come on all its channels
}

// Output is where rows of a task go.
type Output struct {
	Writer shuffle.Writer
	// IsSide says that it takes side output number Side of the operator at position At, not the chain's.
	IsSide   bool
	At, Side int // At is -1 for the source
}

// takeInput gives an operator what an input it takes has, or tells it that one has ended.
func (t *Task) takeInput() (bool, error) {
	for i := range t.inputs {
		in := &t.inputs[i]
		if in.Gate == nil || in.cut != 0 || !t.chain.links[in.At].takes(in.Port) {
			continue
		}
		item, ok, err := in.poll(t.config.BatchRows)
		if err != nil {
			return true, fmt.Errorf("reading exchanged rows: %w", err)
		}
		if ok && item.Mark.Kind == stream.BarrierMark {
			t.bar(item.Mark.Barrier)
			if item.Mark.Barrier.ID == t.cut.barrier.ID {
				in.cut = item.Mark.Barrier.ID
			}
			return true, nil
		}
		if ok {
			return true, t.chain.push(t.chain.links[in.At], in.Port, in.feed, element{batch: item.Batch, mark: item.Mark})
		}
		if in.Gate.HasEnded() {
			return true, t.endGate(in)
		}
	}
	return false, nil
}

// poll gives what the gate does, in batches of at most so many rows.
func (in *Input) poll(rows int) (i shuffle.Item, ok bool, err error) {
	if in.rest.Rows() == 0 {
		if i, ok, err = in.Gate.Poll(); rows == 0 || !ok || err != nil || i.Mark.Kind != stream.NoMark {
			return i, ok, err
		}
		in.rest = i.Batch
	}
	i.Batch, in.rest = cutBatch(in.rest, rows)
	return i, true, nil
}

// port is an input of an operator of the chain.
type port struct{ at, port int }

// endGate closes a gate; its port ends with the last of them.
func (t *Task) endGate(in *Input) error {
	p := port{in.At, in.Port}
	done, err := t.chain.endFeed(t.chain.links[in.At], in.Port, in.feed, t.gates[p] == 1)
	if err != nil || !done {
		return err
	}
	gate := in.Gate
	in.Gate = nil
	t.gates[p]--
	return gate.Close()
}

// handOn gives the outputs rows or a mark.
func (t *Task) handOn(e element) error {
	for _, o := range t.outputs {
		var err error
		switch {
		case e.mark.Kind != stream.NoMark:
			err = o.Writer.Mark(e.mark)
		case !o.IsSide:
			err = o.Writer.Write(e.batch, t.fresh)
		}
		if err != nil {
			return fmt.Errorf("exchanging rows: %w", err)
		}
	}
	return nil
}

func (t *Task) hasRoom() bool {
	for _, o := range t.outputs {
		if !o.Writer.HasRoom() {
			return false
		}
	}
	return true
}

// isBlocked says whether nothing can be done, nor any operator be called, until an output has room.
func (t *Task) isBlocked() bool {
	return (t.chain.tail().len() > 0 || t.side) && !t.hasRoom()
}
