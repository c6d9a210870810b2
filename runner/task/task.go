// Package task runs one parallel instance of a stage: a chain of operators between inputs and outputs.
//
// A task is one goroutine and one loop ([Task.Run]): it hands on what the chain gave, lets the chain work, and takes input only while its
// outputs have room, so that a slow consumer slows it down and it still answers cancellation, timers and checkpoints. Inputs and outputs
// never block; when there is nothing to do the task sleeps until one of them, or a timer, wakes it. A source's reader has a goroutine of its
// own (package operator/source), which Run starts and waits for.
//
// task.go has the loop. What it does in a turn lies beside it: rows come from gates and go to writers (exchange.go) or are read from a source
// (reading.go), operators are driven from the tail of the chain (chain.go), and when nothing can be done the task sleeps (sleep.go). Bad records
// become rows of a side output (bad.go).
//
// Marks travel between the rows: watermarks (clock.go) and the barriers of checkpoints (cut.go). A barrier is waited for on all inputs, or, when
// that takes too long, overtakes the rows ahead of it, which then belong to the checkpoint too (overtake.go). Splits that are ahead of others'
// event time are paused (pace.go). What others want of the task, and what they bring its operators, waits in its mailbox (mail.go) until it is
// between two batches.
//
// A task takes nothing back: an attempt that fails is closed and forgotten, and what it wrote is dropped by those who hold it.
//
// Stability: engine-private.
package task

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// Operator is an operator of the chain, with its environment.
type Operator struct {
	Name string // of the user's node: "wordcount.go:31: GroupBy"
	Op   stream.Operator
	Env  *stream.Env
	// Restore gives the operator its state back, after it has been opened; nil: there is none.
	Restore func() error
	// Watermark is what it was in the checkpoint that is restored.
	Watermark stream.Watermark
}

// Config is what a task is made of.
type Config struct {
	Operators []Operator // head first
	// BatchRows cuts what operators emit, and what gates give, into batches of at most so many rows: tests show with it that results do not
	// depend on batches. 0: batches are as they come.
	BatchRows int
	// Probe is called once a turn of the loop, as long as there is something to do; its error ends the task: tests kill tasks with it. nil:
	// none.
	Probe func() error
	// Cut is told of each barrier, when the operators have been frozen. It owns what is in the Cut, and must not block. nil: the job takes no
	// checkpoints.
	Cut func(Cut)
	// InFlight opens the account in which the rows in flight of an unaligned cut are counted until its Release; nil: nobody counts them.
	InFlight func() *budget.Account
	// Ended is told, of a job that takes checkpoints, when the task has nothing left to do. It answers barriers until it is released.
	Ended func()
	// Paced is told, of a source's task whose splits are aligned with others, how far they have come. It must not block. nil: they are not
	// aligned.
	Paced func(control.Pace)
}

// Task is one attempt at a part of a stage. Make it with New, run it once.
type Task struct {
	config  Config
	chain   chain
	inputs  []Input
	gates   map[port]int // how many of each port have not ended
	outputs []Output     // those that are open
	all     []Output
	facts   []shuffle.Facts // of outputs that are closed
	side    bool            // some outputs are sides'
	bad     []*badRows      // of nodes whose bad records somebody reads
	fetcher *source.Fetcher
	reading bool        // the fetcher has not ended
	holding bool        // splits may be left that no task has
	polled  source.Got  // what the fetcher gave last, if hasGot
	hasGot  bool        // it has not been taken yet
	origin  *stream.Env // the environment of the source node
	pacer   *pacer      // nil: its splits are not aligned with others
	fresh   bool        // what comes out of the chain
	wake    chan struct{}
	mail    mailbox
	cut     cut
	load    *metrics.Set // where time spent waiting is counted
	clock   stream.Clock
	turns   int64 // that did something

	watching bool // the clock is moved by hand, and wakes the task

	stopReading func() // ends the fetcher's goroutine early
}

// New returns a task of the operators.
func New(c Config) *Task {
	t := &Task{config: c, gates: map[port]int{}, wake: make(chan struct{}, 1), clock: stream.SystemClock{}}
	t.mail.init()
	if len(c.Operators) == 0 {
		t.config.Operators = []Operator{{Name: "exchange", Op: pass{}, Env: &stream.Env{Metrics: &metrics.Set{}}, Watermark: stream.NoWatermark}}
	}
	for _, o := range t.config.Operators {
		l := &link{name: o.Name, op: o.Op, env: o.Env, abilities: abilitiesOf(o.Op)}
		l.told, l.marked.Watermark = stream.NoWatermark, stream.NoWatermark
		l.out.metrics, l.out.rows = o.Env.Metrics, c.BatchRows
		o.Env.SetAlarm = func(at time.Time) { l.alarm = at }
		o.Env.Post = func(f func(stream.Output) error) bool { return t.post(l, f) }
		t.chain.links = append(t.chain.links, l)
		if o.Env.Clock != nil {
			t.clock = o.Env.Clock
		}
	}
	t.load = t.chain.head().env.Metrics
	t.fresh = t.chain.freshen()
	return t
}

// Wake makes the task look at its inputs and outputs again. Any goroutine may call it.
func (t *Task) Wake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Connect gives the task its inputs and outputs.
func (t *Task) Connect(inputs []Input, outputs []Output) {
	t.inputs, t.outputs, t.all = inputs, outputs, outputs
	for i := range inputs {
		in := &t.inputs[i]
		l := t.chain.links[in.At]
		t.gates[port{in.At, in.Port}]++
		l.open |= stream.Input(in.Port)
		in.feed = l.feeds
		l.feeds++
	}
	for i, l := range t.chain.links {
		if i > 0 || t.fetcher != nil || l.open == 0 {
			if l.open.Has(l.main) { // a gate's, so what is before the operator feeds the other one: the left side of a join is broadcast
				l.main++
			}
			l.open |= stream.Input(l.main)
			l.mainFeed = l.feeds
			l.feeds++
		}
		l.merge = stream.NewMerge(l.feeds)
	}
	for _, o := range outputs {
		if !o.IsSide {
			continue
		}
		t.side = true
		if o.Side == stream.BadRecords {
			t.bad = append(t.bad, newBadRows(t.environment(o.At), o.Writer))
			continue
		}
		q := &t.chain.links[o.At].out
		if q.sides == nil {
			q.sides = map[int][]shuffle.Writer{}
		}
		q.sides[o.Side] = append(q.sides[o.Side], o.Writer)
	}
}

// Run runs the task to its end. Operators, gates and the fetcher are closed when it returns; outputs are aborted on an error.
func (t *Task) Run(ctx context.Context) (r control.Report, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer t.watch()()
	g, gctx := errgroup.WithContext(ctx)
	if t.fetcher != nil {
		reading, stop := context.WithCancelCause(gctx)
		defer stop(nil)
		t.stopReading = func() { stop(errEnough) }
		g.Go(func() error { // ends with gctx, by itself when everything is read, or when nothing more is wanted
			return t.fetch(reading)
		})
	}
	g.Go(func() error {
		defer t.mail.close()
		var err error
		r, err = t.work(gctx)
		return err
	})
	err = errors.Join(g.Wait(), t.close())
	if err != nil {
		for _, o := range t.all {
			o.Writer.Abort()
		}
		return control.Report{}, err
	}
	return r, nil
}

// PanicError is a panic in an operator or in the user's code.
type PanicError struct {
	Where string
	Value any
	Stack []byte
}

// Error names the user's node and record, and what was panicked with; the stack is for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("%s: panic: %v", e.Where, e.Value) }

// work is the task's loop. It recovers, as does the reader's goroutine, and nothing else does.
func (t *Task) work(ctx context.Context) (r control.Report, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Where: t.where(), Value: v, Stack: debug.Stack()}
		}
	}()
	if err := t.start(ctx); err != nil {
		return r, err
	}
	for {
		if err := t.check(ctx); err != nil {
			return r, err
		}
		progress, err := t.turn()
		if err != nil {
			return r, err
		}
		if t.cut.released {
			if t.stopReading != nil {
				t.stopReading()
			}
			return t.report(), nil
		}
		if t.chain.hasEnded() && !t.cut.final {
			if err := t.finish(); err != nil || t.config.Cut == nil {
				return t.report(), err
			}
			t.cut.final = true
			t.config.Ended()
		}
		if progress {
			t.turns++
			continue
		}
		if err := t.sleep(ctx); err != nil {
			return r, err
		}
	}
}

// start opens the operators and gives them their state back; then event time is what it was.
func (t *Task) start(ctx context.Context) error {
	for i, l := range t.chain.links {
		t.chain.running = l
		if err := l.start(ctx, t.config.Operators[i].Restore); err != nil {
			return l.wrap(err)
		}
	}
	for i, l := range t.chain.links {
		if l.splitter != nil && t.fetcher != nil {
			l.splitter.HoldSplits(t.holding)
		}
		w := t.config.Operators[i].Watermark
		if t.config.Operators[i].Restore == nil || w == stream.NoWatermark {
			continue
		}
		l.merge.Raise(w)
		// Those behind are told again: the watermark may have been on its way to them. Who makes watermarks gives its own.
		again := l.marker == nil && w != stream.EndOfTime
		if err := t.chain.advance(l, stream.Mark{Kind: stream.WatermarkMark, Watermark: w}, again); err != nil {
			return err
		}
	}
	for _, in := range t.inputs {
		if in.Restore == nil {
			continue
		}
		if err := in.Restore(); err != nil {
			return fmt.Errorf("restoring exchanged rows: %w", err)
		}
	}
	return nil
}

func (t *Task) where() string {
	if l := t.chain.running; l != nil {
		return l.where()
	}
	return "the task's inputs and outputs"
}

func (t *Task) check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t.config.Probe != nil && !t.cut.final {
		return t.config.Probe()
	}
	return nil
}

// turn does one thing: hands output on, lets an operator work, or takes input. False: there is nothing to do.
func (t *Task) turn() (bool, error) {
	if err := t.obey(); err != nil {
		return true, err
	}
	t.land()
	if t.cut.final { // snapshots may still be read with the help of operators
		if did, err := t.takePost(); did || err != nil {
			return did, err
		}
		return t.cutIfReady()
	}
	overtaking := t.isOvertaking()
	if overtaking {
		t.chain.cutting = true
	}
	if t.chain.tail().len() > 0 {
		if !overtaking && !t.hasRoom() {
			return false, nil
		}
		return true, t.handOn(t.chain.tail().take())
	}
	if t.side && !overtaking && !t.hasRoom() {
		return false, nil
	}
	if did, err := t.chain.step(); did || err != nil {
		return did, err
	}
	if did, err := t.cutIfReady(); did || err != nil {
		return did, err
	}
	if did, err := t.takeMail(); did || err != nil {
		return did, err
	}
	if t.chain.isFinished() {
		return t.endEarly()
	}
	if did, err := t.takeInput(); did || err != nil {
		return did, err
	}
	if did, err := t.takeFetched(); did || err != nil || t.config.Cut == nil {
		return did, err
	}
	return t.chain.flush()
}

// endEarly ends all inputs, because an operator has said that nothing that comes will change its output.
func (t *Task) endEarly() (bool, error) {
	if head := t.chain.head(); t.reading && head.takes(head.main) {
		t.stopReading()
		return true, t.endReading()
	}
	for i := range t.inputs {
		if in := &t.inputs[i]; in.Gate != nil && t.chain.links[in.At].takes(in.Port) {
			return true, t.endGate(in)
		}
	}
	return false, nil
}

// preparer is a sink's operator.
type preparer interface {
	Prepared() []connectors.Committable
}

// collector is the operator of a collect.
type collector interface {
	Collected() []columnar.Batch
}

// finish closes the outputs.
func (t *Task) finish() error {
	if err := t.flushBad(); err != nil {
		return err
	}
	for _, o := range t.outputs {
		f, err := o.Writer.Close()
		if err != nil {
			return fmt.Errorf("finishing exchanged rows: %w", err)
		}
		t.facts = append(t.facts, f)
	}
	t.outputs = nil
	return nil
}

// report gathers what the task leaves.
func (t *Task) report() control.Report {
	r := control.Report{Facts: t.facts}
	for _, l := range t.chain.links {
		if p, ok := l.op.(preparer); ok {
			r.Prepared = append(r.Prepared, p.Prepared()...)
		}
		if c, ok := l.op.(collector); ok {
			r.Collected = append(r.Collected, c.Collected()...)
		}
	}
	return r
}

// close closes what is still open.
func (t *Task) close() error {
	t.ground(t.cut.past)
	var errs []error
	for _, l := range t.chain.links {
		errs = append(errs, l.wrap(l.op.Close()))
	}
	for i := range t.inputs {
		if g := t.inputs[i].Gate; g != nil {
			errs = append(errs, g.Close())
		}
	}
	return errors.Join(errs...)
}
