package aggregate

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

const (
	// fan is into how many partitions groups are spilled; fanBits the bits of the hash that tell.
	fanBits = 4
	fan     = 1 << fanBits
	// firstBit is the lowest bit of the hash that tells partitions: the low ones told tasks, the high ones tell slots of tables.
	firstBit = 20
	// deepest is how often groups are partitioned: one of 16^6 partitions that does not fit memory is a few groups with large states, and is
	// merged whether there is memory or not.
	deepest = 6
)

// Final merges states by key and emits results in the order in which keys first came. It has one input: the key columns, then each call's
// state columns. When memory is refused, all groups are spilled as states, partitioned by bits of the keys' hashes; at the end each
// partition is read back and merged, and partitioned further if it does not fit either.
type Final struct {
	keys  []int
	calls []Call

	env     *stream.Env
	input   *columnar.Schema
	output  *columnar.Schema
	table   *table
	states  [][]int            // by call: its state columns
	writer  *spill.Partitioned // where groups are being spilled; nil: nowhere
	depth   int                // how often the rows in the table have been partitioned
	pending []partition        // what was spilled and is not merged yet
	current *partition         // what is being merged; nil: the input
	reader  *spill.Reader      // of current
	ended   bool               // the table has all its rows
	next    int                // group to emit
}

// partition is a spilled run of states whose keys' hashes share depth*fanBits bits.
type partition struct {
	run   *spill.Run
	depth int
}

// NewFinal returns the operator that merges what NewPartial's gave: keys are the positions of the key columns, which come first.
func NewFinal(keys []int, calls []Call) *Final { return &Final{keys: keys, calls: calls} }

// Open implements stream.Operator.
func (o *Final) Open(env *stream.Env) error {
	o.env, o.input = env, env.Inputs[0]
	o.output = o.input.Select(o.keys)
	at := len(o.keys)
	for _, c := range o.calls {
		f := c.Function.Result
		if c.Name != "" {
			f.Name = c.Name
		}
		o.output.Fields = append(o.output.Fields, f)
		columns := make([]int, len(c.Function.State))
		for i := range columns {
			columns[i] = at
			at++
		}
		o.states = append(o.states, columns)
	}
	if at != len(o.input.Fields) {
		return fmt.Errorf("aggregating: the input has %d columns, keys and states are %d", len(o.input.Fields), at)
	}
	o.table = newTable(types(o.input.Select(o.keys)), o.calls, env.Memory)
	return nil
}

// Process implements stream.Operator.
func (o *Final) Process(_ int, b columnar.Batch, _ stream.Output) error { return o.merge(b) }

// merge takes the states of b, and spills as often as it must.
func (o *Final) merge(b columnar.Batch) error {
	for in := (input{rest: b}); in.rest.Rows() > 0; {
		piece := in.next()
		err := o.table.take(piece, pick(piece, o.keys), func(i int, a agg.Accumulator, groups []int32) error {
			return a.Merge(groups, pick(piece, o.states[i]), piece.Sel)
		})
		if err == nil {
			in.took(piece.Rows())
		} else if err := in.refused(o.table, piece.Rows(), err); err != nil {
			return err
		}
		if (err != nil || o.table.isFull) && o.canSpill() {
			if err := o.spill(); err != nil {
				return fmt.Errorf("spilling groups: %w", err)
			}
		}
	}
	return nil
}

// canSpill says whether it helps to spill: not the one group without keys, nor when partitioning has not helped.
func (o *Final) canSpill() bool {
	return o.table.keys != nil && o.table.rows > 0 && o.depth < deepest
}

// spill writes all groups to their partitions and empties the table.
func (o *Final) spill() (err error) {
	if o.writer == nil {
		if o.writer, err = o.env.Spill.NewPartitioned(o.env.Context, "aggregate", o.input, fan); err != nil {
			return err
		}
	}
	o.table.grow()
	for from := 0; from < o.table.len(); {
		to := min(o.table.len(), from+o.table.step())
		b, err := o.table.partials(o.input, from, to)
		if err != nil {
			return err
		}
		if err := scatter(o.writer, b, len(o.keys), o.depth); err != nil {
			return err
		}
		from = to
	}
	o.table.free()
	return nil
}

// scatter appends rows to the partitions that the hashes of their first columns tell at that depth.
func scatter(w *spill.Partitioned, b columnar.Batch, keyColumns, depth int) error {
	hashes := make([]uint64, b.Len)
	keys.Hash(b.Columns[:keyColumns], nil, b.Len, hashes)
	var parts [fan][]int32
	for i, h := range hashes {
		p := h >> (firstBit + depth*fanBits) % fan
		parts[p] = append(parts[p], int32(i))
	}
	for p, sel := range parts {
		if len(sel) == 0 {
			continue
		}
		b.Sel = sel
		if err := w.Append(p, b); err != nil {
			return err
		}
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *Final) EndInput(int, stream.Output) error { return o.end() }

// end is called when the table has been given everything: it is emitted, or, if part of it was spilled, follows that.
func (o *Final) end() error {
	o.ended = true
	o.table.grow()
	if o.writer == nil {
		return nil
	}
	if err := o.spill(); err != nil {
		return fmt.Errorf("spilling groups: %w", err)
	}
	runs, err := o.writer.Finish()
	if err != nil {
		return fmt.Errorf("spilling groups: %w", err)
	}
	o.writer = nil
	for _, r := range runs {
		if r.Rows() == 0 {
			if err := r.Remove(o.env.Context); err != nil {
				return fmt.Errorf("removing spilled groups: %w", err)
			}
			continue
		}
		o.env.Metrics.Spilled.Add(r.Bytes())
		o.pending = append(o.pending, partition{r, o.depth + 1})
	}
	return nil
}

// Resume implements stream.Resumer.
func (o *Final) Resume(out stream.Output) (bool, error) {
	if !o.ended {
		return false, nil
	}
	for out.Room() > 0 {
		if o.next < o.table.len() {
			if err := o.emit(out); err != nil {
				return false, err
			}
			continue
		}
		more, err := o.advance()
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func (o *Final) emit(out stream.Output) error {
	to := min(o.table.len(), o.next+o.table.step())
	b, err := o.table.results(o.output, o.next, to)
	if err != nil {
		return err
	}
	out.Emit(b)
	o.next = to
	return nil
}

// advance merges the next partition; false: there is none.
func (o *Final) advance() (bool, error) {
	if err := o.finishCurrent(); err != nil {
		return false, err
	}
	if len(o.pending) == 0 {
		return false, nil
	}
	last := len(o.pending) - 1
	p := o.pending[last]
	o.pending = o.pending[:last]
	o.table.free()
	o.current, o.depth, o.next = &p, p.depth, 0
	if o.depth == deepest {
		o.table.force()
	}
	if err := o.read(p.run); err != nil {
		return false, fmt.Errorf("merging spilled groups: %w", err)
	}
	return true, o.end()
}

// read merges all states of a run.
func (o *Final) read(run *spill.Run) (err error) {
	if o.reader, err = run.Open(o.env.Context); err != nil {
		return err
	}
	for {
		b, err := o.reader.Next()
		if errors.Is(err, io.EOF) {
			return o.reader.Close()
		}
		if err != nil {
			return err
		}
		if err := o.merge(b); err != nil {
			return err
		}
	}
}

// finishCurrent removes the run that has been merged.
func (o *Final) finishCurrent() error {
	if o.current == nil {
		return nil
	}
	run := o.current.run
	o.current = nil
	if err := run.Remove(o.env.Context); err != nil {
		return fmt.Errorf("removing spilled groups: %w", err)
	}
	return nil
}

// EmitsFresh says that batches may be kept.
func (*Final) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator. Spilled runs that are left go with the job's.
func (o *Final) Close() error {
	var errs []error
	if o.table != nil {
		o.table.free()
	}
	if o.reader != nil {
		errs = append(errs, o.reader.Close())
	}
	if o.writer != nil {
		errs = append(errs, o.writer.Abort())
	}
	return errors.Join(errs...)
}
