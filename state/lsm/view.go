package lsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/millrace/millrace/state"
)

// view is what Freeze returns: a state.Native.
type view struct {
	source pebble.Reader // a snapshot of the tree, or the whole of another one
	groups state.Groups
	coder  *state.Coder
	forms  []*state.Form
	now    int64 // what was past its time to live then is left out
	files  []state.File
	once   sync.Once
	close  func()
}

// Freeze makes a snapshot of the tree.
func (s *store) Freeze() (state.Frozen, error) {
	if err := s.seal(); err != nil {
		return nil, err
	}
	if err := s.cache.flush(s.db); err != nil {
		return nil, err
	}
	v := &view{groups: s.cfg.Groups, coder: s.coder, now: s.now()}
	for _, t := range s.tables {
		v.forms = append(v.forms, t.form)
	}
	dir := ""
	if s.cfg.Native {
		s.cuts++
		dir = filepath.Join(s.dir, fmt.Sprintf("checkpoint-%d", s.cuts))
		if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
			return nil, fmt.Errorf("freezing keyed state in %s: %w", s.dir, err)
		}
		var err error
		if v.files, err = filesOf(dir, s.run); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	snapshot := s.db.NewSnapshot()
	v.source = snapshot
	s.life.mu.Lock()
	s.life.open++
	s.life.mu.Unlock()
	v.close = func() { s.release(snapshot, dir) }
	return v, nil
}

// release ends a view, and the tree when it was closed before. What fails then leaves files in the folder, nothing else.
func (s *store) release(snapshot *pebble.Snapshot, dir string) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	_ = snapshot.Close()
	if dir != "" {
		_ = os.RemoveAll(dir)
	}
	s.life.open--
	if s.life.closed && s.life.open == 0 {
		_ = s.end()
	}
}

// Release ends the view.
func (v *view) Release() { v.once.Do(v.close) }

// Files returns the files of the checkpoint. The tree's own names say which of them are in base.
func (v *view) Files([]state.File) []state.File { return v.files }

// Tables returns the tables in the order in which they were opened.
func (v *view) Tables() []state.Table {
	tables := make([]state.Table, len(v.forms))
	for i, f := range v.forms {
		tables[i] = f.Table
	}
	return tables
}

// Read yields the rows of a table by key group.
func (v *view) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		r := reader{view: v, table: &table{form: v.forms[i], id: byte(i + 1)}, out: v.forms[i].NewRowBuilder(), yield: yield}
		if err := r.readTable(ctx); err != nil {
			yield(state.Rows{}, err)
		}
	}
}

// reader makes batches of a table's rows.
type reader struct {
	view      *view
	table     *table
	group     int
	out       *state.RowBuilder
	yield     func(state.Rows, error) bool
	namespace []byte // scratch
}

// readTable reads all rows, until no more are wanted.
func (r *reader) readTable(ctx context.Context) error {
	from := binary.BigEndian.AppendUint16([]byte{r.table.id}, uint16(r.view.groups.From))
	to := binary.BigEndian.AppendUint16([]byte{r.table.id}, uint16(r.view.groups.To-1))
	it, err := r.view.source.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after(to)})
	if err != nil {
		return fmt.Errorf("reading keyed state: %w", err)
	}
	more := true
	for it.First(); it.Valid() && more && err == nil; it.Next() {
		if group := int(binary.BigEndian.Uint16(it.Key()[groupAt:])); group != r.group || r.out.Full() {
			if err = ctx.Err(); err != nil {
				break
			}
			more = r.flush()
			r.group = group
		}
		if more {
			err = r.add(it.Key(), it.Value())
		}
	}
	if err = errors.Join(err, it.Close()); err != nil {
		return fmt.Errorf("reading state %q: %w", r.table.form.Table.Name, err)
	}
	if more {
		r.flush()
	}
	return nil
}

func (r *reader) flush() bool {
	return r.out.Len() == 0 || r.yield(state.Rows{Group: r.group, Batch: r.out.Finish()}, nil)
}

// add adds a row, made of a key of the tree and its value.
func (r *reader) add(key, value []byte) error {
	isTimer := r.table.form.Table.Kind == timersKind
	head := cellHead
	if isTimer {
		head = groupBytes + timerHead
	}
	if len(key) < head {
		return state.ErrCorrupt
	}
	size, err := r.view.coder.Size(key[head:])
	if err != nil {
		return err
	}
	e := state.Entry{Key: key[head : head+size], Namespace: key[head+size:]}
	if isTimer {
		r.namespace = append(append(r.namespace[:0], key[groupBytes:groupBytes+timeBytes]...), e.Namespace...)
		e.Namespace = r.namespace
	} else {
		var ok bool
		if e.Cell, ok = r.table.live(value, r.view.now); !ok {
			return nil
		}
		if r.table.form.Table.TTL > 0 {
			e.Written = int64(binary.BigEndian.Uint64(value))
		}
	}
	return r.out.Add(&e)
}

// timersKind is the kind of tables that state.TimersOf describes.
const timersKind = "timers"
