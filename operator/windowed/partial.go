package windowed

import (
	"errors"
	"math"
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/stream"
)

const (
	// mostGroups is how many keys of slices are held: as many as stay in the processor's second-level cache, with their states.
	mostGroups = columnar.DefaultRows
	// mostBytes is how much their states may take, as far as it is known: those of text have no fixed size.
	mostBytes = 4 << 20
)

// Partial is the first of two steps, before the exchange: it groups rows by key and slice, and emits keys and states, which a Sliced puts together
// behind the exchange. A state's time is the begin of its slice.
//
// It has no state in checkpoints, as all that it holds goes before each barrier, and does not judge what is late. Watermarks pass what it holds of
// slices with which no window is over yet: whoever decides by slices does the same whether that comes before the watermark or behind it.
//
//	rows          10:01:10  10:01:40            10:02:20              10:01:50
//	watermarks                        10:01:30             10:02:05
//	emitted                                               10:01              10:01     tumbling by the minute
//
// What it emits of a slice goes before the watermark with which the slice's first window is over. Rows of such a slice that come later leave with
// their batch.
//
// Rows pass as they are where grouping does not make much fewer of them (see trial); where they may have to be dropped, so that they are counted; and
// once the input has been idle: event time behind the exchange may go ahead of this task's then, and what is held back could come too late.
type Partial struct {
	spec  Spec
	calls []call
	slicing

	env    *stream.Env
	schema *columnar.Schema
	tables *tables
	cutter cutter
	held   []heldSlice // by start
	groups int         // in all of them
	mark   int64       // the watermark
	idle   bool        // the input has been: nothing is held any more
	tight  bool        // memory was refused
	trial  trial
	cells  *stateCells
	rows   []int32 // scratch: those that pass

	counted int64 // bytes in the account
}

// heldSlice is what has come of a slice and has not been emitted.
type heldSlice struct {
	start int64
	table *table
}

// NewPartial returns the operator that makes states of rows. Its output has the columns of its input, and states (stateField); beside states all but the
// keys mean nothing. The windows have slices in event time, one input, and no side output for late rows.
func NewPartial(s Spec) *Partial {
	return &Partial{spec: s, calls: s.calls(), slicing: newSlicing(s.Windows), mark: math.MinInt64}
}

// Open implements stream.Operator.
func (o *Partial) Open(env *stream.Env) error {
	o.env = env
	o.schema = &columnar.Schema{Fields: append(slices.Clone(env.Inputs[0].Fields), stateField)}
	o.tables = &tables{types: types(o.spec.keyFields(env.Inputs)), calls: o.calls, account: env.Memory}
	o.cells = newStateCells(o.calls)
	return nil
}

// Process implements stream.Operator.
func (o *Partial) Process(_ int, b columnar.Batch, out stream.Output) error {
	switch {
	case b.Rows() == 0:
		return nil
	case o.idle || o.trial.isOver(b.Rows()):
		out.Emit(o.passed(b, b.Sel))
		return nil
	case b.Time == nil:
		return errNoTime
	}
	buckets, err := o.cutter.cut(b, o.length, o.isGapless(), o.sliceOf)
	if err != nil {
		return err
	}
	before := o.groups
	o.rows = o.rows[:0]
	for i := range buckets {
		if err := o.take(b, &buckets[i]); err != nil {
			return err
		}
	}
	upTo := o.mark
	fails := o.trial.fails(b.Rows(), o.groups-before+len(o.rows))
	if full := o.isFull(); full || fails {
		upTo = math.MaxInt64
	}
	if len(o.rows) == 0 {
		return o.emit(upTo, out)
	}
	slices.Sort(o.rows)
	return o.emit(upTo, out, o.passed(b, o.rows))
}

// passed returns those rows of b, nil for all, as they are.
func (o *Partial) passed(b columnar.Batch, rows []int32) columnar.Batch {
	b.Schema, b.Sel = o.schema, rows
	b.Columns = append(slices.Clone(b.Columns), o.cells.empty(b.Len))
	return b
}

// take puts the rows of a bucket to what is held of their slice, or among those that pass: when they may have to be dropped, and when there is no
// memory for their keys.
func (o *Partial) take(b columnar.Batch, k *bucket) error {
	if o.lastWindow(k.start).Expiry(o.lateness) <= o.mark {
		o.pass(b, k)
		return nil
	}
	i := sort.Search(len(o.held), func(i int) bool { return o.held[i].start >= k.start })
	if i == len(o.held) || o.held[i].start != k.start {
		o.held = slices.Insert(o.held, i, heldSlice{k.start, o.tables.get()})
	}
	t := o.held[i].table
	before := t.keys.Len()
	err := o.tables.add(t, 0, o.spec.keys(), b, k.sel)
	if errors.Is(err, budget.ErrExceeded) {
		for _, a := range t.states { // keys that room was found for have empty states
			a.Grow(t.keys.Len())
		}
		o.pass(b, k)
		o.tight, err = true, nil
	}
	o.groups += t.keys.Len() - before
	return err
}

// pass puts the rows of a bucket among those that pass.
func (o *Partial) pass(b columnar.Batch, k *bucket) {
	if k.sel == nil {
		o.rows = append(o.rows, upTo(b.Len)...)
		return
	}
	o.rows = append(o.rows, k.sel...)
}

// isFull says whether as much is held as may be.
func (o *Partial) isFull() bool {
	size := o.count()
	return o.tight || size > mostBytes || o.groups >= mostGroups
}

// count counts the memory that is held.
func (o *Partial) count() int64 {
	size := int64(0)
	for _, s := range o.held {
		size += s.table.size()
	}
	for _, t := range o.tables.free {
		size += t.size()
	}
	if !recount(o.env.Memory, &o.counted, size) {
		o.tight = true
	}
	return size
}

// emit emits, as one batch, what is held of slices with which a window ends that is over at mark, and others.
func (o *Partial) emit(mark int64, out stream.Output, others ...columnar.Batch) error {
	n := sort.Search(len(o.held), func(i int) bool { return o.firstWindow(o.held[i].start).Last() > mark })
	pieces := make([]columnar.Batch, 0, n+1)
	for _, s := range o.held[:n] {
		b, err := o.states(s)
		if err != nil {
			return err
		}
		pieces = append(pieces, b)
		o.groups -= b.Len
		o.tables.put(s.table)
	}
	o.held = slices.Delete(o.held, 0, n)
	if o.tight && len(o.held) == 0 {
		o.tables.close()
		o.count()
		o.tight = false
	}
	switch pieces = append(pieces, others...); len(pieces) {
	case 0:
	case 1:
		out.Emit(pieces[0])
	default:
		bb := columnar.NewBatchBuilder(o.schema, 0)
		for _, p := range pieces {
			bb.Append(p, p.Sel)
		}
		out.Emit(bb.Finish())
	}
	return nil
}

// states returns what is held of a slice.
func (o *Partial) states(s heldSlice) (columnar.Batch, error) {
	n, width := s.table.keys.Len(), o.spec.keys()
	b := columnar.Batch{Schema: o.schema, Columns: s.table.keys.Keys(0, n), Len: n, Time: make([]int64, n)}
	for i := range b.Time {
		b.Time[i] = s.start
	}
	for _, f := range o.schema.Fields[width : len(o.schema.Fields)-1] {
		nothing := columnar.NewBuilder(f.Type, n)
		nothing.AppendNulls(n)
		c := nothing.Finish()
		c.Valid = columnar.Bitmap{} // rows beside it in the exchange are faster without nulls
		b.Columns = append(b.Columns, c)
	}
	states, err := s.table.all()
	if err != nil {
		return b, err
	}
	b.Columns = append(b.Columns, o.cells.encode(states, n))
	return b, nil
}

// Keeps implements stream.Keeper: watermarks pass what Advance leaves.
func (o *Partial) Keeps(m stream.Mark) bool {
	o.idle = o.idle || m.Kind == stream.IdleMark
	return m.Kind == stream.WatermarkMark
}

// Advance implements stream.Timed: it emits what has to be before the watermark. Where the input ends anyway, nothing fires before that.
func (o *Partial) Advance(w stream.Watermark, out stream.Output) error {
	if w != stream.EndOfTime && !o.env.IsStreaming {
		return nil
	}
	o.mark = max(o.mark, int64(w))
	return o.emit(o.mark, out)
}

// Flush implements stream.Flusher.
func (o *Partial) Flush(out stream.Output) error {
	return o.emit(math.MaxInt64, out)
}

// EndInput implements stream.Operator.
func (o *Partial) EndInput(_ int, out stream.Output) error { return o.Flush(out) }

// EmitsFresh says that batches may be kept if those of the input may: rows that pass are the input's.
func (*Partial) EmitsFresh(input bool) bool { return input }

// Close implements stream.Operator.
func (o *Partial) Close() error {
	if o.tables == nil {
		return nil
	}
	for _, s := range o.held {
		s.table.close()
	}
	o.tables.close()
	o.env.Memory.Release(o.counted)
	o.counted, o.tables, o.held = 0, nil, nil
	return nil
}

const (
	// trialRows is after how many rows it is looked at whether grouping has made fewer of them.
	trialRows = 2 * columnar.DefaultRows
	// More than keptGroups groups of keptRows rows are not worth it.
	keptGroups, keptRows = 1, 4
	// passedRows is how many rows pass as they are before grouping is tried again: streams change.
	passedRows = 64 * trialRows
)

// trial finds out whether grouping pays.
type trial struct {
	rows, groups int // since it began
	pass         int // rows that are not grouped before it begins again
}

// isOver says whether the next rows are not to be grouped.
func (t *trial) isOver(rows int) bool {
	if t.pass <= 0 {
		return false
	}
	t.pass -= rows
	return true
}

// fails takes in that rows have become so many groups more, and says whether the trial is over: the rows that come are not to be grouped.
func (t *trial) fails(rows, groups int) bool {
	t.rows += rows
	t.groups += groups
	if t.rows < trialRows {
		return false
	}
	if t.groups*keptRows > t.rows*keptGroups {
		t.pass = passedRows
	}
	t.rows, t.groups = 0, 0
	return t.pass > 0
}
