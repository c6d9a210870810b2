package process

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/stream/rows"
)

// newOutput makes a runner's output.
func newOutput[Out any](r *Runner) (*Output[Out], error) {
	c, err := codec.Of[Out]()
	if err != nil {
		return nil, err
	}
	out := &Output[Out]{base: &r.core, encoder: c.Encoder()}
	r.output = out
	return out, nil
}

// newContext makes a runner's context, with timers for those that the processor f handles.
func newContext[K comparable, Out any](r *Runner, f any) (*Context[K, Out], error) {
	out, err := newOutput[Out](r)
	if err != nil {
		return nil, err
	}
	ctx := &Context[K, Out]{Output: out, timers: timers{err: errNoTimer}, alarms: timers{err: errNoAlarm}}
	if ctx.decode, err = decodeKey[K](); err != nil {
		return nil, err
	}
	if p, ok := f.(TimerProcessor[K, Out]); ok {
		if ctx.timers.table, err = r.store.OpenTimers(timersTable); err != nil {
			return nil, err
		}
		r.timers = firing{table: ctx.timers.table, name: "OnTimer", call: onTime(ctx, p.OnTimer)}
	}
	if p, ok := f.(AlarmProcessor[K, Out]); ok {
		if ctx.alarms.table, err = r.store.OpenTimers(alarmsTable); err != nil {
			return nil, err
		}
		r.alarms = firing{table: ctx.alarms.table, name: "OnAlarm", call: onTime(ctx, p.OnAlarm)}
	}
	return ctx, nil
}

// The tables of a processor's timers.
const (
	timersTable = "$timers"
	alarmsTable = "$alarms"
)

// onTime returns a function that calls a processor's method for a timer of the store's current key.
func onTime[K comparable, Out any](ctx *Context[K, Out], f func(*Context[K, Out], time.Time) error) func(at int64) error {
	return func(at int64) error {
		ctx.known = false
		return f(ctx, time.UnixMicro(at).UTC())
	}
}

// decodeKey returns a function that makes a K of key columns of one row.
func decodeKey[K any]() (func([]columnar.Column) (K, error), error) {
	c, err := codec.Of[K]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(c.Schema())
	if err != nil {
		return nil, err
	}
	var one []K
	return func(key []columnar.Column) (k K, err error) {
		one, err = d.Decode(columnar.Batch{Schema: c.Schema(), Columns: key, Len: 1}, one)
		if err != nil {
			return k, fmt.Errorf("decoding a key of the state: %w", err)
		}
		return one[0], nil
	}, nil
}

// input decodes the batches of one input and calls the processor's method for it.
type input interface {
	// load decodes the rows of b that count.
	load(b columnar.Batch) error
	// run calls the method for the record i.
	run(i int) error
	// record returns record i, for messages.
	record(i int) any
}

// addKeyed gives a runner an input with keys.
func addKeyed[K comparable, In, Out any](r *Runner, ctx *Context[K, Out], f func(*Context[K, Out], In) error) error {
	from := r.env.Inputs[len(r.inputs)]
	in := &keyedInput[K, In, Out]{ctx: ctx, f: f}
	var err error
	if in.keys, err = rows.NewSlicer[K](from, 0); err != nil {
		return err
	}
	in.records, err = rows.NewSlicer[In](from, in.keys.Width())
	r.inputs = append(r.inputs, in)
	return err
}

type keyedInput[K comparable, In, Out any] struct {
	ctx     *Context[K, Out]
	f       func(*Context[K, Out], In) error
	keys    *rows.Slicer[K]
	records *rows.Slicer[In]
	key     []K // of the batch loaded last
	in      []In
}

func (x *keyedInput[K, In, Out]) load(b columnar.Batch) (err error) {
	if x.key, err = x.keys.Load(b); err != nil {
		return err
	}
	x.in, err = x.records.Load(b)
	return err
}

func (x *keyedInput[K, In, Out]) run(i int) error {
	x.ctx.key, x.ctx.known = x.key[i], true
	return x.f(x.ctx, x.in[i])
}

func (x *keyedInput[K, In, Out]) record(i int) any { return x.in[i] }

// addPlain gives a runner an input without keys.
func addPlain[In, Out any](r *Runner, out *Output[Out], f func(*Output[Out], In) error) error {
	records, err := rows.NewSlicer[In](r.env.Inputs[len(r.inputs)], 0)
	r.inputs = append(r.inputs, &plainInput[In, Out]{out: out, f: f, records: records})
	return err
}

type plainInput[In, Out any] struct {
	out     *Output[Out]
	f       func(*Output[Out], In) error
	records *rows.Slicer[In]
	in      []In
}

func (x *plainInput[In, Out]) load(b columnar.Batch) (err error) {
	x.in, err = x.records.Load(b)
	return err
}

func (x *plainInput[In, Out]) run(i int) error  { return x.f(x.out, x.in[i]) }
func (x *plainInput[In, Out]) record(i int) any { return x.in[i] }
