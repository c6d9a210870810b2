// Package task runs one parallel instance of a stage: a chain of operators between inputs and outputs.
//
// A task is one goroutine and one loop ([Task.Run]): it hands on what the chain gave, lets the chain work, and takes input only while its
// outputs have room, so that a slow consumer slows it down and it still answers cancellation, timers and checkpoints. Inputs and outputs
// never block; when there is nothing to do the task sleeps until one of them, or a timer, wakes it. A source's reader has a goroutine of its
// own (package operator/source), which Run starts and waits for.
//
// Marks travel between the rows: watermarks (clock.go) and the barriers of checkpoints (cut.go). What others want of the task, and what they
// bring its operators, waits in its mailbox (mail.go) until it is between two batches.
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
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// Input is where rows of a task come from: an input of one of its operators.
type Input struct {
	At   int // the operator's position among those given to New
	Port int
	Gate shuffle.Gate
	// Aligned says that barriers are waited for however long it takes: its rows could not be given to other tasks afterwards.
	Aligned bool
	// Restore gives the gate back what was in flight, when the operators have their state; nil: nothing was.
	Restore func() error

	rest columnar.Batch      // of what the gate gave last: rows not taken yet
	feed int                 // its number among what the operator is fed by
	cut  stream.CheckpointID // the barrier that has come on all its channels
}

// Output is where rows of a task go.
type Output struct {
	Writer shuffle.Writer
	// IsSide says that it takes side output number Side of the operator at position At, not the chain's.
	IsSide   bool
	At, Side int // At is -1 for the source
}

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

// ReadFrom makes the task a source's: it takes what fetcher reads, and counts it in env. Of data that ends event time does not pass before all
// splits have been given to tasks.
func (t *Task) ReadFrom(fetcher *source.Fetcher, env *stream.Env, isBounded bool) {
	t.holding = isBounded
	t.fetcher, t.origin, t.reading, t.load = fetcher, env, true, env.Metrics
	t.pacer = t.newPacer()
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

// fetch runs the reader of a source. A panic in it is the task's.
func (t *Task) fetch(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Where: t.origin.Node, Value: v, Stack: debug.Stack()}
		}
	}()
	err = t.fetcher.Run(ctx)
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	default:
		return fmt.Errorf("%s: %w", t.origin.Node, err)
	}
}

// errEnough ends a fetcher whose task needs nothing more.
var errEnough = errors.New("nothing more is wanted")

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

// handOn gives the outputs rows or a mark.
func (t *Task) handOn(e element) error {
	for _, o := range t.outputs {
		var err error
		switch {
		case e.mark.Kind != stream.NoMark:
			err = o.Writer.Mark(e.mark)
		case !o.IsSide:
			err = o.Writer.Write(e.batch, t.fresh)
		}
		if err != nil {
			return fmt.Errorf("exchanging rows: %w", err)
		}
	}
	return nil
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

func (t *Task) hasRoom() bool {
	for _, o := range t.outputs {
		if !o.Writer.HasRoom() {
			return false
		}
	}
	return true
}

// takeFetched gives the chain what the reader has read.
func (t *Task) takeFetched() (bool, error) {
	head := t.chain.head()
	if !t.reading || t.cut.holds() || !head.takes(head.main) {
		return false, nil
	}
	if len(t.cut.ended) > 0 {
		if did, err := t.flushSplit(); did || err != nil {
			return did, err
		}
		t.endSplits()
		return true, nil
	}
	if !t.hasGot {
		if t.pacer != nil { // how far the splits have come is known when all has come through
			if did, err := t.chain.flush(); did || err != nil {
				return did, err
			}
		}
		got, ok, done := t.poll()
		if done {
			return true, t.endReading()
		}
		if !ok {
			return false, nil
		}
		t.polled, t.hasGot = got, true
	}
	if t.cut.positions.IsOther(t.polled) {
		if did, err := t.flushSplit(); did || err != nil {
			return did, err
		}
	}
	got := t.polled
	t.polled, t.hasGot = source.Got{}, false
	t.follow(got)
	source.Account(t.origin, got.Fetched)
	if err := source.Report(t.origin, got.Bad); err != nil {
		return true, fmt.Errorf("%s: %w", t.origin.Node, err)
	}
	if got.Batch.Rows() == 0 {
		return true, nil
	}
	return true, t.chain.push(head, head.main, head.mainFeed, element{batch: got.Batch})
}

// flushSplit brings rows that operators are gathering to those that tell splits apart, before they are told of another split or the end of this
// one. False: there were none.
func (t *Task) flushSplit() (bool, error) {
	if !slices.ContainsFunc(t.chain.links, func(l *link) bool { return l.splitter != nil }) {
		return false, nil
	}
	return t.chain.flush()
}

// follow keeps where the task is in its splits, and tells operators that want to know.
func (t *Task) follow(got source.Got) {
	changed := t.cut.positions.Take(got)
	for _, l := range t.chain.links {
		if l.splitter == nil {
			continue
		}
		for _, s := range got.Assigned.Splits {
			l.splitter.AddSplit(s.ID)
		}
		if got.Assigned.Exhausted {
			l.splitter.HoldSplits(false)
			t.chain.settle(l)
		}
		if changed {
			l.splitter.UseSplit(got.Split)
		}
	}
	if got.Done {
		t.cut.ended = append(t.cut.ended, got.Split)
	}
}

// endSplits tells operators of splits whose last rows have gone through the chain.
func (t *Task) endSplits() {
	for _, s := range t.cut.ended {
		for _, l := range t.chain.links {
			if l.splitter != nil {
				l.splitter.EndSplit(s)
				t.chain.settle(l)
			}
		}
	}
	t.cut.ended = t.cut.ended[:0]
}

// endReading tells the head that the reader has ended.
func (t *Task) endReading() error {
	head := t.chain.head()
	done, err := t.chain.endFeed(head, head.main, head.mainFeed, true)
	t.reading = !done
	t.pace()
	return err
}

// takeInput gives an operator what an input it takes has, or tells it that one has ended.
func (t *Task) takeInput() (bool, error) {
	for i := range t.inputs {
		in := &t.inputs[i]
		if in.Gate == nil || in.cut != 0 || !t.chain.links[in.At].takes(in.Port) {
			continue
		}
		item, ok, err := in.poll(t.config.BatchRows)
		if err != nil {
			return true, fmt.Errorf("reading exchanged rows: %w", err)
		}
		if ok && item.Mark.Kind == stream.BarrierMark {
			t.bar(item.Mark.Barrier)
			if item.Mark.Barrier.ID == t.cut.barrier.ID {
				in.cut = item.Mark.Barrier.ID
			}
			return true, nil
		}
		if ok {
			return true, t.chain.push(t.chain.links[in.At], in.Port, in.feed, element{batch: item.Batch, mark: item.Mark})
		}
		if in.Gate.HasEnded() {
			return true, t.endGate(in)
		}
	}
	return false, nil
}

// poll gives what the gate does, in batches of at most so many rows.
func (in *Input) poll(rows int) (i shuffle.Item, ok bool, err error) {
	if in.rest.Rows() == 0 {
		if i, ok, err = in.Gate.Poll(); rows == 0 || !ok || err != nil || i.Mark.Kind != stream.NoMark {
			return i, ok, err
		}
		in.rest = i.Batch
	}
	i.Batch, in.rest = cutBatch(in.rest, rows)
	return i, true, nil
}

// port is an input of an operator of the chain.
type port struct{ at, port int }

// endGate closes a gate; its port ends with the last of them.
func (t *Task) endGate(in *Input) error {
	p := port{in.At, in.Port}
	done, err := t.chain.endFeed(t.chain.links[in.At], in.Port, in.feed, t.gates[p] == 1)
	if err != nil || !done {
		return err
	}
	gate := in.Gate
	in.Gate = nil
	t.gates[p]--
	return gate.Close()
}

// sleep waits to be woken, or until an operator is to be called. What is buffered is handed on first: the input has run dry.
func (t *Task) sleep(ctx context.Context) error {
	if err := t.flushBad(); err != nil {
		return err
	}
	for _, o := range t.outputs {
		if err := o.Writer.Flush(); err != nil {
			return fmt.Errorf("exchanging rows: %w", err)
		}
	}
	t.pace()
	waited := &t.load.Idle
	if !t.hasRoom() {
		waited = &t.load.Backpressured
	}
	start := time.Now()
	defer func() { waited.Add(int64(time.Since(start))) }()
	var alarm, report <-chan time.Time
	if due := t.due(); !due.IsZero() && !t.watching {
		timer := time.NewTimer(min(due.Sub(t.clock.Now()), longestSleep))
		defer timer.Stop()
		alarm = timer.C
	}
	if due := t.pacer.due(t.reading); !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		report = timer.C
	}
	select {
	case <-t.wake:
		return nil
	case <-alarm:
		return nil
	case <-report:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// due returns when the task is to be woken at the latest; zero: it need not be.
func (t *Task) due() time.Time {
	due := t.cut.haste.deadline
	if t.cut.haste.isLate {
		due = time.Time{}
	}
	if next := t.chain.due(); !next.IsZero() && !t.cut.final && !t.isBlocked() && (due.IsZero() || next.Before(due)) {
		due = next
	}
	return due
}

// longestSleep is how long a task may sleep before it looks at the clock again: Go's timers do not notice when the machine's clock is set.
const longestSleep = time.Second

// watch has the task woken by a clock that is moved by hand.
func (t *Task) watch() (stop func()) {
	if w, ok := t.clock.(stream.Watched); ok {
		if stop = w.Watch(t.Wake); stop != nil {
			t.watching = true
			return stop
		}
	}
	return func() {}
}

// isBlocked says whether nothing can be done, nor any operator be called, until an output has room.
func (t *Task) isBlocked() bool {
	return (t.chain.tail().len() > 0 || t.side) && !t.hasRoom()
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
