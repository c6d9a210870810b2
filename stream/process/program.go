package process

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/state"
)

// Program describes a function for a plan. It is immutable but for its sides while the job is built.
type Program struct {
	Func   string           // the processor's type
	Schema *columnar.Schema // of the output
	Keys   []int            // by input: how many key columns precede the record's; 0: the input has no keys
	Rules  int              // the input that every task gets; -1: none
	Sides  *Sides

	sample any  // a processor that is not run
	keeps  bool // it has fields of state or rules
	timers bool
	alarms bool
	open   func(r *Runner) error
}

// NeedsState says whether the function keeps anything between records.
func (p Program) NeedsState() bool { return p.keeps || p.timers || p.alarms }

// OfKeyed returns the program of a Processor. newFn makes the instance of a task.
func OfKeyed[K comparable, In, Out any, P Processor[K, In, Out]](newFn func() P) (Program, error) {
	return keyed(newFn, []int{width[K]()}, func(r *Runner, ctx *Context[K, Out], f P) error {
		return addKeyed(r, ctx, f.OnRecord)
	})
}

// OfConnected returns the program of a CoProcessor.
func OfConnected[K comparable, L, R, Out any, P CoProcessor[K, L, R, Out]](newFn func() P) (Program, error) {
	return keyed(newFn, []int{width[K](), width[K]()}, func(r *Runner, ctx *Context[K, Out], f P) error {
		return errors.Join(addKeyed(r, ctx, f.OnLeft), addKeyed(r, ctx, f.OnRight))
	})
}

// OfBroadcast returns the program of a BroadcastProcessor.
func OfBroadcast[K comparable, In, B, Out any, P BroadcastProcessor[K, In, B, Out]](newFn func() P) (Program, error) {
	p, err := keyed(newFn, []int{width[K](), 0}, func(r *Runner, ctx *Context[K, Out], f P) error {
		return errors.Join(addKeyed(r, ctx, f.OnRecord), addPlain(r, ctx.Output, f.OnBroadcast))
	})
	p.Rules = rulesInput
	return p, err
}

// OfEach returns the program of an Each.
func OfEach[In, Out any, P Each[In, Out]](newFn func() P) (Program, error) {
	return plain(newFn, []int{0}, func(r *Runner, out *Output[Out], f P) error { return addPlain(r, out, f.OnRecord) })
}

// OfBroadcastEach returns the program of a BroadcastEach.
func OfBroadcastEach[In, B, Out any, P BroadcastEach[In, B, Out]](newFn func() P) (Program, error) {
	p, err := plain(newFn, []int{0, 0}, func(r *Runner, out *Output[Out], f P) error {
		return errors.Join(addPlain(r, out, f.OnRecord), addPlain(r, out, f.OnBroadcast))
	})
	p.Rules = rulesInput
	return p, err
}

// rulesInput is the input of a BroadcastProcessor that every task gets.
const rulesInput = 1

// width returns the number of key columns of K; 0 when K is no key, which KeyBy has said already.
func width[K any]() int {
	c, err := codec.Of[K]()
	if err != nil || c.Schema() == nil {
		return 0
	}
	return len(c.Schema().Fields)
}

// keyed returns the program of a processor with keys; add gives a runner its inputs.
func keyed[K comparable, Out, P any](newFn func() P, keys []int, add func(*Runner, *Context[K, Out], P) error) (Program, error) {
	sample := newFn()
	p, err := describe[Out](sample, keys)
	_, p.timers = any(sample).(TimerProcessor[K, Out])
	_, p.alarms = any(sample).(AlarmProcessor[K, Out])
	p.open = func(r *Runner) error {
		f := newFn()
		if err := r.bind(f); err != nil {
			return err
		}
		ctx, err := newContext[K, Out](r, f)
		if err != nil {
			return err
		}
		if err := add(r, ctx, f); err != nil {
			return err
		}
		return r.prepare(f)
	}
	return p, err
}

// plain returns the program of a processor without keys.
func plain[Out, P any](newFn func() P, keys []int, add func(*Runner, *Output[Out], P) error) (Program, error) {
	p, err := describe[Out](newFn(), keys)
	p.open = func(r *Runner) error {
		f := newFn()
		out, err := newOutput[Out](r)
		if err != nil {
			return err
		}
		if err := r.bind(f); err != nil {
			return err
		}
		if err := add(r, out, f); err != nil {
			return err
		}
		return r.prepare(f)
	}
	return p, err
}

// describe returns what is known of a program without running it.
func describe[Out any](sample any, keys []int) (Program, error) {
	p := Program{sample: sample, Func: fmt.Sprintf("%T", sample), Keys: keys, Rules: -1, Sides: &Sides{}}
	c, err := codec.Of[Out]()
	if err != nil {
		return p, err
	}
	if p.Schema = c.Schema(); p.Schema == nil {
		return p, errors.New("the records that the processor emits are of type columnar.Row, whose columns are not known; emit a struct")
	}
	byKey, err := state.Declared(sample, nil)
	if err != nil {
		return p, err
	}
	if keys[0] == 0 && len(byKey) > 0 {
		return p, fmt.Errorf("%T keeps the state %q by key, but the stream has no keys; use KeyBy", sample, byKey[0].Name)
	}
	_, rules, err := ruleTables(sample)
	p.keeps = len(byKey)+len(rules) > 0
	return p, err
}
