// Package order is the operator that sorts.
//
// It keeps rows, with a sort key for each, until memory is refused or the input ends. Then it sorts an entry of 16 bytes a row (package
// keys) and copies each row once, to where it belongs. What does not fit memory is sorted and spilled as a run, and the runs are merged
// at the end; or, where a range exchange follows that merges anyway, each run is emitted as it is, one behind the other.
//
//	rows -> kept + sort keys -> sort entries -> interleave -> one sorted stream
//	             |  memory refused                  ^
//	             '-> sort -> interleave -> spill -> merge
//
// Equal keys keep the order in which they came.
//
// Stability: engine-private.
package order

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

const (
	// batchRows and batchBytes bound the batches emitted and spilled.
	batchRows  = columnar.DefaultRows
	batchBytes = 1 << 20
	// entryBytes is what a row costs beside its columns and its key: its entry, its place, its key's offset.
	entryBytes = 16 + 4
)

// Operator sorts its one input by columns.
type Operator struct {
	columns []int
	orders  []keys.Order
	runs    bool

	env     *stream.Env
	encoder *encoder
	rows    *kept.Rows
	keys    []columnar.Column // of rows.Closed()
	keyHeld int64             // bytes counted for keys
	spilled []*spill.Run
	largest int64 // bytes of the largest run held in memory

	sorted  *run            // what is being emitted; nil: nothing
	merged  *merge          // instead, when runs were spilled
	waiting *columnar.Batch // the batch that comes when sorted has been emitted
}

// New returns the operator that sorts by columns, each with its order. With runs it emits a sorted run each time memory is full, else one
// sorted stream at the end.
func New(columns []int, orders []keys.Order, runs bool) *Operator {
	return &Operator{columns: columns, orders: orders, runs: runs}
}

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	o.encoder = newEncoder(env.Inputs[0], o.columns, o.orders)
	o.rows = kept.New(env.Inputs[0], env.Memory, entryBytes)
	return nil
}

// Process implements stream.Operator: it keeps the batch, after making room for it if need be.
func (o *Operator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	if o.rows.TryAdd(b) {
		o.encode(o.rows.Closed())
		return nil
	}
	if o.runs && o.rows.Len() > 0 {
		o.sort()
		o.waiting = &b
		return nil
	}
	if err := o.spill(); err != nil {
		return err
	}
	o.force(b)
	return nil
}

// force keeps a batch whether there is memory or not.
func (o *Operator) force(b columnar.Batch) {
	o.rows.Add(b)
	o.encode(o.rows.Closed())
}

// encode makes the sort keys of the batches that have none yet.
func (o *Operator) encode(batches []columnar.Batch) {
	for _, b := range batches[len(o.keys):] {
		k, size := o.encoder.keys(b)
		o.keys = append(o.keys, k)
		o.env.Memory.Force(size)
		o.keyHeld += size
	}
}

// sort sorts what is kept, for Resume to emit.
func (o *Operator) sort() {
	batches := o.rows.Batches()
	o.encode(batches)
	o.largest = max(o.largest, o.rows.Held()+o.keyHeld)
	o.sorted = newRun(o.env.Inputs[0], batches, o.keys, o.rows.Len())
}

// free forgets what is kept.
func (o *Operator) free() {
	o.sorted, o.keys = nil, nil
	o.rows.Free()
	o.env.Memory.Release(o.keyHeld)
	o.keyHeld = 0
}

// spill writes what is kept as a sorted run.
func (o *Operator) spill() error {
	if o.rows.Len() == 0 {
		return nil
	}
	o.sort()
	r, err := writeRun(o.env, o.sorted.next)
	if err != nil {
		return err
	}
	o.spilled = append(o.spilled, r)
	o.free()
	return nil
}

// EndInput implements stream.Operator.
func (o *Operator) EndInput(int, stream.Output) error {
	o.sort()
	if len(o.spilled) == 0 {
		return nil
	}
	var err error
	if o.spilled, err = o.narrow(o.spilled); err != nil {
		return err
	}
	o.merged, err = o.merge(o.spilled, o.sorted)
	return err
}

// Resume implements stream.Resumer: it emits what was sorted, and goes on with the batch that had to wait.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	for out.Room() > 0 {
		b, ok, err := o.next()
		if err != nil {
			return false, err
		}
		if !ok {
			return false, o.done()
		}
		out.Emit(b)
	}
	return true, nil
}

// next returns the next sorted batch, false at the end.
func (o *Operator) next() (columnar.Batch, bool, error) {
	switch {
	case o.merged != nil:
		return o.merged.next()
	case o.sorted != nil:
		return o.sorted.next()
	default:
		return columnar.Batch{}, false, nil
	}
}

// done frees what has been emitted.
func (o *Operator) done() error {
	if o.sorted != nil {
		o.free()
	}
	if o.waiting != nil {
		o.force(*o.waiting)
		o.waiting = nil
	}
	return o.remove()
}

// remove ends the merge and removes what was spilled.
func (o *Operator) remove() error {
	if o.merged == nil {
		return nil
	}
	m := o.merged
	o.merged = nil
	if err := m.close(); err != nil {
		return err
	}
	for len(o.spilled) > 0 {
		r := o.spilled[0]
		o.spilled = o.spilled[1:]
		if err := r.Remove(o.env.Context); err != nil {
			return fmt.Errorf("removing a sorted run: %w", err)
		}
	}
	return nil
}

// Close implements stream.Operator.
func (o *Operator) Close() error {
	if o.rows == nil {
		return nil
	}
	o.waiting = nil
	o.free()
	if o.merged != nil {
		m := o.merged
		o.merged = nil
		return m.close()
	}
	return nil
}
