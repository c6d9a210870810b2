package task

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/stream"
)

// posted is how many functions may wait to be called before Post blocks.
const posted = 256

// mailbox is what others want of a task: notices of the coordinator's, and functions that goroutines of operators post.
type mailbox struct {
	posts chan post
	held  *post         // taken, while its operator may not be called
	ended chan struct{} // closed with the task's loop

	hasNotices atomic.Bool
	mu         sync.Mutex // guards notices
	notices    []notice
}

// post is a function to be called as if it were a method of the operator.
type post struct {
	link *link
	f    func(stream.Output) error
}

// notice is something that the coordinator says.
type notice struct {
	kind    noticeKind
	barrier stream.Barrier // of completed and aborted: the ID alone
	waits   time.Duration  // of triggered: how long barriers are waited for; negative: however long it takes
	look    func(View)     // of inspected
	group   string         // of aligning, as is the next
	least   stream.Watermark
}

type noticeKind uint8

const (
	triggered noticeKind = iota // cut here
	completed
	aborted
	released
	inspected
	aligning
)

func (m *mailbox) init() {
	m.posts, m.ended = make(chan post, posted), make(chan struct{})
}

// close has whoever posts know that nobody reads.
func (m *mailbox) close() { close(m.ended) }

func (t *Task) notify(n notice) {
	t.mail.mu.Lock()
	t.mail.notices = append(t.mail.notices, n)
	t.mail.mu.Unlock()
	t.mail.hasNotices.Store(true)
	t.Wake()
}

// Trigger has the task cut its stream for a checkpoint: a source between two batches, others when their inputs, whose producers have ended,
// are read. Barriers are waited for so long; negative: however long it takes. Any goroutine may call it, and the two below.
func (t *Task) Trigger(b stream.Barrier, patience time.Duration) {
	t.notify(notice{kind: triggered, barrier: b, waits: patience})
}

// Completed tells the operators that a checkpoint, and all before it, are complete.
func (t *Task) Completed(cp stream.CheckpointID) {
	t.notify(notice{kind: completed, barrier: stream.Barrier{ID: cp}})
}

// Aborted tells the task that a checkpoint will not be completed: nobody waits for its barriers any more.
func (t *Task) Aborted(cp stream.CheckpointID) {
	t.notify(notice{kind: aborted, barrier: stream.Barrier{ID: cp}})
}

// Release ends the task, which waits for that when it has nothing left to do, or is stopped as it is.
func (t *Task) Release() { t.notify(notice{kind: released}) }

// obey does what the notices say.
func (t *Task) obey() error {
	if !t.mail.hasNotices.Load() {
		return nil
	}
	t.mail.mu.Lock()
	notices := t.mail.notices
	t.mail.notices = nil
	t.mail.hasNotices.Store(false)
	t.mail.mu.Unlock()
	var errs []error
	for _, n := range notices {
		switch n.kind {
		case triggered:
			t.bar(n.barrier)
			if t.cut.barrier.ID == n.barrier.ID {
				t.cut.barrier, t.cut.triggered = n.barrier, true
				t.await(n.waits)
			}
		case completed:
			errs = append(errs, t.complete(n.barrier.ID))
		case aborted:
			errs = append(errs, t.abort(n.barrier.ID))
		case inspected:
			n.look(t.view())
		case aligning:
			t.align(n.group, n.least)
		case released:
			t.cut.released = true
		}
	}
	return errors.Join(errs...)
}

// post hands a function to the task's loop.
func (t *Task) post(l *link, f func(stream.Output) error) bool {
	select {
	case t.mail.posts <- post{l, f}:
		t.Wake()
		return true
	case <-t.mail.ended:
		return false
	}
}

// takeMail calls a function that was posted, or an operator whose time has come.
func (t *Task) takeMail() (bool, error) {
	if did, err := t.takePost(); did || err != nil || t.chain.due().IsZero() {
		return did, err
	}
	return t.chain.ring(t.clock.Now())
}

// takePost calls a function that was posted.
func (t *Task) takePost() (bool, error) {
	if t.mail.held == nil {
		select {
		case p := <-t.mail.posts:
			t.mail.held = &p
		default:
		}
	}
	if p := t.mail.held; p != nil && p.link.isFree() {
		t.mail.held = nil
		return true, t.chain.call(p.link, func() error { return p.f(&p.link.out) })
	}
	return false, nil
}
