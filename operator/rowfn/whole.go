package rowfn

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/rows"
)

// WholeOperator runs a function over all records of its partition, or over groups of them when the input is sorted by the key columns.
// It has one input.
type WholeOperator struct {
	whole  rows.Whole
	runner *rows.WholeRunner
}

// NewWhole returns the operator of w.
func NewWhole(w rows.Whole) *WholeOperator { return &WholeOperator{whole: w} }

// Open implements stream.Operator.
func (o *WholeOperator) Open(env *stream.Env) (err error) {
	o.runner, err = o.whole.Bind(env.Inputs[0])
	return err
}

// Process implements stream.Operator.
func (o *WholeOperator) Process(_ int, b columnar.Batch, _ stream.Output) error {
	if err := o.runner.Load(b); err != nil {
		return fmt.Errorf("decoding records: %w", err)
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *WholeOperator) EndInput(_ int, _ stream.Output) error {
	o.runner.End()
	return nil
}

// Resume implements stream.Resumer: the function goes on until it wants the next batch or has filled one.
func (o *WholeOperator) Resume(out stream.Output) (bool, error) {
	more := o.runner.Run()
	if o.runner.Len() == 0 || !o.runner.IsFull() && !o.runner.IsDone() {
		return more, nil
	}
	b, err := o.runner.Take()
	if err != nil {
		return false, fmt.Errorf("encoding records: %w", err)
	}
	out.Emit(b)
	return more, nil
}

// Where names the user's node: for messages about panics.
func (o *WholeOperator) Where() string { return o.runner.Where() }

// EmitsFresh says that batches are freshly encoded.
func (*WholeOperator) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *WholeOperator) Close() error {
	if o.runner != nil {
		o.runner.Close()
	}
	return nil
}
