package rowfn

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/rows"
)

// SidedOperator runs a program over the records of input 0, which it takes once it has all records of input 1, the broadcast side. The side
// is counted as memory whether there is enough or not: it does not spill, for the functions want it as a slice.
type SidedOperator struct {
	Operator
	side   rows.Side
	reader *rows.SideReader
	ended  bool // the side has
}

// sideInput is the input with the broadcast side.
const sideInput = 1

// NewSided returns the operator of a program whose functions take a side.
func NewSided(p rows.Program, side rows.Side) *SidedOperator {
	return &SidedOperator{Operator: Operator{program: p}, side: side}
}

// Open implements stream.Operator.
func (o *SidedOperator) Open(env *stream.Env) (err error) {
	if o.reader, err = o.side.Bind(env.Inputs[sideInput]); err != nil {
		return err
	}
	return o.Operator.Open(env)
}

// Wants implements stream.Chooser: the side comes first.
func (o *SidedOperator) Wants() stream.InputSet {
	if !o.ended {
		return stream.Input(sideInput)
	}
	return stream.AllInputs
}

// Process implements stream.Operator.
func (o *SidedOperator) Process(input int, b columnar.Batch, out stream.Output) error {
	if input != sideInput {
		return o.Operator.Process(input, b, out)
	}
	o.env.Memory.Force(int64(b.Size()))
	if err := o.reader.Add(b); err != nil {
		return fmt.Errorf("decoding the broadcast side: %w", err)
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *SidedOperator) EndInput(input int, out stream.Output) error {
	if input != sideInput {
		return o.Operator.EndInput(input, out)
	}
	o.ended = true
	o.runner.SetSide(o.reader)
	return nil
}
