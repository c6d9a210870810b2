package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Rolling emits, for each row in the order of arrival, its keys and the aggregates of the rows with these keys so far. It has one input. Rows
// are taken one at a time, which costs an aggregate two calls each. All groups are held in memory: without it, Rolling fails.
//
// A snapshot costs the task nothing at first: groups are copied by pieces, when a row is about to change one of a piece, and otherwise when who
// reads the snapshot asks for them.
type Rolling struct {
	keys  []int
	calls []Call

	env    *stream.Env
	table  *table
	output *columnar.Schema
	saved  state.Table
	frozen []*frozenGroups // those with pieces not copied yet
}

// NewRolling returns the operator that groups by keys.
func NewRolling(keys []int, calls []Call) *Rolling { return &Rolling{keys: keys, calls: calls} }

// Open implements stream.Operator.
func (o *Rolling) Open(env *stream.Env) error {
	in := env.Inputs[0]
	o.env, o.saved = env, o.saves(in)
	o.output = in.Select(o.keys)
	for _, c := range o.calls {
		f := c.Function.Result
		if c.Name != "" {
			f.Name = c.Name
		}
		o.output.Fields = append(o.output.Fields, f)
	}
	o.table = newTable(types(in.Select(o.keys)), o.calls, env.Memory)
	return nil
}

// Process implements stream.Operator.
func (o *Rolling) Process(_ int, b columnar.Batch, out stream.Output) error {
	n := b.Rows()
	results := columnar.Batch{Schema: o.output, Len: n}
	for _, k := range o.keys {
		keys := columnar.NewBuilder(b.Columns[k].Type, n)
		keys.Append(b.Columns[k], b.Sel)
		results.Columns = append(results.Columns, keys.Finish())
	}
	err := o.table.take(b, pick(b, o.keys), func(i int, a agg.Accumulator, groups []int32) error {
		if i == 0 {
			if err := o.preserve(groups); err != nil {
				return err
			}
		}
		c, err := o.roll(a, o.calls[i], b, groups)
		results.Columns = append(results.Columns, c)
		return err
	})
	if err != nil {
		return fmt.Errorf("a rolling aggregate holds all its groups in memory: %w", err)
	}
	if b.Time != nil {
		for i := range n {
			results.Time = append(results.Time, b.Time[b.Row(i)])
		}
	}
	out.Emit(results)
	return nil
}

// roll takes row after row into its group and returns the results after each.
func (o *Rolling) roll(a agg.Accumulator, call Call, b columnar.Batch, groups []int32) (columnar.Column, error) {
	out := columnar.NewBuilder(call.Function.Result.Type, len(groups))
	in := pick(b, call.Inputs)
	var row [1]int32
	for i, g := range groups {
		row[0] = int32(b.Row(i))
		if err := a.Add(groups[i:i+1], in, row[:]); err != nil {
			return columnar.Column{}, err
		}
		result, err := a.Result(int(g), int(g)+1)
		if err != nil {
			return columnar.Column{}, err
		}
		out.AppendRange(result, 0, 1)
	}
	return out.Finish(), nil
}

// EndInput implements stream.Operator.
func (*Rolling) EndInput(int, stream.Output) error { return nil }

// EmitsFresh says that batches may be kept.
func (*Rolling) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Rolling) Close() error {
	if o.table == nil {
		return nil
	}
	var errs []error
	for _, f := range o.frozen {
		errs = append(errs, f.copyAll())
	}
	o.table.free()
	return errors.Join(errs...)
}

// saves describes the state: keys, then the states of each call.
func (o *Rolling) saves(in *columnar.Schema) state.Table {
	t := state.Table{Name: "groups", Kind: "aggregates", Keys: in.Select(o.keys).Fields}
	for i, c := range o.calls {
		for _, f := range c.Function.State {
			f.Name = fmt.Sprintf("%d.%s", i, f.Name)
			t.Values = append(t.Values, f)
		}
	}
	return t
}

// Tables implements stream.Stateful.
func (o *Rolling) Tables(in []*columnar.Schema) ([]state.Table, error) {
	return []state.Table{o.saves(in[0])}, nil
}

// Restore implements stream.Stateful.
func (o *Rolling) Restore(_ int, b columnar.Batch) error {
	at := len(o.keys)
	return o.table.take(b, b.Columns[:at], func(i int, a agg.Accumulator, groups []int32) error {
		n := len(o.calls[i].Function.State)
		at += n
		return a.Merge(groups, b.Columns[at-n:at], b.Sel)
	})
}

// Snapshot implements stream.Stateful.
func (o *Rolling) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	f := newFrozenGroups(o)
	if o.env.Post == nil || len(f.pieces) == 0 {
		return f, f.copyAll()
	}
	o.frozen = append(o.frozen, f)
	return f, nil
}

// preserve copies, for snapshots that are being read, the pieces in which groups are about to change.
func (o *Rolling) preserve(groups []int32) error {
	for _, f := range o.frozen {
		for _, g := range groups {
			if int(g) < f.groups {
				if err := f.copy(int(g) / groupsOfPiece); err != nil {
					return err
				}
			}
		}
	}
	o.frozen = slices.DeleteFunc(o.frozen, (*frozenGroups).isDone)
	return nil
}

// groupsOfPiece is few, because rows of random keys touch most pieces, and enough to make a call for each bearable.
const groupsOfPiece = 128

// frozenGroups are the groups of a Rolling as they were at a moment. The task copies pieces, until all are; then another goroutine reads them.
type frozenGroups struct {
	op       *Rolling
	schema   *columnar.Schema
	groups   int
	pieces   []columnar.Batch // without columns: not copied yet
	missing  int
	next     int           // pieces before are copied
	complete chan struct{} // closed when all are
	released atomic.Bool
}

func newFrozenGroups(o *Rolling) *frozenGroups {
	f := &frozenGroups{op: o, schema: o.saved.Schema(), groups: o.table.len(), complete: make(chan struct{})}
	f.missing = (f.groups + groupsOfPiece - 1) / groupsOfPiece
	f.pieces = make([]columnar.Batch, f.missing)
	if f.missing == 0 {
		close(f.complete)
	}
	return f
}

// isDone says whether the task need not care any more.
func (f *frozenGroups) isDone() bool { return f.missing == 0 || f.released.Load() }

// copy copies a piece unless it has been.
func (f *frozenGroups) copy(piece int) error {
	if f.pieces[piece].Columns != nil {
		return nil
	}
	from := piece * groupsOfPiece
	var err error
	if f.pieces[piece], err = f.op.table.partials(f.schema, from, min(from+groupsOfPiece, f.groups)); err != nil {
		return fmt.Errorf("freezing groups: %w", err)
	}
	if f.missing--; f.missing == 0 {
		close(f.complete)
	}
	return nil
}

// copySome copies at most n pieces.
func (f *frozenGroups) copySome(n int) error {
	for ; n > 0 && !f.isDone(); n, f.next = n-1, f.next+1 {
		if err := f.copy(f.next); err != nil {
			return err
		}
	}
	return nil
}

func (f *frozenGroups) copyAll() error { return f.copySome(len(f.pieces)) }

// Tables implements state.Frozen.
func (f *frozenGroups) Tables() []state.Table { return []state.Table{f.op.saved} }

// Release implements state.Frozen.
func (f *frozenGroups) Release() { f.released.Store(true) }

// piecesAtOnce bounds how long the task is held up by a reader: some hundred microseconds.
const piecesAtOnce = 64

// wait has the task copy what is missing.
func (f *frozenGroups) wait(ctx context.Context) error {
	for {
		copied := make(chan struct{})
		if f.op.env.Post != nil {
			f.op.env.Post(func(stream.Output) error { // when the task has ended, its Close has copied everything
				defer close(copied)
				return f.copySome(piecesAtOnce)
			})
		}
		select {
		case <-f.complete:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-copied:
		}
	}
}

// Read implements state.Frozen.
func (f *frozenGroups) Read(ctx context.Context, _ int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		if err := f.wait(ctx); err != nil {
			yield(state.Rows{}, err)
			return
		}
		places := f.byKeyGroup()
		rows := columnar.NewInterleaver(f.schema, f.pieces)
		for g, of := range places {
			for len(of) > 0 {
				n := min(len(of), columnar.DefaultRows)
				if !yield(state.Rows{Group: g, Batch: rows.Take(of[:n])}, nil) {
					return
				}
				of = of[n:]
			}
		}
	}
}

// byKeyGroup returns where the rows of each key group are.
func (f *frozenGroups) byKeyGroup() [][]columnar.Place {
	places := make([][]columnar.Place, max(1, f.op.env.Groups.Max))
	var hashes [groupsOfPiece]uint64
	for p, b := range f.pieces {
		keys.Hash(b.Columns[:len(f.op.keys)], nil, b.Len, hashes[:])
		for r := range b.Len {
			g := int(hashes[r] & uint64(len(places)-1))
			places[g] = append(places[g], columnar.Place{Batch: uint32(p), Row: uint32(r)})
		}
	}
	return places
}
