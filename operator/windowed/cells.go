package windowed

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// stateField is the column behind those of the input, between the two steps of windows: a state of each call as a cell (state.Coder), which is empty in
// rows that are no states. So rows that pass as they are cost the exchange next to nothing, whatever states are.
var stateField = columnar.Field{Name: "states", Type: columnar.BinaryType}

// isRow says whether a row is no state.
func isRow(cells *columnar.Column, row int32) bool { return cells.Offsets[row] == cells.Offsets[row+1] }

// stateCells turns states into cells and back.
type stateCells struct {
	calls    []call
	coder    *state.Coder
	cellar   state.Cellar
	builders []*columnar.Builder
	none     []int32 // offsets of empty cells
}

func newStateCells(calls []call) *stateCells {
	c := &stateCells{calls: calls}
	var fields []columnar.Field
	for _, call := range calls {
		for _, f := range call.Function.State {
			fields = append(fields, f)
			c.builders = append(c.builders, columnar.NewBuilder(f.Type, 0))
		}
	}
	c.coder = state.NewCoder(fields)
	return c
}

// encode returns n states, by call, as cells.
func (c *stateCells) encode(states [][]columnar.Column, n int) columnar.Column {
	var columns []columnar.Column
	for _, call := range states {
		columns = append(columns, call...)
	}
	c.coder.Encode(columns, nil, n, &c.cellar)
	b := columnar.NewBuilder(stateField.Type, n)
	for i := range n {
		b.AppendBytes(c.cellar.At(i))
	}
	return b.Finish()
}

// empty returns the column of n rows that are no states. It is not to be written.
func (c *stateCells) empty(n int) columnar.Column {
	if len(c.none) <= n {
		c.none = make([]int32, max(n, columnar.DefaultRows)+1)
	}
	return columnar.OfStrings(stateField.Type, c.none[:n+1:n+1], nil, columnar.Bitmap{})
}

// decode returns the states in those rows, by call.
func (c *stateCells) decode(cells *columnar.Column, rows []int32) ([][]columnar.Column, error) {
	for _, r := range rows {
		if err := c.coder.Decode(cells.Bytes(int(r)), c.builders); err != nil {
			return nil, err
		}
	}
	out := make([][]columnar.Column, len(c.calls))
	at := 0
	for i, call := range c.calls {
		for range call.Function.State {
			out[i] = append(out[i], c.builders[at].Finish())
			at++
		}
	}
	return out, nil
}
