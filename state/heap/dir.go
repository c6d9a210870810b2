package heap

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A directory lists the chunks of something that is saved: the rows of a key group, or blocks. An entry has the chunk's piece and the epoch
// in which it was written last. Freezing ends an epoch: what was written until then stays as it is as long as a view of it is open, because a
// write to a chunk of an ended epoch goes to a copy.
//
//	entry        epoch << 32 | piece
//	epochs    1  2  3     the current one is 4, a view of 3 is open
//	chunk 0   .  w  .     a write copies it: its epoch is not after that of the view
//	chunk 1   .  .  .  w  a write goes to it
//
// The task's goroutine alone writes. A reader of a view loads the entry: when its epoch is not after the view's, that chunk is the view's, and
// nobody writes to it; else the view has been told, before the entry changed, what was there, or the chunk is newer than the view.
type dir struct {
	number  int32 // among the store's directories
	entries []atomic.Uint64
}

const firstEpoch = 1

func entryOf(epoch uint32, x piece) uint64 { return uint64(epoch)<<32 | uint64(x) }

func pieceOf(entry uint64) piece { return piece(entry) }

func epochOf(entry uint64) uint32 { return uint32(entry >> 32) }

// add appends a chunk.
func (d *dir) add(epoch uint32, x piece) {
	if len(d.entries) == cap(d.entries) {
		more := make([]atomic.Uint64, len(d.entries), 2*len(d.entries)+1)
		for i := range d.entries {
			more[i].Store(d.entries[i].Load())
		}
		d.entries = more
	}
	d.entries = d.entries[:len(d.entries)+1]
	d.entries[len(d.entries)-1].Store(entryOf(epoch, x))
}

// at returns chunk i, for reading by the task's goroutine.
func (d *dir) at(i int) piece { return pieceOf(d.entries[i].Load()) }

// retired is a chunk that was replaced while the newest view was open.
type retired struct {
	piece piece
	class class
	epoch uint32
}

// epochs is the store's time: which epoch is on, and which views are open.
type epochs struct {
	now    uint32
	newest uint32 // epoch of the newest open view, 0: there is none
	views  []*view

	released atomic.Int32 // views whose reader is through with them, and that are still in views
}

// writable returns chunk i, of class c, to write to. An error is the pool's.
func (s *store) writable(d *dir, i int, c class) (piece, error) {
	e := d.entries[i].Load()
	if epochOf(e) == s.epochs.now {
		return pieceOf(e), nil
	}
	return s.renew(d, i, c, e)
}

// renew makes chunk i, last written in an ended epoch, one of the current epoch: by a copy if a view needs it as it is.
func (s *store) renew(d *dir, i int, c class, e uint64) (piece, error) {
	s.reap()
	if epochOf(e) > s.epochs.newest {
		d.entries[i].Store(entryOf(s.epochs.now, pieceOf(e)))
		return pieceOf(e), nil
	}
	fresh, err := s.pool.alloc(c)
	if err != nil {
		return 0, err
	}
	copy(s.pool.bytes(fresh, c.bytes()), s.pool.bytes(pieceOf(e), c.bytes()))
	s.replace(d, i, c, e, fresh)
	return fresh, nil
}

// replace makes fresh chunk i, whose entry is e and which was of class c. The old one goes to the views that need it, or back to the pool.
func (s *store) replace(d *dir, i int, c class, e uint64, fresh piece) {
	if s.epochs.newest == 0 || epochOf(e) > s.epochs.newest {
		d.entries[i].Store(entryOf(s.epochs.now, fresh))
		s.pool.put(pieceOf(e), c)
		return
	}
	for _, v := range s.epochs.views {
		if v.epoch >= epochOf(e) {
			v.keep(d.number, i, e)
		}
	}
	newest := s.epochs.views[len(s.epochs.views)-1]
	newest.retired = append(newest.retired, retired{pieceOf(e), c, epochOf(e)})
	d.entries[i].Store(entryOf(s.epochs.now, fresh))
}

// reap takes the views away that have been released, and gives chunks back that nobody needs any more.
func (s *store) reap() {
	if s.epochs.released.Load() == 0 {
		return
	}
	for i := 0; i < len(s.epochs.views); {
		v := s.epochs.views[i]
		if !v.done.Load() {
			i++
			continue
		}
		s.epochs.released.Add(-1)
		s.epochs.views = append(s.epochs.views[:i], s.epochs.views[i+1:]...)
		for _, r := range v.retired {
			s.passOn(r, v)
		}
	}
	s.epochs.newest = 0
	if n := len(s.epochs.views); n > 0 {
		s.epochs.newest = s.epochs.views[n-1].epoch
	}
}

// passOn gives what v kept to an older view that needs it, or back to the pool. A newer one has never seen it.
func (s *store) passOn(r retired, v *view) {
	for _, older := range slices.Backward(s.epochs.views) {
		if older.epoch < v.epoch && older.epoch >= r.epoch {
			older.retired = append(older.retired, r)
			return
		}
	}
	s.pool.put(r.piece, r.class)
}

// versions are the chunks of a directory as a view has them: the entries there were, and those that have been replaced since.
type versions struct {
	entries []atomic.Uint64
	old     atomic.Pointer[[]atomic.Uint64]
}

// keep says what the entry of chunk i was when the view was made. The task's goroutine calls it before the entry changes.
func (v *versions) keep(i int, e uint64) {
	if i >= len(v.entries) {
		return
	}
	old := v.old.Load()
	if old == nil {
		made := make([]atomic.Uint64, len(v.entries))
		old = &made
		v.old.Store(old)
	}
	(*old)[i].Store(e)
}

// at returns chunk i of the view.
func (v *versions) at(i int, epoch uint32) piece { return pieceOf(v.entry(i, epoch)) }

// entry returns the entry of chunk i as it was for the view.
func (v *versions) entry(i int, epoch uint32) uint64 {
	e := v.entries[i].Load()
	if epochOf(e) <= epoch {
		return e
	}
	if old := v.old.Load(); old != nil {
		return (*old)[i].Load()
	}
	return 0
}

// lifetime ends the memory when the store is closed and all views are released.
type lifetime struct {
	mu     sync.Mutex
	open   int // views
	closed bool
}
