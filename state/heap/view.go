package heap

import (
	"context"
	"encoding/binary"
	"iter"
	"sync/atomic"
	"unsafe"

	"github.com/millrace/millrace/state"
)

// view is what Freeze returns: a state.Native that is read while the store goes on.
type view struct {
	store  *store
	epoch  uint32
	used   int64 // bytes of the store's pieces
	at     int64 // processing time of Freeze: what was past its time to live is left out
	tables []*table
	layout layout
	bases  []unsafe.Pointer // of the slabs; what the view reads was in them
	dirs   []versions       // by number
	ends   []loc            // of each group: the first place not used

	retired []retired // of the task's goroutine: chunks that were replaced while this was the newest view
	done    atomic.Bool
}

// Freeze ends an epoch. It copies a few words for each key group.
func (s *store) Freeze() (state.Frozen, error) {
	s.seal()
	s.reap()
	v := &view{
		store: s, epoch: s.epochs.now, used: s.pool.used, at: s.now(), tables: s.tables, layout: s.layout,
		bases: s.pool.bases, dirs: make([]versions, len(s.groups)+1), ends: make([]loc, len(s.groups)),
	}
	for i := range s.groups {
		v.dirs[i].entries, v.ends[i] = s.groups[i].rows.entries, s.groups[i].next
	}
	v.dirs[len(s.groups)].entries = s.blocks.dir.entries
	s.epochs.newest = s.epochs.now
	s.epochs.now++
	s.epochs.views = append(s.epochs.views, v)
	s.life.mu.Lock()
	s.life.open++
	s.life.mu.Unlock()
	return v, nil
}

// Release ends the view. The chunks that were kept for it go back at the store's next write.
func (v *view) Release() {
	if v.done.Swap(true) {
		return
	}
	s := v.store
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.epochs.released.Add(1)
	s.life.open--
	if s.life.closed && s.life.open == 0 {
		s.pool.close()
	}
}

// helpWriter makes memory for the copies that the task needs while the view is open, if the store is so large that it needs many.
func (v *view) helpWriter() {
	if v.used > 8*maxSlab {
		v.store.pool.makeAhead()
	}
}

// keep says what the entry of chunk i of a directory was.
func (v *view) keep(number int32, i int, e uint64) { v.dirs[number].keep(i, e) }

// Tables returns the tables in the order in which they were opened.
func (v *view) Tables() []state.Table {
	tables := make([]state.Table, len(v.tables))
	for i, t := range v.tables {
		tables[i] = t.form.Table
	}
	return tables
}

func (v *view) mem(x piece) unsafe.Pointer {
	return unsafe.Add(v.bases[x>>placeBits], int(x&(1<<placeBits-1))*minPiece)
}

// block returns a block as it was.
func (v *view) block(r ref) []byte {
	x := v.dirs[len(v.dirs)-1].at(r.chunk(), v.epoch)
	return unsafe.Slice((*byte)(unsafe.Add(v.mem(x), r.offset())), r.size())
}

// Read yields the rows of a table by key group.
func (v *view) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		r := reader{view: v, table: v.tables[i], out: v.tables[i].form.NewRowBuilder(), yield: yield}
		for g := range v.ends {
			r.group = v.store.cfg.Groups.From + g
			if err := ctx.Err(); err != nil {
				yield(state.Rows{}, err)
				return
			}
			v.helpWriter()
			if !r.readGroup(g) || !r.flush() {
				return
			}
		}
	}
}

// reader makes batches of a table's rows.
type reader struct {
	view       *view
	table      *table
	group      int
	out        *state.RowBuilder
	yield      func(state.Rows, error) bool
	keyScratch []byte
	scratch    []byte
}

// readGroup adds the rows of a group, and returns false when no more are wanted.
func (r *reader) readGroup(g int) bool {
	l := &r.view.layout
	for chunk := range r.view.dirs[g].entries {
		first := loc(chunk) << l.posBits
		if first >= r.view.ends[g] {
			break
		}
		base := r.view.mem(r.view.dirs[g].at(chunk, r.view.epoch))
		for pos := 0; pos < l.perChunk && first+loc(pos) < r.view.ends[g]; pos++ {
			have := rowOf(base, pos, l.size)
			if have.inUse() && have.has(r.table.bit) && !r.readRow(have) {
				return false
			}
		}
	}
	return true
}

// readRow adds the cells of a row.
func (r *reader) readRow(have row) bool {
	e := state.Entry{Key: r.view.layout.keyIn(r.view, have, &r.keyScratch)}
	if r.table.kind != treeTable {
		return r.add(&e, r.table.stored(r.view, have, &r.scratch))
	}
	return treeScan(r.view, have.ref(r.table.at), nil, &r.scratch, func(namespace, stored []byte) bool {
		e.Namespace = namespace
		return r.add(&e, stored)
	})
}

func (r *reader) add(e *state.Entry, stored []byte) bool {
	e.Cell = stored
	if ttl := r.table.ttl; ttl > 0 {
		e.Written, e.Cell = int64(binary.LittleEndian.Uint64(stored)), stored[stampBytes:]
		if state.Expired(e.Written, ttl, r.view.at) {
			return true
		}
	}
	if err := r.out.Add(e); err != nil {
		r.yield(state.Rows{}, err)
		return false
	}
	return !r.out.Full() || r.flush()
}

func (r *reader) flush() bool {
	return r.out.Len() == 0 || r.yield(state.Rows{Group: r.group, Batch: r.out.Finish()}, nil)
}
