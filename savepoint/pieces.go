package savepoint

import (
	"context"
	"fmt"
	"iter"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
)

// pieces yields what is to be written, operator by operator and task by task.
func (s *Savepoint) pieces(ctx context.Context) iter.Seq2[checkpoint.Piece, error] {
	return func(yield func(checkpoint.Piece, error) bool) {
		for _, o := range s.operators {
			tasks := max(len(o.Parts), 1)
			for i := range tasks {
				p, err := s.piece(ctx, o, i, tasks)
				if err != nil {
					err = fmt.Errorf("%s: %w", o.UID, err)
				}
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

func (s *Savepoint) piece(ctx context.Context, o *operator, task, tasks int) (checkpoint.Piece, error) {
	p := checkpoint.Piece{Task: checkpoint.Task{Index: task}, State: checkpoint.OperatorState{UID: o.UID}}
	if task < len(o.Parts) {
		old := o.Parts[task]
		p.Task, p.Ended, p.State.Blobs = old.Task, old.Ended, old.Blobs
	}
	f := &part{groups: state.Share(task, tasks, max(o.KeyGroups, 1))}
	for _, t := range o.Tables {
		read, err := s.reader(ctx, o, t.Table, task, tasks, f)
		if err != nil {
			f.Release()
			return p, fmt.Errorf("table %q: %w", t.Name, err)
		}
		f.tables, f.reads = append(f.tables, t.Table), append(f.reads, read)
	}
	p.State.Frozen = f
	return p, nil
}

// reader returns what reads the rows that a task is to have of a table, by key group. Those that are set, and those whose key groups are others
// now, come in no order, and are put in one.
func (s *Savepoint) reader(ctx context.Context, o *operator, t state.Table, task, tasks int, f *part) (func(context.Context) iter.Seq2[state.Rows, error], error) {
	rows := o.set[t.Name]
	share := checkpoint.Share{Task: task, Tasks: tasks, KeyGroups: max(o.KeyGroups, 1)}
	if rows == nil && t.Distribution == state.Keyed && s.saved.Manifest.Operator(o.UID).KeyGroups != o.KeyGroups {
		rows = s.saved.Rows(ctx, o.UID, t, share)
	}
	switch {
	case rows == nil:
		if t.Distribution == state.Union && task > 0 {
			return none, nil // all tasks would have the rows of all
		}
		return func(ctx context.Context) iter.Seq2[state.Rows, error] {
			return f.divide(t, s.saved.Rows(ctx, o.UID, t, share))
		}, nil
	case t.Distribution == state.Keyed:
		frozen, err := f.stage(ctx, t, rows)
		if err != nil {
			return nil, err
		}
		f.staged = append(f.staged, frozen)
		return func(ctx context.Context) iter.Seq2[state.Rows, error] { return frozen.Read(ctx, 0) }, nil
	case task > 0 && t.Distribution != state.Broadcast:
		return none, nil
	default:
		return func(context.Context) iter.Seq2[state.Rows, error] { return f.divide(t, rows) }, nil
	}
}

func none(context.Context) iter.Seq2[state.Rows, error] {
	return func(func(state.Rows, error) bool) {}
}

// part is what one task is to have of an operator: a state.Frozen.
type part struct {
	groups state.Groups
	tables []state.Table
	reads  []func(context.Context) iter.Seq2[state.Rows, error]
	staged []state.Frozen
}

// Tables returns the tables.
func (p *part) Tables() []state.Table { return p.tables }

// Read yields the rows of a table.
func (p *part) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] { return p.reads[i](ctx) }

// Release lets go of what was put in order.
func (p *part) Release() {
	for _, f := range p.staged {
		f.Release()
	}
	p.staged = nil
}

// divide cuts batches where the key group changes. Invariant: they come by ascending key group.
func (p *part) divide(t state.Table, rows Rows) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		for b, err := range rows {
			if err == nil && !t.Schema().Equal(b.Schema) {
				err = fmt.Errorf("rows of the columns\n%s, not\n%s", b.Schema, t.Schema())
			}
			if err != nil {
				yield(state.Rows{}, err)
				return
			}
			b = b.Compact()
			of := p.groupsOf(t, b)
			for from := 0; from < b.Len; {
				to := from + 1
				for to < b.Len && of[to] == of[from] {
					to++
				}
				if !yield(state.Rows{Group: of[from], Batch: b.Slice(from, to-from)}, nil) {
					return
				}
				from = to
			}
		}
	}
}

// groupsOf returns the key group of each row of a batch; of tables that are not keyed, 0.
func (p *part) groupsOf(t state.Table, b columnar.Batch) []int {
	of := make([]int, b.Len)
	if t.Distribution != state.Keyed {
		return of
	}
	hashes := make([]uint64, b.Len)
	keys.Hash(b.Columns[:len(t.Keys)], nil, b.Len, hashes)
	for i, h := range hashes {
		of[i] = p.groups.Of(h)
	}
	return of
}

// stage puts the rows of the part's key groups in order: in a store.
func (p *part) stage(ctx context.Context, t state.Table, rows Rows) (state.Frozen, error) {
	store, err := heap.New(heap.Config{Keys: t.Keys, Groups: p.groups})
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }() // what is frozen stays
	if _, err := store.Open(t); err != nil {
		return nil, err
	}
	for b, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		b = b.Compact()
		of := p.groupsOf(t, b)
		b.Sel = make([]int32, 0, b.Len)
		for i, g := range of {
			if p.groups.Has(g) {
				b.Sel = append(b.Sel, int32(i))
			}
		}
		if err := store.Restore(t.Name, b); err != nil {
			return nil, err
		}
	}
	return store.Freeze()
}
