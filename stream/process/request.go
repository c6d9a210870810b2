package process

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Requests describes a function that asks others for an answer to each record, many at a time. Its records travel as any: a request costs a
// goroutine anyway.
type Requests struct {
	Func   string           // the function's symbol
	Schema *columnar.Schema // of the answers
	Record *columnar.Schema // of the records, as they are saved
	Call   func(ctx context.Context, record any) (any, error)
	Open   func(from *columnar.Schema) (RequestCodec, error)
}

// RequestCodec moves the records and answers of one task between columns and values.
type RequestCodec struct {
	Decode  func(b columnar.Batch) ([]any, error) // of the task's input
	Answers func(answers []any) ([]columnar.Column, error)
	Save    func(records []any) ([]columnar.Column, error)
	Saved   func(b columnar.Batch) ([]any, error) // of what Save made
}

// OfRequests returns the description of f. Records of type columnar.Row are not taken.
func OfRequests[In, Out any](f func(context.Context, In) (Out, error)) (Requests, error) {
	in, err := codec.Of[In]()
	if err != nil {
		return Requests{}, err
	}
	out, err := codec.Of[Out]()
	if err != nil {
		return Requests{}, err
	}
	if in.Schema() == nil || out.Schema() == nil {
		return Requests{}, errors.New("records of type columnar.Row have no columns that are known; use a struct")
	}
	return Requests{
		Func: symbol(f), Schema: out.Schema(), Record: in.Schema(),
		Call: func(ctx context.Context, record any) (any, error) { return f(ctx, record.(In)) },
		Open: func(from *columnar.Schema) (RequestCodec, error) {
			d, err := in.Decoder(from)
			if err != nil {
				return RequestCodec{}, err
			}
			saved, err := in.Decoder(in.Schema())
			return RequestCodec{
				Decode: decodeAny(d), Answers: encodeAny(out.Encoder()), Save: encodeAny(in.Encoder()), Saved: decodeAny(saved),
			}, err
		},
	}, nil
}

func symbol(f any) string {
	if fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer()); fn != nil {
		return fn.Name()
	}
	return "func"
}

func decodeAny[T any](d *codec.Decoder[T]) func(b columnar.Batch) ([]any, error) {
	return func(b columnar.Batch) ([]any, error) {
		records, err := d.Decode(b, nil)
		if err != nil {
			return nil, err
		}
		out := make([]any, len(records))
		for i := range records {
			out[i] = records[i]
		}
		return out, nil
	}
}

func encodeAny[T any](e *codec.Encoder[T]) func([]any) ([]columnar.Column, error) {
	return func(records []any) ([]columnar.Column, error) {
		for _, r := range records {
			e.Append(r.(T))
		}
		return e.Finish()
	}
}

// RequestSettings say how requests are made.
type RequestSettings struct {
	// Unordered lets answers come as they come, between two watermarks. Otherwise they come in the order of the records.
	Unordered bool
	// Capacity is how many requests a task has on the way at most. 0: 100.
	Capacity int
	// Timeout is how long a request may take, all attempts at it together. 0: a minute.
	Timeout time.Duration
	Retry   Retry
}

// Retry says how often a request that failed is made again. The zero value never does.
type Retry struct {
	Attempts int           // in all; 0 and 1: no retry
	Backoff  time.Duration // before the second attempt, doubled before each further one, give or take a quarter. 0: 100 ms
	Most     time.Duration // the longest wait. 0: 10 s
	// If says which errors are worth another attempt; nil: all are.
	If func(error) bool
}

// The defaults of settings.
const (
	defaultCapacity = 100
	defaultTimeout  = time.Minute
	defaultBackoff  = 100 * time.Millisecond
	defaultMost     = 10 * time.Second
)

// WithDefaults returns the settings with zeros replaced.
func (s RequestSettings) WithDefaults() RequestSettings {
	if s.Capacity == 0 {
		s.Capacity = defaultCapacity
	}
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.Retry.Backoff == 0 {
		s.Retry.Backoff = defaultBackoff
	}
	if s.Retry.Most == 0 {
		s.Retry.Most = defaultMost
	}
	return s
}

// Validate reports settings that cannot be meant.
func (s RequestSettings) Validate() error {
	switch {
	case s.Capacity < 0:
		return errors.New("the capacity is negative")
	case s.Timeout < 0 || s.Retry.Backoff < 0 || s.Retry.Most < 0:
		return errors.New("a time is negative")
	case s.Retry.Attempts < 0:
		return errors.New("the number of attempts is negative")
	default:
		return nil
	}
}

// Ask makes a request, and makes it again while settings and ctx allow.
func (r Requests) Ask(ctx context.Context, s RequestSettings, record any) (any, error) {
	wait := s.Retry.Backoff
	for attempt := 1; ; attempt++ {
		answer, err := r.Call(ctx, record)
		if err == nil || attempt >= s.Retry.Attempts || s.Retry.If != nil && !s.Retry.If(err) {
			return answer, err
		}
		if !sleep(ctx, spread(wait)) {
			return nil, errors.Join(context.Cause(ctx), err)
		}
		wait = min(2*wait, s.Retry.Most)
	}
}

// spread returns a duration around d, so that requests that failed together do not come again together.
func spread(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // no secret
}

// sleep waits; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
