package process

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Tables returns what a task keeps, for keys of those columns: the states by key that are fields of the processor, its timers, its rules.
func (p Program) Tables(keys []columnar.Field) ([]state.Table, error) {
	tables, err := state.Declared(p.sample, keys)
	if err != nil {
		return nil, err
	}
	if p.timers {
		tables = append(tables, state.TimersOf(timersTable, keys))
	}
	if p.alarms {
		tables = append(tables, state.TimersOf(alarmsTable, keys))
	}
	_, rules, err := ruleTables(p.sample)
	return append(tables, rules...), err
}

// bind connects the processor's fields with the task's state.
func (r *Runner) bind(f any) (err error) {
	if r.tables, err = r.program.Tables(r.keyFields()); err != nil {
		return err
	}
	r.rules, _, err = ruleTables(f)
	if err != nil {
		return err
	}
	for _, t := range r.rules {
		t.bind(&r.writable, r.fail)
	}
	if r.store == nil {
		return nil
	}
	r.binding, err = state.Bind(f, r.keyFields(), r.store)
	return err
}

// Restore gives rows of table number i of the program's Tables back.
func (r *Runner) Restore(i int, b columnar.Batch) error {
	t := r.tables[i]
	if at := i - (len(r.tables) - len(r.rules)); at >= 0 {
		return r.rules[at].restore(t, b)
	}
	return r.store.Restore(t.Name, b)
}

// Freeze returns the state as it is.
func (r *Runner) Freeze() (state.Frozen, error) {
	f := &frozen{tables: r.tables, rules: make([]columnar.Batch, len(r.rules))}
	first := len(r.tables) - len(r.rules)
	for i, t := range r.rules {
		var err error
		if f.rules[i], err = t.freeze(r.tables[first+i].Schema()); err != nil {
			return nil, fmt.Errorf("freezing the rules %q: %w", r.tables[first+i].Name, err)
		}
	}
	if r.store != nil {
		var err error
		if f.keyed, err = r.store.Freeze(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// frozen is the state of a processor: that by key, and its rules. It is a state.Composed.
type frozen struct {
	tables []state.Table // those by key first
	keyed  state.Frozen  // nil: there is none
	rules  []columnar.Batch
}

// Store implements state.Composed.
func (f *frozen) Store() state.Frozen { return f.keyed }

func (f *frozen) Tables() []state.Table { return f.tables }

func (f *frozen) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	if at := i - (len(f.tables) - len(f.rules)); at >= 0 {
		return func(yield func(state.Rows, error) bool) { yield(state.Rows{Batch: f.rules[at]}, nil) }
	}
	return f.keyed.Read(ctx, i) // Invariant: tables are opened in the order of Tables.
}

func (f *frozen) Release() {
	if f.keyed != nil {
		f.keyed.Release()
	}
}

// failure returns what has gone wrong in a call of the processor, which itself returned err.
func (r *Runner) failure(err error) error {
	if err != nil {
		err = &stream.FinalError{Err: err}
	}
	if r.binding != nil {
		err = errors.Join(err, r.binding.Err())
	}
	return errors.Join(err, r.err)
}

// keyFields returns the key columns.
func (r *Runner) keyFields() []columnar.Field { return r.env.Inputs[0].Fields[:r.program.Keys[0]] }
