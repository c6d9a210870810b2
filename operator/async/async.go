// Package async is the operator that asks others for an answer to each record: many requests on the way at a time, their answers in the order
// of the records or as they come.
//
// Each request runs in a goroutine of its own, whose answer comes back by Env.Post. A task takes no more input while as many requests as are
// allowed are on the way and records wait; so what is held is bounded by the capacity and one batch.
//
// Watermarks wait in the queue between the requests and pass when everything before them has been answered and emitted. What has not been emitted when a snapshot is taken is part of it, as the records that were asked about: after a
// restart they are asked again. So a request may be made more than once; its answer is given once.
//
// Stability: engine-private.
package async

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/process"
)

// Operator makes requests. It has one input.
type Operator struct {
	requests process.Requests
	settings process.RequestSettings
	env      *stream.Env
	codec    process.RequestCodec
	table    state.Table

	queue   queue
	running int      // requests on the way
	marked  int64    // the watermark that has passed
	idle    bool     // nothing comes for a while
	ready   []*entry // answered and not emitted yet, in the order to be emitted in
	tasks   sync.WaitGroup
	ctx     context.Context //nolint:containedctx // of all requests; Close ends it
	cancel  context.CancelCauseFunc
}

// New returns the operator of requests.
func New(r process.Requests, s process.RequestSettings) *Operator {
	return &Operator{requests: r, settings: s.WithDefaults(), marked: int64(stream.NoWatermark)}
}

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) error {
	o.env = env
	o.ctx, o.cancel = context.WithCancelCause(env.Context)
	o.table = tableOf(o.requests)
	var err error
	o.codec, err = o.requests.Open(env.Inputs[0])
	return err
}

// Wants implements stream.Chooser: nothing while records wait for their turn.
func (o *Operator) Wants() stream.InputSet {
	if o.queue.waits() {
		return 0
	}
	return stream.AllInputs
}

// Process implements stream.Operator.
func (o *Operator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	records, err := o.codec.Decode(b)
	if err != nil {
		return fmt.Errorf("decoding records: %w", err)
	}
	for i, r := range records {
		at := columnar.NoTime
		if b.Time != nil {
			at = b.Time[b.Row(i)]
		}
		o.queue.add(&entry{record: r, time: at})
	}
	o.start()
	return nil
}

// start sends requests as long as there are records that wait and room for them.
func (o *Operator) start() {
	for o.running < o.settings.Capacity {
		e := o.queue.next()
		if e == nil {
			return
		}
		o.running++
		o.tasks.Go(func() { o.ask(e) }) // ends with its answer, or soon after Close has cancelled ctx; Close waits for it
	}
}

// errTimeout is why a request ends that took too long.
var errTimeout = errors.New("the request took longer than allowed")

// ask makes one request and posts its answer, or that it took too long.
func (o *Operator) ask(e *entry) {
	ctx, cancel := context.WithTimeoutCause(o.ctx, o.settings.Timeout, errTimeout)
	defer cancel()
	once := sync.Once{}
	post := func(answer any, err error) {
		once.Do(func() {
			o.env.Post(func(stream.Output) error { return o.take(e, answer, err) })
		})
	}
	stop := context.AfterFunc(ctx, func() { post(nil, context.Cause(ctx)) })
	defer stop()
	post(o.call(ctx, e.record))
}

// call makes the request. A panic of the user's function is an error of its record.
func (o *Operator) call(ctx context.Context, record any) (answer any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	answer, err = o.requests.Ask(ctx, o.settings, record)
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		err = errors.Join(errTimeout, err)
	}
	return answer, err
}

// maxRecord bounds what a message prints of a record.
const maxRecord = 256

// take takes the answer to a request. It runs in the task.
func (o *Operator) take(e *entry, answer any, err error) error {
	o.running--
	e.answer, e.isDone = answer, true
	if err != nil {
		text := fmt.Sprintf("%+v", e.record)
		e.isDropped = true
		if err := o.env.Bad(stream.Bad{Record: text[:min(len(text), maxRecord)], Reason: err}); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
	}
	if o.settings.Unordered && o.queue.isFirstSegment(e) {
		o.emit(e)
	}
	o.settle()
	o.start()
	return nil
}

// emit makes an entry ready, unless its record is left out.
func (o *Operator) emit(e *entry) {
	e.isEmitted = true
	if !e.isDropped {
		o.ready = append(o.ready, e)
	}
}

// settle takes from the front of the queue what has been answered, and the watermarks behind which nothing is missing.
func (o *Operator) settle() {
	for {
		e := o.queue.first()
		switch {
		case e == nil:
			return
		case e.isMark:
			o.marked = e.time
			o.queue.pop()
			if o.settings.Unordered {
				for e := range o.queue.firstSegment() {
					if e.isDone {
						o.emit(e)
					}
				}
			}
		case !e.isDone:
			return
		default:
			if !e.isEmitted {
				o.emit(e)
			}
			o.queue.pop()
		}
	}
}

// Resume implements stream.Resumer.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	n := min(len(o.ready), columnar.DefaultRows)
	if n == 0 {
		return false, nil
	}
	answers, times, timed := make([]any, n), make([]int64, n), false
	for i, e := range o.ready[:n] {
		answers[i], times[i] = e.answer, e.time
		timed = timed || e.time != columnar.NoTime
	}
	columns, err := o.codec.Answers(answers)
	if err != nil {
		return false, fmt.Errorf("encoding answers: %w", err)
	}
	b := columnar.Batch{Schema: o.requests.Schema, Columns: columns, Len: n}
	if timed {
		b.Time = times
	}
	out.Emit(b)
	clear(o.ready[:n])
	if o.ready = o.ready[n:]; len(o.ready) == 0 {
		o.ready = nil
	}
	return len(o.ready) > 0, nil
}

// Advance implements stream.Timed: the watermark waits for what is before it.
func (o *Operator) Advance(w stream.Watermark, _ stream.Output) error {
	o.queue.mark(int64(w))
	o.settle()
	return nil
}

// Mark implements stream.Marker. As long as answers are to come it is not idle.
func (o *Operator) Mark() (stream.Watermark, bool) {
	return stream.Watermark(o.marked), o.idle && !o.IsWaiting()
}

// Idle implements stream.Relay.
func (o *Operator) Idle(is bool) { o.idle = is }

// IsWaiting implements stream.Waiter.
func (o *Operator) IsWaiting() bool { return o.queue.first() != nil || len(o.ready) > 0 }

// EndInput implements stream.Operator.
func (*Operator) EndInput(int, stream.Output) error { return nil }

// EmitsFresh says that batches are freshly encoded.
func (*Operator) EmitsFresh(bool) bool { return true }

// errClosed is why requests end that are on the way when the task ends.
var errClosed = errors.New("the task has ended")

// Close implements stream.Operator. It waits for the user's functions, which have to return when their context ends.
func (o *Operator) Close() error {
	if o.cancel != nil {
		o.cancel(errClosed)
	}
	o.tasks.Wait()
	return nil
}
