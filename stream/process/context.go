package process

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Task is the parallel instance that a processor works in.
type Task struct {
	Context      context.Context //nolint:containedctx // the task's life; Open has no other use for it
	Index, Tasks int
	Log          *slog.Logger
}

// core is what a task's contexts share.
type core struct {
	env       *stream.Env
	store     state.Store // nil: there are no keys
	watermark stream.Watermark
	time      int64 // of the record or timer at work; columnar.NoTime: it has none
	timed     bool  // something emitted since the last flush has a time
	sides     sides
	writable  bool  // rules are
	err       error // the first that a method without a result met
}

func (c *core) fail(err error) {
	if c.err == nil && err != nil {
		c.err = err
	}
}

// Output is what a function may use of its task.
type Output[Out any] struct {
	base    *core
	encoder *codec.Encoder[Out]
	times   []int64
}

// Time is the event time of the record or timer at work, which what is emitted gets; the zero time when the record has none.
func (o *Output[Out]) Time() time.Time {
	if o.base.time == columnar.NoTime {
		return time.Time{}
	}
	return time.UnixMicro(o.base.time).UTC()
}

// Watermark is the event time that is past: nothing of that time or before is expected. It is the zero time while nothing is known.
func (o *Output[Out]) Watermark() time.Time {
	if o.base.watermark == stream.NoWatermark {
		return time.Time{}
	}
	return time.UnixMicro(int64(o.base.watermark)).UTC()
}

// Now is the processing time.
func (o *Output[Out]) Now() time.Time {
	if o.base.env.Clock == nil {
		return time.Now()
	}
	return o.base.env.Clock.Now()
}

// Emit gives a record, with the time of the record or timer at work.
func (o *Output[Out]) Emit(v Out) {
	o.encoder.Append(v)
	o.times = append(o.times, o.base.time)
	o.base.timed = o.base.timed || o.base.time != columnar.NoTime
}

// Count adds n to the node's counter of that name, which is shown with the job's metrics.
func (o *Output[Out]) Count(name string, n int64) { o.base.env.Metrics.Count(name, n) }

// Context is what a function with keys may use of its task: that of an Output, the key, and timers.
type Context[K comparable, Out any] struct {
	*Output[Out]
	key    K
	known  bool // key is the current one; else the store knows it
	decode func([]columnar.Column) (K, error)
	timers timers
	alarms timers
}

// timers are a task's timers of one kind of time.
type timers struct {
	table state.Timers // nil: the processor does not handle them
	err   error        // says so
}

// Key is the key of the record or timer at work.
func (c *Context[K, Out]) Key() K {
	if !c.known {
		key, err := c.decode(c.base.store.Key())
		c.base.fail(err)
		c.key, c.known = key, true
	}
	return c.key
}

var (
	errNoTimer = errors.New("SetTimer: the processor has no method OnTimer(*Context, time.Time) error")
	errNoAlarm = errors.New("SetAlarm: the processor has no method OnAlarm(*Context, time.Time) error")
)

func (c *Context[K, Out]) set(t *timers, at time.Time) {
	if t.table == nil {
		c.base.fail(t.err)
		return
	}
	c.base.fail(t.table.Set(at.UnixMicro(), nil))
}

func (c *Context[K, Out]) remove(t *timers, at time.Time) {
	if t.table != nil {
		c.base.fail(t.table.Delete(at.UnixMicro(), nil))
	}
}

// SetTimer has OnTimer called for the current key when event time has passed at, in microseconds. A key has one timer for a time, however
// often it is set. One that is due already fires when event time moves on.
func (c *Context[K, Out]) SetTimer(at time.Time) { c.set(&c.timers, at) }

// DeleteTimer takes a timer of the current key back.
func (c *Context[K, Out]) DeleteTimer(at time.Time) { c.remove(&c.timers, at) }

// SetAlarm has OnAlarm called for the current key when the clock has passed at, in microseconds. A key has one alarm for a time.
func (c *Context[K, Out]) SetAlarm(at time.Time) { c.set(&c.alarms, at) }

// DeleteAlarm takes an alarm of the current key back.
func (c *Context[K, Out]) DeleteAlarm(at time.Time) { c.remove(&c.alarms, at) }
