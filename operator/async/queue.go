package async

import "iter"

// entry is a request, or a watermark between requests.
type entry struct {
	record any
	answer any
	time   int64 // of the record; the watermark
	isMark bool

	isDone    bool // it has been answered, or has failed
	isDropped bool // it has failed, and is left out
	isEmitted bool
	segment   int // requests between two watermarks have the same
}

// queue is what has come and not left yet, oldest first.
type queue struct {
	entries []*entry
	started int // entries before are started, or watermarks
	segment int // of what is added
}

func (q *queue) add(e *entry) {
	e.segment = q.segment
	q.entries = append(q.entries, e)
}

// mark adds a watermark, or raises the one at the end.
func (q *queue) mark(at int64) {
	if n := len(q.entries); n > 0 && q.entries[n-1].isMark {
		q.entries[n-1].time = at
		return
	}
	q.add(&entry{isMark: true, time: at, isDone: true})
	q.segment++
}

// next returns the oldest request that has not been started, and counts it as started; nil: there is none.
func (q *queue) next() *entry {
	if !q.waits() {
		return nil
	}
	q.started++
	return q.entries[q.started-1]
}

// waits says whether there are requests that have not been started.
func (q *queue) waits() bool {
	for q.started < len(q.entries) && q.entries[q.started].isMark {
		q.started++
	}
	return q.started < len(q.entries)
}

// first returns the oldest entry; nil: there is none.
func (q *queue) first() *entry {
	if len(q.entries) == 0 {
		return nil
	}
	return q.entries[0]
}

// pop removes the oldest entry.
func (q *queue) pop() {
	q.entries[0] = nil
	q.entries = q.entries[1:]
	q.started = max(0, q.started-1)
}

// isFirstSegment says whether no watermark stands before the entry.
func (q *queue) isFirstSegment(e *entry) bool { return q.entries[0].segment == e.segment }

// firstSegment yields the requests that no watermark stands before and that are started.
func (q *queue) firstSegment() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range q.entries[:q.started] {
			if e.isMark || !yield(e) {
				return
			}
		}
	}
}
