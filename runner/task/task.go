// Package task runs one parallel instance of a stage: a chain of operators between inputs and outputs.
//
// A task is one goroutine and one loop ([Task.Run]): it hands on what the chain gave, lets the chain work, and takes input only while its
// outputs have room, so that a slow consumer slows it down and it still answers cancellation. Inputs and outputs never block; when there
// is nothing to do the task sleeps until one of them wakes it. A source's reader has a goroutine of its own (package operator/source),
// which Run starts and waits for.
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

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
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
}

// Operator is an operator of the chain, with its environment.
type Operator struct {
	Name string // of the user's node: "wordcount.go:31: GroupBy"
	Op   stream.Operator
	Env  *stream.Env
}

// Task is one attempt at a part of a stage. Make it with New, run it once.
type Task struct {
	chain   chain
	inputs  []Input
	gates   map[port]int // how many of each port have not ended
	outputs []shuffle.Writer
	fetcher *source.Fetcher
	reading bool        // the fetcher has not ended
	origin  *stream.Env // the environment of the source node
	fresh   bool        // what comes out of the chain
	wake    chan struct{}

	stopReading func() // ends the fetcher's goroutine early

	probe func() error
}

// New returns a task of the operators, head first. Probe is called once a turn of the loop; its error ends the task: tests kill tasks
// with it. nil: none.
func New(ops []Operator, probe func() error) *Task {
	t := &Task{gates: map[port]int{}, chain: chain{open: true}, wake: make(chan struct{}, 1), probe: probe}
	for _, o := range ops {
		l := &link{name: o.Name, op: o.Op, env: o.Env}
		l.resumer, _ = o.Op.(stream.Resumer)
		l.chooser, _ = o.Op.(stream.Chooser)
		l.out.metrics = o.Env.Metrics
		t.chain.links = append(t.chain.links, l)
	}
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

// ReadFrom makes the task a source's: it takes what fetcher reads, and counts it in env.
func (t *Task) ReadFrom(fetcher *source.Fetcher, env *stream.Env) {
	t.fetcher, t.origin, t.reading = fetcher, env, true
}

// Connect gives the task its inputs and outputs.
func (t *Task) Connect(inputs []Input, outputs []shuffle.Writer) {
	t.inputs, t.outputs = inputs, outputs
	for _, in := range inputs {
		t.gates[port{in.At, in.Port}]++
		if len(t.chain.links) > 0 {
			t.chain.links[in.At].open |= stream.Input(in.Port)
		}
	}
	for i, l := range t.chain.links {
		if i == 0 && t.fetcher == nil && l.open != 0 { // it has gates only
			continue
		}
		if l.open.Has(l.main) { // a gate's, so what is before the operator feeds the other one: the left side of a join is broadcast
			l.main++
		}
		l.open |= stream.Input(l.main)
	}
}

// Run runs the task to its end. Operators, gates and the fetcher are closed when it returns; outputs are aborted on an error.
func (t *Task) Run(ctx context.Context) (r control.Report, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
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
		var err error
		r, err = t.work(gctx)
		return err
	})
	err = errors.Join(g.Wait(), t.close())
	if err != nil {
		for _, w := range t.outputs {
			w.Abort()
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
	for _, l := range t.chain.links {
		t.chain.running = l
		if err := l.start(ctx); err != nil {
			return r, l.wrap(err)
		}
	}
	for {
		if err := t.check(ctx); err != nil {
			return r, err
		}
		progress, err := t.turn()
		if err != nil {
			return r, err
		}
		if t.chain.hasEnded() {
			return t.finish()
		}
		if progress {
			continue
		}
		if err := t.sleep(ctx); err != nil {
			return r, err
		}
	}
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
	if t.probe != nil {
		return t.probe()
	}
	return nil
}

// turn does one thing: hands output on, lets an operator work, or takes input. False: there is nothing to do.
func (t *Task) turn() (bool, error) {
	if t.chain.tail().len() > 0 {
		if !t.hasRoom() {
			return false, nil
		}
		b := t.chain.tail().take()
		for _, w := range t.outputs {
			if err := w.Write(b, t.fresh); err != nil {
				return true, fmt.Errorf("exchanging rows: %w", err)
			}
		}
		return true, nil
	}
	if did, err := t.chain.step(); did || err != nil {
		return did, err
	}
	if t.chain.isFinished() {
		return t.endEarly()
	}
	if did, err := t.takeInput(); did || err != nil {
		return did, err
	}
	return t.takeFetched()
}

// endEarly ends all inputs, because an operator has said that nothing that comes will change its output.
func (t *Task) endEarly() (bool, error) {
	if t.reading && t.chain.takesMain() {
		t.reading = false
		t.stopReading()
		return true, t.chain.endMain()
	}
	for i := range t.inputs {
		if in := &t.inputs[i]; in.Gate != nil && t.chain.takes(in.At, in.Port) {
			return true, t.endGate(in)
		}
	}
	return false, nil
}

func (t *Task) hasRoom() bool {
	for _, w := range t.outputs {
		if !w.HasRoom() {
			return false
		}
	}
	return true
}

// takeFetched gives the chain what the reader has read.
func (t *Task) takeFetched() (bool, error) {
	if !t.reading || !t.chain.takesMain() {
		return false, nil
	}
	got, ok, done := t.fetcher.Poll()
	if done {
		t.reading = false
		return true, t.chain.endMain()
	}
	if !ok {
		return false, nil
	}
	source.Account(t.origin, got)
	if got.Batch.Rows() == 0 {
		return true, nil
	}
	return true, t.chain.pushMain(got.Batch)
}

// takeInput gives an operator a batch of an input it takes, or tells it that one has ended.
func (t *Task) takeInput() (bool, error) {
	for i := range t.inputs {
		in := &t.inputs[i]
		if in.Gate == nil || !t.chain.takes(in.At, in.Port) {
			continue
		}
		b, ok, err := in.Gate.Poll()
		if err != nil {
			return true, fmt.Errorf("reading exchanged rows: %w", err)
		}
		if ok {
			return true, t.chain.push(in.At, in.Port, b)
		}
		if in.Gate.HasEnded() {
			return true, t.endGate(in)
		}
	}
	return false, nil
}

// port is an input of an operator of the chain.
type port struct{ at, port int }

// endGate closes a gate; its port ends with the last of them.
func (t *Task) endGate(in *Input) error {
	gate, p := in.Gate, port{in.At, in.Port}
	in.Gate = nil
	t.gates[p]--
	if t.gates[p] == 0 {
		if err := t.chain.endInput(in.At, in.Port); err != nil {
			return err
		}
	}
	return gate.Close()
}

// sleep waits to be woken. What is buffered is handed on first: the input has run dry.
func (t *Task) sleep(ctx context.Context) error {
	for _, w := range t.outputs {
		if err := w.Flush(); err != nil {
			return fmt.Errorf("exchanging rows: %w", err)
		}
	}
	select {
	case <-t.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// preparer is a sink's operator.
type preparer interface {
	Prepared() []connectors.Committable
}

// collector is the operator of a collect.
type collector interface {
	Collected() []columnar.Batch
}

// finish closes the outputs and gathers what the task leaves.
func (t *Task) finish() (control.Report, error) {
	var r control.Report
	for _, w := range t.outputs {
		f, err := w.Close()
		if err != nil {
			return r, fmt.Errorf("finishing exchanged rows: %w", err)
		}
		r.Facts = append(r.Facts, f)
	}
	for _, l := range t.chain.links {
		if p, ok := l.op.(preparer); ok {
			r.Prepared = append(r.Prepared, p.Prepared()...)
		}
		if c, ok := l.op.(collector); ok {
			r.Collected = append(r.Collected, c.Collected()...)
		}
	}
	return r, nil
}

// close closes what is still open.
func (t *Task) close() error {
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
