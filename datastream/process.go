package datastream

import (
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/process"
)

// Processor handles the records of a keyed stream, with state by key in its fields: see [Process].
type Processor[K comparable, In, Out any] = process.Processor[K, In, Out]

// TimerProcessor is a processor with timers in event time.
type TimerProcessor[K comparable, Out any] = process.TimerProcessor[K, Out]

// AlarmProcessor is a processor with timers in processing time.
type AlarmProcessor[K comparable, Out any] = process.AlarmProcessor[K, Out]

// Each handles the records of a stream without keys: see [ProcessEach].
type Each[In, Out any] = process.Each[In, Out]

// Context is what a function with keys may use of its task.
type Context[K comparable, Out any] = process.Context[K, Out]

// Output is what a function may use of its task.
type Output[Out any] = process.Output[Out]

// Task is the parallel instance that a processor works in, for those with a method Open(Task) error.
type Task = process.Task

// Process gives what a processor emits for each record, timer and alarm. Every task makes one instance with newFn, which serves all keys: what
// belongs to a key is in fields of the types of package state, which show the state of the key at work.
//
//	type Sessions struct {
//		Count state.Value[int64] `state:"count"`
//	}
//
//	func (s *Sessions) OnRecord(ctx *datastream.Context[string, Visit], c Click) error {
//		s.Count.Set(s.Count.Get() + 1)
//		ctx.SetTimer(ctx.Time().Add(30 * time.Minute))
//		return nil
//	}
//
// Records of one key come in order if they come from one task. In a stream that ends, the keys may come one behind the other; then a key's
// timers fire at its end. A processor with state needs a plan.UID in a job that does not end.
func Process[K comparable, In, Out any, P Processor[K, In, Out]](s Keyed[K, In], newFn func() P, options ...plan.Option) Stream[Out] {
	p, err := process.OfKeyed(newFn)
	return processed[Out](s.stream.data.Job(), "Process", p, err, options, s.node())
}

// ProcessEach gives what a processor emits for each record of a stream without keys: for side outputs, and for what is done once a task.
func ProcessEach[In, Out any, P Each[In, Out]](s Stream[In], newFn func() P, options ...plan.Option) Stream[Out] {
	p, err := process.OfEach(newFn)
	return processed[Out](s.data.Job(), "ProcessEach", p, err, options, s.data.Node())
}

// processed adds a node that runs a program.
func processed[Out any](job *plan.Job, name string, p process.Program, err error, options []plan.Option, in ...*plan.Node) Stream[Out] {
	if err != nil {
		job.Fail(name, err)
		return of[Out](job, in[0])
	}
	return of[Out](job, job.Add(plan.Process{Title: name, Program: p}, in, options...))
}
