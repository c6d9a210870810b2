package windowed

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// The tables of a Sliced, by number.
const (
	slicesTable  = iota // a row for each key of each slice: its states
	refiresTable        // a row for each key of each window that fired late: how often it has fired
	markTable           // the watermark
)

// Tables implements stream.Stateful. A slice's row says up to which time the windows of its key have fired: a checkpoint may fall into the
// middle of a firing, and tasks may come from several.
func (o *Sliced) Tables(in []*columnar.Schema) ([]state.Table, error) {
	keys := o.spec.keyFields(in)
	time := func(name string) columnar.Field {
		return columnar.Field{Name: name, Type: columnar.TimestampType}
	}
	slices := state.Table{
		Name: "slices", Kind: "slices", Keys: keys, Namespace: []columnar.Field{time("start")}, Values: []columnar.Field{time("fired")},
	}
	for i, c := range o.calls {
		for _, f := range c.Function.State {
			f.Name = fmt.Sprintf("%d.%s.%s", i, c.Function.Name, f.Name)
			slices.Values = append(slices.Values, f)
		}
	}
	return []state.Table{
		slices,
		{
			Name: "refires", Kind: "slices", Keys: keys, Namespace: []columnar.Field{time("end")},
			Values: []columnar.Field{{Name: "firings", Type: columnar.Int64Type}},
		},
		{Name: "watermark", Kind: "watermarks", Distribution: state.Union, Values: []columnar.Field{
			{Name: "watermark", Type: columnar.Int64Type}, {Name: "next", Type: columnar.Int64Type},
		}},
	}, nil
}

// Snapshot implements stream.Stateful. Frozen slices are shared; those that grow are copied.
func (o *Sliced) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	o.settle()
	tables, err := o.Tables(o.env.Inputs)
	if err != nil {
		return nil, err
	}
	f := &frozen{groups: o.env.Groups, tables: tables, batches: make([][]columnar.Batch, len(tables))}
	if err := o.freezeSlices(f); err != nil {
		return nil, err
	}
	o.freezeRefires(f)
	mark := columnar.NewBatchBuilder(tables[markTable].Schema(), 1)
	columnar.AppendFixed(mark.Column(0), o.mark)
	columnar.AppendFixed(mark.Column(1), max(o.mark, o.then))
	mark.Added(1)
	f.batches[markTable] = []columnar.Batch{mark.Finish()}
	return f, nil
}

// freezeSlices adds the rows of all slices.
func (o *Sliced) freezeSlices(f *frozen) error {
	var byID []columnar.Column
	if o.pane != nil {
		byID = o.pane.index.Keys(0, o.pane.index.Len())
	}
	schema := f.tables[slicesTable].Schema()
	for _, s := range o.slices {
		if s.table != nil {
			n := s.table.keys.Len()
			states, err := s.table.all()
			if err != nil {
				return err
			}
			cols := s.table.keys.Keys(0, n)
			f.add(slicesTable, o.rowsOf(schema, cols, s.start, o.firedOf(s, nil, cols, n), states, n))
		}
		for _, x := range s.parts {
			cols := make([]columnar.Column, len(byID))
			for c := range byID {
				b := columnar.NewBuilder(byID[c].Type, len(x.ids))
				b.Append(byID[c], x.ids)
				cols[c] = b.Finish()
			}
			n := len(x.ids)
			f.add(slicesTable, o.rowsOf(schema, cols, s.start, o.firedOf(s, x, cols, n), x.states, n))
		}
	}
	return nil
}

// rowsOf returns rows of the slices table.
func (*Sliced) rowsOf(schema *columnar.Schema, cols []columnar.Column, start int64, fired []int64, states [][]columnar.Column, n int) columnar.Batch {
	starts := make([]int64, n)
	for i := range starts {
		starts[i] = start
	}
	b := columnar.Batch{Schema: schema, Len: n, Columns: append([]columnar.Column{}, cols...)}
	b.Columns = append(b.Columns, columnar.Of(columnar.TimestampType, starts, columnar.Bitmap{}), columnar.Of(columnar.TimestampType, fired, columnar.Bitmap{}))
	for _, call := range states {
		b.Columns = append(b.Columns, call...)
	}
	return b
}

// firedOf returns by row up to which time the windows of its key have fired. x is nil for the table of the slice.
func (o *Sliced) firedOf(s *slice, x *part, cols []columnar.Column, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = o.fired
	}
	if o.restored != nil {
		for i, fired := range o.restored.firedOf(cols, n) {
			out[i] = max(out[i], fired)
		}
	}
	f := o.firing
	if f == nil {
		return out
	}
	switch {
	case f.slice == s && s.table != nil:
		for i := range min(f.next, n) {
			out[i] = f.window.Last()
		}
	case f.slice == nil && x != nil:
		for i, id := range x.ids {
			if int(id) < f.next {
				out[i] = f.window.Last()
			}
		}
	}
	return out
}

// freezeRefires adds how often windows have fired late.
func (o *Sliced) freezeRefires(f *frozen) {
	schema := f.tables[refiresTable].Schema()
	add := func(index *keys.Grouper, end int64, refires map[int32]int64) {
		if len(refires) == 0 {
			return
		}
		all := index.Keys(0, index.Len())
		bb := columnar.NewBatchBuilder(schema, len(refires))
		at := o.spec.keys()
		for id, n := range refires {
			for c := range all {
				bb.Column(c).AppendRange(all[c], int(id), 1)
			}
			columnar.AppendFixed(bb.Column(at), end)
			columnar.AppendFixed(bb.Column(at+1), n)
			bb.Added(1)
		}
		f.add(refiresTable, bb.Finish())
	}
	for _, s := range o.slices {
		if s.table != nil {
			add(s.table.keys, s.start+o.length, s.refires)
		}
	}
	for end, refires := range o.refires {
		add(o.pane.index, end, refires)
	}
}

// Restore implements stream.Stateful.
func (o *Sliced) Restore(i int, b columnar.Batch) error {
	if o.restored == nil {
		o.restored = newRestored(o.tables.types, o.env.Memory)
		if o.spec.Windows.Assigner.ByClock && o.env.SetAlarm != nil {
			o.env.SetAlarm(o.env.Clock.Now())
		}
	}
	switch i {
	case slicesTable:
		return o.restoreSlices(b)
	case refiresTable:
		o.restored.refires = append(o.restored.refires, b)
		return nil
	default:
		nexts := columnar.Values[int64](b.Columns[1])
		for row, mark := range columnar.Values[int64](b.Columns[0]) {
			o.restored.mark, o.restored.then = min(o.restored.mark, mark), min(o.restored.then, nexts[row])
		}
		return nil
	}
}

// restoreSlices puts rows back into slices, all of which grow at first.
func (o *Sliced) restoreSlices(b columnar.Batch) error {
	b = b.Compact()
	width := o.spec.keys()
	fired := columnar.Values[int64](b.Columns[width+1])
	if err := o.restored.add(b.Columns[:width], fired, b.Len); err != nil {
		return err
	}
	states := make([][]columnar.Column, len(o.calls))
	at := width + 2
	for i, c := range o.calls {
		states[i] = b.Columns[at : at+len(c.Function.State)]
		at += len(c.Function.State)
	}
	bySlice := map[int64][]int32{}
	for row, start := range columnar.Values[int64](b.Columns[width])[:b.Len] {
		bySlice[start] = append(bySlice[start], int32(row))
	}
	for start, sel := range bySlice {
		s := o.sliceAt(start)
		if s.table == nil {
			s.table = o.tables.get()
		}
		if _, err := o.tables.merge(s.table, b.Columns[:width], states, sel, len(sel)); err != nil {
			return err
		}
	}
	return nil
}

// settle ends restoring, when the first call comes after it.
func (o *Sliced) settle() {
	r := o.restored
	if r == nil || r.settled {
		return
	}
	r.settled = true
	if r.mark < math.MaxInt64 {
		o.mark, o.then = r.mark, r.then
	}
	o.fired = o.mark
	if r.keys.Len() > 0 {
		o.fired = r.least
	}
	for _, s := range o.slices {
		if o.firstWindow(s.start).Last() <= o.fired {
			s.onTime = s.table.keys.Len()
		}
	}
	for _, b := range r.refires {
		o.restoreRefires(b)
	}
	r.refires = nil
	if r.most <= o.fired {
		r.close()
		o.restored = nil
	}
}

// restoreRefires puts back how often windows have fired.
func (o *Sliced) restoreRefires(b columnar.Batch) {
	width := o.spec.keys()
	ends, counts := columnar.Values[int64](b.Columns[width]), columnar.Values[int64](b.Columns[width+1])
	ids := make([]int32, b.Rows())
	if o.overlaps {
		if err := o.pane.index.Find(b.Columns[:width], b.Sel, len(ids), ids); err != nil {
			return // numbering late panes from 0 again is all that is lost
		}
		o.pane.grow()
	}
	for i := range ids {
		r := b.Row(i)
		end := ends[r]
		if o.overlaps {
			if o.refires[end] == nil {
				o.refires[end] = map[int32]int64{}
			}
			o.refires[end][ids[i]] = counts[r]
			continue
		}
		s := o.sliceAt(end - o.length)
		if s.table == nil {
			continue
		}
		s.table.keys.Lookup(b.Columns[:width], []int32{int32(r)}, 1, ids[i:i+1])
		if ids[i] >= 0 {
			if s.refires == nil {
				s.refires = map[int32]int64{}
			}
			s.refires[ids[i]] = counts[r]
		}
	}
}

// restored is what a snapshot said, as long as it matters: up to when each key's windows had fired.
type restored struct {
	settled bool
	keys    *keys.Grouper
	fired   []int64 // by key
	least   int64
	most    int64
	mark    int64 // the least
	then    int64
	refires []columnar.Batch
}

func newRestored(types []columnar.Type, account *budget.Account) *restored {
	return &restored{keys: keys.NewGrouper(types, account), least: math.MaxInt64, most: math.MinInt64, mark: math.MaxInt64, then: math.MaxInt64}
}

// add takes rows in.
func (r *restored) add(cols []columnar.Column, fired []int64, n int) error {
	ids := make([]int32, n)
	if err := r.keys.Find(cols, nil, n, ids); err != nil {
		return fmt.Errorf("restoring windows: %w", err)
	}
	for len(r.fired) < r.keys.Len() {
		r.fired = append(r.fired, math.MinInt64)
	}
	for k, id := range ids {
		r.fired[id] = max(r.fired[id], fired[k])
		r.least, r.most = min(r.least, fired[k]), max(r.most, fired[k])
	}
	return nil
}

// firedOf returns up to when the windows of n keys had fired.
func (r *restored) firedOf(cols []columnar.Column, n int) []int64 {
	ids, out := make([]int32, n), make([]int64, n)
	r.keys.Lookup(cols, nil, n, ids)
	for k, id := range ids {
		out[k] = math.MinInt64
		if id >= 0 {
			out[k] = r.fired[id]
		}
	}
	return out
}

func (r *restored) close() { r.keys.Free() }

// frozen is tables as batches, whose rows are put in the order of key groups when they are read.
type frozen struct {
	groups  state.Groups
	tables  []state.Table
	batches [][]columnar.Batch // by table
}

func (f *frozen) add(table int, b columnar.Batch) {
	if b.Len > 0 {
		f.batches[table] = append(f.batches[table], b)
	}
}

// Tables implements state.Frozen.
func (f *frozen) Tables() []state.Table { return f.tables }

// Release implements state.Frozen.
func (f *frozen) Release() { f.batches = make([][]columnar.Batch, len(f.tables)) }

// Read implements state.Frozen.
func (f *frozen) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		batches := f.batches[i]
		if f.tables[i].Distribution != state.Keyed {
			for _, b := range batches {
				if !yield(state.Rows{Batch: b}, nil) {
					return
				}
			}
			return
		}
		places := f.byGroup(batches, len(f.tables[i].Keys))
		interleaver := columnar.NewInterleaver(f.tables[i].Schema(), batches)
		for group := f.groups.From; group < f.groups.To; group++ {
			for rest := places[group-f.groups.From]; len(rest) > 0; {
				if ctx.Err() != nil {
					yield(state.Rows{}, context.Cause(ctx))
					return
				}
				n := min(len(rest), columnar.DefaultRows)
				if !yield(state.Rows{Group: group, Batch: interleaver.Take(rest[:n])}, nil) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

// byGroup returns where the rows of each key group are.
func (f *frozen) byGroup(batches []columnar.Batch, width int) [][]columnar.Place {
	out := make([][]columnar.Place, f.groups.To-f.groups.From)
	var hashes []uint64
	for i, b := range batches {
		if len(hashes) < b.Len {
			hashes = make([]uint64, b.Len)
		}
		keys.Hash(b.Columns[:width], nil, b.Len, hashes)
		for row := range b.Len {
			g := f.groups.Of(hashes[row]) - f.groups.From
			out[g] = append(out[g], columnar.Place{Batch: uint32(i), Row: uint32(row)})
		}
	}
	return out
}
