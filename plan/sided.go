package plan

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/rows"
)

// Sided runs functions of the user's over each record of input 0, with all records of input 1, the broadcast side, at hand in every task.
type Sided struct {
	Program rows.Program
	Side    rows.Side
}

// Name implements Op.
func (Sided) Name() string { return "WithBroadcast" }

// Describe implements Op.
func (o Sided) Describe() string { return o.Side.Func }

// Output implements Op.
func (o Sided) Output([]*columnar.Schema) (*columnar.Schema, error) {
	return o.Program.Tail.Schema, nil
}
