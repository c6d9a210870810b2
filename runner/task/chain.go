package task

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// queue is a stream.Output that collects batches.
type queue struct {
	batches []columnar.Batch
	next    int
	metrics *metrics.Set // of the operator that emits; nil: not counted
	sides   map[int][]shuffle.Writer
}

// emitted is the room of an operator's output: an operator is not called again until what it emitted has been taken, so one batch is
// enough, and those that owe more pay it by Resume.
const emitted = 1

// Emit implements stream.Output. Batches in which no row counts are dropped.
func (q *queue) Emit(b columnar.Batch) {
	n := b.Rows()
	if n == 0 {
		return
	}
	if q.metrics != nil {
		q.metrics.RowsOut.Add(int64(n))
	}
	q.batches = append(q.batches, b)
}

// EmitSide implements stream.Output. The rows of a side that nobody reads are dropped.
func (q *queue) EmitSide(side int, b columnar.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	for _, w := range q.sides[side] {
		if err := w.Write(b, false); err != nil {
			return fmt.Errorf("exchanging rows of side output %d: %w", side, err)
		}
	}
	return nil
}

// Room implements stream.Output.
func (q *queue) Room() int { return max(0, emitted-q.len()) }

func (q *queue) len() int { return len(q.batches) - q.next }

// take removes and returns the first batch; there must be one.
func (q *queue) take() columnar.Batch {
	b := q.batches[q.next]
	q.batches[q.next] = columnar.Batch{}
	if q.next++; q.next == len(q.batches) {
		q.batches, q.next = q.batches[:0], 0
	}
	return b
}

// link is an operator in a chain, and what the driver knows of it.
type link struct {
	name    string // of the user's node
	op      stream.Operator
	resumer stream.Resumer // nil: never owes
	env     *stream.Env
	out     queue
	owing   bool
	chooser stream.Chooser  // nil: takes any input
	open    stream.InputSet // of ports, those that have not ended
	main    int             // the port that the operator before, or the reader, feeds
}

// start opens the operator, whose life ctx is from now on.
func (l *link) start(ctx context.Context) error {
	l.env.Context = ctx
	return l.op.Open(l.env)
}

func (l *link) hasEnded() bool { return l.open == 0 && !l.owing }

// takes says whether the operator takes a batch, or the end, of that input now.
func (l *link) takes(port int) bool {
	return !l.owing && l.out.len() == 0 && l.open.Has(port) && (l.chooser == nil || l.chooser.Wants().Has(port))
}

// chain drives operators one behind the other. It is driven from its tail: an operator is called only when what it emitted last has been
// taken, so a batch that shares buffers with its maker stays as it is until it has been used, and a chain holds no more than a batch or two
// for each operator.
type chain struct {
	links   []*link
	direct  queue // the output when there are no operators
	open    bool  // the input has not ended, when there are no operators
	running *link // for messages about panics
}

// tail is what comes out of the chain.
func (c *chain) tail() *queue {
	if len(c.links) == 0 {
		return &c.direct
	}
	return &c.links[len(c.links)-1].out
}

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
		if l.out.len() > 0 {
			continue
		}
		if l.owing {
			return true, c.resume(l)
		}
		if i == 0 {
			return false, nil
		}
		before := c.links[i-1]
		switch {
		case !l.takes(l.main):
		case before.out.len() > 0:
			return true, c.process(l, l.main, before.out.take())
		case before.hasEnded():
			return true, c.end(l, l.main)
		}
	}
	return false, nil
}

// takes says whether the operator at position at takes a batch, or the end, of that input now; without operators, whether the output is free.
func (c *chain) takes(at, port int) bool {
	if len(c.links) == 0 {
		return c.direct.len() == 0 && c.open
	}
	return c.links[at].takes(port)
}

// takesMain, pushMain and endMain are for what a reader feeds the chain with.
func (c *chain) takesMain() bool { return c.takes(0, c.main()) }

func (c *chain) pushMain(b columnar.Batch) error { return c.push(0, c.main(), b) }

func (c *chain) endMain() error { return c.endInput(0, c.main()) }

func (c *chain) main() int {
	if len(c.links) == 0 {
		return 0
	}
	return c.links[0].main
}

// isFinished says whether an operator of the chain needs no more input, so that those before it need none either.
func (c *chain) isFinished() bool {
	for _, l := range c.links {
		if f, ok := l.op.(stream.Finisher); ok && f.IsFinished() {
			return true
		}
	}
	return false
}

// push gives an operator a batch that it takes.
func (c *chain) push(at, port int, b columnar.Batch) error {
	if len(c.links) == 0 {
		c.direct.Emit(b)
		return nil
	}
	return c.process(c.links[at], port, b)
}

// endInput tells an operator that an input which it takes has ended.
func (c *chain) endInput(at, port int) error {
	if len(c.links) == 0 {
		c.open = false
		return nil
	}
	return c.end(c.links[at], port)
}

// hasEnded says whether everything has come out of the chain and been taken.
func (c *chain) hasEnded() bool {
	if len(c.links) == 0 {
		return !c.open && c.direct.len() == 0
	}
	last := c.links[len(c.links)-1]
	return last.hasEnded() && last.out.len() == 0
}

func (c *chain) process(l *link, input int, b columnar.Batch) error {
	l.env.Metrics.RowsIn.Add(int64(b.Rows()))
	l.env.Metrics.Batches.Add(1)
	return c.call(l, func() error { return l.op.Process(input, b, &l.out) })
}

func (c *chain) end(l *link, input int) error {
	l.open &^= stream.Input(input)
	return c.call(l, func() error { return l.op.EndInput(input, &l.out) })
}

func (c *chain) resume(l *link) error {
	c.running = l
	start := time.Now()
	more, err := l.resumer.Resume(&l.out)
	l.env.Metrics.Busy.Add(int64(time.Since(start)))
	l.owing = more
	return l.wrap(err)
}

// call runs a method of an operator. After each, a Resumer may owe.
func (c *chain) call(l *link, f func() error) error {
	c.running = l
	start := time.Now()
	err := f()
	l.env.Metrics.Busy.Add(int64(time.Since(start)))
	l.owing = l.resumer != nil
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
