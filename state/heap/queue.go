package heap

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/millrace/millrace/internal/budget"
)

// queue has the keys that have timers, by time. Time is cut into slices of 17 s and those into buckets of 65 ms:
//
//	late      entries of times that have been opened: a binary heap
//	current   the bucket that was opened last, sorted
//	near      the further buckets of the slice that was cut last
//	far       slices, unsorted; the earliest is cut into buckets when its time has come
//
// Entries whose timer is gone are dropped when they are met. A far slice of which most timers have been deleted is cleaned, so that sessions,
// which move their timer with each element, do not fill it.
type queue struct {
	exists func(e entry) bool
	acct   *budget.Account

	far    map[int64]*farSlice
	starts numbers // of the far slices

	slice  int64 // what near is of, if cut
	cut    bool
	near   [nearBuckets]counted[nearEntry]
	bucket int // the next of near to open

	current counted[nearEntry]
	start   int64 // the time at which current begins
	at      int   // in current
	opened  int64 // times up to this go to late
	late    lateHeap
}

const (
	bucketBits  = 16
	sliceBits   = 24
	nearBuckets = 1 << (sliceBits - bucketBits)
)

// entry is a time at which keys of a tag have timers. Entries of one time are in the order of group and tag.
type entry struct {
	at    int64
	group uint32 // from the first that is owned
	tag   uint32
}

func (e entry) compare(f entry) int {
	return cmp.Or(cmp.Compare(e.at, f.at), cmp.Compare(e.group, f.group), cmp.Compare(e.tag, f.tag))
}

// nearEntry is an entry of a known bucket: time in it, group, tag; 16, 16 and 32 bits.
type nearEntry uint64

func (e entry) near() nearEntry {
	return nearEntry(e.at&(1<<bucketBits-1))<<48 | nearEntry(e.group)<<32 | nearEntry(e.tag)
}

func (n nearEntry) entry(start int64) entry {
	return entry{start | int64(n>>48), uint32(n>>32) & 0xffff, uint32(n)}
}

// maxGroups is how many key groups an entry can tell apart.
const maxGroups = 1 << 16

// farSlice is the entries of a slice.
type farSlice struct {
	counted[entry]
	first   int64 // the earliest time, unless unknown
	unknown bool  // the earliest may have been deleted
	deleted int   // timers deleted since it was cleaned
}

// minClean is how many timers of a far slice are deleted before it is cleaned.
const minClean = 64

func newQueue(acct *budget.Account, exists func(e entry) bool) queue {
	return queue{exists: exists, acct: acct, far: map[int64]*farSlice{}, opened: math.MinInt64}
}

func (q *queue) add(e entry) error {
	slice := e.at >> sliceBits
	if e.at <= q.opened {
		return q.late.push(q.acct, e)
	}
	if q.cut && slice == q.slice {
		return q.near[int(e.at>>bucketBits)&(nearBuckets-1)].add(q.acct, e.near())
	}
	f := q.far[slice]
	if f == nil {
		f = &farSlice{first: e.at}
		q.far[slice] = f
		heap.Push(&q.starts, slice)
	}
	if f.first = min(f.first, e.at); len(f.all) == 0 {
		f.first = e.at // that of those cleaned away says nothing
	}
	return f.add(q.acct, e)
}

// deleted notes that a timer was deleted.
func (q *queue) deleted(at int64) {
	f := q.far[at>>sliceBits]
	if f == nil || at <= q.opened {
		return
	}
	f.unknown = f.unknown || at == f.first
	f.deleted++
	if f.deleted >= minClean && f.deleted > len(f.all)/2 {
		q.clean(f)
	}
}

// clean drops the entries whose timers are gone, and those that are there twice.
func (q *queue) clean(f *farSlice) {
	f.all = slices.DeleteFunc(f.all, func(e entry) bool { return !q.exists(e) })
	slices.SortFunc(f.all, entry.compare)
	f.all = slices.Compact(f.all)
	f.deleted, f.unknown = 0, false
	if len(f.all) > 0 {
		f.first = f.all[0].at
	}
}

// first returns the first entry of those that have been opened.
func (q *queue) first() (e entry, ok bool) {
	if q.at < len(q.current.all) {
		e, ok = q.current.all[q.at].entry(q.start), true
	}
	if len(q.late.all) > 0 && (!ok || q.late.all[0].compare(e) < 0) {
		e, ok = q.late.all[0], true
	}
	return e, ok
}

// pop takes away what first returned.
func (q *queue) pop() {
	if q.at < len(q.current.all) && (len(q.late.all) == 0 || q.current.all[q.at].entry(q.start).compare(q.late.all[0]) <= 0) {
		q.at++
		return
	}
	heap.Pop(&q.late)
}

// open opens the next bucket that has entries, when first has none, and returns false if those would all be after until.
func (q *queue) open(until int64) (bool, error) {
	q.current.drop(q.acct)
	q.at = 0
	for {
		for ; q.cut && q.bucket < nearBuckets; q.bucket++ {
			start := q.slice<<sliceBits | int64(q.bucket)<<bucketBits
			if start > until {
				return false, nil
			}
			b := &q.near[q.bucket]
			q.opened = start | (1<<bucketBits - 1)
			if len(b.all) == 0 {
				continue
			}
			q.current, *b = *b, counted[nearEntry]{}
			q.start = start
			slices.Sort(q.current.all)
			q.bucket++
			return true, nil
		}
		q.cut = false
		if len(q.starts) == 0 || q.starts[0]<<sliceBits > until {
			return false, nil
		}
		if err := q.cutFirst(); err != nil {
			return false, err
		}
	}
}

// cutFirst cuts the earliest far slice into buckets.
func (q *queue) cutFirst() error {
	slice := q.starts[0]
	f := q.far[slice]
	for _, e := range f.all {
		if err := q.near[int(e.at>>bucketBits)&(nearBuckets-1)].add(q.acct, e.near()); err != nil {
			for k := range q.near {
				q.near[k].drop(q.acct)
			}
			return err
		}
	}
	f.drop(q.acct)
	delete(q.far, slice)
	heap.Pop(&q.starts)
	q.slice, q.cut, q.bucket = slice, true, 0
	return nil
}

// earliest returns the time of the first timer that is there, without opening anything.
func (q *queue) earliest() (at int64, ok bool) {
	for {
		e, ok := q.first()
		if !ok {
			break
		}
		if q.exists(e) {
			return e.at, true
		}
		q.pop()
	}
	if at, ok = q.earliestNear(); ok {
		return at, true
	}
	for len(q.starts) > 0 {
		f := q.far[q.starts[0]]
		if f.unknown {
			q.clean(f)
		}
		if len(f.all) > 0 {
			return f.first, true
		}
		f.drop(q.acct)
		delete(q.far, q.starts[0])
		heap.Pop(&q.starts)
	}
	return 0, false
}

// earliestNear looks into the buckets that have not been opened yet.
func (q *queue) earliestNear() (at int64, ok bool) {
	for k := q.bucket; q.cut && k < nearBuckets; k++ {
		b := &q.near[k]
		start := q.slice<<sliceBits | int64(k)<<bucketBits
		for len(b.all) > 0 {
			i := 0
			for k := range b.all {
				if b.all[k] < b.all[i] {
					i = k
				}
			}
			if e := b.all[i].entry(start); q.exists(e) {
				return e.at, true
			}
			b.all[i] = b.all[len(b.all)-1]
			b.all = b.all[:len(b.all)-1]
		}
	}
	return 0, false
}

// close gives the memory back.
func (q *queue) close() {
	for _, f := range q.far {
		f.drop(q.acct)
	}
	for k := range q.near {
		q.near[k].drop(q.acct)
	}
	q.current.drop(q.acct)
	q.late.drop(q.acct)
	*q = newQueue(q.acct, q.exists)
}

// counted is a slice whose memory is counted in an account.
type counted[T any] struct{ all []T }

func (c *counted[T]) add(acct *budget.Account, v T) error {
	if len(c.all) == cap(c.all) {
		size := int64(unsafe.Sizeof(v))
		more := max(4, 2*cap(c.all))
		if err := acct.Grow(int64(more-cap(c.all)) * size); err != nil {
			return fmt.Errorf("growing a queue of timers: %w", err)
		}
		c.all = append(make([]T, 0, more), c.all...)
	}
	c.all = append(c.all, v)
	return nil
}

func (c *counted[T]) drop(acct *budget.Account) {
	var v T
	acct.Release(int64(cap(c.all)) * int64(unsafe.Sizeof(v)))
	c.all = nil
}

// numbers is a heap of numbers.
type numbers []int64

func (h numbers) Len() int           { return len(h) }
func (h numbers) Less(i, j int) bool { return h[i] < h[j] }
func (h numbers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *numbers) Push(x any) { *h = append(*h, x.(int64)) }

// Pop is for package heap.
func (h *numbers) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// lateHeap is a heap of entries.
type lateHeap struct{ counted[entry] }

func (h *lateHeap) Len() int           { return len(h.all) }
func (h *lateHeap) Less(i, j int) bool { return h.all[i].compare(h.all[j]) < 0 }
func (h *lateHeap) Swap(i, j int)      { h.all[i], h.all[j] = h.all[j], h.all[i] }

// Push is not called: push has made room and put the entry behind the others.
func (h *lateHeap) Push(any) {}

// Pop is for package heap.
func (h *lateHeap) Pop() any {
	h.all = h.all[:len(h.all)-1]
	return nil
}

func (h *lateHeap) push(acct *budget.Account, e entry) error {
	if err := h.add(acct, e); err != nil {
		return err
	}
	heap.Fix(h, len(h.all)-1)
	return nil
}
