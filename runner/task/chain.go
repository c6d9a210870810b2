package task

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// link is an operator in a chain, and what the driver knows of it.
type link struct {
	name  string // of the user's node
	op    stream.Operator
	env   *stream.Env
	out   queue
	open  stream.InputSet // of ports, those that have not ended
	main  int             // the port that the operator before, or the reader, feeds
	owing bool
	abilities
	clock
}

// abilities are the optional interfaces of an operator; nil: it has not got it.
type abilities struct {
	resumer  stream.Resumer
	chooser  stream.Chooser
	timed    stream.Timed
	marker   stream.Marker
	relay    stream.Relay
	alarmed  stream.Alarmed
	splitter stream.Splitter
	waiter   stream.Waiter
	flusher  stream.Flusher
	keeper   stream.Keeper
	stateful stream.Stateful
	notified stream.Notified
}

func abilitiesOf(op stream.Operator) (a abilities) {
	a.resumer, _ = op.(stream.Resumer)
	a.chooser, _ = op.(stream.Chooser)
	a.timed, _ = op.(stream.Timed)
	a.marker, _ = op.(stream.Marker)
	a.relay, _ = op.(stream.Relay)
	a.alarmed, _ = op.(stream.Alarmed)
	a.splitter, _ = op.(stream.Splitter)
	a.waiter, _ = op.(stream.Waiter)
	a.flusher, _ = op.(stream.Flusher)
	a.keeper, _ = op.(stream.Keeper)
	a.stateful, _ = op.(stream.Stateful)
	a.notified, _ = op.(stream.Notified)
	return a
}

// pass is the operator of a chain that has none.
type pass struct{}

func (pass) Open(*stream.Env) error { return nil }
func (pass) Process(_ int, b columnar.Batch, out stream.Output) error {
	out.Emit(b)
	return nil
}
func (pass) EndInput(int, stream.Output) error { return nil }
func (pass) EmitsFresh(input bool) bool        { return input }
func (pass) Close() error                      { return nil }

// start opens the operator, whose life ctx is from now on, and gives it its state back.
func (l *link) start(ctx context.Context, restore func() error) error {
	l.env.Context = ctx
	if err := l.op.Open(l.env); err != nil {
		return err
	}
	if restore == nil {
		return nil
	}
	if err := restore(); err != nil {
		return fmt.Errorf("restoring state: %w", err)
	}
	return nil
}

func (l *link) hasEnded() bool {
	return l.open == 0 && !l.owing && (l.waiter == nil || !l.waiter.IsWaiting())
}

// isFree says whether the operator may be called: it owes nothing and what it emitted has been taken.
func (l *link) isFree() bool { return !l.owing && l.out.len() == 0 }

// takes says whether the operator takes rows, a mark or the end of that input now.
func (l *link) takes(port int) bool {
	return l.isFree() && l.open.Has(port) && (l.chooser == nil || l.chooser.Wants().Has(port))
}

// chain drives operators one behind the other. It is driven from its tail: an operator is called only when what it emitted last has been
// taken, so a batch that shares buffers with its maker stays as it is until it has been used, and a chain holds no more than a batch or two
// for each operator. There is at least one link.
type chain struct {
	links   []*link
	running *link // for messages about panics
	cutting bool  // a barrier waits: timers that are due are left for after it
}

// tail is what comes out of the chain.
func (c *chain) tail() *queue { return &c.links[len(c.links)-1].out }

// fresh is an operator that says whether the batches it emits share buffers with itself, or with its input when that is not fresh. Without
// the method they are thought to.
type fresh interface{ EmitsFresh(input bool) bool }

// freshen tells every operator whether its input is fresh, and returns whether the chain's output is: whoever takes a fresh batch may keep
// it. What comes over an exchange or from a reader is.
func (c *chain) freshen() bool {
	is := true
	for _, l := range c.links {
		l.env.Fresh = is
		f, ok := l.op.(fresh)
		is = ok && f.EmitsFresh(is)
	}
	return is
}

// step lets the operator nearest to the tail that can do something do it. False: nothing can be done without input, or without taking from
// the tail.
func (c *chain) step() (bool, error) {
	for i, l := range slices.Backward(c.links) {
		switch {
		case l.out.len() > 0:
			continue
		case l.owing && c.cutting && l.isAdvancing() && isQuiet(c.links[:i]):
			continue
		case l.owing:
			return true, c.resume(l)
		case i == 0:
			return false, nil
		}
		before := c.links[i-1]
		switch {
		case !l.takes(l.main):
		case before.out.len() > 0:
			return true, c.push(l, l.main, l.mainFeed, before.out.take())
		case before.hasEnded():
			_, err := c.endFeed(l, l.main, l.mainFeed, true)
			return true, err
		}
	}
	return false, nil
}

// isQuiet says whether nothing is on its way in the chain, but for timers that are due.
func (c *chain) isQuiet() bool { return isQuiet(c.links) }

func isQuiet(links []*link) bool {
	for _, l := range links {
		if l.out.len() > 0 || l.owing && !l.isAdvancing() {
			return false
		}
	}
	return true
}

// flush has operators emit the rows they are gathering. False: there were none.
func (c *chain) flush() (bool, error) {
	for _, l := range c.links {
		if l.flusher == nil || !l.isFree() {
			continue
		}
		c.running = l
		if err := l.flusher.Flush(&l.out); err != nil {
			return true, l.wrap(err)
		}
		if l.out.len() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// head is the operator that a reader feeds.
func (c *chain) head() *link { return c.links[0] }

// isFinished says whether an operator of the chain needs no more input, so that those before it need none either.
func (c *chain) isFinished() bool {
	for _, l := range c.links {
		if f, ok := l.op.(stream.Finisher); ok && f.IsFinished() {
			return true
		}
	}
	return false
}

// hasEnded says whether everything has come out of the chain and been taken.
func (c *chain) hasEnded() bool {
	last := c.links[len(c.links)-1]
	return last.hasEnded() && last.out.len() == 0
}

// push gives an operator rows, or a mark, of an input that it takes.
func (c *chain) push(l *link, port, feed int, e element) error {
	if e.mark.Kind != stream.NoMark {
		return c.take(l, feed, e.mark)
	}
	if m, changed := l.merge.Rows(feed); changed {
		l.hand(m)
	}
	return c.process(l, port, e.batch)
}

func (c *chain) process(l *link, input int, b columnar.Batch) error {
	l.env.Metrics.RowsIn.Add(int64(b.Rows()))
	l.env.Metrics.Batches.Add(1)
	return c.call(l, func() error { return l.op.Process(input, b, &l.out) })
}

// endFeed tells an operator that one of the feeds of a port has ended, last when the others have too. It is not done as long as what the end
// of time causes has not come out: then it is to be called again when the operator takes the port's end.
func (c *chain) endFeed(l *link, port, feed int, last bool) (done bool, err error) {
	if !l.merge.HasEnded(feed) {
		if m, changed := l.merge.End(feed); changed {
			if err := c.advance(l, m, m.Watermark != stream.EndOfTime); err != nil || !l.isFree() {
				return false, err
			}
		}
	}
	if !last {
		return true, nil
	}
	l.open &^= stream.Input(port)
	return true, c.call(l, func() error { return l.op.EndInput(port, &l.out) })
}

func (c *chain) resume(l *link) error {
	c.running = l
	start := time.Now()
	more, err := l.resumer.Resume(&l.out)
	l.env.Metrics.Busy.Add(int64(time.Since(start)))
	l.owing = more
	if err == nil {
		c.settle(l)
	}
	return l.wrap(err)
}

// call runs a method of an operator. After each, a Resumer may owe.
func (c *chain) call(l *link, f func() error) error {
	c.running = l
	start := time.Now()
	err := f()
	l.env.Metrics.Busy.Add(int64(time.Since(start)))
	l.owing = l.resumer != nil
	if err == nil {
		c.settle(l)
	}
	return l.wrap(err)
}

func (l *link) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.where(), err)
}

// located is an operator that knows which of the user's nodes and records is running.
type located interface{ Where() string }

// where names what runs in the operator: the user's node, and the record where that is known.
func (l *link) where() string {
	if w, ok := l.op.(located); ok {
		if where := w.Where(); where != "" {
			return where
		}
	}
	return l.name
}
