package process

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Runner is a program at work in one task. One goroutine uses it: Load, then Run until nothing is owed; Advance and Ring in between, each
// followed by Run too. Flush hands over what has been emitted so far.
type Runner struct {
	core
	program Program
	tables  []state.Table
	rules   []ruleTable // the last of tables
	binding *state.Binding
	inputs  []input
	output  output
	timers  firing
	alarms  firing
	closer  io.Closer    // nil: the processor has none, or was not opened
	oneKey  state.OneKey // the store, when rows come ordered by key: a key's timers fire at its end; nil: it is another one

	batch columnar.Batch
	input int // that the batch is of
	next  int // the first of its rows that count not yet run
}

// output is an Output of any type.
type output interface {
	length() int
	size() int
	take() ([]columnar.Column, []int64, error)
}

func (o *Output[Out]) length() int { return o.encoder.Len() }
func (o *Output[Out]) size() int   { return o.encoder.Size() }

func (o *Output[Out]) take() ([]columnar.Column, []int64, error) {
	times := o.times
	if !o.base.timed {
		times, o.times = nil, o.times[:0]
	} else {
		o.times = make([]int64, 0, len(times))
	}
	o.base.timed = false
	columns, err := o.encoder.Finish()
	return columns, times, err
}

// firing is the timers of one kind and what is to be called for them.
type firing struct {
	table state.Timers // nil: the processor does not handle them
	name  string
	call  func(at int64) error
	until int64 // those up to here are due
	owed  bool  // there may be some
}

// Open returns a runner of the program; it is to be closed also after an error.
func (p Program) Open(env *stream.Env) (*Runner, error) {
	r := &Runner{program: p}
	r.core = core{env: env, watermark: stream.NoWatermark, time: columnar.NoTime, sides: p.Sides.open()}
	if err := r.openStore(); err != nil {
		return r, err
	}
	return r, p.open(r)
}

// openStore makes the store, when the program keeps anything by key.
func (r *Runner) openStore() (err error) {
	if r.program.Keys[0] == 0 || !r.program.NeedsState() {
		return nil
	}
	if r.store, err = r.env.NewStore(r.keyFields()); err != nil {
		return err
	}
	r.oneKey, _ = r.store.(state.OneKey)
	return nil
}

// prepare lets the processor prepare itself.
func (r *Runner) prepare(f any) error {
	if o, ok := f.(Opener); ok {
		if err := o.Open(Task{Context: r.env.Context, Index: r.env.Task, Tasks: r.env.Tasks, Log: r.env.Log}); err != nil {
			return fmt.Errorf("Open: %w", err)
		}
	}
	r.closer, _ = f.(io.Closer)
	return nil
}

// Load takes a batch of an input. It must stay as it is until Run has returned false.
func (r *Runner) Load(input int, b columnar.Batch) error {
	if err := r.inputs[input].load(b); err != nil {
		return fmt.Errorf("decoding records: %w", err)
	}
	if keys := r.program.Keys[input]; keys > 0 && r.store != nil {
		if err := r.store.Select(b.Columns[:keys], b.Sel, b.Rows()); err != nil {
			return fmt.Errorf("looking up keys: %w", err)
		}
	}
	r.batch, r.input, r.next = b, input, 0
	return nil
}

// Advance makes the timers due that the watermark has passed.
func (r *Runner) Advance(w stream.Watermark) {
	r.watermark = w
	r.timers.due(int64(w))
}

// Ring makes the alarms due that the clock has passed.
func (r *Runner) Ring(now time.Time) { r.alarms.due(now.UnixMicro()) }

func (f *firing) due(until int64) {
	if f.table != nil {
		f.until, f.owed = until, true
	}
}

// Run works until nothing is owed (false) or the output is full (true).
func (r *Runner) Run() (more bool, err error) {
	if more, err = r.runRecords(); more || err != nil {
		return more, err
	}
	for _, f := range []*firing{&r.timers, &r.alarms} {
		if more, err = r.fire(f); more || err != nil {
			return more, err
		}
	}
	return false, nil
}

// rowsBetweenChecks is how rarely, as a mask, it is asked whether the output is full.
const rowsBetweenChecks = 15

// Full is the number of rows, and of bytes, at which output is handed over.
const (
	fullRows  = columnar.DefaultRows
	fullBytes = 1 << 20
)

// IsFull says whether what has been emitted makes a full batch.
func (r *Runner) IsFull() bool {
	if r.output.length() >= fullRows || r.output.size() >= fullBytes {
		return true
	}
	for i := range r.sides {
		if r.sides[i].records.len() >= fullRows {
			return true
		}
	}
	return false
}

func (r *Runner) runRecords() (more bool, err error) {
	in, n := r.inputs[r.input], r.batch.Rows()
	store := r.store
	if r.program.Keys[r.input] == 0 {
		store = nil
	}
	r.writable = r.input == r.program.Rules
	for ; r.next < n; r.next++ {
		if r.next&rowsBetweenChecks == rowsBetweenChecks && r.IsFull() {
			return true, nil
		}
		i := r.next
		if store != nil {
			if r.oneKey != nil && r.oneKey.Ends(i) {
				if more, err := r.endKey(); more || err != nil {
					return more, err
				}
			}
			store.Use(i)
		}
		r.time = columnar.NoTime
		if r.batch.Time != nil {
			r.time = r.batch.Time[r.batch.Row(i)]
		}
		if err := in.run(i); err != nil || r.err != nil || r.binding != nil && r.binding.Err() != nil {
			return false, fmt.Errorf("record %d of the batch, %.256s: %w", i, fmt.Sprintf("%+v", in.record(i)), r.failure(err))
		}
	}
	r.batch = columnar.Batch{}
	return false, nil
}

// fire calls the processor for timers that are due.
func (r *Runner) fire(f *firing) (more bool, err error) {
	for n := 0; f.owed; n++ {
		if n&rowsBetweenChecks == rowsBetweenChecks && r.IsFull() {
			return true, nil
		}
		at, _, ok, err := f.table.Next(f.until)
		if err != nil {
			return false, fmt.Errorf("looking for timers: %w", err)
		}
		if f.owed = ok; !ok {
			break
		}
		r.time = columnar.NoTime
		if f == &r.timers {
			r.time = at
		}
		if err := r.failure(f.call(at)); err != nil {
			return false, fmt.Errorf("%s at %s: %w", f.name, time.UnixMicro(at).UTC().Format(time.RFC3339Nano), err)
		}
	}
	return false, nil
}

// endKey fires all timers in event time of the key that ends: others have none.
func (r *Runner) endKey() (more bool, err error) {
	if r.timers.table == nil {
		return false, nil
	}
	r.watermark = stream.EndOfTime
	r.timers.due(int64(stream.EndOfTime))
	if more, err = r.fire(&r.timers); !more {
		r.watermark = stream.NoWatermark
	}
	return more, err
}

// Flush emits what the processor has emitted so far, to the side outputs too.
func (r *Runner) Flush(out stream.Output) error {
	if n := r.output.length(); n > 0 {
		columns, times, err := r.output.take()
		if err != nil {
			return fmt.Errorf("encoding records: %w", err)
		}
		out.Emit(columnar.Batch{Schema: r.program.Schema, Columns: columns, Len: n, Time: times})
	}
	return r.sides.flush(out)
}

// NextAlarm returns the time of the earliest alarm.
func (r *Runner) NextAlarm() (at time.Time, ok bool) {
	if r.alarms.table == nil {
		return at, false
	}
	micros, ok := r.alarms.table.Earliest()
	return time.UnixMicro(micros), ok
}

// Sweep drops some of the state that has outlived its time: it looks at about so many cells. more is true until all have been looked at.
func (r *Runner) Sweep(cells int) (more bool, err error) {
	if r.store == nil {
		return false, nil
	}
	if more, err = r.store.Sweep(cells); err != nil {
		return false, fmt.Errorf("dropping expired state: %w", err)
	}
	return more, nil
}

// Keys returns of how many keys there is state, about.
func (r *Runner) Keys() int64 {
	if r.store == nil {
		return 0
	}
	return r.store.Keys()
}

// Where says which record was running last: for messages about panics.
func (r *Runner) Where() string {
	if r == nil || r.batch.Columns == nil {
		return ""
	}
	return fmt.Sprintf("%s, record %d of the batch", r.env.Node, r.next)
}

// Close closes the processor and its state.
func (r *Runner) Close() error {
	var errs []error
	if r.closer != nil {
		errs = append(errs, r.closer.Close())
		r.closer = nil
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
		r.store = nil
	}
	return errors.Join(errs...)
}
