package parquet

import (
	"errors"

	"github.com/millrace/millrace/columnar"
)

var errNull = errors.New("a null in a column that must not have any")

// shred adds column i of a batch to the writers of its leaves, and returns the writers behind those.
func (w *writer) shred(s *shape, b columnar.Batch, i int, columns []*columnWriter) ([]*columnWriter, error) {
	if s.leaf != nil {
		return columns[1:], columns[0].addFlat(&b.Columns[i], b)
	}
	n := len(s.leaves())
	for k := range b.Rows() {
		if err := s.shredCell(&b.Columns[i], b.Row(k), 0, columns[:n]); err != nil {
			return nil, err
		}
	}
	for _, c := range columns[:n] {
		c.rows += b.Rows()
		c.moveValues()
	}
	return columns[n:], nil
}

// shredCell adds the cell of c at a row: an entry or more to each leaf below s. rep is the repetition level of the first.
func (s *shape) shredCell(c *columnar.Column, row, rep int, columns []*columnWriter) error {
	if c.IsNull(row) {
		if !s.field.Nullable {
			return errNull
		}
		absent(columns, rep, s.def-1)
		return nil
	}
	if s.leaf != nil {
		columns[0].addEntry(rep, s.def)
		columns[0].from, columns[0].sel = c, append(columns[0].sel, int32(row))
		return nil
	}
	lo, hi := row, row+1
	if c.Offsets != nil {
		if lo, hi = int(c.Offsets[row]), int(c.Offsets[row+1]); lo == hi {
			absent(columns, rep, s.def)
			return nil
		}
	}
	for k, child := range s.children {
		n := len(child.leaves())
		at := rep
		for i := lo; i < hi; i++ {
			if err := child.shredCell(&c.Children[k], i, at, columns[:n]); err != nil {
				return err
			}
			at = s.rep + 1
		}
		columns = columns[n:]
	}
	return nil
}

// absent adds an entry to each leaf that says up to where there is something.
func absent(columns []*columnWriter, rep, def int) {
	for _, c := range columns {
		c.addEntry(rep, def)
	}
}

func (c *columnWriter) addEntry(rep, def int) {
	if c.maxRep > 0 {
		c.reps = append(c.reps, uint32(rep))
	}
	c.defs = append(c.defs, uint32(def))
}

// moveValues copies the values of the entries added; the batch's column is not the writer's to keep.
func (c *columnWriter) moveValues() {
	if len(c.sel) > 0 {
		all := *c.from
		all.Valid = columnar.Bitmap{} // None of them is null.
		c.values.Append(all, c.sel)
	}
	c.from, c.sel = nil, c.sel[:0]
}

// addFlat adds a column without children.
func (c *columnWriter) addFlat(col *columnar.Column, b columnar.Batch) error {
	c.rows += b.Rows()
	if !col.HasNulls() {
		for range b.Rows() * c.maxDef {
			c.defs = append(c.defs, 1)
		}
		c.values.Append(*col, b.Sel)
		return nil
	}
	for i := range b.Rows() {
		row := b.Row(i)
		switch {
		case !col.IsNull(row):
			c.sel = append(c.sel, int32(row))
			if c.maxDef > 0 {
				c.defs = append(c.defs, 1)
			}
		case c.maxDef == 0:
			return errNull
		default:
			c.defs = append(c.defs, 0)
		}
	}
	c.from = col
	c.moveValues()
	return nil
}
