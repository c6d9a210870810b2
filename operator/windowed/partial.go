package windowed

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/stream"
)

const (
	// mostGroups is how many keys of slices are held: as many as stay in the processor's second-level cache, with their states.
	mostGroups = 2 * columnar.DefaultRows
	// mostBytes is how much their states may take, as far as it is known: those of text have no fixed size.
	mostBytes = 4 << 20
)

// Partial is the first of two steps, before the exchange: it groups rows by key and slice, and emits keys and states, which a Sliced whose rows
// are states puts together behind the exchange. A state's time is the begin of its slice.
//
// It has no state in checkpoints, as all that it holds goes before each barrier, and does not judge what is late. Watermarks pass what it holds of
// slices with which no window is over yet: whoever decides by slices does the same whether that comes before the watermark or behind it.
//
//	rows          10:01:10  10:01:40            10:02:20              10:01:50
//	watermarks                        10:01:30             10:02:05
//	emitted                                               10:01              10:01     tumbling by the minute
//
// What it emits of a slice goes before the watermark with which the slice's first window is over. Rows of such a slice that come later leave with
// their batch, those that may have to be dropped row by row, so that they are counted right. Everything leaves with its batch once the input has
// been idle: event time behind the exchange may go ahead of this task's then, and what is held back could come too late.
//
// Where grouping does not make fewer rows of them, rows pass as states of their own (see trial).
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
	prompt bool        // nothing is kept from one batch to the next
	tight  bool        // memory was refused
	trial  trial
	single singles

	counted int64 // bytes in the account
}

// heldSlice is what has come of a slice and has not been emitted.
type heldSlice struct {
	start int64
	table *table
}

// NewPartial returns the operator that makes states of rows. Its output has the key columns, then the state columns of each call. The windows have
// slices in event time, one input, and no side output for late rows.
func NewPartial(s Spec) *Partial {
	return &Partial{spec: s, calls: s.calls(), slicing: newSlicing(s.Windows), mark: math.MinInt64}
}

// Open implements stream.Operator.
func (o *Partial) Open(env *stream.Env) error {
	o.env = env
	keys := o.spec.keyFields(env.Inputs)
	o.schema = stateSchema(keys, o.calls)
	o.tables = &tables{types: types(keys), calls: o.calls, account: env.Memory}
	o.single = newSingles(o.calls)
	return nil
}

// stateSchema returns the schema between the two steps, as physical.StateSchema names it: keys, then each call's states.
func stateSchema(keys []columnar.Field, calls []call) *columnar.Schema {
	s := &columnar.Schema{Fields: slices.Clone(keys)}
	for i, c := range calls {
		for _, f := range c.Function.State {
			f.Name = fmt.Sprintf("%d.%s", i, f.Name)
			s.Fields = append(s.Fields, f)
		}
	}
	return s
}

// Process implements stream.Operator.
func (o *Partial) Process(_ int, b columnar.Batch, out stream.Output) error {
	switch {
	case b.Rows() == 0:
		return nil
	case o.trial.isOver(b.Rows()):
		return o.emit(math.MinInt64, b, b.Sel, out)
	case b.Time == nil:
		return errNoTime
	}
	buckets, err := o.cutter.cut(b, o.length, o.isGapless(), o.sliceOf)
	if err != nil {
		return err
	}
	single, before := []int32{}, o.groups
	for i := range buckets {
		switch err := o.take(b, &buckets[i]); {
		case errors.Is(err, errAlone), errors.Is(err, budget.ErrExceeded):
			single = append(single, rowsOf(b, &buckets[i])...)
			o.tight = o.tight || !errors.Is(err, errAlone)
		case err != nil:
			return err
		}
	}
	slices.Sort(single)
	upTo := o.mark
	fails := o.trial.fails(b.Rows(), o.groups-before+len(single))
	if full := o.isFull(); full || fails || o.prompt {
		upTo = math.MaxInt64
	}
	return o.emit(upTo, b, single, out)
}

// errAlone is why rows are not put to others: they may have to be dropped, and counted.
var errAlone = errors.New("the slice is past its time")

// take puts the rows of a bucket to what is held of their slice.
func (o *Partial) take(b columnar.Batch, k *bucket) error {
	if o.lastWindow(k.start).Expiry(o.lateness) <= o.mark {
		return errAlone
	}
	i := sort.Search(len(o.held), func(i int) bool { return o.held[i].start >= k.start })
	if i == len(o.held) || o.held[i].start != k.start {
		o.held = slices.Insert(o.held, i, heldSlice{k.start, o.tables.get()})
	}
	t := o.held[i].table
	before := t.keys.Len()
	err := o.tables.add(t, 0, o.spec.keys(), b, k.sel)
	if err != nil { // keys that were found room for have empty states
		for _, a := range t.states {
			a.Grow(t.keys.Len())
		}
	}
	o.groups += t.keys.Len() - before
	return err
}

// rowsOf returns the rows of a bucket of b.
func rowsOf(b columnar.Batch, k *bucket) []int32 {
	if k.sel == nil {
		return upTo(b.Len)
	}
	return k.sel
}

// isFull says whether as much is held as may be.
func (o *Partial) isFull() bool {
	size := o.count()
	return o.tight || size > mostBytes || o.groups >= mostGroups
}

// count counts the memory that is held.
func (o *Partial) count() int64 {
	size := o.single.size()
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

// emit emits, as one batch, what is held of slices with which a window ends that is over at mark, and those rows of b, nil for all, each as a state
// of its own.
func (o *Partial) emit(mark int64, b columnar.Batch, single []int32, out stream.Output) error {
	var pieces []columnar.Batch
	n := sort.Search(len(o.held), func(i int) bool { return o.firstWindow(o.held[i].start).Last() > mark })
	for _, s := range o.held[:n] {
		states, err := o.states(s)
		if err != nil {
			return err
		}
		pieces = append(pieces, states)
		o.groups -= states.Len
		o.tables.put(s.table)
	}
	o.held = slices.Delete(o.held, 0, n)
	if o.tight && len(o.held) == 0 {
		o.tables.close()
		o.count()
		o.tight = false
	}
	if single == nil || len(single) > 0 {
		rows, err := o.single.of(o.schema, o.spec.keys(), b, single)
		if err != nil {
			return err
		}
		pieces = append(pieces, rows)
	}
	switch len(pieces) {
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
	n := s.table.keys.Len()
	b := columnar.Batch{Schema: o.schema, Columns: s.table.keys.Keys(0, n), Len: n, Time: make([]int64, n)}
	states, err := s.table.all()
	for _, columns := range states {
		b.Columns = append(b.Columns, columns...)
	}
	for i := range b.Time {
		b.Time[i] = s.start
	}
	return b, err
}

// Keeps implements stream.Keeper: watermarks pass what Advance leaves.
func (o *Partial) Keeps(m stream.Mark) bool {
	o.prompt = o.prompt || m.Kind == stream.IdleMark
	return m.Kind == stream.WatermarkMark
}

// Advance implements stream.Timed: it emits what has to be before the watermark. Where the input ends anyway, nothing fires before that.
func (o *Partial) Advance(w stream.Watermark, out stream.Output) error {
	if w != stream.EndOfTime && !o.env.IsStreaming {
		return nil
	}
	o.mark = max(o.mark, int64(w))
	return o.emit(o.mark, columnar.Batch{}, []int32{}, out)
}

// Flush implements stream.Flusher.
func (o *Partial) Flush(out stream.Output) error {
	return o.emit(math.MaxInt64, columnar.Batch{}, []int32{}, out)
}

// EndInput implements stream.Operator.
func (o *Partial) EndInput(_ int, out stream.Output) error { return o.Flush(out) }

// EmitsFresh says that batches may be kept if those of the input may: rows that pass share their keys.
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
	o.single.close()
	o.env.Memory.Release(o.counted)
	o.counted, o.tables, o.held = 0, nil, nil
	return nil
}

// singles makes states of single rows.
type singles struct {
	calls  []call
	states []agg.Accumulator // by call: a group for each row of a batch
	each   []int32           // 0, 1, ...
}

func newSingles(calls []call) singles {
	s := singles{calls: calls}
	for _, c := range calls {
		s.states = append(s.states, c.Function.New())
	}
	return s
}

// of returns those rows of b, nil for all, as states of their own, under a selection. The keys and times are b's.
func (s *singles) of(schema *columnar.Schema, width int, b columnar.Batch, rows []int32) (columnar.Batch, error) {
	out := columnar.Batch{Schema: schema, Columns: slices.Clone(b.Columns[:width]), Len: b.Len, Sel: rows, Time: b.Time}
	groups := rows
	if rows == nil {
		for len(s.each) < b.Len {
			s.each = append(s.each, int32(len(s.each)))
		}
		groups = s.each[:b.Len]
	}
	for i, a := range s.states {
		a.Reset()
		a.Grow(b.Len)
		if err := a.Add(groups, pick(b, s.calls[i].Inputs), rows); err != nil {
			return out, err
		}
		states, err := a.State(0, b.Len)
		if err != nil {
			return out, err
		}
		out.Columns = append(out.Columns, states...)
	}
	return out, nil
}

func (s *singles) size() int64 {
	size := int64(0)
	for _, a := range s.states {
		size += int64(a.Size())
	}
	return size
}

func (s *singles) close() {
	for _, a := range s.states {
		a.Free()
	}
}

const (
	// trialRows is after how many rows it is looked at whether grouping has made fewer of them.
	trialRows = 8 * columnar.DefaultRows
	// More than keptGroups groups of keptRows rows are not worth it.
	keptGroups, keptRows = 1, 2
	// passedRows is how many rows pass as they are before grouping is tried again: streams change.
	passedRows = 16 * trialRows
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
